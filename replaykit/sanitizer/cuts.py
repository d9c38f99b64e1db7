"""Values that are known, cut off: agents shorten documents, and what is left of a key at the cut is half of it."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from replaykit.sanitizer.shapes import Found
from replaykit.sanitizer.standins import StandIn
from replaykit.sanitizer.vocabulary import PERSONAL_KINDS

CUT = "cut"
"""Kind of the beginning of a known value, or of a stand-in, whose end is missing."""

SHORTEST_CUT = 8
"""Characters; fewer of a value say too little, and stand in other words too."""

_GOES_ON = "-_+/="  # signs inside of tokens
_SURE = 12  # so many characters are that value and no word, even without a digit
_END = re.compile(r"\s*(?:\Z|\n|\.\.\.|\u2026|[\[<(]\s*(?:\.\.\.|\u2026|trunc|cut|omit|snip))", re.IGNORECASE)


class Cuts:
    """Finds the beginnings of values, and of their stand-ins, where the rest is missing."""

    def __init__(self) -> None:
        self._stand_ins: dict[str, StandIn | None] = {}
        self._by_head: dict[str, list[str]] = {}
        self._starts: re.Pattern[str] | None = None
        self._first_chars = ""

    def __repr__(self) -> str:
        return f"<Cuts: {len(self._stand_ins)} values>"

    def add(self, value: str, stand_in: StandIn | None) -> None:
        """Looks for the beginning of this, too.

        Args:
            value: A raw one, or a stand-in.
            stand_in: The entry of either; None for a raw value that was seen nowhere yet.
        """
        if len(value) <= SHORTEST_CUT:
            return
        is_new = value not in self._stand_ins
        self._stand_ins[value] = stand_in
        if not is_new:
            return
        insort(self._by_head.setdefault(value[:SHORTEST_CUT], []), value)
        if value[0] not in self._first_chars:
            self._first_chars += value[0]
            chars = "".join(map(re.escape, self._first_chars))
            self._starts = re.compile(rf"(?<![A-Za-z0-9])[{chars}]")

    def find(self, text: str) -> Iterator[Found]:
        """Every such beginning; none where the whole value stands."""
        if self._starts is None or len(text) < SHORTEST_CUT:
            return
        for match in self._starts.finditer(text):
            start = match.start()
            values = self._by_head.get(text[start : start + SHORTEST_CUT])
            if values is not None:
                length = self._length(text, start, values)
                if length:
                    yield Found(start, start + length, CUT)

    def issued(self, piece: str) -> StandIn | None:
        """The beginning of a stand-in that `piece` is, as a stand-in of its own; None if it is that of a raw value."""
        whole = self._whole(piece)
        entry = self._stand_ins[whole]
        if entry is None or whole != entry.stand_in:
            return None
        name = entry.kind if entry.variable is None else f"env:{entry.variable}"
        return StandIn(f"{name}[:{len(piece)}]", piece)

    def disguised(self, piece: str, stand_in_of: Callable[[str], str]) -> str:
        """The beginning of the stand-in, for that of its value."""
        return stand_in_of(self._whole(piece))[: len(piece)]

    def _whole(self, piece: str) -> str:
        """The value that begins so; of several, which may be cut alike, the first."""
        values = self._by_head[piece[:SHORTEST_CUT]]
        return values[bisect_left(values, piece)]

    def _length(self, text: str, start: int, values: list[str]) -> int:
        """Characters of the longest beginning that stands there; 0 if the whole does, or nothing is cut."""
        rest = text[start : start + len(max(values, key=len))] if len(values) < 8 else text[start : start + 256]
        place = bisect_left(values, rest)
        length, whole = 0, ""
        for value in values[max(0, place - 1) : place + 1]:
            if rest.startswith(value):
                return 0
            common = _common(value, rest)
            if common > length:
                length, whole = common, value
        if length < SHORTEST_CUT:
            return 0
        entry = self._stand_ins[whole]
        if entry is not None and whole != entry.stand_in and whole[:length] == entry.stand_in[:length]:
            return 0  # only what says of which kind it is
        if whole[length - 1] == "." and text.startswith("..", start + length):
            length -= 1  # the first of three dots
        end = start + length
        after = text[end : end + 1]
        piece, is_personal = whole[:length], entry is not None and entry.kind in PERSONAL_KINDS
        if after.isalnum() or (piece.isalpha() and (is_personal or length < _SURE)):
            return 0  # something else that begins alike: a word, another value of the same provider
        is_sure = not is_personal and (not after or after not in _GOES_ON) and _is_dense(piece)
        return length if is_sure or _END.match(text, end) is not None else 0


def _common(one: str, other: str) -> int:
    """Characters that two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _is_dense(piece: str) -> bool:
    """True for what no word begins with."""
    if len(piece) >= _SURE:
        return not piece.isalpha()
    return any(char.isdigit() for char in piece) and piece.lower() != piece != piece.upper()
