"""Many shuffled replays in this process: for tests, where the agent is a function."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from replaykit.api.replaying import replay
from replaykit.errors import Divergence, UsageError
from replaykit.packet import Packet
from replaykit.session.report import Report
from replaykit.session.stress import StressReport, Tally

SCHEDULES = 50


def stress(
    packet: str | Path | Packet,
    agent: Callable[[], Any],
    *,
    schedules: int = SCHEDULES,
    seed: int = 0,
    **options: Any,
) -> StressReport:
    """What of the agent's run depends on the order in which answers come.

    Args:
        agent: Runs the agent, as while recording. What it returns is the output of the run, unless it is None; a
            coroutine is run on a loop of its own.
        schedules: How many, with the seeds from `seed` on.
        options: Of `replay`.

    Raises:
        Divergence: The agent is not the recorded one even in the recorded order.
        PacketError: The packet can't be used.
        UsageError: An argument is wrong.
    """
    check_count(schedules)
    loaded = packet if isinstance(packet, Packet) else Packet.load(packet)
    control, error = _once(loaded, agent, options)
    if error is not None:
        raise error
    tally = Tally(control, seed)
    for number in range(seed, seed + schedules):
        report, _ = _once(loaded, agent, {**options, "schedule": "shuffled", "seed": number})
        tally.add(number, report)
    return tally.report()


def check_count(schedules: int) -> None:
    """Refuses what is no number of schedules.

    Raises:
        UsageError: It is less than one.
    """
    if schedules < 1:
        raise UsageError(f"{schedules} schedules show nothing: at least 1")


def _once(packet: Packet, agent: Callable[[], Any], options: dict[str, Any]) -> tuple[Report, BaseException | None]:
    """The report, and what came out of the replay that is no part of the recording."""
    found: BaseException | None = None
    rerun = None
    try:
        with replay(packet, **options) as rerun:
            result = agent()
            if inspect.iscoroutine(result):
                result = asyncio.run(_awaited(result))
            if result is not None:
                rerun.finish(output=result)
    except (Divergence, Exception) as error:
        if rerun is None:
            raise  # it did not begin
        found = None if rerun.report.ok else error  # the recorded run may have failed as well
    return rerun.report, found


async def _awaited(coroutine: Any) -> Any:
    return await coroutine
