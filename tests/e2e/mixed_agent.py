"""An agent that makes its calls in every way that a program can: for replays on other Pythons and other loops.

python -m tests.e2e.mixed_agent PATH [asyncio|uvloop]     records it against the scripted server
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx

import replaykit

Answers = dict[str, Any]


class MixedAgent:
    """Asks one question in many places; each place keeps the answers that it got."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/chat/completions"

    async def ask(self, client: httpx.AsyncClient, question: str = "vote") -> str:
        await asyncio.sleep(random.random() * 0.002)  # other timings in every run
        body = {"model": "m", "messages": [{"role": "user", "content": question}]}
        response = await client.post(self._url, json=body)
        return str(response.json()["choices"][0]["message"]["content"])

    def ask_sync(self, question: str = "vote") -> str:
        body = {"model": "m", "messages": [{"role": "user", "content": question}]}
        with httpx.Client(verify=False) as client:  # plain HTTP: no certificates to load
            return str(client.post(self._url, json=body).json()["choices"][0]["message"]["content"])

    async def twice(self, client: httpx.AsyncClient) -> list[str]:
        return [await self.ask(client), await self.ask(client)]

    async def run(self) -> Answers:
        async with httpx.AsyncClient() as client:
            return {
                "gather": [await asyncio.gather(*(self.twice(client) for _ in range(3))) for _ in range(3)],
                "group": await self._group(client),
                "wait_for": await asyncio.gather(*(asyncio.wait_for(self.ask(client), 30) for _ in range(3))),
                "as_completed": sorted(
                    [await item for item in asyncio.as_completed([self.ask(client) for _ in "abc"])]
                ),
                "shield": await asyncio.shield(self.twice(client)),
                "context": await asyncio.create_task(self.twice(client), context=contextvars.Context()),
                "named": await self._named(client),
                "to_thread": await asyncio.gather(*(asyncio.to_thread(self.ask_sync) for _ in range(3))),
                "executor": await self._executor(),
                "thread": self._thread(),
                "anyio": await self._anyio(client),
            }

    async def _group(self, client: httpx.AsyncClient) -> list[list[str]]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.twice(client)) for _ in range(4)]
        return [task.result() for task in tasks]

    async def _named(self, client: httpx.AsyncClient) -> dict[str, list[str]]:
        names = random.sample(["north", "south", "west"], 3)  # started in any order; the name tells them apart
        tasks = {name: asyncio.create_task(self.twice(client), name=name) for name in names}
        return {name: await tasks[name] for name in sorted(tasks)}

    async def _executor(self) -> list[str]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            jobs = [loop.run_in_executor(pool, self.ask_sync) for _ in range(4)]
            return list(await asyncio.gather(*jobs)) + list(pool.map(self.ask_sync, ["vote"] * 2))

    def _thread(self) -> list[str]:
        answers: dict[int, str] = {}
        threads = [
            threading.Thread(target=lambda number=number: answers.update({number: self.ask_sync()}))
            for number in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [answers[number] for number in sorted(answers)]

    async def _anyio(self, client: httpx.AsyncClient) -> dict[int, Any]:
        answers: dict[int, Any] = {}

        async def member(number: int) -> None:
            answers[number] = [*await self.twice(client), await anyio.to_thread.run_sync(self.ask_sync)]

        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(member, number)
        return {number: answers[number] for number in sorted(answers)}


def run_agent(url: str, loop: str = "asyncio") -> Answers:
    """All answers, by the place that asked."""
    if loop == "uvloop":
        import uvloop

        return dict(uvloop.run(MixedAgent(url).run()))
    return dict(asyncio.run(MixedAgent(url).run()))


def record(target: Path, loop: str = "asyncio") -> None:
    """Records one run against the scripted server, which gives every answer another number."""
    from replaykit.serve.scripted import Rule, ScriptedServer

    with ScriptedServer([Rule(when="vote", reply="answer {n}")]) as server, tempfile.TemporaryDirectory() as store:
        with replaykit.record("mixed", store=store) as run:
            run.finish(output=run_agent(server.url, loop))
        assert run.packet_path is not None
        target.write_bytes(run.packet_path.read_bytes())


if __name__ == "__main__":
    record(Path(sys.argv[1]), *sys.argv[2:])
