"""Stand-ins: what is left where a secret was.

A stand-in has the length and the looks of its value: letters become other letters, digits other digits, everything
else stays. So chunk borders, escapes and content-length stay right, an e-mail address is still one, and a UUID too.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from replaykit.errors import SanitizeError
from replaykit.sanitizer.likeness import likeness_of, with_ended_signature
from replaykit.sanitizer.shapes import is_placeholder

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_UUID_FORM = frozenset({14, 19})  # characters that say which form of a UUID it is
_HEX = re.compile(r"[0-9a-f-]+|[0-9A-F-]+")
# For letters outside ASCII, by the bytes they take in UTF-8: a letter of the same size.
_OTHER_LETTERS = {2: "áéíóúàèìòùäëïöü", 3: "あいうえおかきくけこ", 4: "𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇"}
# A short stand-in must not be a word that the prompt has anyway.
_NO_VOWELS = "bcdfghjkmnpqrstvwxz"
_SHORT = 8
# Signs that need no escape in JSON, a URL or a header, for values that consist of nothing else.
_SIGNS = "!*.-_~"
_ATTEMPTS = 200
Marks = tuple[tuple[int, int], ...]
_ALIKE_ATTEMPTS = 4000  # two check digits, or a date and one, are right once in some hundreds


@dataclass(frozen=True, slots=True)
class StandIn:
    """One pseudonym of a packet.

    Attributes:
        kind: What it stands for: `email`, `openai_key`, `secret`, `env`, ...
        variable: The environment variable that held the value.
    """

    kind: str
    stand_in: str
    variable: str | None = None

    @property
    def marker(self) -> str:
        """What stands for it in a content key: equal for all values of its kind."""
        return f"<env:{self.variable}>" if self.variable is not None else f"<{self.kind}>"


class Table:
    """Raw values and their stand-ins; lives in memory only, and shows no raw value to anyone."""

    def __init__(self, key: bytes | None, known: Iterable[StandIn]) -> None:
        """Without a key, stand-ins are made with a random one that nobody keeps."""
        self._key = key or os.urandom(32)
        self._has_key = key is not None
        self._by_raw: dict[str, StandIn] = {}
        self._by_stand_in = {item.stand_in: item for item in known}
        self._known = dict(self._by_stand_in)
        self._order = list(self._by_stand_in.values())
        self.issued: list[StandIn] = []

    def __repr__(self) -> str:
        return f"<Table of {len(self._by_raw)} values>"

    def __len__(self) -> int:
        return len(self._by_stand_in)

    @property
    def values(self) -> int:
        """How many raw values have a stand-in."""
        return len(self._by_raw)

    def find(self, text: str) -> StandIn | None:
        """The stand-in that `text` is, known or issued."""
        return self._by_stand_in.get(text)

    def kind_of(self, raw: str) -> str | None:
        """Kind of a value that has a stand-in."""
        found = self._by_raw.get(raw)
        return found.kind if found is not None else None

    def values_after(self, count: int) -> Iterator[tuple[str, StandIn]]:
        """All but the first `count` raw values, with their stand-ins."""
        return islice(self._by_raw.items(), count, None)

    def stand_ins_after(self, count: int) -> list[StandIn]:
        """All but the first `count` stand-ins, the known ones first."""
        return self._order[count:]

    def digest(self, data: bytes) -> str:
        """A hash of data under the table's key, in hexadecimal digits."""
        return hmac.digest(self._key, data, "sha256").hex()

    def replace(
        self,
        raw: str,
        kind: str,
        *,
        keeps: int = 0,
        marks: Marks = (),
        variable: str | None = None,
        form: str | None = None,
    ) -> str:
        """The stand-in of `raw`: always the same one, whatever kind it is found as later.

        Nothing but quotes, brackets and the like is given back as it is: there is nothing in it to hide.

        Args:
            keeps: Characters at its start that stay.
            marks: Pieces of it that stay, from and to.
            form: What is disguised in place of `raw`, as long as it.

        Raises:
            SanitizeError: All stand-ins for values of this form are taken.
        """
        found = self._by_raw.get(raw)
        if found is not None:
            return found.stand_in
        marks, is_plain = (*marks, *_marks_of(raw, kind)), is_placeholder(raw)
        for candidate in self._candidates(form or raw, kind, keeps, marks):
            if self._has_key and len(raw) >= _SHORT and candidate in self._known:
                # The same key made it then, so it was made of this very value; short ones may only look alike.
                self._by_raw[raw] = self._known[candidate]
                return candidate
            is_taken = candidate in self._by_stand_in or candidate in self._by_raw
            if candidate != raw and not is_taken and (is_plain or not is_placeholder(candidate)):
                entry = StandIn(kind, candidate, variable)
                self._by_raw[raw] = self._by_stand_in[candidate] = entry
                self._order.append(entry)
                self.issued.append(entry)
                return candidate
        if any(char.isalnum() or char in _SIGNS for char in raw):
            raise SanitizeError(f"no stand-in is left for a value of {len(raw)} characters")
        return raw

    def put(self, raw: str, stand_in: str, kind: str, variable: str | None = None) -> str:
        """The same for a value whose stand-in follows from another one's."""
        if stand_in != raw and raw not in self._by_raw and stand_in not in self._by_stand_in:
            entry = StandIn(kind, stand_in, variable)
            self._by_raw[raw] = self._by_stand_in[stand_in] = entry
            self._order.append(entry)
            self.issued.append(entry)
        return stand_in

    def _candidates(self, raw: str, kind: str, keeps: int, marks: Marks) -> Iterator[str]:
        alike = likeness_of(kind, raw)
        if alike is not None:
            for attempt in range(_ALIKE_ATTEMPTS):
                fitting = alike(raw, disguise(raw, self._key, attempt=attempt))
                if fitting is not None:
                    yield fitting
        for attempt in range(_ATTEMPTS):
            made = disguise(raw, self._key, keeps=keeps, marks=marks, attempt=attempt)
            if kind == "jwt":
                made = with_ended_signature(made)
            if not (raw.isdigit() and made[0] == "0" != raw[0]):  # a number stays one in JSON
                yield made
        for attempt in range(_ATTEMPTS):
            yield disguise(raw, self._key, attempt=attempt, has_signs=True)


def disguise(
    raw: str, key: bytes, *, keeps: int = 0, marks: Marks = (), attempt: int = 0, has_signs: bool = False
) -> str:
    """`raw` with every letter and digit replaced by another of its class, by a keyed hash of all of it.

    Args:
        keeps: Characters at the start that stay.
        marks: Pieces that stay, from and to.
        has_signs: Some signs are replaced too.
    """
    seed = hmac.digest(key, raw.encode("utf-8", "surrogatepass") + attempt.to_bytes(4, "big"), "sha256")
    kept = {index for start, end in marks for index in range(start, end)}.union(range(keeps))
    is_hex = _HEX.fullmatch("".join(char for index, char in enumerate(raw) if index not in kept)) is not None
    lower = _NO_VOWELS if len(raw) < _SHORT else "abcdef" if is_hex else string.ascii_lowercase
    stream = _stream(seed)
    escape = None if has_signs else "\\"  # the letter behind a backslash may come to mean something else
    form = _UUID_FORM if len(raw) == 36 and _UUID.fullmatch(raw) is not None else ()
    stays = [index in form or index in kept or raw[index - 1 : index] == escape for index in range(len(raw))]
    return "".join(
        char if stay else _substitute(char, next(stream), lower, has_signs)
        for char, stay in zip(raw, stays, strict=True)
    )


def _substitute(char: str, number: int, lower: str, has_signs: bool) -> str:
    if char in string.digits:
        return string.digits[number % 10]
    if char in string.ascii_lowercase:
        return lower[number % len(lower)]
    if char in string.ascii_uppercase:
        return lower[number % len(lower)].upper()
    if char.isalnum():
        letters = _OTHER_LETTERS[len(char.encode())]
        return letters[number % len(letters)]
    return _SIGNS[number % len(_SIGNS)] if has_signs and char in _SIGNS else char


def _stream(seed: bytes) -> Iterator[int]:
    counter = 0
    while True:
        block = hashlib.sha256(seed + counter.to_bytes(4, "big")).digest()
        yield from (int.from_bytes(block[i : i + 2], "big") for i in range(0, 32, 2))
        counter += 1


def _marks_of(raw: str, kind: str) -> Marks:
    """An e-mail address keeps its top-level domain, so that it is still one."""
    return ((raw.rfind("."), len(raw)),) if kind == "email" and "." in raw else ()
