"""Stand-ins: what is left where a secret was.

A stand-in has the length and the looks of its value: letters become other letters, digits other digits, everything
else stays. So chunk borders, escapes and content-length stay right, an e-mail address is still one, and a UUID too.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_HEX = re.compile(r"^[0-9a-f-]+$|^[0-9A-F-]+$")
# For letters outside ASCII, by the bytes they take in UTF-8: a letter of the same size.
_OTHER_LETTERS = {2: "áéíóúàèìòùäëïöü", 3: "あいうえおかきくけこ"}


@dataclass(frozen=True, slots=True)
class StandIn:
    """One pseudonym of a packet.

    Attributes:
        kind: What it stands for: `email`, `openai_key`, `header`, `env`, ...
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

    def __init__(self, key: bytes, known: Iterable[StandIn]) -> None:
        self._key = key
        self._by_raw: dict[str, StandIn] = {}
        self._by_stand_in = {item.stand_in: item for item in known}
        self.issued: list[StandIn] = []

    def __repr__(self) -> str:
        return f"<Table of {len(self._by_raw)} values>"

    def is_stand_in(self, text: str) -> bool:
        return text in self._by_stand_in

    def find_stand_in(self, text: str) -> StandIn | None:
        """The stand-in that `text` is, known or issued."""
        return self._by_stand_in.get(text)

    @property
    def stand_ins(self) -> tuple[StandIn, ...]:
        return tuple(self._by_stand_in.values())

    def replace(self, raw: str, kind: str, *, keeps: int = 0, variable: str | None = None) -> str:
        """The stand-in of `raw`: always the same one, whatever kind it is found as later."""
        found = self._by_raw.get(raw)
        if found is not None:
            return found.stand_in
        made = next(item for item in self._candidates(raw, kind, keeps) if item != raw and not self.is_stand_in(item))
        entry = StandIn(kind, made, variable)
        self._by_raw[raw] = entry
        self._by_stand_in[made] = entry
        self.issued.append(entry)
        return made

    def _candidates(self, raw: str, kind: str, keeps: int) -> Iterator[str]:
        for attempt in range(64):
            yield disguise(raw, self._key, keeps=keeps, tail=_kept_tail(raw, kind), attempt=attempt)
        # Too short or too plain to be disguised: nothing of it may stay.
        for attempt in range(1 << 16):
            digest = hashlib.sha256(self._key + attempt.to_bytes(4, "big")).hexdigest()
            yield (digest * (1 + len(raw.encode()) // 64))[: len(raw.encode())]


def disguise(raw: str, key: bytes, *, keeps: int = 0, tail: int = 0, attempt: int = 0) -> str:
    """`raw` with every letter and digit replaced by another of its class, by a keyed hash of all of it.

    Args:
        keeps: Characters at the start that stay.
        tail: Characters at the end that stay.
    """
    seed = hmac.digest(key, raw.encode("utf-8", "surrogatepass") + attempt.to_bytes(4, "big"), "sha256")
    is_hex = _HEX.match(raw[keeps:]) is not None
    stream = _stream(seed)
    last = len(raw) - tail
    return "".join(
        char if index < keeps or index >= last else _substitute(char, next(stream), is_hex)
        for index, char in enumerate(raw)
    )


def _substitute(char: str, number: int, is_hex: bool) -> str:
    if char in string.digits:
        return string.digits[number % 10]
    if char in string.ascii_lowercase:
        return ("abcdef" if is_hex else string.ascii_lowercase)[number % (6 if is_hex else 26)]
    if char in string.ascii_uppercase:
        return ("ABCDEF" if is_hex else string.ascii_uppercase)[number % (6 if is_hex else 26)]
    if char.isalnum():
        letters = _OTHER_LETTERS.get(len(char.encode("utf-8", "surrogatepass")))
        return letters[number % len(letters)] if letters else char
    return char


def _stream(seed: bytes) -> Iterator[int]:
    counter = 0
    while True:
        block = hashlib.sha256(seed + counter.to_bytes(4, "big")).digest()
        yield from (int.from_bytes(block[i : i + 2], "big") for i in range(0, 32, 2))
        counter += 1


def _kept_tail(raw: str, kind: str) -> int:
    """An e-mail address keeps its top-level domain, so that it is still one."""
    return len(raw) - raw.rfind(".") if kind == "email" and "." in raw else 0
