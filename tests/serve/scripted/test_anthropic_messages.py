from __future__ import annotations

import asyncio

import pytest
from pydantic import TypeAdapter

from replaykit.serve.scripted import Rule, Tool
from tests.serve.scripted.clients import anthropic_options, fetch, user
from tests.serve.scripted.conftest import Serve

anthropic = pytest.importorskip("anthropic")

LOOKUP = Tool("lookup_order", {"id": 1042, "note": "größer"})
MAIL = Tool("send_mail", {"to": "ann@example.org"})
ASK = {"model": "claude-x", "max_tokens": 99}


def test_sync_client_reads_the_reply_and_its_usage(serve: Serve) -> None:
    server = serve(Rule("refund", "Sure.", usage=(12, 3)))

    with anthropic.Anthropic(**anthropic_options(server)) as client:
        answer = client.messages.create(messages=user("refund"), system="Be brief.", **ASK)

    assert (answer.content[0].text, answer.stop_reason, answer.model) == ("Sure.", "end_turn", "claude-x")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (12, 3)
    assert server.requests[0].prompt.system == "Be brief."


def test_async_client_reads_the_reply(serve: Serve) -> None:
    server = serve(Rule("refund", "Sure."))

    async def ask() -> str:
        async with anthropic.AsyncAnthropic(**anthropic_options(server)) as client:
            return (await client.messages.create(messages=user("refund"), **ASK)).content[0].text

    assert asyncio.run(ask()) == "Sure."


@pytest.mark.parametrize("chunk_size", [1, 5, 1000])
def test_stream_helper_puts_text_and_parallel_tool_calls_together(serve: Serve, chunk_size: int) -> None:
    server = serve(Rule(reply="Looking.", tool_calls=[LOOKUP, MAIL], chunk_size=chunk_size, usage=(5, 7)))

    with (
        anthropic.Anthropic(**anthropic_options(server)) as client,
        client.messages.stream(messages=user("refund"), **ASK) as stream,
    ):
        answer = stream.get_final_message()

    text, *calls = answer.content
    assert (text.text, answer.stop_reason) == ("Looking.", "tool_use")
    assert [(call.name, call.input) for call in calls] == [(LOOKUP.name, LOOKUP.arguments), (MAIL.name, MAIL.arguments)]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 7)


def test_async_stream_helper_reads_the_reply(serve: Serve) -> None:
    server = serve(Rule(reply="one two three"))

    async def ask() -> str:
        async with (
            anthropic.AsyncAnthropic(**anthropic_options(server)) as client,
            client.messages.stream(messages=user("hi"), **ASK) as stream,
        ):
            return "".join([text async for text in stream.text_stream])

    assert asyncio.run(ask()) == "one two three"


def test_events_come_in_the_order_of_the_api(serve: Serve) -> None:
    server = serve(Rule(reply="hi", tool_calls=[Tool("ping")]))

    _, _, body = fetch(server, "POST", "/v1/messages", {"messages": user("x"), "stream": True} | ASK)

    lines = body.decode().splitlines()
    assert [line.removeprefix("event: ") for line in lines if line.startswith("event: ")] == [
        *("message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop"),
    ]


def test_bodies_are_valid_by_the_types_of_the_sdk(serve: Serve) -> None:
    """Reading with the SDK checks nothing; its types do."""
    types = pytest.importorskip("anthropic.types")
    server = serve(Rule(reply="hi", tool_calls=[LOOKUP]))
    asked = {"messages": user("x")} | ASK

    _, _, body = fetch(server, "POST", "/v1/messages", asked)
    _, _, stream = fetch(server, "POST", "/v1/messages", asked | {"stream": True})

    types.Message.model_validate_json(body)
    events = [event.partition("data: ")[2] for event in stream.decode().split("\n\n")[:-1]]
    for event in events:
        if event != '{"type":"ping"}':
            TypeAdapter(types.RawMessageStreamEvent).validate_json(event)


def test_tool_results_are_the_last_turn(serve: Serve) -> None:
    server = serve(Rule("refund", tool_calls=[LOOKUP]), Rule("shipped", "Done.", has_tool_result=True))

    with anthropic.Anthropic(**anthropic_options(server)) as client:
        asked = client.messages.create(messages=user("refund"), **ASK)
        result = {"type": "tool_result", "tool_use_id": asked.content[0].id, "content": "shipped"}
        history = [*user("refund"), {"role": "assistant", "content": asked.content}]
        answer = client.messages.create(messages=[*history, {"role": "user", "content": [result]}], **ASK)

    assert answer.content[0].text == "Done."
    assert server.requests[1].prompt.user == "refund"


def test_ids_look_like_the_real_ones(serve: Serve) -> None:
    server = serve(Rule(tool_calls=[LOOKUP]))

    with anthropic.Anthropic(**anthropic_options(server)) as client:
        answer = client.messages.create(messages=user("x"), **ASK)

    assert (answer.id[:6], answer.content[0].id[:8]) == ("msg_01", "toolu_01")
    assert answer._request_id.startswith("req_011C")


def test_tokens_are_counted_the_same_way_as_in_an_answer(serve: Serve) -> None:
    server = serve(Rule(reply="hi"))

    with anthropic.Anthropic(**anthropic_options(server)) as client:
        counted = client.messages.count_tokens(messages=user("how long is this?"), model="m").input_tokens
        used = client.messages.create(messages=user("how long is this?"), **ASK).usage.input_tokens

    assert counted == used


def test_models_come_in_the_format_of_the_api_that_asks(serve: Serve) -> None:
    server = serve(models=["claude-x", "claude-y"])

    with anthropic.Anthropic(**anthropic_options(server)) as client:
        names = [model.id for model in client.models.list()]
        one = client.models.retrieve("claude-y")

    assert (names, one.display_name) == (["claude-x", "claude-y"], "claude-y")


def test_no_rule_is_a_not_found_error_in_the_format_of_the_api(serve: Serve) -> None:
    server = serve(Rule("refund", "Sure."))

    with anthropic.Anthropic(**anthropic_options(server)) as client, pytest.raises(anthropic.NotFoundError) as error:
        client.messages.create(messages=user("something else"), **ASK)

    assert error.value.body["error"]["type"] == "not_found_error"
    assert "last='something else'" in error.value.body["error"]["message"]


def test_arguments_that_are_no_json_are_wrapped_where_an_object_is_needed(serve: Serve) -> None:
    server = serve(Rule(tool_calls=[Tool("lookup", '{"id": 10')]))

    with anthropic.Anthropic(**anthropic_options(server)) as client:
        answer = client.messages.create(messages=user("x"), **ASK)

    assert answer.content[0].input == {"INVALID_JSON": '{"id": 10'}
