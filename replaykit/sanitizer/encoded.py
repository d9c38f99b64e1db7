"""Values that are known, written in base64, alone or in the middle of something longer.

Three bytes become four characters, so a value has three spellings, by where it begins in what was encoded. Those of its
characters that no neighbour has a part in are looked for; then the ones at its ends are brought into line.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator

from replaykit.sanitizer.shapes import Found

ENCODED = "env_base64"
"""Kind of a variable's value that was found in base64."""

_STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URLSAFE = _STANDARD[:-2] + "-_"
_ALPHABETS = frozenset(_STANDARD + _URLSAFE)
_FOREIGN = (0, 2, 3)  # characters at the start that begin with bits of what stands before the value, by its offset


class Encoded:
    """Finds the spellings of values in base64, the usual one and the one for URLs."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, int]] = {}
        self._pattern: re.Pattern[str] | None = None

    def __repr__(self) -> str:
        return f"<Encoded: {len(self._values)} spellings>"

    def add(self, values: Iterable[str]) -> None:
        """Looks for these, too."""
        for value in values:
            data = value.encode("utf-8", "surrogateescape")
            for offset, foreign in enumerate(_FOREIGN):
                own = (offset + len(data)) * 8 // 6
                for encode in (base64.b64encode, base64.urlsafe_b64encode):
                    text = encode(bytes(offset) + data).decode()[foreign:own]
                    self._values.setdefault(text, (value, offset))
        self._pattern = None

    def find(self, text: str) -> Iterator[Found]:
        """Every spelling in a text, with the characters that it shares with its neighbours."""
        # The longer a spelling, the quicker it is ruled out: together they cost less than one pattern for all.
        for spelling in self._values:
            if spelling in text:
                break
        else:
            return
        for match in self._any().finditer(text):
            value, offset = self._values[match[0]]
            is_shared = (offset + len(value.encode("utf-8", "surrogateescape"))) % 3 != 0
            start, end = match.span()
            yield Found(
                start - (offset > 0 and text[start - 1 : start] in _ALPHABETS),
                end + (is_shared and text[end : end + 1] in _ALPHABETS),
                ENCODED,
            )

    def disguised(self, piece: str, stand_in_of: Callable[[str], str]) -> str:
        """A piece that `find` found, saying the stand-in of its value: as a stand-in in base64 would have come out."""
        match = self._any().search(piece)
        assert match is not None
        value, offset = self._values[match[0]]
        return _exchanged(piece, match.start() - _FOREIGN[offset], offset, value, stand_in_of(value))

    def _any(self) -> re.Pattern[str]:
        if self._pattern is None:
            longest_first = sorted(self._values, key=lambda text: (-len(text), text))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern


def _exchanged(piece: str, start: int, offset: int, old: str, new: str) -> str:
    """Base64 is linear in its bits: what differs between two values differs by the same bits in any surroundings."""
    before, after = (bytes(offset) + text.encode("utf-8", "surrogateescape") for text in (old, new))
    bits = bytes(one ^ other for one, other in zip(before, after, strict=True))
    alphabet = _URLSAFE if "-" in piece or "_" in piece else _STANDARD
    chars = list(piece)
    for index, char in enumerate(base64.b64encode(bits).decode().rstrip("=")):
        place = start + index
        if 0 <= place < len(chars) and chars[place] in alphabet:
            chars[place] = alphabet[alphabet.index(chars[place]) ^ _STANDARD.index(char)]
    return "".join(chars)
