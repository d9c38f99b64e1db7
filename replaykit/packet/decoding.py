"""Content-decoding of recorded bodies, chunk by chunk."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Sequence
from typing import cast

from replaykit.packet.exchange import Chunk, HttpRequest

Decode = Callable[[bytes], bytes]

MAX_DECODED_BYTES = 256 * 1024 * 1024
"""More than this from one body is a decompression bomb, or no business of a test: it is kept as it came."""


class _Deflate:
    """`deflate` means zlib by the standard and raw deflate by some servers; the first bytes tell."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj()
        self._is_first = True

    def __call__(self, data: bytes) -> bytes:
        was_first, self._is_first = self._is_first and bool(data), self._is_first and not data
        try:
            return self._decoder.decompress(data)
        except zlib.error:
            if not was_first:
                raise
            self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._decoder.decompress(data)


def _find_decoder(encoding: str) -> Decode | None:
    """A streaming decoder; br and zstd only where the client's own decoder is installed, as it then must be."""
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
    if encoding == "deflate":
        return _Deflate()
    if encoding == "br":
        for name in ("brotlicffi", "brotli"):
            try:
                decoder = importlib.import_module(name).Decompressor()
            except ImportError:
                continue
            return cast(Decode, decoder.decompress if hasattr(decoder, "decompress") else decoder.process)
    if encoding == "zstd":
        try:
            return cast(Decode, importlib.import_module("zstandard").ZstdDecompressor().decompressobj().decompress)
        except ImportError:
            return None
    return None


def decode_content(chunks: Sequence[Chunk], content_encoding: str) -> tuple[tuple[Chunk, ...], str | None]:
    """The chunks, decoded, each cut where its wire chunk ended; and the encodings that could not be undone.

    A wire chunk that decodes to nothing yet stays as an empty chunk, so times are kept.
    """
    encodings = [name.strip().lower() for name in content_encoding.split(",") if name.strip()]
    names = [name for name in encodings if name != "identity"]
    current = tuple(chunks)
    while names:
        decoder = _find_decoder(names[-1])
        if decoder is None:
            return current, ", ".join(names)
        try:
            current = _decode_all(decoder, current)
        except Exception:  # every decoder has errors of its own, and all mean: these bytes stay as they came
            return tuple(chunks), content_encoding
        names.pop()
    return current, None


def decode_request(request: HttpRequest) -> bytes | None:
    """The body of a request without its content-encoding; None if that can't be undone.

    Compressed bytes can't be sanitized, and the same text compresses to other bytes at another time.
    """
    encoding = next((value for name, value in request.headers if name.lower() == "content-encoding"), "")
    if not request.body or not encoding:
        return request.body
    chunks, left = decode_content((Chunk(0, request.body),), encoding)
    return chunks[0].data if left is None else None


def _decode_all(decoder: Decode, chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    total, decoded = 0, []
    for chunk in chunks:
        data = decoder(chunk.data)
        total += len(data)
        if total > MAX_DECODED_BYTES:
            raise ValueError("decodes to too much")
        decoded.append(Chunk(chunk.offset_ns, data))
    return tuple(decoded)
