"""Texts that come in pieces: what a stream says in one field of its events, one event after the other.

A model spells its answer token by token, so a key or an address stands in no event whole. The pieces of one field are
told from those of another by where they stand, and by the numbers that the event gives its choices, items and blocks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from replaykit.sanitizer.views import Form, decode

DATA = re.compile(r"(?m)^data: ?([^\r\n]*)")
"""The data of a server-sent event."""

_CODED = re.compile(r"(?m)^(\w{1,2}):(?=[\[{\"])([^\r\n]*)")
_NOT_CODED = re.compile(r"(?m)^(?!\w{1,2}:[\[{\"])[^\r\n]")
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"(\s*:)?', re.DOTALL)
_NAMES = re.compile(
    r"(?:_|^)(?:answer|arguments|body|chunk|code|completion|content|data|delta|generated_?text|input|message|output"
    r"|partial_?json|reasoning|refusal|response|result|summary|text|thinking|token|transcript)(?:_|$)",
    re.IGNORECASE,
)
_INDEXES = re.compile(r"(?:^|_)index$|Index$|^item_id$|^itemId$")
_DECODER = json.JSONDecoder()
_DEEPEST = 64
_MANY, _LONG = 8, 24  # pieces, and characters of one on average; words are not longer, either
_WORDS = re.compile(r"[^\W\d_]{2,}(?=[ ,.;:?!])")

Path = tuple[str | int, ...]


class Piece(NamedTuple):
    """One event's part of a text: where it stands in the stream, and what it says."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Track:
    """The pieces of one text.

    Attributes:
        is_text: By its name the field is one that is put together; of any other field that is only likely.
        form: How the pieces are written.
    """

    is_text: bool
    form: Form
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """What they say together."""
        return "".join(piece.text for piece in self.pieces)

    def split(self, text: str) -> list[str]:
        """Another text of that length, cut in the same places."""
        cut, start = [], 0
        for piece in self.pieces:
            cut.append(text[start : start + len(piece.text)])
            start += len(piece.text)
        return cut

    def covered(self, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """For each piece how many characters at its start and its end belong to a span that reaches over a border."""
        edges = [[0, 0] for _ in self.pieces]
        starts, start = [], 0
        for piece in self.pieces:
            starts.append(start)
            start += len(piece.text)
        index = 0
        for low, high in sorted(spans):
            while index + 1 < len(starts) and starts[index + 1] <= low:
                index += 1
            place = index
            while place < len(starts) and starts[place] < high:
                begin, end = starts[place], starts[place] + len(self.pieces[place].text)
                if low < begin:
                    edges[place][0] = max(edges[place][0], min(high, end) - begin)
                if high > end:
                    edges[place][1] = max(edges[place][1], end - max(low, begin))
                place += 1
        return [(lead, tail) for lead, tail in edges]


def event_spans(text: str) -> list[tuple[int, int]]:
    """Where the data of server-sent events is JSON."""
    has_strings = is_of_strings(text)
    return [match.span(1) for match in DATA.finditer(text) if is_json(match[1]) or (has_strings and match[1])]


def is_json(data: str) -> bool:
    """True for the data of an event that is JSON, and not a piece of some, by its ends."""
    return data[:1] in ("{", "[") and data.rstrip()[-1] in "}]"


def is_of_strings(text: str) -> bool:
    """True if the data of every event is a string of JSON, or no JSON at all at the end: `[DONE]`."""
    found = [match[1] for match in DATA.finditer(text) if match[1]]
    return bool(found) and all(map(_is_string, found[:-1])) and (_is_string(found[-1]) or found[-1] == "[DONE]")


def _is_string(data: str) -> bool:
    try:
        return data[0] == '"' and isinstance(json.loads(data), str)
    except ValueError:
        return False


def line_spans(text: str) -> list[tuple[int, int]]:
    """Where the lines of JSON Lines are."""
    return [match.span() for match in re.finditer(r"(?m)^[ \t]*[{\[][^\r\n]*", text)]


def coded_spans(text: str) -> list[tuple[int, int]]:
    """Where the JSON is in lines that begin with a letter for what they are: `0:"tok"`; nowhere among other lines."""
    return [] if _NOT_CODED.search(text) else [match.span(2) for match in _CODED.finditer(text)]


def item_spans(text: str) -> list[tuple[int, int]]:
    """Where the items of a list of objects are, also of one that is cut: some services stream one long list."""
    spans: list[tuple[int, int]] = []
    place = text.find("[") + 1
    while place > 0:
        start = text.find("{", place)
        if start < 0 or text[place:start].strip(" \t\r\n,"):
            break
        try:
            place = _DECODER.raw_decode(text, start)[1]
        except (ValueError, RecursionError):
            break
        spans.append((start, place))
    return spans


def find_tracks(text: str, events: Iterable[tuple[int, int]]) -> list[Track]:
    """Every text that is said in pieces, by two events or more.

    Args:
        events: Where the JSON of each event stands.
    """
    found: dict[Path, list[Piece]] = {}
    for start, end in events:
        code = text[start - 3 : start].rpartition("\n")[2] if text[start - 1 : start] == ":" else ""
        for path, piece in _pieces(text, start, end):
            found.setdefault((code, *path), []).append(piece)
    together = ((path, pieces) for path, pieces in found.items() if _is_put_together(pieces))
    return [Track(_is_text(path, pieces), "json", tuple(pieces)) for path, pieces in together]


def _is_text(path: Path, pieces: list[Piece]) -> bool:
    """True for a field that is put together, by its name; for an event that is a string; for words in small pieces."""
    if len(path) == 1 or any(isinstance(word, str) and _NAMES.search(word) for word in path[-3:]):
        return True
    text = "".join(piece.text for piece in pieces)
    return len(pieces) >= _MANY and len(text) < _LONG * len(pieces) and len(_WORDS.findall(text)) * _LONG > len(text)


def find_lines(text: str, events: Iterable[tuple[int, int]]) -> list[Track]:
    """The text that server-sent events spell whose data is no JSON.

    Args:
        events: Where the JSON of the others stands.
    """
    taken = {start for start, _ in events}
    spans = (match.span(1) for match in DATA.finditer(text) if match[1])
    pieces = [Piece(start, end, text[start:end]) for start, end in spans if start not in taken]
    return [Track(True, "plain", tuple(pieces))] if _is_put_together(pieces) else []


def _is_put_together(pieces: list[Piece]) -> bool:
    return len(pieces) > 1 and any(piece.text != pieces[0].text for piece in pieces)


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[Path, Piece]]:
    try:
        value = json.loads(text[start:end])
    except (ValueError, RecursionError):
        return  # a damaged event is searched on its own
    paths = list(_paths(value, (), 0))
    values = [match.span(1) for match in _STRING.finditer(text, start, end) if match[2] is None]
    if len(paths) == len(values):  # else a name stands in it twice
        for path, (low, high) in zip(paths, values, strict=True):
            if high > low:
                yield path, Piece(low, high, decode(text[low:high], "json"))


def _paths(value: Any, path: Path, depth: int) -> Iterator[Path]:
    """The places of all strings of a JSON value, in the order of the text."""
    if isinstance(value, str):
        yield path
    elif depth > _DEEPEST:
        return
    elif isinstance(value, list):
        for number, item in enumerate(value):
            is_numbered = isinstance(item, dict) and any(map(_INDEXES.search, item))
            yield from _paths(item, (*path, -1 if is_numbered else number), depth + 1)
    elif isinstance(value, dict):
        marks = tuple(f"{name}={value[name]}" for name in value if _INDEXES.search(name))
        if not path and isinstance(value.get("type"), str):
            marks = (value["type"], *marks)
        for name, item in value.items():
            yield from _paths(item, (*path, *marks, name), depth + 1)
