"""Bodies that are compressed by themselves, and not by the transport: an archive that is uploaded, a packed log."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from replaykit.errors import SanitizeError

MAX_INNER_BYTES = 64 * 1024 * 1024
"""More than this in one body can't be searched: it is withheld."""

_ZIP = b"PK\x03\x04"
_ZIP_HEADER_BYTES, _ZIP_VERSION, _ZIP_METHODS = 30, 63, frozenset({0, 8, 9, 12, 14, 93, 95, 98, 99})
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
    _check_size(len(inner or b""))
    return inner


def pack(inner: bytes, kind: str) -> bytes:
    """Compressed the same way; the same data always comes out the same."""
    if kind == "zstd":
        made: bytes = _zstandard().ZstdCompressor().compress(inner)
        return made
    return gzip.compress(inner, mtime=0) if kind == "gzip" else zlib.compress(inner)


def is_archive(data: bytes) -> bool:
    """True if data begins like an archive that `archived` looks into."""
    return _is_zip(data) or data.startswith((b"BZh", b"\xfd7zXZ\x00"))


def _is_zip(data: bytes) -> bool:
    """True for the first header of a zip archive: a version and a method that there are."""
    has_header = len(data) >= _ZIP_HEADER_BYTES and data.startswith(_ZIP)
    return has_header and data[4] <= _ZIP_VERSION and int.from_bytes(data[8:10], "little") in _ZIP_METHODS


def archived(data: bytes) -> Iterator[bytes]:
    """What is in an archive that can be looked into, and not be written again in its length: zip, bzip2, xz.

    Raises:
        SanitizeError: It is too much to be searched, or can't be unpacked here.
    """
    if _is_zip(data):
        yield from _zipped(data)
    elif is_archive(data):
        decoder = bz2.BZ2Decompressor() if data.startswith(b"BZh") else lzma.LZMADecompressor()
        try:
            inner = decoder.decompress(data, MAX_INNER_BYTES + 1)
        except (OSError, EOFError, lzma.LZMAError):
            return  # it only began like one
        _check_size(len(inner))
        yield inner


def _zipped(data: bytes) -> Iterator[bytes]:
    """Documents of office programs are zip files, too."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_size(sum(item.file_size for item in archive.infolist()))
            for item in archive.infolist():
                yield item.filename.encode("utf-8", "surrogatepass")
                with archive.open(item) as member:
                    inner = member.read(MAX_INNER_BYTES + 1)
                _check_size(len(inner))
                yield inner
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error):
        raise SanitizeError("a zip archive that can't be unpacked") from None


def _check_size(size: int) -> None:
    if size > MAX_INNER_BYTES:
        raise SanitizeError(f"over {MAX_INNER_BYTES >> 20} MB of compressed data")


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
