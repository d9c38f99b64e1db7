"""Somebody who waits for an event of a replay, and where a thread does."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from replaykit.determinism.schedule import Subject
from replaykit.determinism.sides import POLL_S, Side


class Lead(Protocol):
    """The conductor, as a thread that waits sees it."""

    @property
    def lock(self) -> AbstractContextManager[Any]: ...

    def park(self, actor: object) -> None: ...

    def unpark(self, actor: object) -> None: ...

    def resume(self, actor: object) -> None: ...

    def poll(self) -> None: ...


class Waiting:
    """Somebody who waits for an event.

    Args:
        go: Lets it happen; False if nobody waits for it any more.
        is_last: It comes only where nothing else can.
        is_dead: Tells whether nobody waits for it any more.

    Attributes:
        actor: Who runs on when it comes.
        side: The loop on which it comes; None in a thread.
    """

    __slots__ = ("actor", "due_ns", "go", "is_dead", "is_last", "real_due_ns", "side", "subject")

    def __init__(
        self,
        subject: Subject,
        go: Callable[[], bool],
        actor: object,
        side: Side | None,
        due_ns: int,
        *,
        is_last: bool = False,
        is_dead: Callable[[], bool] = lambda: False,
    ) -> None:
        self.subject, self.actor, self.side, self.due_ns, self.is_last = subject, actor, side, due_ns, is_last
        self.go, self.is_dead = go, is_dead
        self.real_due_ns = 0


class Gate:
    """Where one thread is parked. Stands in for the lock that `threading.Condition` gives to each of its waiters."""

    __slots__ = ("_lead", "_lock", "actor", "is_notified", "on_notified", "times_out")

    def __init__(self, lead: Lead, actor: object) -> None:
        self._lead, self.actor = lead, actor
        self._lock = _thread.allocate_lock()
        self._lock.acquire()
        self.is_notified = False
        self.times_out = False
        self.on_notified: Callable[[], object] | None = None

    def open(self) -> bool:
        """The event has come."""
        if not self._lock.locked():
            return False
        self._lock.release()
        return True

    def is_open(self) -> bool:
        return not self._lock.locked()

    def release(self) -> None:
        """Somebody notifies the condition."""
        with self._lead.lock:
            if self.times_out or not self._lock.locked():
                raise RuntimeError("nobody waits here any more")  # `notify` goes on to the next one
            self.is_notified = True
            if self.on_notified is not None:
                self.on_notified()
            self._lead.unpark(self.actor)
            self._lock.release()

    def wait(self) -> None:
        self._lead.park(self.actor)
        try:
            while not self._lock.acquire(timeout=POLL_S):
                self._lead.poll()
        finally:
            self._lead.resume(self.actor)
