"""Bytes inside bytes, undone up to a bound, and only where something sensible comes out."""

from __future__ import annotations

import base64
import gzip
import os
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from replaykit.sanitizer.unpacking import (
    as_text,
    event_frames,
    form_parts,
    printable_runs,
    unpack,
    unpack_base64,
    unpack_by_trying,
)

TEXT = b"a text that is long enough to be one, and says nothing at all"
PACKS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("how", PACKS)
def test_no_more_comes_out_than_the_bound(how: str) -> None:
    found = unpack(PACKS[how](b"a" * 5_000_000), how, 1000)

    assert found is not None
    assert (found.how, found.data, found.is_cut) == (how, b"a" * 1000, True)


@pytest.mark.parametrize("how", PACKS)
def test_what_is_cut_short_gives_what_came_before(how: str) -> None:
    packed = PACKS[how](os.urandom(200_000))
    found = unpack(packed[: len(packed) // 2], how, 1 << 20)

    assert found is None or not found.is_cut
    assert how == "zstd" or found is not None


@pytest.mark.parametrize("how", PACKS)
def test_other_bytes_give_nothing(how: str) -> None:
    assert unpack(TEXT, how, 1000) is None


def test_an_encoding_that_nobody_knows_is_said() -> None:
    with pytest.raises(LookupError, match="zpaq"):
        unpack(TEXT, "zpaq", 1000)


def test_forms_without_a_mark_are_found_by_trying() -> None:
    raw = zlib.compressobj(wbits=-15)
    packed = raw.compress(TEXT * 3) + raw.flush()

    assert (unpack_by_trying(packed, 1000) or (None, None))[1] == TEXT * 3
    assert unpack_by_trying(os.urandom(500), 1000) is None


def test_text_is_told_from_pictures() -> None:
    assert as_text("Tromsø".encode()) == "Tromsø"
    assert as_text("Tromsø".encode("latin-1"), "latin-1") == "Tromsø"
    assert as_text("Tromsø".encode("utf-16")) == "Tromsø"
    assert as_text(b"\x89PNG\r\n\x1a\n" + bytes(range(256))) is None
    assert printable_runs(b"\x00\x01readable\xff\xfeno\x00pieces") == "readable\npieces"


@pytest.mark.parametrize("data", [b"?>?>" * 5, b"a", b"ab", b"abc"], ids=["signs", "1", "2", "3"])
def test_base64_of_both_alphabets_with_and_without_padding(data: bytes) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(data).decode()
        assert unpack_base64(text) == unpack_base64(text.rstrip("=")) == data


def test_frames_are_known_by_their_checksum() -> None:
    head = (16 + 3 + 5).to_bytes(4, "big") + (3).to_bytes(4, "big")
    frame = head + zlib.crc32(head).to_bytes(4, "big") + b"abc" + b"hello" + bytes(4)

    assert [(item.headers, item.payload) for item in event_frames(frame * 2)] == [(b"abc", b"hello")] * 2
    assert event_frames(b"\x00" * 40) == []


def test_parts_of_a_form() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b\r\nX: y\r\n\r\n2\r\n--b--\r\nend'

    found = [(part.name, part.body) for part in form_parts(body, "multipart/form-data; boundary=b")]
    assert found == [("a", b"1"), ("", b"2")]
    assert list(form_parts(b"no form", "text/plain")) == []
