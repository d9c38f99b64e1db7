"""What reaches the code of a run from outside, and in which order: completions, timers, results of threads.

An event is named by its subject: what it completes, in terms that are the same in every execution. While recording,
`ScheduleLog` notes each event as it happens. In a replay, a `Conductor` lets them happen in that order.
"""

from __future__ import annotations

import asyncio
import functools
import re
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from replaykit.determinism.crossing import is_inside_transport
from replaykit.determinism.nodes import Node
from replaykit.determinism.strands import current_strand
from replaykit.determinism.turns import Turns

CALL: Final = "c"
TIMER: Final = "t"
THREAD: Final = "j"
SLEEP: Final = "s"
WAIT: Final = "w"
DONE: Final = "d"

Subject = tuple[str, str, int]
"""Kind; for a call its id, else the lineage; for a call the step (see `Gate`), else an ordinal."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event.

    Attributes:
        back: It comes just before a tick of the marker of the event that stands so many places before it; 0 where it
            stands by itself. See `turns`.
        tick: Which tick that is; from 1.
        time_ns: Since the run began.
    """

    subject: Subject
    back: int
    tick: int
    time_ns: int


class _Noted:
    """One event while its place is not known yet."""

    __slots__ = ("_before", "_tick", "depth", "is_settled", "number", "subject", "time_ns")

    def __init__(self, number: int, subject: Subject, depth: int, time_ns: int) -> None:
        self.number, self.subject, self.depth, self.time_ns = number, subject, depth, time_ns
        self._before: int | None = None
        self._tick = 0
        self.is_settled = False

    def settle(self, before: _Noted | None, tick: int) -> None:
        self._before, self._tick = before.number if before is not None else None, tick
        self.is_settled = True

    def happened(self) -> Happened:
        back = 0 if self._before is None else self.number - self._before
        # The marker of a later event may be the one that ticks first after this one.
        return Happened(self.subject, back, self._tick if back else 0, self.time_ns)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events since the last batch.

    Attributes:
        made: How many timers and timed waits places have begun, where that changed; and the calls whose close was begun
            and cut off.
        loops: What the event loops are: `asyncio`, `uvloop`.
    """

    events: tuple[Happened, ...]
    made: dict[tuple[str, str], int]
    loops: tuple[str, ...]


def kind_of(loop: Any) -> str:
    """The library that a loop comes from."""
    return "asyncio" if isinstance(loop, asyncio.BaseEventLoop) else type(loop).__module__.partition(".")[0]


class Schedule(Protocol):
    """What the hooks on timers, sleeps and threads ask."""

    def make_timer(
        self, loop: Any, node: Node, when: float, callback: Any, args: tuple[Any, ...], context: Any, call_at: Any
    ) -> Any: ...

    def sleep(self, node: Node, seconds: float, sleep: Callable[[float], None]) -> None: ...

    def wait(self, node: Node, condition: Any, timeout: float | None, wait: Callable[..., bool]) -> bool: ...

    def join(self, node: Node, thread: Any, timeout: float | None, join: Callable[..., None]) -> None: ...

    def call_from_thread(self, loop: Any, node: Node, callback: Any, args: tuple[Any, ...], make: Any) -> Any: ...

    def thread_started(self, thread: threading.Thread) -> None: ...

    def job_submitted(self, job: Any) -> None: ...

    def job_returns(self, node: Node) -> None: ...

    def job_ended(self, job: Any) -> None: ...


def of_run(run: object) -> Schedule | None:
    """The schedule of a session; None where it has none, or is over."""
    return getattr(run, "schedule", None)


_bypass = threading.local()


class bypass:
    """Within it, hooks of this thread do as if there was no run."""

    def __enter__(self) -> None:
        _bypass.depth = getattr(_bypass, "depth", 0) + 1

    def __exit__(self, *_: object) -> None:
        _bypass.depth -= 1


def is_bypassed() -> bool:
    """True within `bypass`."""
    return bool(getattr(_bypass, "depth", 0))


def here() -> tuple[Schedule, Node] | None:
    """The schedule that the code which runs now is subject to, and where in its run it is."""
    if is_bypassed():
        return None
    strand = current_strand()
    if strand is None or is_inside_transport():
        return None
    schedule = of_run(strand.node.run)
    return None if schedule is None else (schedule, strand.node)


def running_loop() -> Any:
    """The loop that runs in this thread, or None."""
    return asyncio._get_running_loop()


def ordinal(node: Node, kind: str) -> int:
    return node.ordinal(f"!{kind}")


_FUNCTION = re.compile(r"(?:^|/)(?:tool|retrieval|human):")


def depth_of(path: str) -> int:
    """Inside how many functions a place is that a replay may serve whole."""
    return len(_FUNCTION.findall(path)) if ":" in path else 0


class ScheduleLog:
    """The side of a recording. Whatever it is told takes microseconds, and nothing waits for it.

    Args:
        failed: Told that an event could not be noted, on a loop of a kind that nobody knows.
    """

    def __init__(self, now_ns: Callable[[], int], failed: Callable[[], None] = lambda: None) -> None:
        self._now_ns = now_ns
        self._failed = failed
        self._events: list[_Noted] = []
        self._count = 0
        self._made: dict[tuple[str, str], int] = {}
        self._lock = threading.RLock()  # re-entrant: a signal handler or a finalizer may come in at any moment
        self._turns: weakref.WeakKeyDictionary[Any, Turns] = weakref.WeakKeyDictionary()

    def happened(self, subject: Subject, depth: int) -> None:
        """Note an event of the code that runs now, inside so many functions that a replay may serve whole."""
        try:
            self._note(subject, depth)
        except Exception:  # the agent goes on here: it must not fail for our sake
            self._failed()

    def stopped_closing(self, call: str) -> None:
        """The close of an answer was begun, and does not come to its end."""
        self._made[CALL, call] = 1

    def _note(self, subject: Subject, depth: int) -> None:
        loop = running_loop()
        with self._lock:
            event = _Noted(self._count, subject, depth, self._now_ns())
            self._count += 1
            self._events.append(event)
        if loop is None:
            event.settle(None, 0)
        else:
            self._turns_of(loop).note(event)

    def take(self, *, is_end: bool = False) -> Batch | None:
        """What has happened since this was last asked, as far as its place is known; None if nothing has."""
        if not self._events and not (is_end and self._made):
            return None
        with self._lock:
            waiting = (index for index, event in enumerate(self._events) if not event.is_settled)
            count = len(self._events) if is_end else next(waiting, len(self._events))
            events, self._events = self._events[:count], self._events[count:]
            if not events and not is_end:
                return None
            made, self._made = self._made, {}
        # `keyrefs` is a list: safe while another thread begins with a loop of its own.
        known = (ref() for ref in self._turns.keyrefs())
        loops = tuple(sorted({kind_of(loop) for loop in known if loop is not None}))
        return Batch(tuple(event.happened() for event in events), made, loops)

    def _turns_of(self, loop: Any) -> Turns:
        turns = self._turns.get(loop)
        if turns is None:
            turns = self._turns[loop] = Turns(loop)
        return turns

    def _begun(self, kind: str, node: Node) -> Subject:
        number = ordinal(node, kind)
        self._made[kind, node.path] = number + 1
        return (kind, node.path, number)

    def make_timer(
        self, loop: Any, node: Node, when: float, callback: Any, args: tuple[Any, ...], context: Any, call_at: Any
    ) -> Any:
        return call_at(functools.partial(self._fire, self._begun(TIMER, node), depth_of(node.path), callback))

    def _fire(self, subject: Subject, depth: int, callback: Any, *args: Any) -> None:
        self.happened(subject, depth)
        callback(*args)

    def sleep(self, node: Node, seconds: float, sleep: Callable[[float], None]) -> None:
        if running_loop() is not None:  # it holds everybody up: no other event can come first
            sleep(seconds)
            return
        subject = self._begun(SLEEP, node)
        sleep(seconds)
        self.happened(subject, depth_of(node.path))

    def wait(self, node: Node, condition: Any, timeout: float | None, wait: Callable[..., bool]) -> bool:
        if timeout is None or timeout <= 0:
            return wait(condition, timeout)
        subject = self._begun(WAIT, node)
        is_notified = wait(condition, timeout)
        if not is_notified:
            self.happened(subject, depth_of(node.path))
        return is_notified

    def join(self, node: Node, thread: Any, timeout: float | None, join: Callable[..., None]) -> None:
        if timeout is None or timeout <= 0:
            join(thread, timeout)
            return
        subject = self._begun(WAIT, node)
        join(thread, timeout)
        if thread.is_alive():
            self.happened(subject, depth_of(node.path))

    def call_from_thread(self, loop: Any, node: Node, callback: Any, args: tuple[Any, ...], make: Any) -> Any:
        return make(functools.partial(self._fire, self._begun(THREAD, node), depth_of(node.path), callback))

    def thread_started(self, thread: threading.Thread) -> None:
        return None

    def job_submitted(self, job: Any) -> None:
        return None

    def job_returns(self, node: Node) -> None:
        self.happened((DONE, node.path, ordinal(node, DONE)), depth_of(node.path))

    def job_ended(self, job: Any) -> None:
        return None
