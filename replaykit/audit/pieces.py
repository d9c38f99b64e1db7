"""What of a packet's line comes from the run, field by field; the rest is the recorder's own.

Reads the line as JSON and not as the model has it, so that nothing is normalized away before it is looked at.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from replaykit.packet.body import dump_json
from replaykit.sanitizer.layers import Layer, Limits, layers, text_layers, value_layers
from replaykit.sanitizer.names import Strength, header_strength, option_strength

Fields = Mapping[str, Any]

LIMITS = Limits(chars=64 * 1024 * 1024, unpacked_bytes=16 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Piece:
    """One field.

    Attributes:
        field: Dotted path inside the line.
        words: What it is.
        layers: Every decoded text in it.
        strength: How surely its own name says that all of it is a secret, where the layers do not say.
    """

    field: str
    words: str
    layers: Iterator[Layer]
    strength: Strength | None = None


def pieces(fields: Fields) -> Iterator[Piece]:
    """Everything in a line that a run, a client or a server has written."""
    kind = fields.get("kind")
    handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
    own = _OWN | (handler.covered if handler is not None else frozenset())
    if handler is not None:
        yield from handler.read(fields)
    for name, value in fields.items():
        if name not in own:
            yield from _json(name, value)


@dataclass(frozen=True, slots=True)
class _Handler:
    """Reads the fields of one kind of line that are more than JSON."""

    read: Callable[[Fields], Iterator[Piece]]
    covered: frozenset[str]


# Numbers, hashes and words of ours: their shape is looked at with the raw text of the line.
_OWN = frozenset(
    {
        *("kind", "id", "seq", "key", "raw", "time_ns", "boundary", "call_class", "wire_format", "parent", "state"),
        *("status", "first_byte_ns", "has_value", "has_output", "digest", "format", "key_version", "ruleset", "items"),
        *("prefix", "source", "first", "events", "loops", "made", "usage", "exit_code", "replayable", "span_kind"),
    }
)
_OWN_OF_RUN = frozenset({"run_id", "trace_id", "started_at", "git_sha", "hash_seed", "parent", "secret_variables"})


def _run(fields: Fields) -> Iterator[Piece]:
    for name, value in _object(fields.get("run")).items():
        if name not in _OWN_OF_RUN:
            yield from _json(f"run.{name}", value)


def _entry(fields: Fields) -> Iterator[Piece]:
    entry = _object(fields.get("entry"))
    words = [word for word in _list(entry.get("argv")) if isinstance(word, str)]
    for number, word in enumerate(words):
        before = words[number - 1] if number else ""
        strength = option_strength(before.lstrip("-")) if before.startswith("-") else None
        yield Piece(f"entry.argv[{number}]", "a word of the command", text_layers(word, limits=LIMITS), strength)
    yield from _text("entry.argv", " ".join(words), "the command")
    stdin = _object(entry.get("stdin"))
    yield from _body("entry.stdin.body", stdin.get("body"), "text/plain", "standard input")
    for name, value in entry.items():
        if name not in ("argv", "stdin", "kind", "variables"):
            yield from _json(f"entry.{name}", value)


def _call(fields: Fields) -> Iterator[Piece]:
    http = _object(fields.get("http"))
    headers = http.get("headers")
    yield from _url("http.url", http.get("url"))
    yield from _headers("http.headers", headers, "request header")
    yield from _body("http.body", http.get("body"), _header(headers, "content-type"), "request body")
    for name, value in http.items():
        if name not in ("url", "headers", "body"):
            yield from _json(f"http.{name}", value)
    function = _object(fields.get("function"))
    if "arguments" in function:
        yield from _json("function.arguments", function["arguments"], "arguments")


def _done(fields: Fields) -> Iterator[Piece]:
    headers = fields.get("headers")
    yield from _headers("headers", headers, "response header")
    yield from _body("body", fields.get("body"), _header(headers, "content-type"), "response body")


def _outcome(fields: Fields) -> Iterator[Piece]:
    manifest = _object(fields.get("manifest"))
    for name in ("uncaptured", "egress", "files", "overlooked"):
        if name in manifest:
            yield from _json(f"manifest.{name}", manifest[name])


def _nothing(fields: Fields) -> Iterator[Piece]:
    yield from ()


_HANDLERS: dict[str, _Handler] = {
    "run": _Handler(_run, frozenset({"run"})),
    "entry": _Handler(_entry, frozenset({"entry"})),
    "call": _Handler(_call, frozenset({"http", "function"})),
    "done": _Handler(_done, frozenset({"headers", "body"})),
    "outcome": _Handler(_outcome, frozenset({"manifest"})),
    "standin": _Handler(_nothing, frozenset({"stand_in", "name", "variable"})),
}


# by form


def _json(field: str, value: Any, words: str = "") -> Iterator[Piece]:
    yield Piece(field, words, value_layers(value, limits=LIMITS))


def _text(field: str, text: str, words: str) -> Iterator[Piece]:
    yield Piece(field, words, text_layers(text, limits=LIMITS))


def _url(field: str, url: Any) -> Iterator[Piece]:
    if not isinstance(url, str):
        return
    yield from _text(field, url, "URL")
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    for text in (parts.query, parts.fragment):
        for name, value in parse_qsl(text, keep_blank_values=True):
            yield Piece(field, f"URL > query {name[:40]}", text_layers(value, name, "query", limits=LIMITS))


def _headers(field: str, headers: Any, words: str) -> Iterator[Piece]:
    for number, pair in enumerate(_list(headers)):
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(item, str) for item in pair):
            name, value = pair
            place, said = f"{field}[{number}]", f"{words} {name[:40]}"
            yield from _text(place, name, "name of a header")
            if name.lower() in ("cookie", "set-cookie"):
                yield from _cookies(place, value, said)
            else:
                yield Piece(place, said, text_layers(value, name, "header", limits=LIMITS), header_strength(name))
        else:
            yield from _json(f"{field}[{number}]", pair)


_COOKIE_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "version", "priority"})


def _cookies(field: str, value: str, words: str) -> Iterator[Piece]:
    for pair in value.split(";"):
        name, equals, said = pair.strip().partition("=")
        if equals and name.lower() not in _COOKIE_ATTRIBUTES:
            yield Piece(field, f"{words} > {name[:40]}", text_layers(said, limits=LIMITS), "strong")
        else:
            yield from _text(field, pair, words)


def _body(field: str, body: Any, content_type: str, words: str) -> Iterator[Piece]:
    body = _object(body)
    data: bytes | None = None
    form = next((name for name in ("json", "text", "base64") if name in body), None)
    try:
        if form == "json":
            data = dump_json(body["json"], body.get("style") or "compact")
        elif form == "text":
            data = str(body["text"]).encode("utf-8", "surrogatepass")
        elif form == "base64":
            data = base64.b64decode(str(body["base64"]), validate=True)
    except (ValueError, RecursionError, KeyError, binascii.Error):
        data = None  # not what it says: then as the JSON that it is
    if data is not None:
        yield Piece(f"{field}.{form}", words, layers(data, content_type, limits=LIMITS))
    for name, value in body.items():
        if name not in ("cuts", "length", "sha256", "style") and (name != form or data is None):
            yield from _json(f"{field}.{name}", value, words)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _header(headers: Any, name: str) -> str:
    for pair in _list(headers):
        if isinstance(pair, list) and len(pair) == 2 and str(pair[0]).lower() == name:
            return str(pair[1])
    return ""
