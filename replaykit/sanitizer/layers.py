"""Every text that is anywhere inside a piece of bytes, and where.

What is written in base64, compressed, escaped, cut into the events of a stream, or JSON in a string of JSON is decoded,
again and again, until there is nothing more to decode. The code that replaces values takes texts apart too; this shares
nothing with it, so that each can check the other.

What was not looked into, since it was too deep or too large, is said: nothing is left out in silence.
"""

from __future__ import annotations

import html
import json
import quopri
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

from replaykit.sanitizer.names import is_owner
from replaykit.sanitizer.tracks import EVENT_LINE, Pairs, event_data, json_lines, parse_event, parse_json, tracks
from replaykit.sanitizer.unpacking import (
    as_text,
    event_frames,
    form_parts,
    printable_runs,
    unpack,
    unpack_base64,
    unpack_by_trying,
)

BRACKETS = "more brackets than can be tried"
"""Why JSON in a text was not looked for any further. The text itself was, with its escapes undone."""

Naming = Literal["field", "header", "query"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a walk goes.

    Attributes:
        depth: Layers in layers.
        chars: Of all texts that are made, together.
        unpacked_bytes: Of one compressed piece.
        ratio: How many times larger than its compressed form a piece may be, beyond the first megabyte.
    """

    depth: int = 14
    chars: int = 256 * 1024 * 1024
    unpacked_bytes: int = 64 * 1024 * 1024
    ratio: int = 1200


@dataclass(frozen=True, slots=True)
class Layer:
    """One decoded text.

    Attributes:
        path: How to get there, in words: `event 3..7 > json $.choices[0].delta.content > base64`.
        name: Of the field, header or form's key that holds all of it.
        owner: Name of the innermost object around it that is made of secrets.
        naming: What kind of name that is.
        is_number: It is a number, and means nothing without its name.
        is_structured: It is JSON or a stream of events; the texts in it come one by one, with their names.
        is_binary: The readable pieces of bytes that are no text: only shapes that nothing else has mean something.
        unread: Why there is more at this place that was not looked into; the text is empty then.
    """

    path: str
    text: str
    name: str | None = None
    owner: str | None = None
    naming: Naming = "field"
    is_number: bool = False
    is_structured: bool = False
    is_binary: bool = False
    unread: str | None = None


def layers(data: bytes, content_type: str = "", encoding: str = "", limits: Limits | None = None) -> Iterator[Layer]:
    """Every decoded text inside `data`, the outermost first.

    Args:
        content_type: As its header says.
        encoding: Its content-encoding, where it was not undone.
    """
    walk = _Walk(limits or Limits())
    names = [name.strip().lower() for name in encoding.split(",") if name.strip() not in ("", "identity")]
    yield from walk.encoded(data, names, content_type)


def text_layers(
    text: str, name: str | None = None, naming: Naming = "field", limits: Limits | None = None
) -> Iterator[Layer]:
    """The same for a text that is known by a name."""
    yield from _Walk(limits or Limits()).text(text, "", 0, name, naming=naming)


def value_layers(
    value: Any, name: str | None = None, owner: str | None = None, limits: Limits | None = None
) -> Iterator[Layer]:
    """The same for a JSON value, as `json.loads` gives it."""
    yield from _Walk(limits or Limits()).value(_paired(value), "json $", 0, name, owner)


_BASE64 = (
    re.compile(r"[A-Za-z0-9+/]{11,}={0,2}"),
    re.compile(r"[A-Za-z0-9_-]{11,}={0,2}"),
    re.compile(r"[A-Za-z0-9]{11,}={0,2}"),
    re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{40,120}+\s{1,3})+[A-Za-z0-9+/]+={0,2}"),
)
_SHORTEST_HIDDEN = 8  # bytes
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?((?:[0-9a-fA-F]{2}){8,})(?![0-9A-Za-z])")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
_FORM = re.compile(r"[^\s=&?#]{1,100}=[^\s&]*(?:&[^\s=&]{1,100}=[^\s&]*)*")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([nrtbf\"'\\/]))")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
_TRIES_A_CHAR = 8  # how often a text is read again in search of JSON in it
_JSON_START = re.compile(r"""\{(?=\s{0,99}["}])|\[(?=\s{0,99}["\[{\d\-tfn\]])""")
_WINDOW, _WINDOW_STEP = 1 << 22, 1 << 15
_SHOWN_NAME = 60
_USUAL_NAME = re.compile(r"[A-Za-z_$][\w$-]{0,39}")


class _Walk:
    """One walk: what it has made so far, and which texts it has been in."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.chars
        self._is_full = False
        self._entered: set[int] = set()
        self._names: set[str] = set()

    # bytes

    def encoded(self, data: bytes, encodings: list[str], content_type: str, depth: int = 0) -> Iterator[Layer]:
        """Data whose encodings are known by name."""
        path = ""
        while encodings:
            how = encodings.pop()
            try:
                found = unpack(data, how, self._room(data))
            except LookupError:
                yield self._unread(path, f"there is no decoder for {how[:20]!r} here")
                return
            if found is None:
                break  # it was undone already, and the header stayed
            path, data = _under(path, found.how), found.data
            if found.is_cut:
                yield self._unread(path, f"it unpacks to more than {len(data)} bytes")
        yield from self.data(data, path, depth, content_type)

    def data(
        self, data: bytes, path: str, depth: int, content_type: str = "", name: str | None = None
    ) -> Iterator[Layer]:
        """Bytes of any kind."""
        if self._is_full:
            return
        if depth > self._limits.depth:
            yield self._unread(path, f"nested deeper than {self._limits.depth} layers")
            return
        if (yield from self._unpacked(data, path, depth, content_type)):
            return
        frames = event_frames(data)
        if frames:
            yield from self._frames([(frame.headers, frame.payload) for frame in frames], path, depth)
            return
        yield from self._parts(data, path, depth, content_type)
        text = as_text(data, _charset(content_type))
        if text is not None:
            is_form = content_type.lower().startswith("application/x-www-form-urlencoded")
            naming: Naming = "field" if name is None else "query"
            yield from self.text(text, path, depth, name, naming=naming, is_form=is_form)
            return
        found = unpack_by_trying(data, self._room(data))
        if found is not None:
            yield from self.data(found.data, _under(path, found.how), depth + 1, content_type)
        runs = printable_runs(data)
        if runs:
            yield Layer(path, runs, is_binary=True)
            yield from self._inner(runs, _under(path, "readable pieces"), depth)

    def _parts(self, data: bytes, path: str, depth: int, content_type: str) -> Iterator[Layer]:
        """A multipart body: each part by its own type, and by its name."""
        for number, part in enumerate(form_parts(data, content_type)):
            place = _under(path, f"part {number} {part.name[:_SHOWN_NAME]}".rstrip())
            for key, value in part.headers.items():
                yield from self.text(value, _under(place, f"header {key[:_SHOWN_NAME]}"), depth + 1)
            body = part.body
            if part.headers.get("content-transfer-encoding", "").lower() == "quoted-printable":
                body = quopri.decodestring(body)
            yield from self.data(body, place, depth + 1, part.headers.get("content-type", ""), part.name or None)

    def _unpacked(self, data: bytes, path: str, depth: int, content_type: str) -> Generator[Layer, None, bool]:
        """What is in compressed data that say what they are; gives back whether they were."""
        try:
            found = unpack(data, "", self._room(data))
        except LookupError as error:
            yield self._unread(path, f"there is no decoder for {error.args[0]!r} here")
            return False
        if found is None:
            return False
        path = _under(path, found.how)
        if found.is_cut:
            yield self._unread(path, f"it unpacks to more than {len(found.data)} bytes")
        yield from self.data(found.data, path, depth + 1, content_type)
        return True

    def _frames(self, frames: Sequence[tuple[bytes, bytes]], path: str, depth: int) -> Iterator[Layer]:
        for number, (headers, payload) in enumerate(frames):
            place = _under(path, f"frame {number}")
            yield Layer(_under(place, "headers"), printable_runs(headers), is_binary=True)
            yield from self.data(payload, place, depth + 1)
        events = [parse_event(payload.decode("utf-8", "surrogateescape")) for _, payload in frames]
        yield from self._tracks(events, path, depth, "frame")

    def _room(self, data: bytes) -> int:
        return max(1, min(self._limits.unpacked_bytes, (1 << 20) + self._limits.ratio * len(data)))

    # texts

    def text(
        self,
        text: str,
        path: str,
        depth: int,
        name: str | None = None,
        owner: str | None = None,
        naming: Naming = "field",
        *,
        is_form: bool = False,
    ) -> Iterator[Layer]:
        """A decoded text, and all that is in it."""
        self._left -= len(text)
        if self._left < 0:
            if not self._is_full:
                self._is_full = True
                yield self._unread(path, f"it decodes to more than {self._limits.chars} characters")
            return
        value, events = _structure(text)
        has_structure = value is not None or bool(events)
        yield Layer(path, text, name, owner, naming, is_structured=has_structure)
        if len(text) < _SHORTEST_HIDDEN:
            return
        if depth >= self._limits.depth:
            yield self._unread(path, f"nested deeper than {self._limits.depth} layers")
            return
        if is_form or ("&" in text and _FORM.fullmatch(text) is not None):
            for pair in text.split("&"):
                key, _, value = pair.partition("=")
                said, place = unquote(key), f"form {key[:_SHOWN_NAME]}"
                yield from self.text(unquote(value), _under(path, place), depth + 1, said, naming="query")
                if "+" in value:
                    plain = unquote(value.replace("+", " "))
                    yield from self.text(plain, _under(path, place), depth + 1, said, naming="query")
        if hash(text) in self._entered:
            return
        self._entered.add(hash(text))
        if value is not None:
            yield from self.value(value, _under(path, "json $"), depth)
        elif events:
            yield from self._events(text, events, path, depth)
        else:
            yield from self._inner(text, path, depth)

    def _inner(self, text: str, path: str, depth: int) -> Iterator[Layer]:
        """What a text that is no JSON holds in other forms."""
        yield from self._fragments(text, path, depth)
        for how, made in _rewritten(text):
            if made != text:
                yield from self.text(made, _under(path, how), depth + 1)
        yield from self._runs(text, path, depth)

    def _events(self, text: str, events: list[str], path: str, depth: int) -> Iterator[Layer]:
        """Each by itself, what they say together, and what stands beside their data."""
        is_stream = EVENT_LINE.search(text) is not None
        word = "event" if is_stream else "line"
        for number, event in enumerate(events):
            yield from self.text(event, _under(path, f"{word} {number}"), depth + 1)
        yield from self._tracks([parse_event(event) for event in events], path, depth, word)
        beside = EVENT_LINE.sub("", text).strip() if is_stream else ""
        if beside:
            yield from self.text(beside, _under(path, "beside the data"), depth + 1)

    def _tracks(self, events: Sequence[Any], path: str, depth: int, word: str) -> Iterator[Layer]:
        for track in tracks(events):
            place = _under(path, f"{word} {track.first}..{track.last}")
            yield from self.text(track.text, _under(place, f"json {track.path} joined"), depth + 1)

    def _fragments(self, text: str, path: str, depth: int) -> Iterator[Layer]:
        """JSON in the middle of something else."""
        decoder = json.JSONDecoder(object_pairs_hook=Pairs)
        tries = _TRIES_A_CHAR * len(text)
        base, window = 0, text[:_WINDOW]
        start = _JSON_START.search(text)
        while start is not None and tries > 0:
            place = start.start()
            if place - base > _WINDOW_STEP:  # the decoder counts the lines before an error
                base, window = place, text[place : place + _WINDOW]
            try:
                value, end = decoder.raw_decode(window, place - base)
            except json.JSONDecodeError as error:
                tries -= error.pos - (place - base) + (place - base) // 64 + 1
                end = place - base + 1
            except (ValueError, RecursionError):
                tries -= len(text) - place
                end = place - base + 1
            else:
                if value:
                    yield from self.value(value, _under(path, f"at {place}: json $"), depth)
            start = _JSON_START.search(text, base + end)
        if start is not None:
            yield self._unread(path, f"{BRACKETS}, from character {start.start()} on")

    def _runs(self, text: str, path: str, depth: int) -> Iterator[Layer]:
        """Base64 and hexadecimal digits that say something."""
        seen: set[tuple[int, int]] = set()
        for pattern in _BASE64:  # the last one looks only where a run begins: within a long one it would be slow
            for match in pattern.finditer(text):
                if match.span() not in seen:
                    seen.add(match.span())
                    data = unpack_base64(match[0])
                    if data is not None:
                        yield from self._hidden(data, path, depth, f"base64 at {match.start()}")
        for match in _HEX.finditer(text):
            yield from self._hidden(bytes.fromhex(match[1]), path, depth, f"hex at {match.start()}")

    def _hidden(self, data: bytes, path: str, depth: int, how: str) -> Iterator[Layer]:
        if len(data) < _SHORTEST_HIDDEN:
            return
        try:
            is_packed = unpack(data, "", 1) is not None
        except LookupError:
            is_packed = True
        if is_packed or as_text(data) is not None or (len(data) > 64 and unpack_by_trying(data, 4096) is not None):
            yield from self.data(data, _under(path, how), depth + 1)

    # JSON

    def value(
        self, value: Any, path: str, depth: int, name: str | None = None, owner: str | None = None
    ) -> Iterator[Layer]:
        """Every text and every named number of a JSON value; objects are `Pairs`."""
        if isinstance(value, list) and not isinstance(value, Pairs) and len(value) > 1:
            yield from self._tracks(value, path, depth, "item")
        waiting: list[tuple[Any, str, str | None, str | None]] = [(value, path, name, owner)]
        while waiting:
            item, place, own, around = waiting.pop()
            if isinstance(item, str):
                yield from self.text(item, place, depth + 1, own, around)
            elif isinstance(item, Pairs):
                inner = own if own is not None and is_owner(own) else around
                for key, child in reversed(item):
                    waiting.append((child, f"{place}{_shown(key)}", key, inner))
                for key, _ in item:
                    if key not in self._names:
                        self._names.add(key)
                        yield from self.text(key, f"{place} (a name in it)", depth + 1)
            elif isinstance(item, list):
                waiting += [(child, f"{place}[{at}]", own, around) for at, child in reversed(list(enumerate(item)))]
            elif isinstance(item, int | float) and not isinstance(item, bool) and own is not None:
                yield Layer(place, _digits(item), own, around, is_number=True)

    def _unread(self, path: str, why: str) -> Layer:
        return Layer(path, "", unread=why)


def _structure(text: str) -> tuple[Any, list[str]]:
    """The JSON value that a text is, or its events."""
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            return parse_json(text), []
        except ValueError:
            pass
    if "data:" in text and (events := event_data(text)):
        return None, events
    return None, json_lines(text) if "\n" in text else []


def _under(path: str, step: str) -> str:
    return f"{path} > {step}" if path else step


def _shown(name: str) -> str:
    """The name of a field in a path; one that is no usual name may be a secret, and is not said."""
    return f".{name}" if _USUAL_NAME.fullmatch(name) is not None else f"[a name of {len(name)} characters]"


def _digits(number: int | float) -> str:
    try:
        return str(number)
    except ValueError:  # longer than Python prints: nobody's
        return ""


def _charset(content_type: str) -> str:
    found = re.search(r"charset=\"?([\w.:-]{1,40})", content_type, re.IGNORECASE)
    name = found[1].lower() if found is not None else ""
    return "" if name in ("utf-8", "utf8", "ascii", "us-ascii") else name


def _rewritten(text: str) -> Iterator[tuple[str, str]]:
    """The text with one kind of escape undone."""
    if "%" in text and _PERCENT.search(text) is not None:
        yield "percent", unquote(text, errors="surrogateescape")
    if "\\" in text:
        plain = _ESCAPE.sub(_unescaped, text)
        yield "escapes", plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "&" in text and _ENTITY.search(text) is not None:
        yield "entities", html.unescape(text)


def _unescaped(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    return chr(int(digits, 16)) if digits else _LETTERS.get(match[3], match[3])


def _paired(value: Any) -> Any:
    """A JSON value with its objects as `Pairs`."""
    if isinstance(value, dict):
        return Pairs((str(key), _paired(item)) for key, item in value.items())
    return [_paired(item) for item in value] if isinstance(value, list | tuple) else value
