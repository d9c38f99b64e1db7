"""Generators that nobody finished: their loop closes them whenever the garbage collector finds them."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

import replaykit
from tests.conftest import LoopFactory


@replaykit.tool
async def double(number: int) -> int:
    await asyncio.sleep(0.001)
    return 2 * number


async def numbers() -> AsyncGenerator[int]:
    yield 1
    yield 2


async def first(generator: AsyncGenerator[int]) -> int:
    return await anext(generator)


class Agent:
    """Works on a loop in a thread of its own, and leaves a generator and the loop behind as they are."""

    def __init__(self, loop_factory: LoopFactory) -> None:
        self._make = loop_factory
        self._left: list[Any] = []
        self._loops: list[Any] = []

    def __call__(self) -> list[int]:
        self._left.clear()
        gc.collect()  # the loop of the last run is asked to close its generator, and nobody runs it
        loop = self._make()
        self._loops.append(loop)
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        generator = numbers()
        self._left.append(generator)
        found = [asyncio.run_coroutine_threadsafe(first(generator), loop).result(20)]
        futures = [asyncio.run_coroutine_threadsafe(double(number), loop) for number in range(3)]
        found += [future.result(20) for future in futures]
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        return found

    def close(self) -> None:
        """Ends what is left, which would be said to be pending otherwise."""
        self._left.clear()
        for loop in self._loops:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


@pytest.mark.timeout(60)
def test_a_generator_of_an_earlier_run_holds_nobody_up(loop_factory: LoopFactory, tmp_path: Path) -> None:
    agent = Agent(loop_factory)
    with replaykit.record("left", store=tmp_path) as run:
        run.finish(output=agent())

    reports = []
    for _ in range(4):
        with replaykit.replay(run.packet_path) as rerun:
            rerun.finish(output=agent())
        reports.append(rerun.report)
    agent.close()

    assert [report.ok for report in reports] == [True] * 4, reports[0].summary()
