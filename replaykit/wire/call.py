"""The neutral LLM call: what every wire reader produces, whichever provider the bytes came from.

Blocks of a message, a tool result or a system prompt:

=============== ====================================================================================
`text`          `text`
`tool_call`     `id`, `name`, `arguments` (parsed JSON, or the text where it is not JSON); `kind` is
                "custom" where the arguments are free text by declaration
`tool_result`   `id`, `content` (blocks), `is_error` where the client said so
`reasoning`     what the provider lets the client send back: text, signature, summary, encrypted content
`reference`     `id`, `of`: a thing the provider keeps ("response", "conversation", "item")
`raw`           `value`: any other block, verbatim (images, documents, server tools)
=============== ====================================================================================

Whatever else the provider's block held stays beside these keys. Ids made by a provider or a client stand
literally under `id` and `item_id` of a block, or `id` of a message, and nowhere else: a later layer replaces them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

JSON: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call the model asked for.

    Attributes:
        id: "" where the provider gave none.
        arguments: Parsed JSON, or `arguments_text` where that is not JSON (or says one key twice).
    """

    id: str
    name: str
    arguments: JSON
    arguments_text: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool's answer as the agent sent it back.

    Attributes:
        content: The text where the result is one plain text, else a list of blocks.
    """

    id: str
    content: JSON
    is_error: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; None where the provider gave no number.

    Attributes:
        input_tokens: All input, cached or not: Anthropic's three counts are added up.
        cached_input_tokens: The part of the input that was read from a cache.
        reasoning_tokens: The part of the output that was reasoning.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class LLMRequest:
    """One request to a model. Values are shared with the body that was read, not copied.

    Attributes:
        operation: "chat", "embed" or "count_tokens".
        system: Messages that instruct the model, from the head of the history or from a field of their own.
        messages: `{"role": ..., "content": [blocks], ...}`, oldest first.
        tools: As the provider takes them, without cache marks.
        sampling: What steers the model's answer, under the provider's names.
        format: What shape the answer takes on the wire.
        options: All the rest. `options["cache_control"]` lists `{"at": place, "value": ...}`.
    """

    wire_format: str
    operation: str
    model: str | None = None
    system: tuple[JSON, ...] = ()
    messages: tuple[JSON, ...] = ()
    tools: tuple[JSON, ...] = ()
    sampling: dict[str, JSON] = field(default_factory=dict)
    format: dict[str, JSON] = field(default_factory=dict)
    options: dict[str, JSON] = field(default_factory=dict)

    @property
    def segments(self) -> dict[str, JSON]:
        """The parts that are compared and hashed one by one; together they hold all that the body said."""
        return {
            "system": list(self.system),
            "tools": list(self.tools),
            **{f"messages[{index}]": message for index, message in enumerate(self.messages)},
            "sampling": self.sampling,
            "format": self.format,
            "model": self.model,
            "options": self.options,
        }


@dataclass(frozen=True, slots=True)
class LLMResponse:
    """One answer of a model, or of a provider that refused to give one.

    Attributes:
        text: Visible text of the first choice; the refusal where the model refused.
        reasoning: Readable reasoning or its summary.
        stop_reason: stop, tool_calls, length, content_filter, refusal, pause, else the provider's own word.
        issued: (literal id, issuer-local name) of every id a later request may quote, in order of appearance.
            A provider may give one id twice.
        error: What the provider says went wrong, as "kind: message".
        is_complete: False where a stream ended before its provider said so, or an answer is still being made.
    """

    id: str | None = None
    model: str | None = None
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    stop_reason: str | None = None
    usage: Usage = Usage()
    issued: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    is_complete: bool = True


def tool_results(request: LLMRequest) -> tuple[ToolResult, ...]:
    """The tool results that are new in this request: those after the last message of the model."""
    new: list[ToolResult] = []
    for message in reversed(request.messages):
        if message["role"] == "assistant":
            break
        results = [block for block in message["content"] if block["type"] == "tool_result"]
        new += [_tool_result(block) for block in reversed(results)]
    return tuple(reversed(new))


def _tool_result(block: dict[str, JSON]) -> ToolResult:
    content = block["content"]
    is_plain = len(content) == 1 and content[0].keys() == {"type", "text"}
    return ToolResult(
        id=block["id"],
        content=content[0]["text"] if is_plain else content,
        is_error=block.get("is_error") is True,
    )
