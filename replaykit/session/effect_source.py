"""The clock and the dice of a replay: what was recorded, in order, and something made up where nothing was."""

from __future__ import annotations

import hmac
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from replaykit.determinism.clock import Clock
from replaykit.determinism.effects import Shape
from replaykit.determinism.lineage import Node
from replaykit.packet import Packet
from replaykit.session.effect_log import WALL
from replaykit.session.positions import is_disabled, join

MAX_NAMED = 50
"""Derived reads that a report names."""

MAX_HELD = 1_000
"""Times that are made up in one lineage and kept before the next recorded one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK_BYTES = 32


class _Stream:
    """What one reader in one lineage gets of one source."""

    __slots__ = ("asked", "values")

    def __init__(self) -> None:
        self.values: dict[int, Any] = {}
        self.asked = 0

    def next(self) -> tuple[int, Any]:
        """The number of this read, and what was recorded of it; None for nothing."""
        ordinal = self.asked
        self.asked += 1
        return ordinal, self.values.pop(ordinal, None)


class _Place:
    """The streams of one lineage."""

    __slots__ = ("lineage", "made_up_times", "streams", "ticked_ns")

    def __init__(self, lineage: str) -> None:
        self.lineage = lineage
        self.streams: dict[tuple[str, str], _Stream] = {}
        self.made_up_times = 0
        self.ticked_ns = 0  # the latest reading of a clock that waiting is measured by

    def stream(self, source: str, origin: str) -> _Stream:
        return self.streams.get((source, origin)) or self.streams.setdefault((source, origin), _Stream())

    def upcoming_ns(self) -> int | None:
        """The earliest recorded time that its readers are going to get next."""
        streams = (stream for (source, _), stream in self.streams.items() if source == WALL)
        times = [stream.values[stream.asked] for stream in streams if stream.asked in stream.values]
        return min(times, default=None)


class EffectSource:
    """Answers the reads of one replay.

    Args:
        name_of: Gives a path in the form in which the recording has its own.
        clock: The one of the replay.
    """

    def __init__(self, packet: Packet, name_of: Callable[[str], str], clock: Clock) -> None:
        self._key = packet.run.run_id.encode("utf-8", "surrogatepass")
        self._name_of = name_of
        self._started_ns = _started_ns(packet)
        self._clock = clock
        self._lock = threading.RLock()  # as in the recorder's log
        self._recorded: dict[str, _Place] = {}
        self._places: dict[str, _Place] = {}
        self._ahead_ns = 0  # of the recorded times before those that are made up
        self._derived: Counter[str] = Counter()
        self.derived: list[str] = []
        self._facts: set[str] = set()
        self._lines = packet.effects
        self._read(packet)

    def _read(self, packet: Packet) -> None:
        for line in self._lines:
            place = self._recorded.setdefault(line.lineage, _Place(line.lineage))
            stream = place.stream(line.source, line.origin)
            stream.values.update(enumerate(line.values, line.first))

    # what the hooks ask

    def value(
        self, node: Node, name: str, origin: str, shape: Shape, real: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        """The recorded value; where there is none that fits, one that is the same in each replay."""
        if is_disabled(node):
            return real(*args)
        place = self._place(node)
        with self._lock:
            ordinal, stored = place.stream(name, origin).next()
        # A generator that the program has seeded goes on by itself where the recording ends: it must be there by then.
        own = real(*args) if shape.derive is None else None
        if stored is not None:
            try:
                return shape.load(stored, *args)
            except (ValueError, TypeError):
                pass  # the read is another one than was recorded
        if shape.derive is None:
            return own
        position = self._note(place, name, origin, ordinal)
        return shape.derive(lambda size: self._draw(position, origin, size), *args)

    def wall_ns(self, node: Node, origin: str, real: Callable[[], int]) -> int:
        """The recorded time; where there is none, one between those around it."""
        if is_disabled(node):
            return real()
        place, now = self._place(node), self._started_ns + self._clock.read_ns()
        with self._lock:
            ordinal, stored = place.stream(WALL, origin).next()
            if isinstance(stored, int):
                self._ahead_ns = max(self._ahead_ns, stored - now)
                return stored
            self._note(place, WALL, origin, ordinal)
            now += self._ahead_ns  # after all that was read so far
            # And before what will be read here, by the recording; but who waits for a time must not wait for ever.
            upcoming = place.upcoming_ns() if place.made_up_times < MAX_HELD else None
            place.made_up_times += 1
            return now if upcoming is None else min(now, upcoming)

    def tick_ns(self, node: Node, name: str, origin: str, now_ns: int) -> int:
        """The recorded reading, which is then the time of the replay; where there is none, that time."""
        if is_disabled(node):
            return now_ns
        place = self._place(node)
        with self._lock:
            ordinal, stored = place.stream(name, origin).next()
            if isinstance(stored, int):
                self._clock.advance_to(stored)
                now_ns = self._clock.reading_ns(stored)
            else:
                self._note(place, name, origin, ordinal)
            place.ticked_ns = max(place.ticked_ns, now_ns)
            return place.ticked_ns

    def once(self, name: str) -> Any:
        """A fact about the whole process that was recorded before the run began; None: it was not."""
        self._facts.add(name)
        place = self._recorded.get("")
        return place.stream(name, "").next()[1] if place is not None else None

    def unrecorded(self, lineage: str | None, before_seq: float) -> tuple[str, ...]:
        """Sources that the program's own code has read by now, there or above, more often than the recording has it.

        Args:
            lineage: None for anywhere.
            before_seq: Number of the first recorded event that comes later.
        """
        recorded: dict[tuple[str, str], int] = {}
        for line in self._lines:
            if line.seq < before_seq and not line.origin:
                recorded[line.lineage, line.source] = line.first + len(line.values)
        with self._lock:
            return tuple(
                source
                for place in self._places.values()
                if lineage is None or place.lineage in ("", lineage) or lineage.startswith(f"{place.lineage}/")
                for (source, origin), stream in place.streams.items()
                if not origin and source not in self._facts and stream.asked > recorded.get((place.lineage, source), 0)
            )

    # what was not recorded

    def _place(self, node: Node) -> _Place:
        place = self._places.get(node.path)
        if place is None:
            name = self._name_of(node.path)  # which has a lock of its own: never inside ours
            with self._lock:
                place = self._places[node.path] = self._recorded.setdefault(name, _Place(name))
        return place

    def _note(self, place: _Place, name: str, origin: str, ordinal: int) -> str:
        """Remembers a read that has no record, by its position."""
        position = join(place.lineage, f"effect:{name}[{ordinal}]")
        with self._lock:
            self._derived[origin] += 1
            if not origin and len(self.derived) < MAX_NAMED:
                self.derived.append(position)
        return position

    def _draw(self, position: str, origin: str, size: int) -> bytes:
        label = f"{origin}\n{position}\n".encode("utf-8", "surrogatepass")
        blocks = range(-(-size // _BLOCK_BYTES))
        return b"".join(hmac.digest(self._key, label + str(n).encode(), "sha256") for n in blocks)[:size]

    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know."""
        own, libraries = self._derived[""], sorted(name for name in self._derived if name)
        notes = []
        if own:
            shown = ", ".join(self.derived[:3]) + (", …" if own > 3 else "")
            notes.append(f"{_reads(own)} not recorded and got {_made_up(own)}: {shown}")
        if libraries:
            count = self._derived.total() - own
            notes.append(f"{_reads(count)} not recorded and got {_made_up(count)}, in {', '.join(libraries)}")
        return tuple(notes)


class GoneOn:
    """Answers the reads of the wall clock where none were recorded: it goes on from the start of the recorded run."""

    def __init__(self, packet: Packet, clock: Clock) -> None:
        self._started_ns = _started_ns(packet)
        self._clock = clock

    def value(
        self, node: Node, name: str, origin: str, shape: Shape, real: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        return real(*args)

    def wall_ns(self, node: Node, origin: str, real: Callable[[], int]) -> int:
        return real() if is_disabled(node) else self._started_ns + self._clock.read_ns()

    def tick_ns(self, node: Node, name: str, origin: str, now_ns: int) -> int:
        return now_ns


def _reads(count: int) -> str:
    return "1 read of the clock or of chance was" if count == 1 else f"{count} reads of the clock or of chance were"


def _made_up(count: int) -> str:
    return "a made-up value, the same in each replay" if count == 1 else "made-up values, the same in each replay"


def _started_ns(packet: Packet) -> int:
    try:
        started = datetime.fromisoformat(packet.run.started_at)
    except ValueError:
        return time.time_ns()
    return (started - _EPOCH) // timedelta(microseconds=1) * 1000
