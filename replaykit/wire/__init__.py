"""Wire readers: a provider's bytes to one neutral LLM call. No vendor SDK is needed."""

from replaykit.wire.call import LLMRequest, LLMResponse, ToolCall, ToolResult, Usage, tool_results
from replaykit.wire.registry import Call, Rule, classify, read_request, read_response, read_rules
from replaykit.wire.sse import Event, split_events

__all__ = [
    "Call",
    "Event",
    "LLMRequest",
    "LLMResponse",
    "Rule",
    "ToolCall",
    "ToolResult",
    "Usage",
    "classify",
    "read_request",
    "read_response",
    "read_rules",
    "split_events",
    "tool_results",
]
