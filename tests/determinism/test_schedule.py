"""The log of a recording: what happened, in which order, and nothing of it in the agent's way."""

from __future__ import annotations

import asyncio
from typing import Any

from replaykit.determinism.schedule import CALL, TIMER, ScheduleLog, depth_of


class Strange(asyncio.SelectorEventLoop):
    """A loop that does not take any context."""

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        if context is not None and len(context) == 0:
            raise TypeError("what is this?")
        return super().call_soon(callback, *args, context=context)


def noted(log: ScheduleLog) -> list[tuple[str, int, int]]:
    batch = log.take(is_end=True)
    return [(event.subject[1], event.back, event.tick) for event in batch.events] if batch is not None else []


def test_events_without_a_loop_stand_by_themselves() -> None:
    log = ScheduleLog(lambda: 7)
    log.happened((CALL, "c0", 0), 0)
    log.happened((CALL, "c1", 0), 0)

    assert noted(log) == [("c0", 0, 0), ("c1", 0, 0)]


def test_an_event_in_the_same_round_comes_before_the_first_tick_of_the_other_one() -> None:
    log = ScheduleLog(lambda: 7)

    async def act() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(log.happened, (TIMER, "a", 0), 0)
        loop.call_soon(log.happened, (TIMER, "b", 0), 0)
        await asyncio.sleep(0.01)
        log.happened((TIMER, "c", 0), 0)

    asyncio.run(act())

    assert noted(log) == [("a", 0, 0), ("b", 1, 1), ("c", 0, 0)]


def test_a_loop_that_is_not_as_others_never_fails_the_agent() -> None:
    failures: list[int] = []
    log = ScheduleLog(lambda: 7, lambda: failures.append(1))

    loop = Strange()
    loop.call_later(0, log.happened, (CALL, "c0", 0), 0)
    loop.call_later(0.01, loop.stop)
    loop.run_forever()
    loop.close()

    assert failures == [1]


def test_depth_counts_the_functions_that_may_be_served_whole() -> None:
    assert depth_of("ask[0]/tool:look_up[0]/work[0]/retrieval:docs[1]") == 2
    assert depth_of("ask[0]/llm:chat[0]") == 0


def test_a_signal_handler_that_comes_in_while_an_event_is_noted_is_not_locked_out() -> None:
    """The clock stands in for the moment: it is read while the log is held."""
    inner: list[int] = []

    def now_ns() -> int:
        if not inner:
            inner.append(1)
            log.happened((CALL, "c1", 0), 0)
            log.take()
        return 7

    log = ScheduleLog(now_ns)
    log.happened((CALL, "c0", 0), 0)

    assert inner == [1]
