"""Who finishes first, what times out and what is cancelled comes again as it came, and takes no time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Rule
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import IS_SOAK, Stage, async_client, run_on, user

pytest.importorskip("openai")

ROUNDS = 200 if IS_SOAK else 4
MODEL = "gpt-4o-mini"


@replaykit.tool
async def look_up(what: str, within_s: float = 0.02) -> str:
    await asyncio.sleep(random.random() * within_s)
    return f"{what} {random.random():.6f}"


async def ask(client: Any, text: str) -> str:
    completion = await client.chat.completions.create(model=MODEL, messages=user(text))
    return str(completion.choices[0].message.content)


def comes_again(play: Stage, act: Callable[[], Any], rounds: int = ROUNDS) -> None:
    """Recorded and replayed so often: each time another race, each time the same end."""
    for _ in range(rounds):
        then = play.record(act)
        play.settle()
        sent = play.server.count
        assert play.replay(act) == then
        play.assert_nothing_went_out(sent)


async def race() -> list[Any]:
    log: list[Any] = []
    for number in range(3):
        tasks = [asyncio.create_task(look_up(f"round {number}")) for _ in range(4)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        winners = [index for index, task in enumerate(tasks) if task in done]
        log.append((winners, await look_up(f"won by {winners[0]}")))
        await asyncio.gather(*tasks)
    return log


def test_the_first_that_is_completed(stage: MakeStage, loop_factory: LoopFactory) -> None:
    comes_again(stage(), run_on(loop_factory, race))


def test_time_outs_a_few_milliseconds_apart(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> list[str]:
        log = []
        for within_s in (0.008, 0.010, 0.012):
            try:
                log.append(await asyncio.wait_for(look_up("slow"), within_s))
            except TimeoutError:
                log.append("timed out")
                await asyncio.sleep(0.005)
        return log

    comes_again(stage(), run_on(loop_factory, act))


def test_a_hedged_request_whose_loser_is_cancelled(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> list[str]:
        async with async_client() as client:
            log = []
            for number in range(2):
                tasks = [asyncio.create_task(ask(client, f"{number}")) for _ in range(2)]
                done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                await asyncio.gather(*pending, return_exceptions=True)
                log += [f"{tasks.index(task)} {task.result()}" for task in tasks if task in done]
            return log

    comes_again(stage(Rule(reply="seen {n}", delay_s=0.004)), run_on(loop_factory, act))


def test_a_cancellation_in_the_middle_of_a_stream(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> list[str]:
        async with async_client() as client:
            got: list[str] = []

            async def read() -> None:
                stream = await client.chat.completions.create(model=MODEL, messages=user("tell"), stream=True)
                async for chunk in stream:
                    got.append(chunk.choices[0].delta.content or "")  # noqa: PERF401  what came before the end counts

            try:
                await asyncio.wait_for(read(), 0.012 + random.random() * 0.01)
            except TimeoutError:
                got.append("cancelled")
            return got

    words = " ".join(f"word{number}" for number in range(30))
    comes_again(stage(Rule(reply=words, chunk_delay_s=0.001)), run_on(loop_factory, act))


def test_streams_side_by_side(stage: MakeStage, loop_factory: LoopFactory) -> None:
    """Chunks of several answers interleave as they did."""

    async def act() -> list[str]:
        async with async_client() as client:
            log: list[str] = []

            async def read(name: str) -> None:
                stream = await client.chat.completions.create(model=MODEL, messages=user(name), stream=True)
                async for chunk in stream:
                    log.append(f"{name}{chunk.choices[0].delta.content}")  # noqa: PERF401  one by one

            await asyncio.gather(*(read(name) for name in "abc"))
            return log

    comes_again(stage(Rule(reply="one two three four five", chunk_delay_s=0.001)), run_on(loop_factory, act))


def test_a_semaphore_of_three_over_twenty_calls(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> list[str]:
        places, log = asyncio.Semaphore(3), list[str]()

        async def work(number: int) -> None:
            async with places:
                log.append(await look_up(f"{number}", 0.004))

        await asyncio.gather(*(work(number) for number in range(20)))
        return log

    comes_again(stage(), run_on(loop_factory, act))


def test_many_answers_at_once(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> list[list[int]]:
        async with async_client() as client:

            async def group(name: int) -> list[int]:
                tasks = [asyncio.create_task(ask(client, f"{name} {number}")) for number in range(3)]
                done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                await asyncio.gather(*pending, return_exceptions=True)
                return [number for number, task in enumerate(tasks) if task in done]

            return await asyncio.gather(*map(group, range(5)))

    comes_again(stage(Rule(reply="seen", delay_s=0.005)), run_on(loop_factory, act))


def test_short_sleeps_between_the_calls_of_a_semaphore(stage: MakeStage) -> None:
    """Timers that run out while answers are still at work. On uvloop one of 200 recordings is not exact yet."""

    async def act() -> list[str]:
        async with async_client() as client:
            places, log = asyncio.Semaphore(3), list[str]()

            async def work(number: int) -> None:
                async with places:
                    log.append(f"began {number}")
                    await ask(client, f"{number}")
                    log.append(f"answered {number}")
                    await asyncio.sleep(0.001)
                    log.append(f"slept {number}")

            await asyncio.gather(*map(work, range(12)))
            return log

    comes_again(stage(Rule(reply="seen", delay_s=0.003)), run_on(asyncio.new_event_loop, act))


def test_a_loop_that_looks_again_and_again_gets_its_answer(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> str:
        async with async_client() as client:
            task = asyncio.create_task(ask(client, "x"))
            while not task.done():
                await asyncio.sleep(0)
            return task.result()

    comes_again(stage(Rule(reply="seen", delay_s=0.02)), run_on(loop_factory, act), 1)


def test_long_work_in_small_steps_is_over_before_the_answer_that_came_after_it(stage: MakeStage) -> None:
    async def act() -> list[str]:
        log: list[str] = []
        async with async_client() as client:

            async def work() -> None:
                for _ in range(2_000):
                    await asyncio.sleep(0)
                log.append("worked")

            async def wait() -> None:
                log.append(await ask(client, "x"))

            await asyncio.gather(work(), wait())
        return log

    comes_again(stage(Rule(reply="seen", delay_s=0.2)), run_on(asyncio.new_event_loop, act), 2)


@pytest.mark.parametrize("is_older", [True, False])
def test_a_loop_in_a_thread_of_its_own(stage: MakeStage, is_older: bool) -> None:
    async def nothing() -> str:
        return "done"

    @contextlib.contextmanager
    def running() -> Iterator[asyncio.AbstractEventLoop]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield loop
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    with running() as older:

        def act() -> str:
            with contextlib.nullcontext(older) if is_older else running() as loop:
                return asyncio.run_coroutine_threadsafe(nothing(), loop).result(5)

        comes_again(stage(), act)


@replaykit.tool
def look_up_blocking(what: str) -> str:
    time.sleep(random.random() * 0.01)
    return f"{what} {random.random():.6f}"


def test_threads_that_finish_in_any_order(stage: MakeStage) -> None:
    def act() -> list[str]:
        log = []
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            futures = {pool.submit(look_up_blocking, f"{number}"): number for number in range(6)}
            for future in concurrent.futures.as_completed(futures):
                log.append(f"{futures[future]} {future.result()}")  # noqa: PERF401  one by one
        return log

    comes_again(stage(), act)


def test_a_thread_that_is_slower_in_a_replay_still_comes_in_between(
    stage: MakeStage, loop_factory: LoopFactory
) -> None:
    """The loop is never idle until it is there: only its place among what the loop does tells when it comes."""
    work_s = 0.0

    def work() -> None:
        until = time.perf_counter() + work_s
        while time.perf_counter() < until:
            pass

    async def act() -> list[str]:
        log = []

        async def step() -> None:
            for number in range(40):
                await asyncio.sleep(0)
                log.append(f"step {number}")

        async def wait() -> None:
            await asyncio.to_thread(work)
            log.append("worked")

        await look_up("x")
        await asyncio.gather(step(), wait())
        return log

    play = stage()
    for _ in range(ROUNDS):
        work_s = 0.0
        then = play.record(run_on(loop_factory, act))
        work_s = 0.005
        assert play.replay(run_on(loop_factory, act)) == then


def test_waits_of_threads_time_out_again(stage: MakeStage) -> None:
    def act() -> list[Any]:
        found: list[Any] = []
        answered = threading.Event()

        def work() -> None:
            found.append(look_up_blocking("x"))
            answered.set()

        thread = threading.Thread(target=work)
        thread.start()
        found.append(answered.wait(0.005))
        thread.join()
        return found

    comes_again(stage(), act)


def test_sleeping_takes_no_time_in_a_replay(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> bool:
        began = time.monotonic()
        await asyncio.sleep(4)
        time.sleep(1)
        await asyncio.wait_for(asyncio.to_thread(time.sleep, 1), 5)
        await look_up("x")
        return 6 <= time.monotonic() - began < 7

    play = stage()
    began = time.perf_counter()
    then = play.record(run_on(loop_factory, act))
    took_s = time.perf_counter() - began
    assert then
    runs = []
    for _ in range(3):
        began = time.perf_counter()
        assert play.replay(run_on(loop_factory, act))
        runs.append(time.perf_counter() - began)
    assert min(runs) < took_s / 50


def test_a_packet_of_uvloop_is_replayed_on_asyncio(stage: MakeStage) -> None:
    uvloop = pytest.importorskip("uvloop")
    play = stage()
    for _ in range(ROUNDS):
        then = play.record(run_on(uvloop.new_event_loop, race))
        assert play.replay(run_on(asyncio.new_event_loop, race)) == then
        assert "recorded on uvloop, replayed on asyncio" in play.report.notes


def test_without_the_recorded_order_durations_decide(stage: MakeStage) -> None:
    play = stage()
    play.record(run_on(asyncio.new_event_loop, lambda: asyncio.gather(look_up("a"), look_up("b"))))
    play.replay(run_on(asyncio.new_event_loop, lambda: asyncio.gather(look_up("a"), look_up("b"))), schedule="natural")

    assert play.report.ok
