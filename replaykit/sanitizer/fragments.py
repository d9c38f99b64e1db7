"""Pieces in which a stream spelled a value, where a program printed them apart: one a line, or each in its event.

The value stands nowhere whole then, and is spelled out all the same. What stands between two pieces has the same signs
each time, and they come one after the other: so they are told from a piece that some other word happens to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

_MOST = 200  # values; of an agent that prints more than that, the rest stays in pieces
_REACH = 4000  # characters between two pieces: an event, printed
_TRIES = 50_000
_WORD = re.compile(r"\w+")
_LINE_ENDS = frozenset({"\n", "\r\n"})


class Fragments:
    """The values that were spelled so far, and their stand-ins in the same pieces."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, ...], tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return f"<Fragments of {len(self._values)} values>"

    def add(self, raw: Sequence[str], clean: Sequence[str], spans: Iterable[tuple[int, int]]) -> None:
        """Remembers what a stream spelled.

        Args:
            raw: Its pieces, as they came.
            clean: The same pieces, sanitized.
            spans: Where stand-ins are in the clean text.
        """
        starts = [0]
        for piece in clean:
            starts.append(starts[-1] + len(piece))
        for low, high in spans:
            held = [at for at in range(len(clean)) if starts[at] < high and low < starts[at + 1]]
            parts = slice(held[0], held[-1] + 1) if held else slice(0)
            if len(held) > 1 and raw[parts] != clean[parts] and len(self._values) < _MOST:
                self._values[tuple(raw[parts])] = tuple(clean[parts])

    def replaced(self, text: str) -> str:
        """A text in which these pieces are those of the stand-ins."""
        for raw, clean in self._values.items():
            text = _replaced(text, raw, clean)
            if "\\" in text and any(map(_is_escaped, raw)):
                text = _replaced(text, tuple(map(_as_repr, raw)), tuple(map(_as_repr, clean)))
        return text


def _replaced(text: str, raw: tuple[str, ...], clean: tuple[str, ...]) -> str:
    for places in list(_chains(text, raw)):
        for place, new in zip(places, clean, strict=True):
            text = text[:place] + new + text[place + len(new) :]
    return text


def _as_repr(piece: str) -> str:
    return repr(piece)[1:-1]


def _is_escaped(piece: str) -> bool:
    return _as_repr(piece) != piece


def _chains(text: str, pieces: tuple[str, ...]) -> Iterator[list[int]]:
    """Where all pieces stand one after the other, with the same signs between them."""
    start, tries = 0, 0
    while tries < _TRIES and (start := text.find(pieces[0], start)) >= 0:
        end = start + len(pieces[0])
        reach = end + _REACH
        second = text.find(pieces[1], end + 1, reach)
        while second >= 0 and tries < _TRIES:
            tries += 1
            places = _places(text, start, second, pieces)
            if places is not None:
                yield places
                end = places[-1] + len(pieces[-1])
                break
            second = text.find(pieces[1], second + 1, reach)
        start = end


def _places(text: str, start: int, second: int, pieces: tuple[str, ...]) -> list[int] | None:
    """Where each piece stands, if what stands between the first two stands between all; words in it may be others."""
    between = text[start + len(pieces[0]) : second]
    if _WORD.match(between) or (len(pieces) == 2 and between not in _LINE_ENDS):
        return None
    places, place = [start, second], second
    signs: list[str] | None = None
    for piece, after in pairwise(pieces[1:]):
        place += len(piece)
        if signs is None:
            if not text.startswith(between[:1], place):
                return None
            signs = _WORD.split(between)
        for number, sign in enumerate(signs):
            if number:
                word = _WORD.match(text, place)
                if word is None:
                    return None
                place = word.end()
            if not text.startswith(sign, place):
                return None
            place += len(sign)
        if not text.startswith(after, place):
            return None
        places.append(place)
    return places
