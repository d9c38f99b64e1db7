"""The anthropic SDK, as users call it: recorded against a server, replayed with the server gone and the key unset."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from replaykit.serve.scripted import Fault, Rule, Tool
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import KEYS, run_on, user

anthropic = pytest.importorskip("anthropic")

ASK = {"model": "claude-scripted", "max_tokens": 100}
TOOL = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


def tool_loop(client: Any) -> list[Any]:
    """A small agent: asks until the model wants no more tools."""
    messages: list[Any] = user("what about Oslo?")
    while True:
        message = client.messages.create(messages=messages, tools=[TOOL], **ASK)
        messages.append({"role": "assistant", "content": [block.model_dump() for block in message.content]})
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": f"{block.input['city']}: 7 degrees"}
            for block in message.content
            if block.type == "tool_use"
        ]
        if not results:
            return messages
        messages.append({"role": "user", "content": results})


def test_an_answer_comes_back_as_the_same_object(stage: MakeStage) -> None:
    def act() -> str:
        with anthropic.Anthropic() as client:
            return client.messages.create(messages=user("hi"), system="Be brief.", **ASK).to_json()

    play = stage()
    assert "answer 1" in play.both(act)
    assert KEYS["ANTHROPIC_API_KEY"] not in play.path.read_text()


def test_a_stream_comes_back_event_by_event(stage: MakeStage) -> None:
    def act() -> list[str]:
        with anthropic.Anthropic() as client, client.messages.stream(messages=user("hi"), **ASK) as stream:
            return [*(event.to_json() for event in stream), stream.get_final_text()]

    assert stage(Rule(reply="a longer answer, in pieces")).both(act)[-1] == "a longer answer, in pieces"


def test_async_calls_and_streams_at_once_each_get_their_own_answer(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def whole(client: Any) -> str:
        return (await client.messages.create(messages=user("hi"), **ASK)).content[0].text

    async def streamed(client: Any) -> str:
        async with client.messages.stream(messages=user("hi"), **ASK) as stream:
            return "".join([text async for text in stream.text_stream])

    async def act() -> list[str]:
        async with anthropic.AsyncAnthropic() as client:
            return await asyncio.gather(*(task(client) for task in (whole, streamed) * 3))

    assert len(set(stage(Rule(reply="this is the answer {n}")).both(run_on(loop_factory, act)))) == 6


def test_a_tool_loop_replays_with_parallel_calls(stage: MakeStage) -> None:
    calls = [Tool("weather", {"city": city}) for city in ("Oslo", "Bergen")]
    play = stage(Rule(has_tool_result=True, reply="cold {n}"), Rule(tool_calls=calls))

    def act() -> list[Any]:
        with anthropic.Anthropic() as client:
            return tool_loop(client)

    assert play.both(act)[-1]["content"][0]["text"] == "cold 2"


@pytest.mark.parametrize("fault", [Fault.rate_limited(0.01), Fault.status(529, headers={"retry-after-ms": "5"})])
def test_retries_run_for_real_in_the_replay(stage: MakeStage, fault: Fault) -> None:
    play = stage(Rule(fault=fault, times=1), Rule(reply="at last"))

    def act() -> str:
        with anthropic.Anthropic() as client:
            return client.messages.create(messages=user("hi"), **ASK).content[0].text

    assert play.both(act) == "at last"
    assert play.positions == ["llm:chat[0]", "llm:chat[0]#1"]


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (Rule(fault=Fault.status(400, "no such thing")), "BadRequestError"),
        (Rule(fault=Fault.timeout()), "APITimeoutError"),
        (Rule(fault=Fault.reset()), "APIConnectionError"),
    ],
    ids=["status", "timeout", "reset"],
)
def test_an_error_is_raised_as_the_same_class(stage: MakeStage, rule: Rule, name: str) -> None:
    def act() -> str:
        with anthropic.Anthropic(timeout=0.3, max_retries=0) as client:
            try:
                return client.messages.create(messages=user("hi"), **ASK).to_json()
            except anthropic.APIError as error:
                return f"{type(error).__name__}: {error}"

    assert stage(rule).both(act).startswith(name)


def test_an_error_inside_a_stream_comes_at_the_same_event(stage: MakeStage) -> None:
    def act() -> list[str]:
        found = []
        with anthropic.Anthropic(max_retries=0) as client:
            try:
                with client.messages.stream(messages=user("hi"), **ASK) as stream:
                    for event in stream:
                        found.append(event.type)  # noqa: PERF401  what came before the error counts
            except anthropic.APIError as error:
                found.append(str(error))
        return found

    found = stage(Rule(reply="a longer answer", fault=Fault.stream_error(after_chunks=4))).both(act)
    assert "Overloaded" in found[-1]


def test_counting_tokens_replays(stage: MakeStage) -> None:
    def act() -> int:
        with anthropic.Anthropic() as client:
            return client.messages.count_tokens(messages=user("hi"), model=ASK["model"]).input_tokens

    assert stage().both(act) > 0
