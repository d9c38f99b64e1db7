"""Bytes inside bytes, undone with bounds: compressed data, frames of an event stream, parts of a form.

Nothing here is shared with the code that replaces values: it is there to check it. It takes whatever it is given, from
anywhere, so every step has a bound on what it makes.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_PRINTABLE = frozenset(range(32, 127)) | {9, 10, 13}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
_MOSTLY = 0.85
_LONG_ENOUGH = 24  # bytes; of fewer, most are printable by chance now and then

MAX_TRIED_BYTES = 16 * 1024 * 1024
"""Larger data that do not say what they are are not tried out."""


class Unpacked(NamedTuple):
    """What came out of a compressed body.

    Attributes:
        how: `gzip`, `deflate`, `br` or `zstd`.
        is_cut: There was more than the limit.
    """

    how: str
    data: bytes
    is_cut: bool


# text or not


def as_text(data: bytes, charset: str = "") -> str | None:
    """The text that bytes are, where they are one or mostly; None for pictures, sound and the like."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            charset = name
    if charset:
        try:
            return data.decode(charset, "replace")
        except LookupError:
            pass  # no such charset: by the bytes alone
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape") if _is_mostly_printable(data) else None
    if _CONTROL.search(text) is None or _is_mostly_printable(data):
        return text
    return None


def _is_mostly_printable(data: bytes) -> bool:
    sample = data if len(data) <= 65536 else data[:32768] + data[-32768:]
    return len(data) >= _LONG_ENOUGH and sum(byte in _PRINTABLE for byte in sample) >= _MOSTLY * len(sample)


_RUN = re.compile(rb"[\x20-\x7e\t]{6,}")


def printable_runs(data: bytes) -> str:
    """The readable pieces of bytes that are no text, a line each."""
    return "\n".join(match[0].decode("ascii") for match in _RUN.finditer(data))


# compressed data


def unpack(data: bytes, encoding: str, limit: int) -> Unpacked | None:
    """What `data` hold in compressed form.

    Args:
        encoding: What the headers say; empty: by its first bytes, or by trying.
        limit: Bytes; no more than that come out.

    Raises:
        LookupError: They are compressed in a way for which there is no decoder here.
    """
    if encoding:
        return _undo(data, encoding, limit)
    for magic, how in ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd")):
        if data.startswith(magic):
            return _undo(data, how, limit)
    if _is_zlib(data):
        return _undo(data, "deflate", limit)
    return None


def unpack_by_trying(data: bytes, limit: int) -> Unpacked | None:
    """The same for forms that have no mark: what comes out has to be text."""
    if not _LONG_ENOUGH <= len(data) <= MAX_TRIED_BYTES:
        return None
    for how in ("raw deflate", "br"):
        try:
            found = _undo(data, how, limit)
        except LookupError:
            continue
        if found is not None and len(found.data) >= _LONG_ENOUGH and as_text(found.data) is not None:
            return found
    return None


def _is_zlib(data: bytes) -> bool:
    return len(data) > 5 and data[0] == 0x78 and (data[0] << 8 | data[1]) % 31 == 0


Step = Callable[[bytes, int], bytes]


def _undo(data: bytes, encoding: str, limit: int) -> Unpacked | None:
    """None if nothing came out."""
    if encoding in ("gzip", "x-gzip"):
        return _inflate(data, "gzip", zlib.MAX_WBITS | 16, limit)
    if encoding == "deflate":
        return _inflate(data, "deflate", zlib.MAX_WBITS, limit) or _inflate(data, "deflate", -zlib.MAX_WBITS, limit)
    if encoding == "raw deflate":
        return _inflate(data, "deflate", -zlib.MAX_WBITS, limit)
    if encoding == "br":
        return _in_slices(data, "br", _brotli(), limit)
    if encoding == "zstd":
        return _zstd(data, limit)
    raise LookupError(encoding)


def _inflate(data: bytes, how: str, window: int, limit: int) -> Unpacked | None:
    made = bytearray()
    while data and len(made) <= limit:  # several gzip files in a row are one
        decoder = zlib.decompressobj(window)
        try:
            made += decoder.decompress(data, limit + 1 - len(made))
        except zlib.error:
            break
        if not decoder.eof:
            break
        data = decoder.unused_data
    return _cut(how, bytes(made), limit)


def _brotli() -> Step:
    for name in ("brotlicffi", "brotli"):
        try:
            decoder: Any = importlib.import_module(name).Decompressor()
        except ImportError:
            continue
        step: Any = getattr(decoder, "process", None) or decoder.decompress

        def run(piece: bytes, room: int, step: Any = step) -> bytes:
            try:
                return bytes(step(piece, output_buffer_limit=room))
            except TypeError:  # releases before 1.2 have no limit; a slice of a few bytes is one
                return bytes(step(piece))

        return run
    raise LookupError("br")


def _in_slices(data: bytes, how: str, step: Step, limit: int) -> Unpacked | None:
    made = bytearray()
    for start in range(0, len(data), 256):
        try:
            made += step(data[start : start + 256], limit + 1 - len(made))
        except Exception:  # every decoder has errors of its own, and all mean: it ends here
            break
        if len(made) > limit:
            break
    return _cut(how, bytes(made), limit)


def _zstd(data: bytes, limit: int) -> Unpacked | None:
    try:
        module = importlib.import_module("zstandard")
    except ImportError:
        raise LookupError("zstd") from None
    made = bytearray()
    try:
        with module.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True) as reader:
            while len(made) <= limit and (piece := reader.read(min(1 << 20, limit + 1 - len(made)))):
                made += piece
    except module.ZstdError:
        pass  # cut short, or no such data: what came before counts
    return _cut("zstd", bytes(made), limit)


def _cut(how: str, made: bytes, limit: int) -> Unpacked | None:
    return Unpacked(how, made[:limit], len(made) > limit) if made else None


# base64


def unpack_base64(run: str) -> bytes | None:
    """The bytes that a run of base64 stands for, of either alphabet, with padding or without."""
    plain = "".join(run.split()).rstrip("=").replace("-", "+").replace("_", "/")
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


# frames


class Frame(NamedTuple):
    """One message of an AWS event stream."""

    headers: bytes
    payload: bytes


def event_frames(data: bytes) -> list[Frame]:
    """The messages of an AWS event stream; none if it is none. A last one that was cut short counts."""
    frames: list[Frame] = []
    place = 0
    while place + 12 <= len(data):
        total, size = (int.from_bytes(data[place + at : place + at + 4], "big") for at in (0, 4))
        checksum = int.from_bytes(data[place + 8 : place + 12], "big")
        if zlib.crc32(data[place : place + 8]) != checksum or total < 16 + size:
            break
        head = place + 12
        frames.append(Frame(data[head : head + size], data[head + size : place + total - 4]))
        place += total
    return frames


class Part(NamedTuple):
    """A part of a multipart body; names of headers are in lower case."""

    headers: dict[str, str]
    name: str
    body: bytes


_FIRST_LINE = re.compile(rb"\A(?:[^\n]{0,200}\r?\n){0,3}?--([^\s]{1,200})[ \t]*\r?\n(?=[\w-]{1,60}:)")
_BOUNDARY = re.compile(r'boundary="?([^";]{1,200})', re.IGNORECASE)
_NAME = re.compile(r'[;\s]name="?([^";]*)', re.IGNORECASE)


def form_parts(data: bytes, content_type: str) -> Iterator[Part]:
    """The parts of a multipart body, whether its type says so or only its first line."""
    said = _BOUNDARY.search(content_type)
    first = _FIRST_LINE.match(data)
    if said is not None:
        boundary = said[1].strip().encode("utf-8", "replace")
    elif first is not None:
        boundary = first[1]
    else:
        return
    for piece in data.split(b"--" + boundary)[1:]:
        if piece.startswith(b"--"):
            break
        head, _, body = piece.lstrip(b"\r\n").replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")
        lines = head.decode("utf-8", "replace").splitlines()
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        name = _NAME.search(headers.get("content-disposition", ""))
        yield Part(headers, name[1] if name is not None else "", body.removesuffix(b"\n").removesuffix(b"\r"))
