"""What the hooks cost: nothing that can be told from noise where no run is active, a few microseconds where one is."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx

import replaykit
from tests.e2e.helpers import IS_SOAK

SPAWNS = 2_000
ROUNDS = 9


async def nothing() -> None:
    return None


async def spawn_and_call() -> None:
    """One task and ten requests that no wire slows down."""
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
    async with httpx.AsyncClient(transport=transport) as client:
        for _ in range(20):
            await asyncio.create_task(nothing())
            for _ in range(10):
                await client.get("http://127.0.0.1/")


async def spawn() -> float:
    """Seconds of this thread for a spawn."""
    loop = asyncio.get_running_loop()
    began = time.thread_time()
    for _ in range(SPAWNS):
        await loop.create_task(nothing())
    return (time.thread_time() - began) / SPAWNS


def timed(act: Callable[[], Coroutine[Any, Any, Any]]) -> float:
    began = time.process_time()
    asyncio.run(act())
    return time.process_time() - began


def in_a_run(act: Callable[[], Coroutine[Any, Any, float]], store: Path) -> float:
    with replaykit.record("cost", store=store):
        return asyncio.run(act())


def test_with_no_run_active_the_hooks_cost_no_more_than_noise(tmp_path: Path) -> None:
    """Before the first run, and after it: the hooks of httpx stay, those of tasks, timers and sleeps are gone."""
    originals = [asyncio.BaseEventLoop.create_task, asyncio.BaseEventLoop.call_at, time.sleep, time.monotonic]
    asyncio.run(spawn_and_call())
    before = [timed(spawn_and_call) for _ in range(ROUNDS)]
    in_a_run(spawn, tmp_path)
    assert [asyncio.BaseEventLoop.create_task, asyncio.BaseEventLoop.call_at, time.sleep, time.monotonic] == originals
    after, again = [], []
    for _ in range(ROUNDS):  # in turns: a machine gets slower and faster
        after.append(timed(spawn_and_call))
        again.append(timed(spawn_and_call))
    noise = abs(min(after) / min(again) - 1) + statistics.stdev(before) / statistics.mean(before)

    assert min(*after, *again) / min(before) - 1 < max(0.01, noise)


def test_a_spawn_in_a_run_costs_a_few_microseconds(tmp_path: Path) -> None:
    plain, recorded = [], []
    for _ in range(ROUNDS):
        plain.append(asyncio.run(spawn()))
        recorded.append(in_a_run(spawn, tmp_path))
    more_s = min(recorded) - min(plain)

    assert more_s < 5e-6 if IS_SOAK else min(recorded) < 4 * min(plain)
