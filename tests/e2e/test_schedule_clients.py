"""The same races over the clients that SDKs are built on: httpx gives way to the loop where httpx2 does not."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from replaykit.serve.scripted import Rule
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import run_on, user
from tests.e2e.test_schedule import MODEL, comes_again

CLIENTS = ("httpx", "httpx2")


@pytest.fixture(params=CLIENTS)
def library(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip(request.param)


def path_of(base_url: str) -> str:
    return f"{base_url.rstrip('/').removesuffix('/v1')}/v1/chat/completions"


async def ask(client: Any, url: str, text: str) -> str:
    answer = await client.post(path_of(url), json={"model": MODEL, "messages": user(text)})
    return str(answer.json()["choices"][0]["message"]["content"])


async def read(client: Any, url: str, name: str, log: list[str]) -> None:
    asked = {"model": MODEL, "messages": user(name), "stream": True}
    async with client.stream("POST", path_of(url), json=asked) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                log.append(f"{name} {json.loads(line[6:])['choices'][0]['delta'].get('content')}")  # noqa: PERF401  one by one


def test_many_answers_at_once(stage: MakeStage, loop_factory: LoopFactory, library: Any) -> None:
    """Those that are cancelled are closing already, some of them."""
    play = stage(Rule(reply="seen", delay_s=0.005))
    url = play.server.url

    async def act() -> list[list[int]]:
        async with library.AsyncClient(verify=False) as client:

            async def group(name: int) -> list[int]:
                tasks = [asyncio.create_task(ask(client, url, f"{name} {number}")) for number in range(3)]
                done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                await asyncio.gather(*pending, return_exceptions=True)
                return [number for number, task in enumerate(tasks) if task in done]

            return await asyncio.gather(*map(group, range(5)))

    comes_again(play, run_on(loop_factory, act))


def test_a_hedged_request_whose_loser_is_cancelled(stage: MakeStage, loop_factory: LoopFactory, library: Any) -> None:
    play = stage(Rule(reply="seen {n}", delay_s=0.004))
    url = play.server.url

    async def act() -> list[str]:
        async with library.AsyncClient(verify=False) as client:
            log = []
            for number in range(2):
                tasks = [asyncio.create_task(ask(client, url, f"{number}")) for _ in range(2)]
                done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                await asyncio.gather(*pending, return_exceptions=True)
                log += [f"{tasks.index(task)} {task.result()}" for task in tasks if task in done]
            return log

    comes_again(play, run_on(loop_factory, act))


def test_a_cancellation_in_the_middle_of_a_stream(stage: MakeStage, loop_factory: LoopFactory, library: Any) -> None:
    play = stage(Rule(reply=" ".join(f"word{number}" for number in range(30)), chunk_delay_s=0.001))
    url = play.server.url

    async def act() -> list[str]:
        async with library.AsyncClient(verify=False) as client:
            log: list[str] = []
            try:
                await asyncio.wait_for(read(client, url, "a", log), 0.012 + random.random() * 0.01)
            except TimeoutError:
                log.append("cancelled")
            return log

    comes_again(play, run_on(loop_factory, act))


def test_streams_side_by_side(stage: MakeStage, loop_factory: LoopFactory, library: Any) -> None:
    play = stage(Rule(reply="one two three four five", chunk_delay_s=0.001))
    url = play.server.url

    async def act() -> list[str]:
        async with library.AsyncClient(verify=False) as client:
            log: list[str] = []
            await asyncio.gather(*(read(client, url, name, log) for name in "abc"))
            return log

    comes_again(play, run_on(loop_factory, act))


def test_a_semaphore_of_three_over_twenty_calls(stage: MakeStage, loop_factory: LoopFactory, library: Any) -> None:
    play = stage(Rule(reply="seen {n}", delay_s=0.002))
    url = play.server.url

    async def act() -> list[str]:
        async with library.AsyncClient(verify=False) as client:
            places, log = asyncio.Semaphore(3), list[str]()

            async def work(number: int) -> None:
                async with places:
                    log.append(f"{number} {await ask(client, url, str(number))}")

            await asyncio.gather(*(work(number) for number in range(20)))
            return log

    comes_again(play, run_on(loop_factory, act))
