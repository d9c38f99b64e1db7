"""Many shuffled replays in one process."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.api.stressing import stress
from replaykit.errors import Divergence, UsageError
from replaykit.session.stress import StressReport


@replaykit.tool
async def look_up(what: str, after_s: float = 0.0) -> str:
    await asyncio.sleep(after_s)
    return what.upper()


@replaykit.tool
def look_up_blocking(what: str) -> str:
    return what.upper()


def recorded(store: Path, agent: Callable[[], Any]) -> Path:
    with replaykit.record("stress", store=store) as run:
        result = agent()
        run.finish(output=asyncio.run(result) if asyncio.iscoroutine(result) else result)
    assert run.packet_path is not None
    return run.packet_path


def stressed(store: Path, agent: Callable[[], Any], schedules: int = 50) -> StressReport:
    return stress(recorded(store, agent), agent, schedules=schedules)


async def shared_list() -> str:
    notes: list[str] = []

    async def note(what: str, after_s: float) -> None:
        notes.append(await look_up(what, after_s))

    await asyncio.gather(note("oslo", 0.002), note("bergen", 0.01))
    return await look_up(" and ".join(notes))


async def first_completed() -> int:
    tasks = [asyncio.create_task(look_up(what, after_s)) for what, after_s in (("oslo", 0.001), ("bergen", 0.02))]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    winner = min(tasks.index(task) for task in done)
    await asyncio.gather(*tasks)
    return winner


def threads() -> list[str]:
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(look_up_blocking, what) for what in ("oslo", "bergen", "voss")]
        return [future.result() for future in concurrent.futures.as_completed(futures)]


async def time_out() -> str:
    try:
        return await asyncio.wait_for(look_up("oslo", 0.02), 0.06)
    except TimeoutError:
        return "too late"


@pytest.mark.parametrize(
    ("agent", "kind", "position"),
    [
        (shared_list, "call", "tool:look_up[0]"),
        (first_completed, "output", "output"),
        (threads, "output", "output"),
        (time_out, "output", "output"),
    ],
)
def test_a_planted_dependence_is_found(tmp_path: Path, agent: Callable[[], Any], kind: str, position: str) -> None:
    report = stressed(tmp_path, agent)

    assert [(item.kind, item.position) for item in report.depends] == [(kind, position)]
    assert not report.ok
    assert report.orders > 1


async def independent() -> list[str]:
    semaphore = asyncio.Semaphore(2)

    async def ask(what: str) -> str:
        async with semaphore:
            return await look_up(await look_up(what), 0.001)

    return await asyncio.gather(*(asyncio.wait_for(ask(f"{number}"), 5) for number in range(4)))


def test_none_is_found_in_500_schedules_where_none_is(tmp_path: Path) -> None:
    report = stressed(tmp_path, independent, 500)

    assert report.ok
    assert (report.schedules, report.depends) == (500, ())
    assert report.orders > 10


def test_a_seed_is_one_schedule(tmp_path: Path) -> None:
    packet = recorded(tmp_path, first_completed)

    def completions(seed: int) -> str | None:
        rerun = None
        try:
            with replaykit.replay(packet, schedule="shuffled", seed=seed) as rerun:
                rerun.finish(output=asyncio.run(first_completed()))
        except Divergence:
            pass
        assert rerun is not None
        return rerun.report.completions

    first = [completions(seed) for seed in range(10)]

    assert first == [completions(seed) for seed in range(10)]
    assert len(set(first)) > 1


def test_an_agent_that_is_not_the_recorded_one_is_not_stressed(tmp_path: Path) -> None:
    packet = recorded(tmp_path, shared_list)

    with pytest.raises(Divergence):
        stress(packet, first_completed)


def test_a_recorded_failure_may_come_again(tmp_path: Path) -> None:
    async def fails() -> None:
        await asyncio.gather(look_up("oslo"), look_up("bergen"))
        raise LookupError("neither")

    with pytest.raises(LookupError), replaykit.record("fails", store=tmp_path) as run:
        asyncio.run(fails())
    assert run.packet_path is not None

    assert stress(run.packet_path, fails, schedules=5).ok


@pytest.mark.parametrize(
    "options", [{"schedule": "random"}, {"seed": "one"}, {"seed": True}], ids=["schedule", "text", "bool"]
)
def test_no_such_schedule(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"schedule|seed"):
        replaykit.replay(recorded(tmp_path, shared_list), **options)


def test_no_schedules_show_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        stress(recorded(tmp_path, shared_list), shared_list, schedules=0)
