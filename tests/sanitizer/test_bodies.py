"""Bodies that are packed, framed or in another charset."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Callable

import pytest
import zstandard

from replaykit.errors import SanitizeError
from replaykit.sanitizer.compressed import MAX_INNER_BYTES, pack, packing_of, unpack
from replaykit.sanitizer.eventstream import CONTENT_TYPE, rewrite_payloads
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.secrets import TOKENS, sanitizer

KEY = TOKENS["openai_key"]
TEXT = f"The key is {KEY}, keep it."


@pytest.mark.parametrize("kind", ["gzip", "zlib", "zstd"])
def test_what_is_compressed_by_itself_is_searched(kind: str) -> None:
    data = pack(TEXT.encode(), kind)
    clean = sanitizer()

    stored = clean.body(data, "application/octet-stream")

    inner = unpack(stored, kind)
    assert packing_of(data) == kind
    assert inner is not None
    assert KEY.encode() not in inner
    assert inner.startswith(b"The key is ")
    assert Sanitizer(known=clean.issued).body(stored) == stored


@pytest.mark.parametrize("compress", [gzip.compress, lambda data: zlib.compress(data, 9), zstandard.compress])
def test_packed_data_without_a_secret_keeps_its_bytes(compress: Callable[[bytes], bytes]) -> None:
    data = compress(b"hello")

    assert sanitizer().body(data) == data


def test_archives_in_archives_are_searched() -> None:
    data = gzip.compress(zstandard.compress(TEXT.encode()))

    stored = sanitizer().body(data)

    assert KEY.encode() not in zstandard.decompress(gzip.decompress(stored))


def test_a_bomb_is_refused() -> None:
    with pytest.raises(SanitizeError, match="compressed"):
        sanitizer().body(zlib.compress(bytes(MAX_INNER_BYTES + 1)))


def test_packed_chunks_stay_as_many() -> None:
    data = gzip.compress(TEXT.encode())

    stored = sanitizer().chunks([data[:5], data[5:30], data[30:]])

    assert len(stored) == 3
    assert KEY.encode() not in gzip.decompress(b"".join(stored))


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b\x08 no archive", b"\x78\x9c", b"\x28\xb5\x2f\xfd\x00\x00"], ids=["gzip", "zlib", "zstd"]
)
def test_what_only_begins_like_an_archive_is_a_body(data: bytes) -> None:
    assert sanitizer().body(data) == data
    assert KEY.encode() not in sanitizer().body(data + b" " + KEY.encode())


def test_a_packed_part_of_a_form_with_a_secret_is_refused() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.gz"\r\n\r\n' + gzip.compress(TEXT.encode())

    with pytest.raises(SanitizeError, match="compressed"):
        sanitizer().body(body + b"\r\n--x--\r\n", "multipart/form-data; boundary=x")


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_wide_characters_are_read_by_their_charset(charset: str) -> None:
    data = TEXT.encode(charset)

    stored = sanitizer().body(data, f"text/plain; charset={charset}")

    assert len(stored) == len(data)
    assert stored.decode(charset).startswith("The key is ")
    assert KEY not in stored.decode(charset)


def test_another_order_of_bytes_is_kept_with_its_mark() -> None:
    data = b"\xfe\xff" + TEXT.encode("utf-16-be")

    stored = sanitizer().body(data, "text/plain; charset=UTF-16")

    assert stored[:2] == b"\xfe\xff"
    assert KEY not in stored.decode("utf-16")


def message(payload: bytes) -> bytes:
    """One message of a binary event stream, with one header."""
    header = b"\x0b:event-type\x07\x00\x05chunk"
    prelude = struct.pack(">II", 16 + len(header) + len(payload), len(header))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + header + payload
    return head + struct.pack(">I", zlib.crc32(head))


def payloads(stream: bytes) -> list[str]:
    found: list[str] = []
    rewrite_payloads(stream, lambda texts: found.extend(texts) or texts)  # type: ignore[func-returns-value]
    return found


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_binary_event_stream_is_searched_as_a_whole(is_packed: bool) -> None:
    events = [
        json.dumps({"contentBlockIndex": 0, "delta": {"text": TEXT[place : place + 3]}}).encode()
        for place in range(0, len(TEXT), 3)
    ]
    framed = [
        json.dumps({"bytes": base64.b64encode(event).decode()}).encode() if is_packed else event for event in events
    ]
    stream = b"".join(map(message, framed))
    clean = sanitizer()

    stored = clean.body(stream, CONTENT_TYPE)

    text = "".join(json.loads(item)["delta"]["text"] for item in payloads(stored))
    assert text == clean.text(TEXT) != TEXT
    assert len(stored) == len(stream)
    assert rewrite_payloads(stored, lambda texts: texts) == stored  # its check sums hold


def test_a_damaged_event_stream_is_searched_as_bytes() -> None:
    stream = b"\0" * 12 + TEXT.encode()

    assert rewrite_payloads(stream, lambda texts: texts) is None
    assert KEY.encode() not in sanitizer().body(stream, CONTENT_TYPE)


def test_what_takes_too_long_is_refused() -> None:
    with pytest.raises(SanitizeError, match="seconds"):
        sanitizer(budget_s=0.0).body(TEXT.encode())
