from __future__ import annotations

import json
from typing import Any

import pytest

from replaykit.errors import WireError
from replaykit.wire import LLMRequest, ToolCall, Usage, read_request, read_response
from tests.wire.recorded import STREAMS, body, label, request, response, sse

CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "[1]"}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}


def read(*items: Any, **rest: Any) -> LLMRequest:
    return read_request("openai.responses", json.dumps({"model": "m", "input": items, **rest}).encode())


def answer(**fields: Any) -> Any:
    return read_response("openai.responses", json.dumps({"id": "resp_1", "output": [], **fields}).encode())


def test_a_plain_input_is_one_user_message() -> None:
    plain = read_request("openai.responses", b'{"model":"m","input":"hi"}')

    assert plain == read({"role": "user", "content": "hi"})
    assert plain == read({"role": "user", "content": [{"type": "input_text", "text": "hi"}]})


def test_instructions_and_a_system_message_are_system_but_not_the_same() -> None:
    field = read(instructions="be kind")
    message = read({"role": "system", "content": "be kind"})

    assert field.messages == message.messages == ()
    assert [entry["content"] for entry in field.system] == [entry["content"] for entry in message.system]
    assert field.system != message.system


def test_a_call_and_its_output_are_blocks_with_both_ids() -> None:
    request = read(CALL, {"type": "function_call_output", "call_id": "call_1", "output": "12 C"})

    call = {"type": "tool_call", "id": "call_1", "item_id": "fc_1", "name": "f", "arguments": [1]}
    result = {"type": "tool_result", "id": "call_1", "content": [{"type": "text", "text": "12 C"}]}
    assert request.messages == ({"role": "assistant", "content": [call]}, {"role": "tool", "content": [result]})


def test_a_custom_call_differs_from_a_function_call() -> None:
    custom = {"type": "custom_tool_call", "id": "fc_1", "call_id": "call_1", "name": "f", "input": "[1]"}

    assert read(custom).messages[0]["content"][0]["arguments"] == "[1]"
    assert read(custom) != read(CALL) != read({**CALL, "arguments": '"[1]"'})


def test_ids_of_built_in_tools_stand_where_ids_are_looked_for() -> None:
    item = {"type": "computer_call", "id": "cu_1", "call_id": "call_1", "action": {"type": "click"}}

    block = read(item).messages[0]["content"][0]

    assert (block["id"], block["item_id"]) == ("call_1", "cu_1")
    assert block["value"] == {"type": "computer_call", "action": {"type": "click"}}


def test_reasoning_is_kept_word_for_word() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}

    assert read(item).messages == ({"role": "assistant", "content": [item]},)


def test_history_kept_by_the_provider_is_the_first_message() -> None:
    request = read({"role": "user", "content": "and now?"}, previous_response_id="resp_1")

    reference = {"type": "reference", "of": "response", "id": "resp_1"}
    assert request.messages[0] == {"role": "previous", "content": [reference]}
    assert [message["role"] for message in request.messages] == ["previous", "user"]


def test_a_conversation_is_its_id_and_no_response() -> None:
    assert read(conversation="x") == read(conversation={"id": "x"})
    assert read(conversation="x") != read(previous_response_id="x")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"type": "item_reference", "id": "a"}, {"id": "a"}, id="reference and an item without a type"),
        pytest.param(MESSAGE, {**MESSAGE, "id": "msg_2"}, id="message ids"),
        pytest.param(CALL, {**CALL, "status": "completed"}, id="status"),
        pytest.param({"type": "x"}, {"role": "item", "content": [{"type": "x"}]}, id="a role of ours"),
        pytest.param(
            {"type": "function_call_output", "call_id": "a", "output": "x"},
            {"type": "custom_tool_call_output", "call_id": "a", "output": "x"},
            id="kinds of output",
        ),
    ],
)
def test_items_that_differ_never_look_alike(first: Any, second: Any) -> None:
    assert read(first) != read(second)


def test_a_survey_is_no_request() -> None:
    with pytest.raises(WireError, match=r"neither input nor model; its keys are \['answers'\]"):
        read_request("openai.responses", b'{"answers":[1]}')


def test_token_counting_takes_the_same_body() -> None:
    asked = read_request("openai.input_tokens", b'{"model":"m","input":"hi"}')
    counted = read_response("openai.input_tokens", b'{"object":"response.input_tokens","input_tokens":11}')

    assert (asked.operation, asked.messages) == ("count_tokens", read({"role": "user", "content": "hi"}).messages)
    assert counted.usage == Usage(input_tokens=11)


def test_a_recorded_answer_lists_every_id_it_gave_out() -> None:
    issued = response("openai.responses/xai_two_tool_calls").issued

    names = ["response", "output[0]", "output[1]", "tool_calls[0]", "output[2]", "tool_calls[1]"]
    assert [name for _, name in issued][:6] == names
    assert ("call-2287d3de-269c-416e-a172-6e4ecc95e9ec-1", "tool_calls[1]") in issued


def test_a_recorded_stream_with_reasoning_and_a_call() -> None:
    read = response("openai.responses/deepseek_stream_reasoning")

    assert read.reasoning == "The user asks about temperature in Tokyo. I'll call the tool."
    assert [(call.name, call.arguments) for call in read.tool_calls] == [("get_temperature", {"city": "Tokyo"})]
    assert read.usage == Usage(366, 59, 256, 14)


@pytest.mark.parametrize("path", [p for p in STREAMS if p.parent.name == "openai.responses"], ids=label)
def test_the_pieces_of_a_recorded_stream_make_the_same_answer_as_its_last_event(path: Any) -> None:
    raw = path.read_bytes()
    whole = read_response("openai.responses", raw)

    cut = read_response("openai.responses", raw[: raw.index(b'{"type":"response.completed"')])

    assert (cut.text, cut.reasoning, cut.tool_calls) == (whole.text, whole.reasoning, whole.tool_calls)
    assert cut.issued == whole.issued
    assert (cut.is_complete, whole.is_complete) == (False, True)


def test_a_stream_cut_before_any_item_is_done_gives_what_came() -> None:
    events = (
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**MESSAGE, "content": []}},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "Hel"},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "lo"},
        {"type": "response.output_item.added", "output_index": 1, "item": {**CALL, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a'},
    )

    read = read_response("openai.responses", sse(*events))

    assert (read.text, read.is_complete, read.stop_reason) == ("Hello", False, None)
    assert read.tool_calls == (ToolCall("call_1", "f", '{"a', '{"a'),)


def test_a_finished_item_outranks_its_pieces() -> None:
    piece = {"type": "response.output_text.delta", "output_index": 0, "delta": "h"}
    done = {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE}

    assert read_response("openai.responses", sse(piece, done)).text == "hi"


def test_a_last_event_without_output_is_filled_from_the_items() -> None:
    done = {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE}
    completed = {"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": []}}

    read = read_response("openai.responses", sse(done, completed))

    assert (read.text, read.stop_reason, read.is_complete) == ("hi", "stop", True)


REFUSAL = {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}


@pytest.mark.parametrize(
    ("fields", "stop_reason"),
    [
        ({"status": "completed", "output": [MESSAGE]}, "stop"),
        ({"status": "completed", "output": [CALL]}, "tool_calls"),
        ({"status": "completed", "output": [REFUSAL]}, "refusal"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete"}, "incomplete"),
        ({"status": "failed", "error": {"code": "server_error", "message": "oops"}}, "failed"),
        ({"status": "in_progress"}, None),
    ],
)
def test_stop_reasons(fields: dict[str, Any], stop_reason: str | None) -> None:
    assert answer(**fields).stop_reason == stop_reason


def test_an_answer_still_being_made_is_not_complete() -> None:
    assert answer(status="queued").is_complete is False
    assert answer(status="completed").is_complete is True


def test_errors_of_a_stream_and_of_a_refused_request() -> None:
    event = {"type": "error", "code": "rate_limit", "message": "slow down", "sequence_number": 1}
    failed = {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "oops"}}}

    assert read_response("openai.responses", sse(event)).error == "rate_limit: slow down"
    assert read_response("openai.responses", sse(failed)).error == "server_error: oops"
    assert (response("openai.responses/refused_400").error or "").startswith("invalid_request_error: No tool output")


def test_comment_lines_in_a_recorded_stream_are_no_events() -> None:
    assert body("openai.responses/openrouter_stream_comment_lines", "response").startswith(b": \n\n")
    assert response("openai.responses/openrouter_stream_comment_lines").tool_calls[0].name == "llm_version"


def test_a_recorded_conversation_points_to_it() -> None:
    previous = request("openai.responses/conversation").messages[0]

    assert previous["content"][0]["of"] == "conversation"
