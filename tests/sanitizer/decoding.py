"""Every text that some bytes hold, however they are written: what a leak is looked for in.

Shares nothing with the package: what that decodes wrongly would be searched wrongly.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import json
import re
import struct
import urllib.parse
import zlib
from collections.abc import Iterator
from typing import Any

import zstandard

_DEEPEST = 12
_RUNS = (re.compile(r"[A-Za-z0-9+/]{11,}={0,2}"), re.compile(r"[A-Za-z0-9_-]{11,}={0,2}"))
_DATA = re.compile(r"(?m)^data: ?(.*)$")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_TEXT = bytes(range(9, 127))
_WORDS = re.compile(r"[^\x00-\x08\x0e-\x1f]{8,}")


def decoded(data: bytes) -> set[str]:
    """All texts in it, the outermost too."""
    found: set[str] = set()
    waiting: list[tuple[bytes | str, int]] = [(data, 0)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, bytes):
            waiting += [(inner, depth + 1) for inner in _of_bytes(item)] if depth < _DEEPEST else []
        elif len(item) >= 8 and item not in found:
            found.add(item)
            waiting += [(inner, depth + 1) for inner in _of_text(item)] if depth < _DEEPEST else []
    return found


def _of_bytes(data: bytes) -> Iterator[bytes | str]:
    unpacked = _unpacked(data)
    if unpacked is not None:
        yield unpacked
        return
    frames = list(_frames(data))
    yield from frames
    said = [_json(frame.decode("utf-8", "replace")) for frame in frames]
    said += [_json(base64.b64decode(event["bytes"]).decode()) for event in said if event and "bytes" in event]
    yield from _joined(event for event in said if event is not None)
    try:
        yield data.decode()
    except UnicodeDecodeError:
        yield from _WORDS.findall(data.decode("utf-8", "replace").replace("\ufffd", "\0"))
        for codec in ("utf-16-le", "utf-16-be") if data.count(0) * 3 > len(data) else ():
            yield data.decode(codec, "replace")
        return
    if data.count(0) * 3 > len(data):
        for codec in ("utf-16-le", "utf-16-be"):
            yield data.decode(codec, "replace")


def _unpacked(data: bytes) -> bytes | None:
    try:
        if data.startswith(b"\x1f\x8b\x08"):
            return gzip.decompress(data)
        if data.startswith(b"\x28\xb5\x2f\xfd"):
            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
        if data.startswith(_ZLIB):
            return zlib.decompress(data)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        pass
    return None


def _frames(data: bytes) -> Iterator[bytes]:
    """Payloads of a binary event stream."""
    place = 0
    while place + 16 <= len(data):
        length, headers, check = struct.unpack_from(">III", data, place)
        if zlib.crc32(data[place : place + 8]) != check or not 16 + headers <= length <= len(data) - place:
            return
        yield data[place + 12 + headers : place + length - 4]
        place += length


def _of_text(text: str) -> Iterator[bytes | str]:
    value = _json(text)
    if value is not None:
        yield from _strings(value)
        if isinstance(value, list):
            yield from _joined(value)
    if "data:" in text:
        lines = [line.rstrip("\r") for line in _DATA.findall(text)]
        yield from lines
        yield "".join(lines)
        yield from _joined(event for event in map(_json, lines) if event is not None)
    elif "\n" in text:
        lines = text.splitlines()
        yield from lines
        yield from _joined(event for event in map(_json, lines) if event is not None)
    if value is None:
        if "\\" in text:
            yield _ESCAPE.sub(_unescaped, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if "%" in text:
            yield urllib.parse.unquote(text)
        if "+" in text:
            yield urllib.parse.unquote_plus(text)
        if "&" in text:
            yield html.unescape(text)
        for run in {run for pattern in _RUNS for run in pattern.findall(text)}:
            yield from _of_base64(run)


def _of_base64(run: str) -> Iterator[bytes]:
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(3) if len(plain) > 200 else (0,):  # something may stand before it without a sign between
        piece = plain[start:]
        piece = piece[: len(piece) - (len(piece) % 4 == 1)]
        try:
            data = base64.b64decode(piece + "=" * (-len(piece) % 4))
        except (binascii.Error, ValueError):
            continue
        if _unpacked(data) is not None or len(data.translate(None, _TEXT)) * 4 < len(data):
            yield data


def _unescaped(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    return chr(int(digits, 16)) if digits else _LETTERS.get(match[3], match[3])


def _json(text: str) -> Any:
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _strings(item)


def _joined(events: Any) -> Iterator[str]:
    """What events say together in one place of theirs."""
    said: dict[tuple[Any, ...], list[str]] = {}
    for event in events:
        for path, text in _leaves(event, ()):
            said.setdefault(path, []).append(text)
    for texts in said.values():
        if len(texts) > 1:
            yield "".join(texts)


def _leaves(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            own = item.get("index", number) if isinstance(item, dict) else number
            yield from _leaves(item, (*path, own))
    elif isinstance(value, dict):
        marks = tuple((name, item) for name, item in value.items() if name.endswith("index") or name == "type")
        for name, item in value.items():
            yield from _leaves(item, (*path, marks, name))
