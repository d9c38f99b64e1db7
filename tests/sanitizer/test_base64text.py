"""Texts in base64 are read, searched, and written back."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.errors import SanitizeError
from replaykit.sanitizer.base64text import bytes_of, rewrite_runs, text_of, written
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.secrets import TOKENS, sanitizer

KEY = TOKENS["openai_key"]
TEXT = f"The key is {KEY}."


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("text", [TEXT, TEXT + "!", TEXT + "!!", json.dumps({"a": {"password": "tr0ub4dor"}})])
def test_a_secret_in_base64_is_replaced(encode: object, padded: bool, text: str) -> None:
    run = encode(text.encode()).decode()  # type: ignore[operator]  # one of the two above
    run = run if padded else run.rstrip("=")
    clean = sanitizer()

    made = clean.json({"doc": f"data:text/plain;base64,{run} end"})["doc"]

    found = made.removeprefix("data:text/plain;base64,").removesuffix(" end")
    assert len(found) == len(run)
    said = base64.urlsafe_b64decode(
        found.replace("+", "-").replace("/", "_").rstrip("=") + "=" * (-len(run.rstrip("=")) % 4)
    )
    assert KEY.encode() not in said
    assert b"tr0ub4dor" not in said
    assert Sanitizer(known=clean.issued).json(made) == made


def test_base64_in_base64_is_read_too() -> None:
    run = base64.b64encode(base64.b64encode(TEXT.encode())).decode()

    made = sanitizer().text(run)

    assert KEY.encode() not in base64.b64decode(base64.b64decode(made))


def test_a_secret_in_compressed_data_in_base64_is_refused() -> None:
    with pytest.raises(SanitizeError, match="compressed"):
        sanitizer().text(base64.b64encode(gzip.compress(TEXT.encode())).decode())
    harmless = base64.b64encode(gzip.compress(b"hello")).decode()
    assert sanitizer().text(harmless) == harmless


def test_two_runs_with_other_addresses_mask_alike_and_other_words_do_not() -> None:
    def mask(text: str) -> object:
        clean = sanitizer()
        return clean.mask(clean.json({"doc": base64.b64encode(text.encode()).decode()}))[0]

    assert mask("write to bob.miller@acme.com now") == mask("write to eve.archer@corp.com now")
    assert mask("write to bob.miller@acme.com now") != mask("write to bob.miller@acme.com later")


@given(st.text(min_size=12))
def test_what_is_written_says_the_same_again(text: str) -> None:
    run = base64.b64encode(text.encode("utf-8", "replace")).decode()

    data = bytes_of(run)
    if data is not None and text_of(data) is not None:
        assert written(text_of(data) or "", run) == run


@given(st.binary(min_size=30, max_size=200))
def test_pictures_and_other_bytes_are_left_alone(data: bytes) -> None:
    run = base64.b64encode(b"\x89PNG\x00\xff" + data).decode()

    assert bytes_of(run) is None or text_of(bytes_of(run) or b"") is None


def test_parts_of_a_token_are_no_runs() -> None:
    token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"

    assert rewrite_runs(token, lambda run: "changed") == token
