"""Streams put together again: a value may be cut into the events of a stream at any place.

A track is what one place says, event after event: the text of a choice, the arguments of a tool call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from replaykit.sanitizer.unpacking import unpack_base64

EVENT_LINE = re.compile(r"(?m)^data:.*$")
"""A line with data of a server-sent event."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_MARKS = ("index", "output_index", "content_index", "summary_index", "item_id", "type", "id")
"""Fields that tell one track from another, beside the path: choices and blocks come in turn."""


class Pairs(list[tuple[str, Any]]):
    """A JSON object, with names that stand twice in it."""


class Track(NamedTuple):
    """The pieces of one place, joined.

    Attributes:
        first: Number of the event with the first piece, from 0.
        path: `$.choices[0].delta.content`.
    """

    first: int
    last: int
    path: str
    text: str


def parse_json(text: str) -> Any:
    """JSON, with objects as `Pairs`.

    Raises:
        ValueError: It is none, or nested too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=Pairs)
    except RecursionError:
        raise ValueError("nested too deep") from None


_CODE = re.compile(r"[A-Za-z0-9]{1,2}:(?=[\[{\"])")


def event_data(text: str) -> list[str]:
    """The data of each server-sent event; none if there is no event."""
    found: list[str] = []
    lines: list[str] = []
    for line in (*_LINE_END.split(text), ""):
        if not line and lines:
            found.append("\n".join(lines))
            lines = []
        elif line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
    return found


def json_lines(text: str) -> list[str]:
    """The lines of a text that is JSON line by line, behind a letter for what it is or not; none if it is not."""
    lines = [line for line in _LINE_END.split(text) if line.strip()]
    if all(map(_CODE.match, lines)):
        lines = [line.partition(":")[2] for line in lines]
    is_lines = len(lines) > 1 and all(line.lstrip()[:1] in ("{", "[", '"') for line in lines)
    return lines if is_lines else []


def parse_event(text: str) -> Any:
    """What an event says: JSON, or its text where it is none, or where it may be no more than a piece of a text."""
    try:
        value = parse_json(text)
    except ValueError:
        return text
    return value if isinstance(value, list | str) else text


def tracks(events: Sequence[Any]) -> Iterator[Track]:
    """What stands in more than one event at the same place, joined.

    Once by its marks, and once more by the path alone where these tell several apart: not every server sets them.

    Args:
        events: JSON values, as `parse_event` gives them.
    """
    exact: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    loose: dict[str, list[tuple[int, str]]] = {}
    parts: dict[str, set[tuple[str, ...]]] = {}
    for number, event in enumerate(events):
        for path, marks, text in _strings(event):
            key = (path, *marks)
            exact.setdefault(key, []).append((number, text))
            loose.setdefault(path, []).append((number, text))
            parts.setdefault(path, set()).add(key)
    for key, pieces in exact.items():
        yield from _joined(key[0], pieces)
    for path, pieces in loose.items():
        if len(parts[path]) > 1:
            yield from _joined(path, pieces)


def _joined(path: str, pieces: list[tuple[int, str]]) -> Iterator[Track]:
    first = pieces[0][1]
    if len(pieces) > 1 and any(text != first for _, text in pieces):  # else a name that every event repeats
        yield Track(pieces[0][0], pieces[-1][0], path, "".join(text for _, text in pieces))


_Place = tuple[str, tuple[str, ...], str]


def _strings(event: Any) -> Iterator[_Place]:
    waiting: list[tuple[Any, str, str | None, tuple[str, ...]]] = [(event, "$", None, ())]
    while waiting:
        item, path, name, marks = waiting.pop()
        if isinstance(item, str):
            yield path, marks, item
            inner = _packed_event(item) if name == "bytes" else None
            if inner is not None:
                waiting.append((inner, f"{path}.base64", name, marks))
        elif isinstance(item, Pairs):
            own = (*marks, *_marks_of(item))
            waiting += [(child, f"{path}.{key}", key, own) for key, child in reversed(item)]
        elif isinstance(item, list):
            waiting += [
                (child, f"{path}[{_place_of(child, place)}]", name, marks)
                for place, child in reversed(list(enumerate(item)))
            ]


def _packed_event(text: str) -> Any:
    """The event in an event, as the frames of one provider hold it."""
    data = unpack_base64(text)
    try:
        return parse_json(data.decode()) if data else None
    except ValueError:
        return None


def _marks_of(item: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for key, value in item:
        if key in _MARKS and isinstance(value, str | int):
            yield f"{key}={value}"


def _place_of(item: Any, place: int) -> int:
    """Choices and tool calls say by themselves which they are."""
    if isinstance(item, Pairs):
        for key, value in item:
            if key == "index" and isinstance(value, int):
                return value
    return place
