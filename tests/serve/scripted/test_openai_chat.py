from __future__ import annotations

import asyncio
import json

import pytest

from replaykit.serve.scripted import Rule, Tool
from tests.serve.scripted.clients import chat, openai_options, user
from tests.serve.scripted.conftest import Serve

openai = pytest.importorskip("openai")

LOOKUP = Tool("lookup_order", {"id": 1042, "note": "größer"})
MAIL = Tool("send_mail", {"to": "ann@example.org"})


def test_sync_client_reads_the_reply_and_its_usage(serve: Serve) -> None:
    server = serve(Rule("refund", "Sure.", usage=(12, 3)))

    with openai.OpenAI(**openai_options(server)) as client:
        answer = client.chat.completions.create(model="gpt-x", messages=user("a refund, please"))

    assert answer.choices[0].message.content == "Sure."
    assert (answer.choices[0].finish_reason, answer.model) == ("stop", "gpt-x")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (12, 3, 15)


def test_async_client_reads_the_reply(serve: Serve) -> None:
    server = serve(Rule("refund", "Sure."))

    async def ask() -> str:
        async with openai.AsyncOpenAI(**openai_options(server)) as client:
            answer = await client.chat.completions.create(model="m", messages=user("refund"))
            return answer.choices[0].message.content

    assert asyncio.run(ask()) == "Sure."


def test_stream_joins_to_the_reply(serve: Serve) -> None:
    server = serve(Rule(reply="Grüße aus Köln {unchanged}", chunk_size=4))

    with openai.OpenAI(**openai_options(server)) as client:
        chunks = list(client.chat.completions.create(model="m", messages=user("hi"), stream=True))

    texts = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(texts) == "Grüße aus Köln {unchanged}"
    assert max(map(len, texts)) == 4
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.usage for chunk in chunks} == {None}


def test_async_stream_joins_to_the_reply(serve: Serve) -> None:
    server = serve(Rule(reply="one two three"))

    async def ask() -> str:
        async with openai.AsyncOpenAI(**openai_options(server)) as client:
            stream = await client.chat.completions.create(model="m", messages=user("hi"), stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(ask()) == "one two three"


def test_stream_ends_with_usage_where_it_was_asked_for(serve: Serve) -> None:
    server = serve(Rule(reply="hi", usage=(5, 7)))
    options = {"stream": True, "stream_options": {"include_usage": True}}

    with openai.OpenAI(**openai_options(server)) as client:
        *others, last = client.chat.completions.create(model="m", messages=user("hi"), **options)

    assert (last.choices, last.usage.total_tokens) == ([], 12)
    assert all(chunk.usage is None for chunk in others)


@pytest.mark.parametrize("chunk_size", [1, 5, 1000])
def test_stream_helper_puts_parallel_tool_calls_together(serve: Serve, chunk_size: int) -> None:
    server = serve(Rule("refund", "Looking.", tool_calls=[LOOKUP, MAIL], chunk_size=chunk_size))

    with (
        openai.OpenAI(**openai_options(server)) as client,
        client.chat.completions.stream(model="m", messages=user("refund")) as stream,
    ):
        choice = stream.get_final_completion().choices[0]

    calls = [(call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls]
    assert calls == [(LOOKUP.name, LOOKUP.arguments), (MAIL.name, MAIL.arguments)]
    assert (choice.message.content, choice.finish_reason) == ("Looking.", "tool_calls")


def test_streamed_and_whole_answers_hold_the_same(serve: Serve) -> None:
    server = serve(Rule(tool_calls=[LOOKUP, MAIL]))

    with openai.OpenAI(**openai_options(server)) as client:
        whole = client.chat.completions.create(model="m", messages=user("x")).choices[0].message.tool_calls
        server.reset()
        with client.chat.completions.stream(model="m", messages=user("x")) as stream:
            streamed = stream.get_final_completion().choices[0].message.tool_calls

    assert [(c.id, c.function.arguments) for c in streamed] == [(c.id, c.function.arguments) for c in whole]


def test_tool_round_trip_is_scripted_by_two_rules(serve: Serve) -> None:
    server = serve(Rule("refund", tool_calls=[LOOKUP]), Rule("shipped", "It is on its way.", has_tool_result=True))

    with openai.OpenAI(**openai_options(server)) as client:
        messages = user("refund order 1042")
        asked = client.chat.completions.create(model="m", messages=messages).choices[0].message
        result = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": '{"state": "shipped"}'}
        messages += [asked.model_dump(exclude_none=True), result]
        answer = client.chat.completions.create(model="m", messages=messages)

    assert answer.choices[0].message.content == "It is on its way."
    assert server.requests[1].prompt.user == "refund order 1042"


def test_ids_look_like_the_real_ones_and_never_repeat(serve: Serve) -> None:
    server = serve(Rule(tool_calls=[LOOKUP, LOOKUP]))

    with openai.OpenAI(**openai_options(server)) as client:
        answers = [client.chat.completions.create(model="m", messages=user("x")) for _ in range(3)]

    call_ids = {call.id for answer in answers for call in answer.choices[0].message.tool_calls}
    assert len(call_ids) == 6
    assert {(call_id[:5], len(call_id)) for call_id in call_ids} == {("call_", 29)}
    assert {(answer.id[:9], len(answer.id)) for answer in answers} == {("chatcmpl-", 38)}


def test_bodies_are_valid_by_the_types_of_the_sdk(serve: Serve) -> None:
    """Reading with the SDK checks nothing; its types do."""
    types = pytest.importorskip("openai.types.chat")
    server = serve(Rule(reply="hi", tool_calls=[LOOKUP]))

    _, _, body = chat(server, "x")
    _, _, stream = chat(server, "x", stream=True, stream_options={"include_usage": True})

    types.ChatCompletion.model_validate_json(body)
    *chunks, done = stream.decode().split("\n\n")[:-1]
    for chunk in chunks:
        types.ChatCompletionChunk.model_validate_json(chunk.removeprefix("data: "))
    assert done == "data: [DONE]"


def test_truncated_reply_ends_with_length(serve: Serve) -> None:
    server = serve(Rule(reply="It was a", is_truncated=True))

    with openai.OpenAI(**openai_options(server)) as client:
        answer = client.chat.completions.create(model="m", messages=user("x"))

    assert answer.choices[0].finish_reason == "length"


def test_developer_message_and_content_blocks_reach_the_prompt(serve: Serve) -> None:
    server = serve(Rule(reply="ok"))
    blocks = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": "https://x.test"}}]
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": blocks}]

    with openai.OpenAI(**openai_options(server)) as client:
        client.chat.completions.create(model="m", messages=messages)

    prompt = server.requests[0].prompt
    assert (prompt.system, prompt.last) == ("Be brief.", "what is it\n[image_url]")
