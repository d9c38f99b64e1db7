"""Texts inside texts: what a JSON string or a URL says, and which characters of the outer text say it.

A secret may be written with escapes (`\\u0040`, `%40`), in JSON inside a JSON string. A view decodes the text and
remembers the piece of the outer text behind each character, so a stand-in can be written in the very same way and
takes the same room.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PERCENT = re.compile(r"%[0-7][0-9a-fA-F]")
_CODE = re.compile(r"u([0-9a-fA-F]{4})$")


@dataclass(frozen=True, slots=True)
class View:
    """A decoded text and, per character, where its piece of the outer text begins; one more for the end.

    `starts` is None where the characters are the outer text's own, from `offset` on.
    """

    text: str
    offset: int
    starts: tuple[int, ...] | None = None

    def piece(self, index: int) -> tuple[int, int]:
        """Start and end, in the outer text, of what says character `index`."""
        if self.starts is None:
            return self.offset + index, self.offset + index + 1
        return self.starts[index], self.starts[index + 1]

    def inner(self, start: int, end: int, decode: Callable[[str, int], View] | None = None) -> View:
        """A view of a part of this view, decoded once more where `decode` is given."""
        part = decode(self.text[start:end], start) if decode is not None else View(self.text[start:end], start)
        if self.starts is None:
            if part.starts is None:
                return View(part.text, self.offset + start)
            return View(part.text, 0, tuple(self.offset + place for place in part.starts))
        places = range(start, end + 1) if part.starts is None else part.starts
        return View(part.text, 0, tuple(self.starts[place] for place in places))


def json_string(raw: str, offset: int) -> View:
    """View of the inside of a JSON string literal."""
    if "\\" not in raw:
        return View(raw, offset)
    return _decoded(raw, offset, _ESCAPE, _unescape)


def percent_encoded(raw: str, offset: int) -> View:
    """View of a part of a URL or a form. Escapes of bytes outside ASCII are left as they are."""
    if "%" not in raw:
        return View(raw, offset)
    return _decoded(raw, offset, _PERCENT, lambda escape: chr(int(escape[1:], 16)))


def _decoded(raw: str, offset: int, pattern: re.Pattern[str], decode: Callable[[str], str]) -> View:
    chars: list[str] = []
    starts: list[int] = []
    last = 0
    for match in pattern.finditer(raw):
        chars.extend(raw[last : match.start()])
        starts.extend(range(offset + last, offset + match.start()))
        chars.append(decode(match[0]))
        starts.append(offset + match.start())
        last = match.end()
    chars.extend(raw[last:])
    starts.extend(range(offset + last, offset + len(raw) + 1))
    return View("".join(chars), 0, tuple(starts))


def _unescape(escape: str) -> str:
    if len(escape) == 12:
        high, low = int(escape[2:6], 16), int(escape[8:12], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    if len(escape) == 6:
        return chr(int(escape[2:], 16))
    return _SIMPLE.get(escape[1], escape[1])


def rewrite(piece: str, old: str, new: str) -> str:
    """The outer piece that says `new` in the way in which `piece` says `old`; always as long as `piece`."""
    if new == old:
        return piece
    if len(piece) == 1:
        return new
    code = _CODE.search(piece)
    if code is not None:
        return piece[: code.start(1)] + f"{ord(new):04x}"
    if piece[0] == "%":
        return f"%{ord(new):02X}"
    return piece  # a one-letter escape stands for punctuation, which a stand-in keeps


_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string literal of a JSON text: the span of its inside, and the name of the field that holds it."""

    start: int
    end: int
    is_name: bool
    field: str | None


def json_strings(text: str) -> Iterator[Literal]:
    """Every string literal of a JSON text, also of a damaged or cut one. A list's items carry the list's field name."""
    field: str | None = None
    stack: list[str | None] = []
    last = 0
    for match in _STRING.finditer(text):
        for char in text[last : match.start()]:
            if char in "{[":
                stack.append(field if char == "[" else None)
                field = field if char == "[" else None
            elif char in "}]":
                if stack:
                    stack.pop()
                field = None
            elif char == ",":
                field = stack[-1] if stack else None
        last = match.end()
        if match[2] is not None:
            yield Literal(match.start(1), match.end(1), True, None)
            field = match[1]
        else:
            yield Literal(match.start(1), match.end(1), False, field)
