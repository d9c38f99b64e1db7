"""Decoding a text inside a text, and writing back into it."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.sanitizer.standins import disguise
from replaykit.sanitizer.views import decode, json_literals, rewrite

anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


def names(text: str) -> list[tuple[str | None, str]]:
    return [(item.name, text[item.start : item.end]) for item in json_literals(text) if item.kind in ("text", "number")]


@given(text=anything, ascii_only=st.booleans())
def test_json_string_says_what_the_parser_says(text: str, ascii_only: bool) -> None:
    assert decode(json.dumps(text, ensure_ascii=ascii_only)[1:-1], "json") == text


@given(text=anything)
def test_percent_encoded_text_says_what_the_library_says(text: str) -> None:
    assert decode(urllib.parse.quote(text), "percent") == text


@given(text=anything, ascii_only=st.booleans())
def test_rewritten_json_string_is_as_long_and_says_the_new(text: str, ascii_only: bool) -> None:
    raw = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    new = disguise(text, b"key")
    made = rewrite(raw, "json", text, new)

    assert len(made.encode()) == len(raw.encode())
    assert json.loads(f'"{made}"') == new


@given(text=anything)
def test_rewritten_percent_encoding_is_as_long_and_says_the_new(text: str) -> None:
    raw = urllib.parse.quote(text)
    new = disguise(text, b"key")
    made = rewrite(raw, "percent", text, new)

    assert len(made) == len(raw)
    assert urllib.parse.unquote(made) == new


@pytest.mark.parametrize("raw", ["\\k", "\\u12", "\\", "a\\", "\\ud800", "\\u00zz"])
def test_broken_escape_is_kept_as_it_is(raw: str) -> None:
    said = decode(raw, "json")

    assert rewrite(raw, "json", said, said) == raw


@pytest.mark.parametrize("raw", ["%", "%4", "%zz", "%ff", "%c3", "%c3%28", "100%"])
def test_broken_percent_escape_is_kept_as_it_is(raw: str) -> None:
    said = decode(raw, "percent")

    assert rewrite(raw, "percent", said, disguise(said, b"key") if raw == "100%" else said)[-1:] == raw[-1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": "b"}', [("a", "b")]),
        ('{"a" : "b","c":["d", "e"],"f":"g"}', [("a", "b"), ("c", "d"), ("c", "e"), ("f", "g")]),
        ('{"a": {"b": "c"}, "d": "e"}', [("b", "c"), ("d", "e")]),
        ('{"a": [{"b": "c"}, "d"]}', [("b", "c"), ("a", "d")]),
        ('["a", "b"]', [(None, "a"), (None, "b")]),
        ('{"p\\u0061ss": "b"}', [("pass", "b")]),
        ('{"pin": 123456, "n": 12}', [("pin", "123456")]),
        ('{"a": "cut', [("a", "cut")]),
        ('{"a": "cut\\', [("a", "cut\\")]),
        ('{"a":"b"}\n{"c":"d"}\n', [("a", "b"), ("c", "d")]),
        ('"alone"', [(None, "alone")]),
        ("", []),
    ],
)
def test_strings_are_found_with_the_names_of_their_fields(text: str, expected: list[Any]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize("text", ["[INFO] hi", '{"a": oops}', "{a: 1}", '["x" y]', "{'a': 'b'}"])
def test_what_is_no_json_is_junk(text: str) -> None:
    assert "junk" in [item.kind for item in json_literals(text)]


@given(value=st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | anything, st.lists, max_leaves=8))
def test_json_is_never_junk(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, indent=1), json.dumps({"a": value})):
        assert "junk" not in [item.kind for item in json_literals(text)]
