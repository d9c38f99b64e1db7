"""Parts of a multipart body: found where they stand, each sanitized by its name."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.sanitizer.multipart import find_parts
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.secrets import TOKENS, sanitizer, texts

TYPE = "multipart/form-data; boundary=b0undary"


def form(fields: dict[str, str], file: bytes = b"text") -> tuple[bytes, str]:
    """As a real client writes it."""
    request = httpx.Request("POST", "https://x.io", data=fields, files={"f": ("a.txt", file)})
    return request.read(), request.headers["content-type"]


def parts(text: str, content_type: str = TYPE) -> list[tuple[str, str, bool]]:
    return [(part.name, text[part.body : part.end], part.is_file) for part in find_parts(text, content_type)]


def test_fields_and_files_are_found() -> None:
    data, content_type = form({"a": "1", "b": "two\r\nlines"}, b"x--y")

    assert parts(data.decode(), content_type) == [("a", "1", False), ("b", "two\r\nlines", False), ("f", "x--y", True)]


@pytest.mark.parametrize(
    ("text", "content_type", "expected"),
    [
        ("--b0undary\n\nx\n--b0undary--", TYPE, [("", "x", False)]),
        ("--b0undary\r\ncontent-disposition: form-data; name=a\r\n\r\nx", TYPE, [("a", "x", False)]),
        ("--b0undary\r\nno end of headers", TYPE, [("", "", False)]),
        ("--b0undaryx\r\n\r\nx", TYPE, []),
        ("--b0undary--", TYPE, []),
        ("--x\r\n\r\nx", "multipart/form-data", []),
        ("", TYPE, []),
    ],
)
def test_odd_bodies(text: str, content_type: str, expected: list[tuple[str, str, bool]]) -> None:
    assert parts(text, content_type) == expected


def test_secret_field_is_taken_out_and_the_rest_stays() -> None:
    data, content_type = form(
        {"password": "mpPW8899", "user": "me"}, b"\xff\xfe" * 40 + TOKENS["github_token"].encode()
    )
    one = sanitizer()

    stored = one.body(data, content_type)

    assert b"mpPW8899" not in stored
    assert TOKENS["github_token"].encode() not in stored
    for item in one.issued:
        raw = next(raw for raw, found in one._table._by_raw.items() if found is item)
        stored = stored.replace(item.stand_in.encode(), raw.encode())
    assert stored == data


@given(name=st.sampled_from(["password", "token", "note"]), value=texts, file=st.binary(max_size=40))
def test_form_is_as_long_and_stable(name: str, value: str, file: bytes) -> None:
    data, content_type = form({name: value}, file)
    first = sanitizer()
    stored = first.body(data, content_type)

    assert len(stored) == len(data)
    assert Sanitizer(known=first.issued).body(stored, content_type) == stored
