"""What a difference of texts shows about where it comes from: another winner of a race, the clock, chance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from replaykit.matching.content import canonical
from replaykit.matching.diff import ABSENT, FieldDiff
from replaykit.matching.volatile import holds_fresh, holds_volatile

_WORD = re.compile(r"\w+")
_FIRST_WORDS = 8
"""Of a difference: what stands further on follows from it."""

_SHOWN_SOURCES = ("time", "uuid.", "secrets.", "os.")
"""Reads that can be seen in a text which holds what they gave. What chance has chosen looks like anything."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Two answers that came in another order than recorded.

    Attributes:
        then: Position of the one that was recorded as the earlier one.
        now: Position of the one that came first in the replay.
        then_words: What that one says or was asked, and the other does not.
        now_words: The same the other way round.
    """

    then: str
    now: str
    then_words: frozenset[str]
    now_words: frozenset[str]


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Every word of these texts."""
    return frozenset(word for text in texts for word in _WORD.findall(text))


def find_swap(fields: Sequence[FieldDiff], swaps: Sequence[Swap]) -> Swap | None:
    """The swap that shows in what differs: the earlier answer stood there, now the other one does."""
    for field in fields:
        old, new = (set(words[:_FIRST_WORDS]) for words in differing_words(field))
        for swap in swaps:
            if old & swap.then_words and new & swap.now_words:
                return swap
    return None


def differing_words(field: FieldDiff) -> tuple[list[str], list[str]]:
    """The words of each side from the first to the last one that differs."""
    old, new = (_WORD.findall(_text(side)) for side in (field.recorded, field.now))
    shared = min(len(old), len(new))
    start = next((i for i in range(shared) if old[i] != new[i]), shared)
    rest = shared - start
    end = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    return old[start : len(old) - end], new[start : len(new) - end]


def is_by_chance(fields: Sequence[FieldDiff], reads: Sequence[str] | None, now: datetime) -> bool:
    """True if all that differs holds what the clock or chance has only given this time.

    Args:
        reads: Sources that were read before, and that the recording does not have there; None where it has none at all.
    """
    if not fields or reads == ():
        return False
    added = [_added(field.recorded, field.now) for field in fields]
    if reads is None:
        gone = [_added(field.now, field.recorded) for field in fields]
        return all(holds_fresh(text, now) for text in added) and not any(map(holds_volatile, gone))
    is_any_text = not all(source.startswith(_SHOWN_SOURCES) for source in reads)
    return all(text and (is_any_text or holds_volatile(text)) for text in added)


def is_another_text(recorded: Any, now: Any) -> bool:
    """True if two texts have next to nothing in common: the one is not a version of the other."""
    old, new = (set(_WORD.findall(_text(side).lower())) for side in (recorded, now))
    return min(len(old), len(new)) >= _FEWEST_WORDS and len(old & new) < _SHARED * len(old | new)


_FEWEST_WORDS = 3
_SHARED = 0.15


def _added(recorded: Any, now: Any) -> str:
    """What `now` has and `recorded` has not, in whole pieces between blanks."""
    if not isinstance(now, str) or not isinstance(recorded, str):
        return _text(now)
    old, parts = recorded.split(), now.split()
    shared = min(len(old), len(parts))
    start = next((i for i in range(shared) if old[i] != parts[i]), shared)
    end = next((i for i in range(shared - start) if old[-1 - i] != parts[-1 - i]), shared - start)
    return " ".join(parts[start : len(parts) - end])


def _text(value: Any) -> str:
    if value is ABSENT:
        return ""
    return value if isinstance(value, str) else canonical(value)
