from __future__ import annotations

import asyncio
import json

import pytest
from pydantic import TypeAdapter

from replaykit.serve.scripted import Rule, Tool
from tests.serve.scripted.clients import fetch, openai_options
from tests.serve.scripted.conftest import Serve

openai = pytest.importorskip("openai")

LOOKUP = Tool("lookup_order", {"id": 1042})
MAIL = Tool("send_mail", {"to": "ann@example.org"})


def test_sync_client_reads_the_reply_and_its_usage(serve: Serve) -> None:
    server = serve(Rule("refund", "Sure.", usage=(12, 3)))

    with openai.OpenAI(**openai_options(server)) as client:
        answer = client.responses.create(model="gpt-x", input="a refund", instructions="Be brief.")

    assert (answer.output_text, answer.status, answer.instructions) == ("Sure.", "completed", "Be brief.")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (12, 3, 15)
    assert server.requests[0].prompt.system == "Be brief."


def test_stream_helper_reads_text_and_parallel_tool_calls(serve: Serve) -> None:
    server = serve(Rule(reply="Looking it up.", tool_calls=[LOOKUP, MAIL], chunk_size=3))

    with (
        openai.OpenAI(**openai_options(server)) as client,
        client.responses.stream(model="m", input="refund") as stream,
    ):
        answer = stream.get_final_response()

    message, *calls = answer.output
    assert (message.content[0].text, answer.status) == ("Looking it up.", "completed")
    read = [(call.name, json.loads(call.arguments)) for call in calls]
    assert read == [(LOOKUP.name, LOOKUP.arguments), (MAIL.name, MAIL.arguments)]


def test_async_stream_helper_reads_the_reply(serve: Serve) -> None:
    server = serve(Rule(reply="one two three"))

    async def ask() -> str:
        async with (
            openai.AsyncOpenAI(**openai_options(server)) as client,
            client.responses.stream(model="m", input="hi") as stream,
        ):
            return (await stream.get_final_response()).output_text

    assert asyncio.run(ask()) == "one two three"


def test_events_come_in_the_order_of_the_api(serve: Serve) -> None:
    server = serve(Rule(reply="hi", tool_calls=[Tool("ping")]))

    with openai.OpenAI(**openai_options(server)) as client:
        events = list(client.responses.create(model="m", input="x", stream=True))

    assert [event.type.removeprefix("response.") for event in events] == [
        *("created", "in_progress"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done"),
        *("output_item.done", "output_item.added", "function_call_arguments.delta", "function_call_arguments.done"),
        *("output_item.done", "completed"),
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    opened = [event.item for event in events if event.type == "response.output_item.added"]
    assert (opened[0].content, opened[1].arguments) == ([], "")


def test_bodies_are_valid_by_the_types_of_the_sdk(serve: Serve) -> None:
    """Reading with the SDK checks nothing; its types do."""
    types = pytest.importorskip("openai.types.responses")
    server = serve(Rule(reply="hi", tool_calls=[LOOKUP]))
    asked = {"model": "m", "input": "x"}

    _, _, body = fetch(server, "POST", "/v1/responses", asked)
    _, _, stream = fetch(server, "POST", "/v1/responses", asked | {"stream": True})

    types.Response.model_validate_json(body)
    for event in stream.decode().split("\n\n")[:-1]:
        data = json.loads(event.partition("data: ")[2])
        if data["type"] == "response.function_call_arguments.done":
            data["name"] = LOOKUP.name  # demanded by the types of openai 2, never sent by the API
        TypeAdapter(types.ResponseStreamEvent).validate_python(data)


def test_function_call_output_is_a_tool_result(serve: Serve) -> None:
    server = serve(Rule("refund", tool_calls=[LOOKUP, MAIL]), Rule("shipped", "Done.", has_tool_result=True))

    with openai.OpenAI(**openai_options(server)) as client:
        first = client.responses.create(model="m", input="refund")
        results = [
            {"type": "function_call_output", "call_id": call.call_id, "output": text}
            for call, text in zip(first.output, ("shipped", "sent"), strict=True)
        ]
        history = [{"role": "user", "content": "refund"}, *(item.to_dict() for item in first.output), *results]
        answer = client.responses.create(model="m", input=history)

    assert answer.output_text == "Done."
    assert server.requests[1].prompt.last == "shipped\nsent"


def test_ids_look_like_the_real_ones(serve: Serve) -> None:
    server = serve(Rule(reply="hi", tool_calls=[LOOKUP]))

    with openai.OpenAI(**openai_options(server)) as client:
        answer = client.responses.create(model="m", input="x")

    message, call = answer.output
    ids = (answer.id, message.id, call.id, call.call_id)
    assert [text.split("_")[0] for text in ids] == ["resp", "msg", "fc", "call"]


def test_truncated_reply_is_incomplete(serve: Serve) -> None:
    server = serve(Rule(reply="It was a", is_truncated=True))

    with openai.OpenAI(**openai_options(server)) as client:
        *_, last = client.responses.create(model="m", input="x", stream=True)

    assert last.type == "response.incomplete"
    assert last.response.incomplete_details.reason == "max_output_tokens"
