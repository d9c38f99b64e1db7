"""The threads and jobs of a replayed run: which of them run now?"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Protocol

from replaykit.determinism import strands

STUCK_S = 0.05
"""Threads that have run for as long without using the processor, and without an event, wait where nobody sees it."""

STUCK_LOOKS = 10
"""As often they must have been found so: between two looks everybody gets a turn, also on a machine that is busy."""


class Job(Protocol):
    """A function that is handed to a worker thread.

    Attributes:
        native_id: The system's number of the thread; None until it is started.
        pool: Whose threads it waits for; None where that is not known.
    """

    native_id: int | None
    pool: Any


def this_actor() -> object:
    """The job that runs on this thread, else the thread."""
    job = strands.local.job
    return job if job is not None else threading.current_thread()


class Actors:
    """Not safe by itself: its owner holds a lock."""

    def __init__(self) -> None:
        self._running: dict[object, None] = {}
        self._jobs: dict[Job, None] = {}  # that have been submitted and are not over
        self._stuck: frozenset[object] = frozenset()
        self._seen: dict[object, str] = {}
        self._since = 0.0
        self._looks = 0

    def run(self, actor: object) -> None:
        if actor is not None:
            self._running[actor] = None
            self._stuck, self._seen = frozenset(), {}

    def park(self, actor: object) -> None:
        self._running.pop(actor, None)
        self._stuck, self._seen = frozenset(), {}

    def submit(self, job: Job) -> None:
        """That job runs as soon as a thread takes it."""
        self._jobs[job] = None
        self.run(job)

    def end(self, job: Job) -> None:
        self._jobs.pop(job, None)

    def is_any_running(self, besides: object = None) -> bool:
        return any(
            actor is not besides and actor not in self._stuck and not self._is_queued(actor) for actor in self._running
        )

    def _is_queued(self, actor: Any) -> bool:
        """True for a job that no thread can take before another job is over."""
        if actor not in self._jobs or actor.native_id is not None or actor.pool is None:
            return False
        taken = sum(job.native_id is not None and job.pool is actor.pool for job in self._jobs)
        return taken >= getattr(actor.pool, "_max_workers", taken + 1)

    def prune(self) -> None:
        """Forget threads that have ended, and find those that are stuck."""
        for actor in tuple(self._running):
            if isinstance(actor, threading.Thread) and actor.ident is not None and not actor.is_alive():
                del self._running[actor]
        states = {actor: _state_of(actor) for actor in self._running}
        now = time.perf_counter()
        if states != self._seen or _RUNNABLE in states.values():
            self._seen, self._since, self._looks = states, now, 0
            return
        self._looks += 1
        if self._looks >= STUCK_LOOKS and now - self._since >= STUCK_S:
            self._stuck = frozenset(states)


_RUNNABLE = "R"


def _state_of(actor: Any) -> str:
    """`R` while the actor's thread could run; else how much it has run, as the system writes it; "" if unknown."""
    native_id = getattr(actor, "native_id", None)
    if native_id is None:
        return ""
    task = Path(f"/proc/self/task/{native_id}")
    try:
        state = (task / "stat").read_text().rpartition(") ")[2][:1]
        return state if state == _RUNNABLE else (task / "schedstat").read_text()
    except OSError:  # no such system, or it has just ended
        return ""
