"""The threads and jobs of a replayed run: which of them run now?"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from replaykit.determinism import strands

STUCK_S = 0.02
"""Threads that have run for as long without using the processor, and without an event, wait where nobody sees it."""


def this_actor() -> object:
    """The job that runs on this thread, else the thread."""
    job = strands.local.job
    return job if job is not None else threading.current_thread()


class Actors:
    """Not safe by itself: its owner holds a lock."""

    def __init__(self) -> None:
        self._running: dict[object, None] = {}
        self._stuck: frozenset[object] = frozenset()
        self._seen: tuple[dict[object, str], float] = ({}, 0.0)

    def run(self, actor: object) -> None:
        if actor is not None:
            self._running[actor] = None
            self._stuck = frozenset()

    def park(self, actor: object) -> None:
        self._running.pop(actor, None)
        self._stuck = frozenset()

    def is_any_running(self) -> bool:
        return any(actor not in self._stuck for actor in self._running)

    def prune(self) -> None:
        """Forget threads that have ended, and find those that are stuck."""
        for actor in tuple(self._running):
            if isinstance(actor, threading.Thread) and not actor.is_alive():
                del self._running[actor]
        used = {actor: _used_ns(actor) for actor in self._running}
        before, since = self._seen
        now = time.perf_counter()
        if used != before:
            self._seen = (used, now)
        elif now - since >= STUCK_S:
            self._stuck = frozenset(used)


def _used_ns(actor: Any) -> str:
    """Processor time that the actor's thread has used, as the system writes it; "" where it does not tell."""
    native_id = getattr(actor, "native_id", None)
    try:
        return Path(f"/proc/self/task/{native_id}/schedstat").read_text().partition(" ")[0] if native_id else ""
    except OSError:  # no such system, or it has just ended
        return ""
