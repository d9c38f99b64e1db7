"""The openai SDK, as users call it: recorded against a server, replayed with the server gone and the key unset."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Fault, Rule, Tool
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import KEYS, run_on, user

openai = pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")

MODEL = "gpt-4o-mini"
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
TOOLS = {
    "weather": lambda city: f"{city}: 7 degrees",
    "news": lambda topic: f"no {topic} today",
}


def ask(client: Any, text: str, **options: Any) -> str:
    completion = client.chat.completions.create(model=MODEL, messages=user(text), **options)
    return completion.choices[0].message.content


def joined(chunks: Any) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def tool_loop(client: Any) -> list[Any]:
    """A small agent: asks until the model wants no more tools."""
    messages: list[Any] = user("what about Oslo?")
    while True:
        completion = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
        message = completion.choices[0].message
        if not message.tool_calls:
            return [*messages, message.content]
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            result = TOOLS[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


def test_an_answer_comes_back_as_the_same_object(stage: MakeStage) -> None:
    def act() -> Any:
        with openai.OpenAI() as client:
            return client.chat.completions.create(model=MODEL, messages=user("hi")).to_json()

    assert '"answer 1"' in stage().both(act)


def test_a_stream_comes_back_event_by_event(stage: MakeStage) -> None:
    def act() -> list[str]:
        with openai.OpenAI() as client:
            stream = client.chat.completions.create(
                model=MODEL, messages=user("hi"), stream=True, stream_options={"include_usage": True}
            )
            return [chunk.to_json() for chunk in stream]

    assert len(stage(Rule(reply="a longer answer, in pieces")).both(act)) > 3


def test_async_calls_at_once_each_get_their_own_answer(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def one(client: Any) -> str:
        return (await client.chat.completions.create(model=MODEL, messages=user("hi"))).choices[0].message.content

    async def act() -> list[str]:
        async with openai.AsyncOpenAI() as client:
            return await asyncio.gather(*(one(client) for _ in range(5)))

    assert len(set(stage().both(run_on(loop_factory, act)))) == 5


def test_async_streams_at_once_do_not_mix(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def one(client: Any) -> str:
        stream = await client.chat.completions.create(model=MODEL, messages=user("hi"), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    async def act() -> list[str]:
        async with openai.AsyncOpenAI() as client:
            return await asyncio.gather(*(one(client) for _ in range(3)))

    assert len(set(stage(Rule(reply="this is the long answer {n}")).both(run_on(loop_factory, act)))) == 3


def test_a_tool_loop_replays_with_parallel_calls(stage: MakeStage) -> None:
    calls = [Tool("weather", {"city": "Oslo"}), Tool("news", {"topic": "snow"}), Tool("weather", {"city": "Bergen"})]
    play = stage(Rule(has_tool_result=True, reply="cold {n}"), Rule(tool_calls=calls))

    def act() -> list[Any]:
        with openai.OpenAI() as client:
            return tool_loop(client)

    assert play.both(act)[-1] == "cold 2"
    assert play.report.executed_for_real == ("weather", "news")
    assert play.report.notes == ("2 tools ran for real: weather, news; add @replaykit.tool to freeze them",)


def test_an_error_answer_raises_the_same_error(stage: MakeStage) -> None:
    def act() -> str:
        with openai.OpenAI() as client, pytest.raises(openai.BadRequestError) as caught:
            ask(client, "hi")
        return f"{caught.value.status_code} {caught.value.message} {caught.value.request_id}"

    assert "400" in stage(Rule(fault=Fault.status(400, "no such thing"))).both(act)


@pytest.mark.parametrize("fault", [Fault.rate_limited(0.01), Fault.status(500, headers={"retry-after-ms": "5"})])
def test_retries_run_for_real_in_the_replay(stage: MakeStage, fault: Fault) -> None:
    play = stage(Rule(fault=fault, times=2), Rule(reply="at last"))

    def act() -> str:
        with openai.OpenAI() as client:
            return ask(client, "hi") + ask(client, "more")

    assert play.both(act) == "at lastat last"
    assert play.positions == ["llm:chat[0]", "llm:chat[0]#1", "llm:chat[0]#2", "llm:chat[1]"]


def test_a_timeout_is_raised_and_retried_again(stage: MakeStage) -> None:
    play = stage(Rule(fault=Fault.timeout(), times=1), Rule(reply="here"))

    def act() -> str:
        with openai.OpenAI(timeout=0.3, max_retries=1) as client:
            return ask(client, "hi")

    assert play.both(act) == "here"
    assert play.positions == ["llm:chat[0]", "llm:chat[0]#1"]


def test_a_timeout_without_retries_raises_the_same_error(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> str:
        async with openai.AsyncOpenAI(timeout=0.3, max_retries=0) as client:
            try:
                await client.chat.completions.create(model=MODEL, messages=user("hi"))
            except openai.APITimeoutError as error:
                return type(error).__name__
        return "no error"

    assert stage(Rule(fault=Fault.timeout())).both(run_on(loop_factory, act)) == "APITimeoutError"


def test_a_connection_lost_in_a_stream_is_lost_at_the_same_chunk(stage: MakeStage) -> None:
    def act() -> list[str]:
        found = []
        with openai.OpenAI(max_retries=0) as client:
            try:
                for chunk in client.chat.completions.create(model=MODEL, messages=user("hi"), stream=True):
                    found.append(chunk.to_json())  # noqa: PERF401  what came before the error counts
            except Exception as error:
                found.append(type(error).__name__)
        return found

    found = stage(Rule(reply="long enough to be cut", fault=Fault.reset(after_chunks=3))).both(act)
    assert len(found) == 4


def test_a_stream_left_early_is_left_early_again(stage: MakeStage) -> None:
    play = stage(Rule(reply="much more than is ever read " * 50))

    def act() -> str:
        with (
            openai.OpenAI() as client,
            client.chat.completions.create(model=MODEL, messages=user("hi"), stream=True) as stream,
        ):
            return joined([next(stream), next(stream)])

    assert play.both(act)


def test_the_responses_api_replays(stage: MakeStage) -> None:
    def act() -> list[str]:
        with openai.OpenAI() as client:
            first = client.responses.create(model=MODEL, input="hi")
            second = client.responses.create(model=MODEL, input="go on", previous_response_id=first.id)
            with client.responses.stream(model=MODEL, input="stream it") as stream:
                events = [event.type for event in stream]
                return [first.output_text, second.output_text, *events, stream.get_final_response().output_text]

    found = stage().both(act)
    assert (found[0], found[1], found[-1]) == ("answer 1", "answer 2", "answer 3")


def test_structured_output_is_parsed_again(stage: MakeStage) -> None:
    class City(pydantic.BaseModel):  # type: ignore[misc, name-defined]  # imported if it is there
        name: str
        degrees: int

    def act() -> list[Any]:
        with openai.OpenAI() as client:
            whole = client.chat.completions.parse(model=MODEL, messages=user("hi"), response_format=City)
            with client.chat.completions.stream(model=MODEL, messages=user("hi"), response_format=City) as stream:
                kinds = [event.type for event in stream]
                return [whole.choices[0].message.parsed, stream.get_final_completion().choices[0].message.parsed, kinds]

    found = stage(Rule(reply='{"name": "Oslo", "degrees": 7}')).both(act)
    assert found[0] == found[1] == City(name="Oslo", degrees=7)


def test_embeddings_and_model_lists_replay(stage: MakeStage) -> None:
    def act() -> list[Any]:
        with openai.OpenAI() as client:
            names = [model.id for model in client.models.list()]
            return [names, client.embeddings.create(model="e", input=["a", "b"]).data[1].embedding]

    assert stage(models=["m1", "m2"]).both(act)[0] == ["m1", "m2"]


@pytest.mark.parametrize("kind", ["httpx", "httpx2"])
def test_the_users_own_http_client_is_recorded_too(stage: MakeStage, kind: str) -> None:
    module = pytest.importorskip(kind)
    if (kind == "httpx2") != (openai.DefaultHttpxClient.__mro__[1].__module__.startswith("httpx2")):
        pytest.skip("this SDK takes clients of the other module")

    def act() -> str:
        with module.Client() as http, openai.OpenAI(http_client=http) as client:
            return ask(client, "hi")

    assert stage().both(act) == "answer 1"


def test_the_key_is_in_no_packet_and_not_needed_in_a_replay(stage: MakeStage) -> None:
    play = stage()

    def act() -> str:
        with openai.OpenAI() as client:
            assert client.api_key
            return ask(client, "hi")

    play.both(act)
    assert KEYS["OPENAI_API_KEY"] not in play.path.read_text()
    assert "a1B2c3D4" not in play.path.read_text()


def test_an_address_in_the_agents_own_prompt_replays_exactly_and_is_in_no_packet(stage: MakeStage) -> None:
    play = stage(Rule(reply="write to bob.miller@acme-mail.com"))

    def act() -> str:
        with openai.OpenAI() as client:
            system = {"role": "system", "content": "You work for bob.miller@acme-mail.com"}
            messages = [system, *user("hi")]
            first = client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content
            messages += [{"role": "assistant", "content": first}, *user("and now?")]
            return str(len(client.chat.completions.create(model=MODEL, messages=messages).choices))

    play.both(act)
    assert "bob.miller" not in play.path.read_text()
    assert play.report.assumed == {"email": 1}


def test_an_unused_recorded_call_fails_at_the_close(stage: MakeStage) -> None:
    play = stage()
    with openai.OpenAI(api_key="k") as client:
        play.record(lambda: [ask(client, "one"), ask(client, "two")])
        with pytest.raises(replaykit.Divergence, match="not asked for any more"):
            play.replay(lambda: [ask(client, "one"), "answer 2"])

    assert play.report.unused == ("llm:chat[1]",)
