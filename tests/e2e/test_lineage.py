"""Identical prompts, distinct answers, random delays: each task gets its own answer back, every time."""

from __future__ import annotations

import asyncio
import operator
import random
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypedDict

import pytest

from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage, rounds, run_on, user

openai = pytest.importorskip("openai")
anyio = pytest.importorskip("anyio")

MODEL = "gpt-4o-mini"


async def dawdle() -> None:
    """The agent's own work between two calls, of a length that nobody knows."""
    await asyncio.sleep(random.random() * 0.002)


async def ask(client: Any) -> str:
    await dawdle()
    completion = await client.chat.completions.create(model=MODEL, messages=user("vote"))
    await dawdle()
    return completion.choices[0].message.content


def http_client() -> Any:
    """Of the module that the SDK takes; without certificates, which cost more to load than a replay takes.

    Each test closes its own: LangChain's outlives the loop it was used on.
    """
    return openai.DefaultAsyncHttpxClient(verify=False)


def replay_often(play: Stage, act: Callable[[], Any], count: int) -> None:
    then = play.record(act)
    sent = play.server.count
    play.server.close()
    for _ in range(count):
        assert play.replay(act) == then
        play.assert_nothing_went_out(sent)


def each_its_own(play: Stage, loop: LoopFactory, act: Callable[[], Awaitable[list[str]]], count: int) -> None:
    replay_often(play, run_on(loop, act), count)
    texts = [item.response_body for item in play.packet.interactions]
    assert len(set(texts)) == len(texts)


def test_three_rounds_of_a_gather(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> list[str]:
        async with http_client() as http, openai.AsyncOpenAI(http_client=http) as client:
            found: list[str] = []
            for _ in range(3):
                found += await asyncio.gather(*(ask(client) for _ in range(4)))
            return found

    each_its_own(stage(), loop_factory, act, rounds(25))


def test_an_anyio_task_group(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> list[str]:
        found: dict[int, str] = {}

        async def work(number: int) -> None:
            found[number] = await ask(client) + await ask(client)

        async with (
            http_client() as http,
            openai.AsyncOpenAI(http_client=http) as client,
            anyio.create_task_group() as group,
        ):
            for number in range(4):
                group.start_soon(work, number)
        return [found[number] for number in range(4)]

    each_its_own(stage(), loop_factory, act, rounds(25))


class Votes(TypedDict):
    votes: Annotated[list[str], operator.add]


def fan_out(nodes: dict[str, Any]) -> Any:
    """A graph that runs all nodes at once and collects what they say."""
    graph = pytest.importorskip("langgraph.graph")
    made = graph.StateGraph(Votes)
    for name, node in nodes.items():
        made.add_node(name, node)
        made.add_edge(graph.START, name)
        made.add_edge(name, graph.END)
    return made.compile()


def test_a_langgraph_fan_out_in_tasks(stage: MakeStage, loop_factory: LoopFactory) -> None:
    chat = pytest.importorskip("langchain_openai").ChatOpenAI

    async def act() -> list[str]:
        async with http_client() as http:
            model = chat(model=MODEL, http_async_client=http)

            def node(name: str) -> Any:
                async def vote(state: Votes) -> Votes:
                    await dawdle()
                    first, second = await model.ainvoke("vote"), await model.ainvoke("vote")
                    return {"votes": [f"{name} {first.content} {second.content}"]}

                return vote

            graph = fan_out({name: node(name) for name in "abcd"})
            return (await graph.ainvoke({"votes": []}))["votes"]

    each_its_own(stage(), loop_factory, act, rounds(15))


def test_a_langgraph_fan_out_in_threads(stage: MakeStage) -> None:
    chat = pytest.importorskip("langchain_openai").ChatOpenAI
    play = stage()

    def act() -> list[str]:
        model = chat(model=MODEL)

        def node(name: str) -> Any:
            def vote(state: Votes) -> Votes:
                time.sleep(random.random() * 0.002)  # as `dawdle`
                first, second = model.invoke("vote").content, model.invoke("vote").content
                return {"votes": [f"{name} {first} {second}"]}

            return vote

        return fan_out({name: node(name) for name in "abcd"}).invoke({"votes": []})["votes"]

    replay_often(play, act, rounds(15))
    assert len(play.packet.interactions) == 8


def test_pydantic_ai_agents_in_a_gather(stage: MakeStage, loop_factory: LoopFactory) -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai")

    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async def act() -> list[str]:
        async with http_client() as http, openai.AsyncOpenAI(http_client=http) as client:
            agent = pydantic_ai.Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)))

            async def vote() -> str:
                await dawdle()
                return (await agent.run("vote")).output

            return await asyncio.gather(*(vote() for _ in range(4)))

    each_its_own(stage(), loop_factory, act, rounds(15))
