"""Which of the events that could come next comes next."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from replaykit.determinism.schedule import CALL, DONE, THREAD, WAIT, Happened, Subject


class Due(Protocol):
    """An event that could come now.

    Attributes:
        due_ns: When it comes where nothing else decides.
        is_last: It comes only where nothing else can: a recorded time-out that never ran out, a call without an answer.
    """

    @property
    def subject(self) -> Subject: ...
    @property
    def due_ns(self) -> int: ...
    @property
    def is_last(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Next:
    """An event, and the time at which it happens."""

    subject: Subject
    time_ns: int


class Order(Protocol):
    def choose(self, waiting: Container[Subject], other: Due | None) -> Next | None:
        """The next event of these; called when nothing else can go on. None: none may come by itself.

        Args:
            other: Of those for which `has` is false, the first by `urgency`.
        """

    def chose(self, subject: Subject) -> None:
        """What `choose` gave is let happen: nothing that was recorded before it can come any more, but late."""

    def following(self, subject: Subject, tick: int) -> Sequence[Next]:
        """The events still to come that come just before that tick of the marker of that one; see `turns`."""

    def before(self, subject: Subject) -> Next | None:
        """The first event that is still to come before that one."""

    def upcoming_ns(self) -> int | None:
        """When the next event came in the recording; None where it does not say."""

    def is_passed(self, subject: Subject) -> bool:
        """True if that event, or one that was recorded after it, has been chosen."""

    def place(self, subject: Subject) -> tuple[Subject, int] | None:
        """The tick that an event comes just before: of whose marker, and which; None where it stands by itself."""

    def last_tick(self, subject: Subject) -> int:
        """The last tick of its marker that any event comes before; 0 where there is none."""

    def came(self, subject: Subject) -> None:
        """That event has been let happen."""

    def has(self, subject: Subject) -> bool:
        """True if the recording tells when that happens."""

    def delay_ns(self, subject: Subject, recorded_ns: int) -> int:
        """How long an event takes, after what it follows, that took so long in the recording."""


class ByTime:
    """What is due first comes first."""

    def choose(self, waiting: Container[Subject], other: Due | None) -> Next | None:
        return Next(other.subject, other.due_ns) if other is not None else None

    def chose(self, subject: Subject) -> None:
        return None

    def following(self, subject: Subject, tick: int) -> Sequence[Next]:
        return ()

    def before(self, subject: Subject) -> Next | None:
        return None

    def upcoming_ns(self) -> int | None:
        return None

    def is_passed(self, subject: Subject) -> bool:
        return False

    def place(self, subject: Subject) -> tuple[Subject, int] | None:
        return None

    def last_tick(self, subject: Subject) -> int:
        return 0

    def came(self, subject: Subject) -> None:
        return None

    def has(self, subject: Subject) -> bool:
        return False

    def delay_ns(self, subject: Subject, recorded_ns: int) -> int:
        return recorded_ns


FASTEST, SLOWEST = 0.02, 5.0
"""How much of its recorded duration a shuffled answer takes. Far enough apart that what took a hundred times as long
may still come first; no answer is slower than this, so that time-outs with room to spare do not run out."""

JITTER_NS = 100_000
"""So much later a shuffled event may come whatever it took: what took equally long, or no time, is shuffled as well."""


class Shuffled(ByTime):
    """By durations that are drawn anew. A seed is one schedule, the same in every process.

    What an event draws depends on the seed and its subject alone, and not on what came before it. The parts of one
    answer stay in order, and timers run out when the agent says.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._completions = hashlib.blake2b(digest_size=8)

    @property
    def completions(self) -> str:
        """A digest of the order in which answers and jobs were completed so far."""
        return self._completions.hexdigest()

    def came(self, subject: Subject) -> None:
        if subject[0] in (CALL, DONE):
            self._completions.update(repr(subject).encode())

    def delay_ns(self, subject: Subject, recorded_ns: int) -> int:
        kind, name, number = subject
        factor = FASTEST * (SLOWEST / FASTEST) ** self._draw(kind, name)
        return int(recorded_ns * factor + JITTER_NS * self._draw(kind, name, str(number)))

    def _draw(self, *words: str) -> float:
        """Uniform between 0 and 1. Not from `random`, which belongs to the agent."""
        text = "\0".join((str(self._seed), *words))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) / 2**64


class AsRecorded:
    """The recorded order. What the recording does not have comes when it is due.

    Attributes:
        missed: Recorded events that nobody waited for when they should have come.
    """

    def __init__(self, log: Sequence[Happened]) -> None:
        self._log = log
        self._at = {event.subject: index for index, event in enumerate(log)}
        self._followers: dict[tuple[int, int], list[int]] = {}
        self._last: dict[int, int] = {}
        for index, event in enumerate(log):
            if event.back:
                place = (index - event.back, event.tick)
                self._followers.setdefault(place, []).append(index)
                self._last[place[0]] = max(self._last.get(place[0], 0), event.tick)
        self._next = 0
        self._past = 0  # no event before this one is still to come
        self._came: set[int] = set()
        self._gone: list[tuple[str, frozenset[str]]] = []
        self.missed: set[Subject] = set()

    def forget(self, place: str, calls: Iterable[str]) -> None:
        """Nothing at or below that place will happen, nor any of these calls: a result stands for all of it."""
        self._gone.append((place, frozenset(calls)))

    def _is_gone(self, subject: Subject) -> bool:
        kind, name, _ = subject
        if kind == CALL:
            return any(name in calls for _, calls in self._gone)
        return any(name == place or name.startswith(f"{place}/") for place, _ in self._gone)

    def has(self, subject: Subject) -> bool:
        return subject in self._at

    def came(self, subject: Subject) -> None:
        index = self._at.get(subject)
        if index is not None:
            self._came.add(index)
            self.missed.discard(subject)

    def choose(self, waiting: Container[Subject], other: Due | None) -> Next | None:
        late = [self._at[subject] for subject in self.missed if subject in waiting]
        if late:
            return self._next_at(min(late))
        index = self._next
        while index < len(self._log) and (index in self._came or self._log[index].subject not in waiting):
            index += 1
        recorded = self._next_at(index) if index < len(self._log) else None
        if other is not None and (recorded is None or _is_before(other, recorded)):
            return Next(other.subject, other.due_ns)
        return recorded

    def chose(self, subject: Subject) -> None:
        chosen = self._at.get(subject, -1)
        for index in range(self._next, chosen):
            passed = self._log[index].subject
            if index not in self._came and not self._is_gone(passed):
                self.missed.add(passed)
        self._next = max(self._next, chosen + 1)

    def following(self, subject: Subject, tick: int) -> Sequence[Next]:
        found = self._followers.get((self._at.get(subject, -1), tick), ())
        return [self._next_at(index) for index in found if not self._is_past(index)]

    def before(self, subject: Subject) -> Next | None:
        index = self._at.get(subject, 0)
        while self._past < index and (self._past < self._next or self._is_past(self._past)):
            self._past += 1
        return self._next_at(self._past) if self._past < index else None

    def upcoming_ns(self) -> int | None:
        index = self._next
        while index < len(self._log) and self._is_past(index):
            index += 1
        return self._log[index].time_ns if index < len(self._log) else None

    def is_passed(self, subject: Subject) -> bool:
        return self._at.get(subject, self._next) < self._next

    def _is_past(self, index: int) -> bool:
        return index in self._came or self._is_gone(self._log[index].subject)

    def place(self, subject: Subject) -> tuple[Subject, int] | None:
        index = self._at.get(subject)
        event = self._log[index] if index is not None else None
        if index is None or event is None or not event.back:
            return None
        return self._log[index - event.back].subject, event.tick

    def last_tick(self, subject: Subject) -> int:
        return self._last.get(self._at.get(subject, -1), 0)

    def delay_ns(self, subject: Subject, recorded_ns: int) -> int:
        return recorded_ns

    def _next_at(self, index: int) -> Next:
        event = self._log[index]
        return Next(event.subject, event.time_ns)


def _is_before(other: Due, recorded: Next) -> bool:
    """True for a new timer, sleep or call that is due before the next recorded event."""
    return not other.is_last and other.subject[0] not in (THREAD, DONE, WAIT) and other.due_ns < recorded.time_ns


def urgency(item: Due) -> tuple[bool, int]:
    """What comes first where nothing was recorded: by this."""
    return item.is_last, item.due_ns
