"""Private keys: whatever stands around one and however it is written, it is the same value."""

from __future__ import annotations

import json
import urllib.parse

import pytest

from replaykit.sanitizer.privatekeys import key_inside, with_lines
from tests.sanitizer.secrets import sanitizer

INSIDE = "\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7+VJT\nUjUyH5Ty/8Qz0wIDAQABAoIBAH+q3k0cQ9sVw==\n"
KEY = f"-----BEGIN PRIVATE KEY-----{INSIDE}-----END PRIVATE KEY-----"


def inside_of(text: str) -> str:
    """What stands between the first line and the last one, however that is written."""
    begin = "BEGIN PRIVATE KEY-----"
    return text[text.index(begin) + len(begin) : text.index("-----END")]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param(f"using {KEY} here", str, id="in a text"),
        pytest.param(f"https://x.acme.io/?token={urllib.parse.quote(KEY)}", urllib.parse.unquote, id="named in a link"),
        pytest.param(f"failed: {KEY!r}", lambda text: text.replace(r"\n", "\n"), id="as repr writes it"),
        pytest.param(f"failed: {[repr(KEY)]!r}", lambda text: text.replace(r"\\n", "\n"), id="repr of a repr"),
        pytest.param(json.dumps({"private_key": KEY}), lambda text: json.loads(text)["private_key"], id="in JSON"),
        pytest.param(f"KEY={json.dumps(KEY)}", lambda text: text.replace(r"\n", "\n"), id="of a settings file"),
    ],
)
@pytest.mark.parametrize("is_first", [False, True])
def test_it_has_one_stand_in_wherever_it_stands(text: str, read: type[str], is_first: bool) -> None:
    clean = sanitizer()
    texts = [text, f"told {KEY}"]

    made = [clean.text(item) for item in (texts if is_first else texts[::-1])]
    here, there = made if is_first else made[::-1]

    assert inside_of(read(here)) == inside_of(there) != INSIDE
    assert inside_of(there).count("\n") == INSIDE.count("\n")
    assert clean.text(here) == here


def test_only_what_stands_between_its_lines_is_secret() -> None:
    assert key_inside(KEY) == (27, 27 + len(INSIDE))
    assert key_inside(INSIDE) is None
    assert key_inside(f"the text before {KEY}") is None


def test_ends_of_lines_are_read_where_there_are_none() -> None:
    assert with_lines(r"\nab\r\ncd\n") == "\nab\r\ncd\n"
    assert with_lines("\nab\\ncd") == "\nab\\ncd"
