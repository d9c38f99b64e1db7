"""Secrets in the columns of a table: CSV, and Markdown, whose first line says what is in each."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from replaykit.sanitizer.names import Strength, field_strength
from replaykit.sanitizer.shapes import Found, is_placeholder
from replaykit.sanitizer.values import is_password, is_secret_under

_SEPARATORS = ",;\t|"
_HEAD = re.compile(r"(?m)^[^\n,;\t|]{0,60}[,;\t|][^\n]{2,600}$")
_NAME = re.compile(r"\s*[\"']?\w[\w.-]*(?: [\w.-]+)?[\"']?\s*")
_RULE = re.compile(r"[\s|:=+-]+")
_SHORTEST, _LONGEST = 6, 400

Cell = tuple[int, int]


def find_columns(text: str) -> Iterator[Found]:
    """The values below a column's name that says that they are secrets."""
    place = 0
    while (head := _HEAD.search(text, place)) is not None:
        place = head.end()
        separator = _separator(head[0])
        names = [text[slice(*cell)] for cell in _cells(text, *head.span(), separator)]
        if len(names) < 2 or not all(_NAME.fullmatch(name) for name in names):
            continue
        strengths = [field_strength(name.strip(" \t\"'")) for name in names]
        if any(strengths):
            place = yield from _below(text, head.end() + 1, separator, strengths)


def _below(text: str, place: int, separator: str, strengths: list[Strength | None]) -> Generator[Found, None, int]:
    """The secrets of the lines that have as many cells as the first, and where the last of them ends."""
    while place < len(text):
        end = text.find("\n", place)
        end = end if end >= 0 else len(text)
        cells = list(_cells(text, place, end, separator))
        if _RULE.fullmatch(text, place, end) is None:
            if len(cells) != len(strengths):
                break
            for (start, stop), strength in zip(cells, strengths, strict=True):
                if _is_secret(text[start:stop], strength):
                    yield Found(start, stop, "secret")
        place = end + 1
    return place - 1


def _is_secret(value: str, strength: Strength | None) -> bool:
    if strength is None or not _SHORTEST <= len(value) <= _LONGEST or is_placeholder(value):
        return False
    return is_password(value) and " " not in value if strength == "strong" else is_secret_under(value, strength)


def _separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def _cells(text: str, start: int, end: int, separator: str) -> Iterator[Cell]:
    """Where each cell of a line begins and ends, without the quotes and the spaces around it."""
    if separator == "|":  # in Markdown there is one before the first and one behind the last, too
        while start < end and text[start] in " |":
            start += 1
        while start < end and text[end - 1] in " |\r":
            end -= 1
    while start <= end:
        stop, is_quoted = start, text[start : start + 1] == '"'
        if is_quoted:
            close = text.find('"', start + 1, end)
            stop = close if close >= 0 else start
        stop = text.find(separator, stop, end)
        stop = stop if stop >= 0 else end
        low, high = start, stop
        while low < high and text[low] in " \"'\r":
            low += 1
        while low < high and text[high - 1] in " \"'\r":
            high -= 1
        yield low, high
        start = stop + 1
