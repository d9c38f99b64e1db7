"""Values that are known, whole beside anything, or cut off: agents shorten documents, and half a key is left."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator

from replaykit.sanitizer.shapes import Found
from replaykit.sanitizer.standins import StandIn
from replaykit.sanitizer.vocabulary import PERSONAL_KINDS

CUT = "cut"
"""Kind of the beginning of a known value, or of a stand-in, whose end is missing."""

KNOWN = "known"
"""Kind of a known value, or of a stand-in, that is personal and stands where its shape alone would not be seen."""

SHORTEST_CUT = 8
"""Characters; fewer of a value say too little, and stand in other words too."""

# Where a word may begin: not inside of one, unless what stands there is an escape: of a terminal, a URL, a string.
_BEGINNING = (
    r"(?:(?<![A-Za-z0-9])|(?<=\x1b\[\dm)|(?<=\x1b\[\d\dm)|(?<=\x1b\[\d;\d\dm)|(?<=\x1b\[[KmH])"
    r"|(?<=%[0-7][\dA-Fa-f])|(?<=\\[nrt]))"
)
_GOES_ON = "-_+/="  # signs inside of tokens
_SURE = 12  # so many characters are that value and no word, even without a digit
_END = re.compile(r"\s*(?:\Z|\n|\.\.\.|\u2026|[\[<(]\s*(?:\.\.\.|\u2026|trunc|cut|omit|snip))", re.IGNORECASE)


class Cuts:
    """Finds values and their stand-ins: their beginnings, where the rest is missing, and personal ones as they are."""

    def __init__(self) -> None:
        self._stand_ins: dict[str, StandIn | None] = {}
        self._by_head: dict[str, list[str]] = {}
        self._longest: dict[str, int] = {}
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
        if len(value) < SHORTEST_CUT:
            return
        is_new = value not in self._stand_ins
        self._stand_ins[value] = stand_in
        if not is_new:
            return
        head = value[:SHORTEST_CUT]
        insort(self._by_head.setdefault(head, []), value)
        self._longest[head] = max(len(value), self._longest.get(head, 0))
        if value[0] not in self._first_chars:
            self._first_chars += value[0]
            chars = "".join(map(re.escape, self._first_chars))
            self._starts = re.compile(rf"(?:{_BEGINNING}|(?<=[A-Za-z])(?=[\d+]))[{chars}]")

    def find(self, text: str) -> Iterator[Found]:
        """Every such beginning, and every personal value as it is."""
        if self._starts is None or len(text) < SHORTEST_CUT:
            return
        for match in self._starts.finditer(text):
            start = match.start()
            values = self._by_head.get(text[start : start + SHORTEST_CUT])
            if values is not None:
                rest = text[start : start + self._longest[values[0][:SHORTEST_CUT]]]
                whole = self._whole_at(rest, values)
                if whole is not None:
                    if self._is_known(whole, text[start + len(whole) : start + len(whole) + 1]):
                        yield Found(start, start + len(whole), KNOWN)
                elif length := self._length(text, start, rest, values):
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

    def _whole_at(self, rest: str, values: list[str]) -> str | None:
        """The longest value that `rest` begins with."""
        common = len(rest)
        while common >= SHORTEST_CUT:  # a value that `rest` begins with sorts before it, and the longest comes last
            place = bisect_right(values, rest[:common])
            if not place:
                return None
            value = values[place - 1]
            common = _common(value, rest)
            if common == len(value):
                return value
        return None

    def _is_known(self, value: str, after: str) -> bool:
        """True if a value that is followed so is replaced by itself: a personal one; others are looked for anyway."""
        entry = self._stand_ins[value]
        if entry is None or entry.kind not in PERSONAL_KINDS:
            return False
        return not after.isdigit() if value[-1].isdigit() else not (after.isascii() and after.isalnum())

    def _length(self, text: str, start: int, rest: str, values: list[str]) -> int:
        """Characters of the longest beginning that stands there; 0 if nothing is cut."""
        place = bisect_left(values, rest)
        length, whole = 0, ""
        for value in values[max(0, place - 1) : place + 1]:
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
