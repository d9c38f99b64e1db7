from __future__ import annotations

from replaykit.wire import LLMRequest, ToolResult, tool_results
from tests.wire.recorded import request


def test_segments_stand_in_a_fixed_order() -> None:
    segments = LLMRequest("openai.chat", "chat", messages=({"role": "user"}, {"role": "user"})).segments

    order = ["system", "tools", "messages[0]", "messages[1]", "sampling", "format", "model", "options"]
    assert list(segments) == order


def test_tool_results_are_those_after_the_last_answer() -> None:
    results = tool_results(request("openai.responses/reasoning_and_five_tool_calls"))

    assert results == (ToolResult("call_Vik9mkNli8KsnSbHOShapdmG", "unknown key", is_error=False),)


def test_tool_results_keep_the_order_they_were_sent_in() -> None:
    results = tool_results(request("openai.responses/xai_two_tool_results"))

    assert [result.content.partition(" ")[0] for result in results] == ["Current", "Ruby"]


def test_a_request_without_results_has_none() -> None:
    assert tool_results(request("openai.chat/tool_call")) == ()


def test_a_failed_tool_and_a_result_with_an_image_are_kept() -> None:
    image = {"type": "raw", "value": {"type": "image"}}
    blocks = [
        {"type": "tool_result", "id": "a", "content": [{"type": "text", "text": "no such file"}], "is_error": True},
        {"type": "tool_result", "id": "b", "content": [image]},
    ]

    results = tool_results(LLMRequest("anthropic.messages", "chat", messages=({"role": "user", "content": blocks},)))

    assert results == (ToolResult("a", "no such file", is_error=True), ToolResult("b", [image], is_error=False))
