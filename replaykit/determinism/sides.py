"""One event loop in a replay: it is parked when it has nothing ready."""

from __future__ import annotations

from typing import Any, Protocol

from replaykit.determinism.schedule import Subject, bypass
from replaykit.determinism.turns import call_soon, is_idle, shows_ready

POLL_S = 0.005
"""How often somebody who is parked looks whether another thread has ended or is stuck."""

QUIET_ROUNDS = 400
"""After as many rounds without an event, a loop that does not tell whether it is idle (uvloop) is taken to be. One that
does not come to rest is so when the next event is overdue: it may be waiting by looking again and again."""


class Lead(Protocol):
    """The conductor, as a loop sees it."""

    def park(self, actor: object) -> None: ...

    def poll(self) -> None: ...

    def is_overdue(self) -> bool:
        """True if the next event has taken longer than in the recording, by far."""

    def last_tick(self, subject: Subject) -> int:
        """How long the marker of an event is needed: see `turns`."""

    def follow(self, subject: Subject, tick: int, actor: object) -> bool:
        """Lets those events happen that come just before that tick; False if one of them is not there yet.

        Args:
            actor: Waits here until nobody else runs, if that is what it takes; None: does not wait.
        """


class Side:
    """A loop, watched.

    Attributes:
        actor: The thread or job that runs it.
    """

    def __init__(self, lead: Lead, loop: Any, actor: object) -> None:
        self._lead = lead
        self.loop = loop
        self.actor = actor
        self._rounds = 0
        self._epoch = 0
        self._markers: dict[Subject, tuple[int, int]] = {}
        self._lacks_event = False
        self._queued = 0
        self._is_watching = False
        self._is_polling = False

    def watch(self) -> None:
        """Look out for the loop to be idle. In the loop's own thread."""
        self._rounds = 0
        if not self._is_watching:
            self._is_watching = True
            self._send_round(self._look)

    def arrived(self) -> None:
        """Somebody waits for an event: perhaps the one that markers stand still for."""
        if self._lacks_event:
            subject, (tick, last) = next(iter(self._markers.items()))
            if self._lead.follow(subject, tick, self.actor):
                self._lacks_event = False
                del self._markers[subject]
                for other, (its_next, its_last) in self._markers.items():
                    self._send_round(self._tick, self._epoch, other, its_next, its_last)
                self._mark_next(subject, tick + 1, last)
        self.watch()

    def resumed(self, subject: Subject) -> None:
        """An event has reached its task or callback, which goes on after this."""
        last = self._lead.last_tick(subject)
        if last:
            self._mark(subject, 1, last)
        self.watch()

    def go_on_at(self, place: tuple[Subject, int] | None) -> bool:
        """Let all markers go on as if that tick had come, where there are markers still and this is one of theirs.

        What is served takes fewer rounds than what happened for real: the loop may have had nothing to do for some.
        """
        markers, self._markers = self._markers, {}
        self._lacks_event = False
        if place is None or place[0] not in markers:
            return False
        skipped = place[1] - markers[place[0]][0]
        if skipped < 0:
            return False
        for subject, (tick, last) in markers.items():
            self._mark(subject, tick + skipped, last, waits=False)
        return True

    def _mark(self, subject: Subject, tick: int, last: int, *, waits: bool = True) -> None:
        self._markers.pop(subject, None)
        if self._lead.follow(subject, tick, self.actor if waits else None):
            self._mark_next(subject, tick + 1, last)
        elif waits:
            self._stand_still()
            self._markers = {subject: (tick, last), **self._markers}
            self._lacks_event = True
        else:
            self._mark_next(subject, tick, last)

    def _mark_next(self, subject: Subject, tick: int, last: int) -> None:
        if tick <= last:
            self._markers[subject] = (tick, last)
            self._send_round(self._tick, self._epoch, subject, tick, last)

    def _stand_still(self) -> None:
        """Markers wait for an event that comes at one of their ticks."""
        self._epoch += 1

    def _tick(self, epoch: int, subject: Subject, tick: int, last: int) -> None:
        self._queued -= 1
        if epoch == self._epoch:
            self._mark(subject, tick, last)

    def _send_round(self, callback: Any, *args: Any) -> None:
        self._queued += 1
        call_soon(self.loop, callback, *args)

    def _look(self) -> None:
        self._queued -= 1
        self._rounds += 1
        if not self._is_idle():
            self._send_round(self._look)
            return
        self._is_watching = False
        self._stand_still()
        self._lead.park(self.actor)
        self._poll_later()

    def _is_idle(self) -> bool:
        if is_idle(self.loop, self._queued):
            return True
        return self._rounds >= QUIET_ROUNDS and (not shows_ready(self.loop) or self._lead.is_overdue())

    def _poll_later(self) -> None:
        if not self._is_polling:
            self._is_polling = True
            with bypass():
                self.loop.call_later(POLL_S, self._poll)

    def _poll(self) -> None:
        self._is_polling = False
        self._lead.poll()
        self.watch()  # something that nobody saw may have woken the loop: it parks again when that is over
