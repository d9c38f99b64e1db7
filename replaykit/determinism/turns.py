"""Where an event falls among what follows from earlier ones, made countable.

A loop runs its ready queue first in, first out. So the order of everything that follows from one event is fixed, and so
is its order to what follows from another one, from the moment at which both have happened. Each event therefore leaves
a marker that goes round in the queue. The place of a later event is named by the first tick that comes after it: of
which event's marker, and which of its ticks. Where nothing is left that follows from earlier events, markers end: an
event that comes then stands by itself.
"""

from __future__ import annotations

import contextvars
from typing import Any, Protocol

MAX_TICKS = 64
"""What follows from an event for longer is not kept apart from later events; a loop that is busy with other work, or
does not tell whether it is (uvloop), must not be kept awake."""

MAX_MARKERS = 128
"""As many chains of consequences are told apart. On loops that show what is ready there are no more markers than that:
of two with nothing between them one is enough."""

_nowhere = contextvars.Context()


class Noted(Protocol):
    """An event of a recording. `depth`: how many functions it is inside of that a replay may serve whole."""

    depth: int

    def settle(self, before: Any, tick: int) -> None:
        """Its place is known: just before that tick of the marker of `before`; None: it stands by itself."""


def call_soon(loop: Any, callback: Any, *args: Any) -> None:
    """Run `callback` in the loop's next round, in a context of its own."""
    loop.call_soon(callback, *args, context=_nowhere.copy())


def next_call(loop: Any, callback: Any) -> tuple[Any, ...] | None:
    """The arguments of `callback`, if it is what runs next; None on a loop that does not tell."""
    ready = getattr(loop, "_ready", None)
    if not ready or getattr(ready[0], "_callback", None) != callback:
        return None
    arguments: tuple[Any, ...] = ready[0]._args
    return arguments


def shows_ready(loop: Any) -> bool:
    """True if a loop tells what it has ready to run."""
    return hasattr(loop, "_ready")


def is_idle(loop: Any, own: int) -> bool:
    """True if nothing but `own` callbacks is ready to run; never true on a loop that does not tell."""
    ready = getattr(loop, "_ready", None)
    return ready is not None and len(ready) <= own


class _Marker:
    __slots__ = ("event", "is_over", "ticks")

    def __init__(self, event: Noted) -> None:
        self.event = event
        self.ticks = 0
        self.is_over = False


class Turns:
    """The markers of one loop, while a run is recorded on it."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._markers: list[_Marker] = []
        self._unsettled: list[Noted] = []
        self._queued = 0

    def note(self, event: Noted) -> None:
        """Note an event that happens now."""
        if self._markers:
            self._unsettled.append(event)
            if len(self._markers) == MAX_MARKERS:
                self._markers.pop(0).is_over = True
        else:
            event.settle(None, 0)
        marker = _Marker(event)
        self._markers.append(marker)
        self._send_round(marker)

    def _send_round(self, marker: _Marker) -> None:
        self._queued += 1
        call_soon(self._loop, self._tick, marker)

    def _tick(self, marker: _Marker) -> None:
        self._queued -= 1
        if marker.is_over:
            return
        marker.ticks += 1
        if self._unsettled:
            self._settle(marker)
        if is_idle(self._loop, self._queued):
            self._end()
        elif marker.ticks >= MAX_TICKS or self._is_doubled(marker):
            marker.is_over = True
            self._markers.remove(marker)
        else:
            self._send_round(marker)

    def _is_doubled(self, marker: _Marker) -> bool:
        """True if another marker comes right after it, now and ever after, that can be named wherever this one can."""
        found = next_call(self._loop, self._tick)
        return found is not None and not found[0].is_over and found[0].event.depth <= marker.event.depth

    def _settle(self, marker: _Marker) -> None:
        left = []
        for event in self._unsettled:
            if event is marker.event:
                event.settle(None, 0)
            elif marker.event.depth <= event.depth:
                event.settle(marker.event, marker.ticks)
            else:
                left.append(event)
        self._unsettled = left

    def _end(self) -> None:
        for marker in self._markers:
            marker.is_over = True
        for event in self._unsettled:
            event.settle(None, 0)
        self._markers, self._unsettled = [], []
