"""Bodies that are compressed by themselves, and not by the transport: an archive that is uploaded, a packed log."""

from __future__ import annotations

import gzip
import importlib
import zlib
from typing import Any

from replaykit.errors import SanitizeError

MAX_INNER_BYTES = 64 * 1024 * 1024
"""More than this in one body can't be searched: it is withheld."""

_ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_HEADS = {b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd", **dict.fromkeys(_ZLIB_HEADS, "zlib")}


def packing_of(data: bytes) -> str | None:
    """How data is compressed, by its first bytes."""
    return next((kind for head, kind in _HEADS.items() if data.startswith(head)), None)


def unpack(data: bytes, kind: str) -> bytes | None:
    """What is inside; None where it only began like compressed data.

    Raises:
        SanitizeError: It is too much to be searched, or packed in a way that can't be undone here.
    """
    inner = _unzstd(data) if kind == "zstd" else _inflate(data, zlib.MAX_WBITS | (16 if kind == "gzip" else 0))
    if inner is not None and len(inner) > MAX_INNER_BYTES:
        raise SanitizeError(f"over {MAX_INNER_BYTES >> 20} MB of compressed data")
    return inner


def pack(inner: bytes, kind: str) -> bytes:
    """Compressed the same way; the same data always comes out the same."""
    if kind == "zstd":
        made: bytes = _zstandard().ZstdCompressor().compress(inner)
        return made
    return gzip.compress(inner, mtime=0) if kind == "gzip" else zlib.compress(inner)


def _inflate(data: bytes, window: int) -> bytes | None:
    inner = bytearray()
    while data and len(inner) <= MAX_INNER_BYTES:  # gzip may have several members
        decoder = zlib.decompressobj(window)
        try:
            inner += decoder.decompress(data, MAX_INNER_BYTES + 1 - len(inner))
        except zlib.error:
            return bytes(inner) or None
        data = decoder.unused_data if decoder.eof else b""
    return bytes(inner)


def _unzstd(data: bytes) -> bytes | None:
    zstandard = _zstandard()
    try:
        with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
            inner: bytes = reader.read(MAX_INNER_BYTES + 1)
    except zstandard.ZstdError:
        return None
    return inner


def _zstandard() -> Any:
    try:
        return importlib.import_module("zstandard")
    except ImportError:
        raise SanitizeError("zstd data, and no zstandard to look into it") from None
