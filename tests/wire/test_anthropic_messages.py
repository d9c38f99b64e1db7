from __future__ import annotations

import json
from typing import Any

import pytest

from replaykit.errors import WireError
from replaykit.wire import LLMRequest, ToolCall, Usage, read_request, read_response, tool_results
from tests.wire.recorded import body, request, response, sse

START = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [], "usage": {"input_tokens": 5}}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
STOP = {"type": "message_stop"}


def read(*blocks: Any, **rest: Any) -> LLMRequest:
    messages = [{"role": "user", "content": blocks}]
    return read_request("anthropic.messages", json.dumps({"model": "m", "messages": messages, **rest}).encode())


def block_of(block: Any) -> Any:
    return read(block).messages[0]["content"][0]


def start(index: int, block: Any) -> Any:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: str) -> Any:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def end(stop_reason: str, **usage: int) -> Any:
    return {"type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": None}, "usage": usage}


def test_a_system_text_is_one_block() -> None:
    assert read(system="be kind") == read(system=[{"type": "text", "text": "be kind"}])
    assert read(system="") != read()


def test_a_tool_result_in_a_user_message_is_a_tool_result_block() -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12 C", "is_error": True}

    content = [{"type": "text", "text": "12 C"}]
    assert block_of(result) == {"type": "tool_result", "id": "toolu_1", "content": content, "is_error": True}
    assert tool_results(read(result))[0].is_error


def test_a_tool_use_is_a_tool_call_block() -> None:
    assert block_of(CALL) == {"type": "tool_call", "id": "toolu_1", "name": "f", "arguments": {}}


@pytest.mark.parametrize(
    ("block", "neutral"),
    [
        pytest.param(
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "reasoning", "text": "hm", "signature": "s"},
            id="thinking",
        ),
        pytest.param(
            {"type": "redacted_thinking", "data": "d"},
            {"type": "reasoning", "is_redacted": True, "data": "d"},
            id="redacted thinking",
        ),
        pytest.param(
            {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
            {
                "type": "raw",
                "item_id": "srv_1",
                "value": {"type": "server_tool_use", "name": "web_search", "input": {}},
            },
            id="server tool",
        ),
        pytest.param(
            {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []},
            {"type": "raw", "id": "srv_1", "value": {"type": "web_search_tool_result", "content": []}},
            id="result of a server tool",
        ),
        pytest.param(
            {"type": "image", "source": {}}, {"type": "raw", "value": {"type": "image", "source": {}}}, id="image"
        ),
        pytest.param(
            {"type": "raw", "value": 1}, {"type": "raw", "value": {"type": "raw", "value": 1}}, id="raw itself"
        ),
    ],
)
def test_blocks(block: Any, neutral: Any) -> None:
    assert block_of(block) == neutral


def test_cache_marks_are_found_in_every_place() -> None:
    mark = {"type": "ephemeral"}
    text = {"type": "text", "text": "x"}
    result = {"type": "tool_result", "tool_use_id": "a"}
    tool = {"name": "f", "input_schema": {}}
    marked_result = {**result, "content": [{**text, "cache_control": mark}], "cache_control": mark}

    request = read(
        marked_result,
        system=[{**text, "cache_control": mark}],
        tools=[{**tool, "cache_control": mark}],
        cache_control=mark,
    )

    places = ["messages[0].content[0]", "messages[0].content[0].content[0]", "system[0]", "tools[0]", "request"]
    assert [found["at"] for found in request.options["cache_control"]] == places
    assert request.messages == read({**result, "content": "x"}).messages


def test_top_level_keys_go_where_they_belong() -> None:
    request = read(
        max_tokens=5, thinking={"type": "disabled"}, output_config={}, metadata={"user_id": "u"}, container="c"
    )

    assert list(request.sampling) == ["max_tokens", "thinking"]
    assert list(request.format) == ["output_config"]
    assert list(request.options) == ["metadata", "container"]


def test_token_counting_takes_the_same_body() -> None:
    asked = request("anthropic.count_tokens/not_found_404")

    assert asked.operation == "count_tokens"
    assert read_response("anthropic.count_tokens", b'{"input_tokens":7}').usage == Usage(input_tokens=7)
    assert response("anthropic.count_tokens/not_found_404").error == "not_found_error: model: claude-does-not-exist"


def test_a_whatsapp_message_is_no_request() -> None:
    with pytest.raises(WireError, match="messages: expected a list, found nothing"):
        read_request("anthropic.messages", b'{"to":"+39","text":{"body":"hi"}}')


def test_a_recorded_answer_with_a_tool_call() -> None:
    answer = response("anthropic.messages/tool_result_and_tool_call")

    assert [call.name for call in answer.tool_calls] == ["web_search"]
    assert (answer.stop_reason, answer.usage) == ("tool_calls", Usage(863, 78, 0, None))
    assert [name for _, name in answer.issued] == ["response", "tool_calls[0]"]


def test_recorded_input_tokens_include_the_cached_ones() -> None:
    raw = json.loads(body("anthropic.messages/bedrock", "response"))["usage"]

    usage = response("anthropic.messages/bedrock").usage

    counts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    assert usage.input_tokens == sum(raw[key] for key in counts)
    assert usage.cached_input_tokens == raw["cache_read_input_tokens"]


def test_a_recorded_server_tool_and_its_container_are_issued() -> None:
    names = [name for _, name in response("anthropic.messages/code_execution").issued]

    assert names == ["response", "content[0]", "container"]


def test_pings_in_a_recorded_stream_are_no_events() -> None:
    answer = response("anthropic.messages/stream_pings")

    assert answer.text.startswith("Sure, here's a joke")
    assert (answer.stop_reason, answer.usage.output_tokens, answer.is_complete) == ("stop", 158, True)


def test_a_stream_puts_text_thinking_and_arguments_together() -> None:
    events = (
        START,
        start(0, {"type": "thinking", "thinking": ""}),
        delta(0, "thinking_delta", thinking="h"),
        delta(0, "thinking_delta", thinking="m"),
        delta(0, "signature_delta", signature="s"),
        start(1, {"type": "text", "text": ""}),
        delta(1, "text_delta", text="Let me see"),
        start(2, CALL),
        delta(2, "input_json_delta", partial_json=""),
        delta(2, "input_json_delta", partial_json='{"a": '),
        delta(2, "input_json_delta", partial_json="1}"),
        end("tool_use", output_tokens=9),
        STOP,
    )

    answer = read_response("anthropic.messages", sse(*events))

    assert (answer.reasoning, answer.text) == ("hm", "Let me see")
    assert answer.tool_calls == (ToolCall("toolu_1", "f", {"a": 1}, '{"a": 1}'),)
    assert (answer.usage, answer.stop_reason, answer.is_complete) == (Usage(5, 9), "tool_calls", True)


def test_a_call_without_arguments_has_an_empty_object() -> None:
    answer = read_response("anthropic.messages", sse(START, start(0, CALL), end("tool_use"), STOP))

    assert answer.tool_calls == (ToolCall("toolu_1", "f", {}, "{}"),)


def test_a_stream_cut_inside_the_arguments_keeps_their_text() -> None:
    answer = read_response(
        "anthropic.messages", sse(START, start(0, CALL), delta(0, "input_json_delta", partial_json='{"a'))
    )

    assert (answer.tool_calls[0].arguments, answer.is_complete) == ('{"a', False)


def test_an_error_inside_a_stream_is_told_and_ends_it() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    answer = read_response("anthropic.messages", sse(START, error))

    assert (answer.error, answer.is_complete) == ("overloaded_error: Overloaded", False)


@pytest.mark.parametrize(
    ("word", "neutral"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("model_context_window_exceeded", "model_context_window_exceeded"),
    ],
)
def test_stop_reasons(word: str, neutral: str) -> None:
    raw = json.dumps({"id": "msg_1", "content": [], "stop_reason": word}).encode()

    assert read_response("anthropic.messages", raw).stop_reason == neutral
