"""See timers, sleeps and waits begin and end; in a replay, let them wait for their events instead of for real time."""

from __future__ import annotations

import asyncio
import functools
import queue
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from replaykit.determinism.clock import Clock
from replaykit.determinism.effects import find_site
from replaykit.determinism.patches import Patch
from replaykit.determinism.schedule import bypass, here, running_loop


def timer_patches(loop_class: type) -> list[Patch]:
    """Of a loop class: its timers."""
    patches = [Patch(loop_class, "call_at", _wrap_call_at, ("when", "callback", "context"))]
    if not issubclass(loop_class, asyncio.BaseEventLoop):  # whose `call_later` is built on `call_at`
        patches.append(Patch(loop_class, "call_later", _wrap_call_later, ("delay", "callback", "context")))
    return patches


def asyncio_patches() -> list[Patch]:
    """Of the standard library: timers, and what makes a thread wait for a while."""
    return [
        *timer_patches(asyncio.BaseEventLoop),
        Patch(time, "sleep", _wrap_sleep),
        Patch(threading.Condition, "wait", _wrap_wait, ("timeout",)),
        Patch(threading.Thread, "join", _wrap_join, ("timeout",)),
    ]


def clock_patches() -> list[Patch]:
    """Of the standard library: what tells the time that waiting is measured by. `perf_counter` stays real."""
    return [
        Patch(time, "monotonic", _wrap_monotonic),
        Patch(time, "monotonic_ns", _wrap_monotonic_ns),
        Patch(threading, "_time", _wrap_monotonic),
        Patch(queue, "time", _wrap_monotonic),
        *loop_clock_patches(asyncio.BaseEventLoop),
    ]


def loop_clock_patches(loop_class: type) -> list[Patch]:
    """Of a loop class: its time."""
    return [Patch(loop_class, "time", _wrap_loop_time)]


def _wrap_call_at(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call_at(self: Any, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        found = here()
        if found is None:
            return original(self, when, callback, *args, context=context)
        schedule, node = found
        with bypass():

            def make(wrapped: Any) -> Any:
                return original(self, when, wrapped, *args, context=context)

            return schedule.make_timer(self, node, when, callback, args, context, make)

    return call_at


def _wrap_call_later(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call_later(self: Any, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        found = here()
        if found is None:
            return original(self, delay, callback, *args, context=context)
        schedule, node = found
        when = self.time() + delay
        with bypass():

            def make(wrapped: Any) -> Any:
                return original(self, delay, wrapped, *args, context=context)

            return schedule.make_timer(self, node, when, callback, args, context, make)

    return call_later


def _wrap_sleep(original: Callable[[float], None]) -> Callable[[float], None]:
    @functools.wraps(original)
    def sleep(seconds: float, /) -> None:
        found = here()
        if found is None or not isinstance(seconds, int | float) or not 0 < seconds <= threading.TIMEOUT_MAX:
            original(seconds)
        else:
            schedule, node = found
            schedule.sleep(node, seconds, original)

    return sleep


def _wrap_wait(original: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(original)
    def wait(self: threading.Condition, timeout: float | None = None) -> bool:
        found = here()
        if found is None:
            return original(self, timeout)
        schedule, node = found
        return schedule.wait(node, self, timeout, original)

    return wait


def _wrap_join(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def join(self: threading.Thread, timeout: float | None = None) -> None:
        found = here() if self.is_alive() and self is not threading.current_thread() else None
        if found is None:
            original(self, timeout)
        else:
            schedule, node = found
            schedule.join(node, self, timeout, original)

    return join


MONOTONIC, LOOP = "monotonic", "loop.time"

# They measure their own waiting with it: that comes and ends as recorded, whatever they read.
_MACHINERY = frozenset(
    "aiohttp anyio asyncio concurrent httpcore httpcore2 queue sched threading urllib3 uvloop".split()  # noqa: SIM905
)


def _tick_ns(name: str, read: Callable[[], int], frame: FrameType) -> int | None:
    """What `frame` gets to read; None: the real thing, which has been noted if that is wanted."""
    found = here()
    if found is None:
        return None
    clock: Clock | None = getattr(found[0], "clock", None)
    is_machinery = str(frame.f_globals.get("__name__")).partition(".")[0] in _MACHINERY
    site = find_site(frame) if not is_machinery else None
    if clock is None:
        if site is not None:
            site.source.tick_ns(site.node, name, site.reader.origin, read())
        return None
    now_ns = clock.monotonic_ns()
    return now_ns if site is None else site.source.tick_ns(site.node, name, site.reader.origin, now_ns)


def _wrap_monotonic(original: Callable[[], float]) -> Callable[[], float]:
    @functools.wraps(original)
    def monotonic() -> float:
        real = original()
        now_ns = _tick_ns(MONOTONIC, lambda: int(real * 1e9), sys._getframe(1))
        return real if now_ns is None else now_ns / 1e9

    return monotonic


def _wrap_monotonic_ns(original: Callable[[], int]) -> Callable[[], int]:
    @functools.wraps(original)
    def monotonic_ns() -> int:
        real = original()
        now_ns = _tick_ns(MONOTONIC, lambda: real, sys._getframe(1))
        return real if now_ns is None else now_ns

    return monotonic_ns


_RUN_ONCE: CodeType = asyncio.BaseEventLoop._run_once.__code__  # type: ignore[attr-defined]  # a private name


def _wrap_loop_time(original: Callable[[Any], float]) -> Callable[[Any], float]:
    @functools.wraps(original)
    def loop_time(self: Any) -> float:
        frame = sys._getframe(1)
        with bypass():
            real = original(self)
        # The loop's own timers are real, for other code may share it; and another loop's time is its own affair.
        if frame.f_code is _RUN_ONCE or running_loop() not in (self, None):
            return real
        now_ns = _tick_ns(LOOP, lambda: int(real * 1e9), frame)
        return real if now_ns is None else now_ns / 1e9

    return loop_time
