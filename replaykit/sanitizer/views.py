"""Texts inside texts: what a JSON string or a part of a URL says, and how to say something else of that length there.

A secret may be written with escapes (`\\u0040`, `%40`), in JSON inside a JSON string. Each level is decoded, sanitized,
and written back character by character, so everything that did not change keeps its very bytes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Literal as Word
from typing import NamedTuple

from replaykit.sanitizer.announced import Said, is_pair, named_by, said_by
from replaykit.sanitizer.names import is_owner

Form = Word["plain", "json", "percent", "form", "entities"]
"""How a text is written inside the one around it. In a form and in a query a `+` is a space; entities are of HTML."""

MAX_DEPTH = 8
"""JSON in a string in JSON in a string ..."""

_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[\"\\/bfnrt']", re.DOTALL
)
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_TAIL = "%[89abAB][0-9a-fA-F]"
_PERCENT = re.compile(
    f"%[0-7][0-9a-fA-F]|%[cdCD][0-9a-fA-F]{_TAIL}|%[eE][0-9a-fA-F](?:{_TAIL}){{2}}|%[fF][0-7](?:{_TAIL}){{3}}"
    "|%[0-9a-fA-F]{2}"
)
PERCENT_WORD = re.compile(r"(?<![^\s\"'<>])[^\s\"'<>%]*%[2-7][0-9a-fA-F][^\s\"'<>]*")
"""A word with something in it that is written for a URL."""

FORM_WORD = re.compile(r"(?<![^\s\"'<>?&])[\w.%\[\]-]{1,60}=[^\s\"'<>&+]*\+[^\s\"'<>]*")
"""A name and a value with pluses in it, as a form or a query writes its spaces."""

# The signs of an address, as pages write them against collectors. A stand-in keeps signs, so these stay as they are.
_ENTITIES = {"&commat;": "@", "&period;": ".", "&lowbar;": "_", "&plus;": "+", "&hyphen;": "-", "&dash;": "-"}
_ENTITY = re.compile(
    r"&(?:#0{0,4}(?:43|45|46|64|95)|#[xX]0{0,4}(?:2[bBdDeE]|40|5[fF])|commat|period|lowbar|plus|hyphen|dash);"
)

OPAQUE = "\ufffd"
"""Stands for a piece that says no character; no rule matches it and nothing replaces it."""


def decode(raw: str, form: Form) -> str:
    """What `raw` says."""
    if form == "json" and "\\" in raw:
        return _ESCAPE.sub(lambda match: _unescape(match[0]), raw)
    if form == "entities":
        return _ENTITY.sub(lambda match: _ENTITIES.get(match[0]) or html.unescape(match[0]), raw)
    if form == "form":
        raw = raw.replace("+", " ")
    if form in ("percent", "form") and "%" in raw:
        return _PERCENT.sub(lambda match: _unquote(match[0]), raw)
    return raw


def rewrite(raw: str, form: Form, old: str, new: str) -> str:
    """`raw`, which says `old`, made to say `new`: as long as before, and the same wherever the two agree.

    Args:
        new: As long as `old`; each character takes as many bytes in UTF-8 as the one that it replaces.
    """
    if old == new:
        return raw
    if raw == old:
        return new
    pieces = _pieces(raw, _pattern(form))
    write = _escape if form == "json" else _reference if form == "entities" else _quote
    return "".join(
        piece if before == after else write(piece, after) for piece, before, after in zip(pieces, old, new, strict=True)
    )


def raw_length(raw: str, form: Form, count: int) -> int:
    """How much of `raw` says its first `count` characters."""
    if form == "plain" or not any(sign in raw for sign in "\\%&"):
        return count
    pieces = _pieces(raw, _pattern(form))
    return sum(len(piece) for _, piece in zip(range(count), pieces, strict=False))


def _pattern(form: Form) -> re.Pattern[str]:
    return _ESCAPE if form == "json" else _ENTITY if form == "entities" else _PERCENT


def _pieces(raw: str, pattern: re.Pattern[str]) -> Iterator[str]:
    last = 0
    for match in pattern.finditer(raw):
        yield from raw[last : match.start()]
        yield match[0]
        last = match.end()
    yield from raw[last:]


def _unescape(escape: str) -> str:
    if len(escape) == 12:
        high, low = int(escape[2:6], 16), int(escape[8:12], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    if len(escape) == 6:
        return chr(int(escape[2:], 16))
    return _SIMPLE.get(escape[1], escape[1])


def _escape(piece: str, char: str) -> str:
    if len(piece) == 1:
        return char
    if len(piece) == 12:
        code = ord(char) - 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    if len(piece) == 6:
        return f"\\u{ord(char):04x}"
    return piece  # a one-letter escape stands for punctuation, which a stand-in keeps


def _unquote(escape: str) -> str:
    try:
        return bytes.fromhex(escape.replace("%", "")).decode()
    except UnicodeDecodeError:
        return OPAQUE


def _quote(piece: str, char: str) -> str:
    if len(piece) == 1:
        return char
    return "".join(f"%{byte:02X}" for byte in char.encode())


def _reference(piece: str, char: str) -> str:
    return char if len(piece) == 1 else piece


# JSON


Kind = Word["name", "text", "number", "junk"]


class Literal(NamedTuple):
    """A piece of a JSON text that may hold a secret; it holds no text itself.

    Attributes:
        start: Where the inside of a string, or a number, begins.
        end: Where it ends.
        kind: Numbers are those behind a name, and all long ones. `junk` stands where no JSON is: the text is damaged,
            cut, or something else altogether.
        name: Name of the field that holds it, or that the field before it gives it; the items of a list carry the
            list's name.
        owner: Name of the innermost object around it that is made of secrets.
    """

    start: int
    end: int
    kind: Kind
    name: str | None = None
    owner: str | None = None


# A string without an end reaches to the end of the text: bodies are cut, and trying again at each quote is quadratic.
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+\\?)("?)(\s*:)?', re.DOTALL)
_GAP = re.compile(r"(?:[\s{}\[\],:]++|-?[\d.]++(?:[eE][+-]?\d++)?|true|false|null|NaN|-?Infinity)*+")
_PUNCTUATION = "{}[],: \t\r\n"
_NUMBER = re.compile(r"\s*(\d{4,})(?=[\s,}\]]|$)")
_LONG = 14  # digits: as many as say by themselves what they are
_LONG_NUMBER = re.compile(rf"(?<![\w.+-])\d{{{_LONG},19}}(?=[\s,}}\]]|$)")
_LAST_OF_LIST = re.compile(r"\s*\]")


class _Level:
    """An open bracket.

    Attributes:
        name: Of the field that holds it, if it is a list.
        owner: Of what is in it.
        said: The name that a field of the object gave to the value beside it.
    """

    __slots__ = ("is_list", "name", "owner", "said")

    def __init__(self, name: str | None, owner: str | None, *, is_list: bool) -> None:
        self.name = name
        self.owner = owner
        self.is_list = is_list
        self.said: Said | None = None


def json_literals(text: str) -> Iterator[Literal]:
    """Every piece of a JSON text that may hold a secret; also of a damaged or cut one."""
    name = owner = first = None
    stack: list[_Level] = []
    last = 0
    for match in _STRING.finditer(text):
        inside, end = match.span(1)
        gap = ""
        if inside - last > 1:  # more than the quote
            gap = text[last : inside - 1]
            if gap == ",":
                name = stack[-1].name if stack else None
            else:
                if gap.strip(_PUNCTUATION):
                    yield from _gap_literals(text, last, inside - 1, name, owner)
                name, owner = _level_after(gap, (name, owner), stack)
        last = match.end()
        if match[3] is not None and match[2]:
            yield Literal(inside, end, "name")
            name, first = decode(text[inside:end], "json"), None
            if stack and stack[-1].said is not None:
                name = named_by(stack[-1].said, name, owner)
            continue
        given = name
        if first is not None and gap.strip() == "," and _LAST_OF_LIST.match(text, last) is not None:
            given = first if is_pair(first, decode(text[inside:end], "json")) else name
        yield Literal(inside, end, "text", given, owner)
        first = decode(text[inside:end], "json") if gap and _begins_pair(gap, stack) else None
        if stack and (said := said_by(name, decode(text[inside:end], "json"))) is not None:
            stack[-1].said = said
    yield from _gap_literals(text, last, len(text), name, owner)


def _begins_pair(gap: str, stack: list[_Level]) -> bool:
    """True if a string behind `gap` is the first item of a list that is in a list, or that is all of the text."""
    return gap.rstrip()[-1:] == "[" and (len(stack) == 1 or (len(stack) > 1 and stack[-2].is_list))


def _level_after(gap: str, level: tuple[str | None, str | None], stack: list[_Level]) -> tuple[str | None, str | None]:
    """Name of the field that a value after `gap` is in, and its owner; `stack` has one entry for each open bracket."""
    name, owner = level
    for char in gap:
        if char in "{[":
            if char == "{":
                name, owner = None, name if name is not None and is_owner(name) else owner
            stack.append(_Level(name, owner, is_list=char == "["))
        elif char in "}]":
            if stack:
                stack.pop()
            name, owner = None, stack[-1].owner if stack else None
        elif char == ",":
            name = stack[-1].name if stack else None
    return name, owner


def _gap_literals(text: str, start: int, end: int, name: str | None, owner: str | None) -> Iterator[Literal]:
    number = _NUMBER.match(text, start, end) if name is not None else None
    last = start
    if number is not None:
        last = number.end()
        yield Literal(number.start(1), last, "number", name, owner)
    for match in _LONG_NUMBER.finditer(text, last, end) if end - last >= _LONG else ():
        is_inside = not any(char in "}]" for char in text[last : match.start()])
        last = match.end()
        name, owner = (name, owner) if is_inside else (None, None)
        yield Literal(*match.span(), "number", name, owner)
    if _GAP.fullmatch(text, start, end) is None:
        yield Literal(start, end, "junk")


EVENT_DATA = re.compile(r"(?m)^data: ?([{\[].*)$")
"""The data of a server-sent event, where it is JSON."""


def may_hold_json(text: str) -> bool:
    """True for JSON, and for prose with JSON in it whose strings have escapes of their own."""
    start = text.lstrip()[:1]
    return start in ("{", "[") or (start == '"' and text.rstrip()[-1:] == '"') or ("\\" in text and '"' in text)
