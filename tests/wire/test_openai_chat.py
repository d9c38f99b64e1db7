from __future__ import annotations

import json
from typing import Any

import pytest

from replaykit.errors import WireError
from replaykit.wire import LLMRequest, ToolCall, Usage, read_request, read_response
from tests.wire.recorded import body, request, response, sse

WEATHER = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}


def read(*messages: Any, **rest: Any) -> LLMRequest:
    return read_request("openai.chat", json.dumps({"model": "m", "messages": messages, **rest}).encode())


def delta(finish: str | None = None, index: int = 0, **message: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "choices": [{"index": index, "delta": message, "finish_reason": finish}]}


def piece(arguments: str, **rest: Any) -> dict[str, Any]:
    return delta(tool_calls=[{"function": {"arguments": arguments, **rest.pop("function", {})}, **rest}])


def test_text_is_one_text_block() -> None:
    assert read({"role": "user", "content": "hi"}) == read(
        {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    )


def test_system_and_developer_messages_at_the_head_are_the_system() -> None:
    head = [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}]
    later = [{"role": "user", "content": "c"}, {"role": "system", "content": "d"}]

    request = read(*head, *later)

    assert [message["role"] for message in request.system] == ["system", "developer"]
    assert [message["role"] for message in request.messages] == ["user", "system"]


def test_tool_calls_and_results_are_blocks() -> None:
    request = read(
        {"role": "assistant", "content": None, "tool_calls": [WEATHER]},
        {"role": "tool", "tool_call_id": "call_1", "content": "12 C"},
    )

    call = {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Rome"}}
    result = {"type": "tool_result", "id": "call_1", "content": [{"type": "text", "text": "12 C"}]}
    assert request.messages == ({"role": "assistant", "content": [call]}, {"role": "tool", "content": [result]})


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        pytest.param('{"a": 1}', {"a": 1}, id="JSON"),
        pytest.param("Rome", "Rome", id="words"),
        pytest.param('"Rome"', '"Rome"', id="a JSON string is not the same words"),
        pytest.param('{"a": 1, "a": 2}', '{"a": 1, "a": 2}', id="a key said twice"),
        pytest.param('{"a": NaN}', '{"a": NaN}', id="NaN"),
        pytest.param("1e999", "1e999", id="more than a float holds"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_arguments_that_would_lose_something_stay_text(text: str, arguments: Any) -> None:
    call = {**WEATHER, "function": {"name": "weather", "arguments": text}}

    assert read({"role": "assistant", "tool_calls": [call]}).messages[0]["content"][0]["arguments"] == arguments


SHAPES = (
    {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
    {"id": "a", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}},
    {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}', "strict": True}},
    {"id": "a", "type": "function", "strict": True, "function": {"name": "f", "arguments": '{"a": 1}'}},
    {"id": "a", "type": None, "function": {"name": "f", "arguments": '{"a": 1}'}},
    {"id": "a", "function": {"name": "f", "arguments": '{"a": 1}'}},
    {"id": "a", "type": "custom", "custom": {"name": "f", "input": '{"a": 1}'}},
)


def test_calls_that_differ_in_shape_never_look_alike() -> None:
    as_calls = [read({"role": "assistant", "tool_calls": [shape]}) for shape in SHAPES]
    as_content = [read({"role": "assistant", "content": [shape]}) for shape in SHAPES]

    assert len({json.dumps(request.segments, sort_keys=True) for request in as_calls + as_content}) == 2 * len(SHAPES)


def test_an_image_is_kept_word_for_word() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

    assert read({"role": "user", "content": [image]}).messages[0]["content"] == [{"type": "raw", "value": image}]


def test_cache_marks_move_to_the_options_with_their_place() -> None:
    mark = {"type": "ephemeral"}
    bare = {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    marked = {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": mark}]}

    request = read(marked)

    assert request.messages == read(bare).messages
    assert request.options == {"cache_control": [{"at": "messages[0].content[0]", "value": mark}]}


def test_top_level_keys_go_where_they_belong() -> None:
    request = read(
        temperature=0, tool_choice="auto", response_format={"type": "text"}, stream=True, user="u", store=None
    )

    assert request.sampling == {"temperature": 0, "tool_choice": "auto"}
    assert request.format == {"response_format": {"type": "text"}, "stream": True}
    assert request.options == {"user": "u"}


def test_old_style_functions_are_tools() -> None:
    assert read(functions=[{"name": "f"}]).tools == ({"functions": [{"name": "f"}]},)
    assert read(functions=[]).tools == ()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"[]", "openai.chat request: expected an object, found a list"),
        (b"{}", "messages: expected a list, found nothing"),
        (b'{"messages":[1]}', r"messages\[0\]: expected an object, found a number"),
        (b'{"messages":[{"role":"user","content":5}]}', r"messages\[0\].content: expected text or a list of blocks"),
        (b'{"messages":[],"model":5}', "model: expected text, found a number"),
    ],
)
def test_a_body_that_is_no_chat_request_is_an_error(raw: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        read_request("openai.chat", raw)


def test_a_recorded_answer_with_a_tool_call() -> None:
    answer = response("openai.chat/tool_call")

    assert [call.name for call in answer.tool_calls] == ["OpenMeteoTool"]
    assert answer.tool_calls[0].arguments["location_name"] == "Las Vegas"
    assert answer.stop_reason == "tool_calls"
    assert answer.usage == Usage(252, 39, 0, 0)
    assert answer.issued == (
        ("chatcmpl-CoCseMZgyssAer4bIDBk31XTLBzA0", "response"),
        ("call_1vBUPkUTdBRlVgqYa2Z9o9Ee", "tool_calls[0]"),
    )


def test_a_recorded_stream_puts_the_arguments_together() -> None:
    answer = response("openai.chat/stream_tool_call")

    call = ToolCall(
        "call_RQXCf1bdiBiFrtwfOTP3GCCd",
        "tavily_search_results_json",
        {"query": "OpenLLMetry"},
        '{"query":"OpenLLMetry"}',
    )
    assert answer.tool_calls == (call,)
    assert (answer.stop_reason, answer.is_complete) == ("tool_calls", True)


@pytest.mark.parametrize(
    ("name", "input_tokens", "output_tokens"),
    [("groq_stream_usage_aside", 12, 26), ("deepseek_stream_counts_up", 12, 8), ("together_stream", 41, 15)],
)
def test_recorded_streams_give_their_usage(name: str, input_tokens: int, output_tokens: int) -> None:
    usage = response(f"openai.chat/{name}").usage

    assert (usage.input_tokens, usage.output_tokens) == (input_tokens, output_tokens)


def test_a_server_that_fills_in_empty_fields_made_one_call() -> None:
    answer = response("openai.chat/snowflake_empty_fields")

    assert [(call.name, call.arguments) for call in answer.tool_calls] == [("get_weather", {"city": "Mexico City"})]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(
            [
                piece("", index=0, id="a", function={"name": "f"}),
                piece("", index=1, id="b", function={"name": "g"}),
                piece("[1", index=0),
                piece("[2", index=1),
                piece("]", index=0),
                piece("]", index=1),
            ],
            id="interleaved by index",
        ),
        pytest.param(
            [
                piece("[1]", index=0, id="a", function={"name": "f"}),
                piece("[2]", index=0, id="b", function={"name": "g"}),
            ],
            id="every call has index 0",
        ),
        pytest.param(
            [
                piece("[1", id="a", function={"name": "f"}),
                piece("]"),
                piece("[2", id="b", function={"name": "g"}),
                piece("]", id="b", function={"name": "g"}),
            ],
            id="no index; id and name are said again",
        ),
    ],
)
def test_parallel_calls_of_a_stream_are_told_apart(pieces: list[Any]) -> None:
    answer = read_response("openai.chat", sse(*pieces, delta("tool_calls"), "[DONE]"))

    assert answer.tool_calls == (ToolCall("a", "f", [1], "[1]"), ToolCall("b", "g", [2], "[2]"))
    assert answer.issued[1:] == (("a", "tool_calls[0]"), ("b", "tool_calls[1]"))


@pytest.mark.parametrize(
    ("events", "is_complete"),
    [
        pytest.param([delta(content="hi"), delta("stop"), "[DONE]"], True, id="whole"),
        pytest.param([delta(content="hi"), delta("stop")], True, id="a reason but no DONE"),
        pytest.param([delta(content="hi"), "[DONE]"], True, id="DONE but no reason"),
        pytest.param([delta(content="hi")], False, id="cut"),
        pytest.param([delta(content="hi"), {"error": {"message": "busy"}}], False, id="error"),
        pytest.param([delta("stop", 0, content="hi"), delta(None, 1, content="ho")], False, id="one choice is open"),
        pytest.param([], False, id="empty"),
    ],
)
def test_a_stream_knows_whether_it_is_complete(events: list[Any], is_complete: bool) -> None:
    assert read_response("openai.chat", sse(*events), "text/event-stream").is_complete is is_complete


def test_a_recorded_stream_cut_at_any_byte_is_read_as_far_as_it_goes() -> None:
    raw = body("openai.chat/together_stream", "response")
    text = response("openai.chat/together_stream").text

    answers = [read_response("openai.chat", raw[:end], "text/event-stream") for end in range(0, len(raw), 13)]

    assert all(text.startswith(answer.text) for answer in answers)
    assert [answer.is_complete for answer in answers] == sorted(answer.is_complete for answer in answers)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b'{"error":{"message":"no key","type":"auth","code":"x"}}', "auth: no key"),
        (b'{"error":{"message":"slow down","code":429}}', "429: slow down"),
        (b'{"error":"no such model"}', "no such model"),
        (b'{"object":"error","message":"bad","type":"BadRequestError"}', "BadRequestError: bad"),
        (b'[{"error":{"code":400,"message":"bad","status":"INVALID"}}]', "400: bad"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'data: {"error":{"message":"overloaded"}}\n\n', "overloaded"),
        (b'event: error\r\ndata: {"error":{"type":"a","message":"b"}}\r\n\r\n', "a: b"),
    ],
)
def test_errors_are_told_in_one_line(raw: bytes, error: str) -> None:
    assert read_response("openai.chat", raw, "text/event-stream").error == error


def test_a_refusal_is_the_text_and_the_reason() -> None:
    message = {"role": "assistant", "content": None, "refusal": "I can't."}

    answer = read_response(
        "openai.chat", json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    )

    assert (answer.text, answer.stop_reason) == ("I can't.", "refusal")


def test_ids_of_further_choices_are_issued_under_their_own_name() -> None:
    choices = [{"index": index, "message": {"tool_calls": [{**WEATHER, "id": f"call_{index}"}]}} for index in (0, 1)]

    answer = read_response("openai.chat", json.dumps({"id": "c", "choices": choices}).encode())

    names = (("c", "response"), ("call_0", "tool_calls[0]"), ("call_1", "choices[1].tool_calls[0]"))
    assert answer.issued == names


def test_calls_come_back_as_the_request_quotes_them() -> None:
    (call,) = response("openai.chat/openrouter_tool_call").tool_calls
    quoted = request("openai.chat/openrouter_tool_result").messages[1]["content"][0]

    assert (quoted["id"], quoted["name"], quoted["arguments"]) == (call.id, call.name, call.arguments)
