"""A known secret, written with escapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.secrets import sanitizer

Write = Callable[[str], str]


def _lower(text: str) -> str:
    return text.replace("%2F", "%2f").replace("%2B", "%2b")


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


WRITINGS: dict[str, Write] = {
    "quote": lambda value: quote(value, safe=""),
    "quote_path": quote,
    "quote_lower": lambda value: _lower(quote(value, safe="")),
    "quote_plus": quote_plus,
    "json": _in_json,
    "json_unicode": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "json_slashes": lambda value: _in_json(value).replace("/", "\\/"),
    "json_in_json": lambda value: _in_json(_in_json(value)),
    "repr": lambda value: repr(value)[1:-1],
    "repr_in_json": lambda value: _in_json(repr(value)[1:-1]),
}
writings = pytest.mark.parametrize("write", WRITINGS.values(), ids=WRITINGS.keys())
characters = st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp", "Zs", "Cn", "Co"])
secrets = st.tuples(
    st.text(characters | st.sampled_from("\"'\\/ \n\t+&=%<>"), min_size=4, max_size=20),
    st.text(st.sampled_from("aB3-x9Zq/+\"\\'é"), max_size=4),
).map(lambda pair: f"a{pair[0]}x9Zq-B3kW{pair[1]}b")


@writings
@given(value=secrets)
def test_it_becomes_the_stand_in_in_the_same_spelling(write: Write, value: str) -> None:
    """So a replay that has the stand-in in the variable sends the same."""
    one = sanitizer(environ={"DB_PASSWORD": value})
    stand_in = one.text(value)

    stored = one.text(f"it said «{write(value)}» and left")

    assert stored == f"it said «{write(stand_in)}» and left"


@writings
@pytest.mark.parametrize(
    "value", ['pa"ss\\wörd/9Zq+x', "it's\\n0t/9Zq x", '{"user": "svc", "blob": "ab\\ncD9xZ"}'], ids=["a", "b", "c"]
)
def test_it_is_taken_out_of_texts_with_quotes(write: Write, value: str) -> None:
    """Quotes around it, before it and in it do not hide it; what is stored stays as it is, and has its length."""
    one = sanitizer(environ={"DB_PASSWORD": value})
    text = f'"\n he said "{write(value)}" \\" or \'{write(value)}\'\n{write(value)}'

    for stored, raw in ((one.text(text), text), (one.json({"a": [text]})["a"][0], text)):
        assert write(value) not in stored
        assert len(stored) == len(raw)
        assert Sanitizer(known=one.issued).text(stored) == stored


@writings
def test_a_replay_with_the_stand_in_or_another_secret_masks_alike(write: Write) -> None:
    value, other = 'pa"ss\\wörd/9Zq+x', 'xy"zz\\uöut/7Kw+p'
    recorder = sanitizer(environ={"DB_PASSWORD": value})
    stored = recorder.json({"a": f'say "{write(value)}"'})
    stand_in = recorder.text(value)
    recorded = Sanitizer(known=recorder.issued)

    for mine in (stand_in, other):
        replay = Sanitizer(known=recorder.issued, environ={"DB_PASSWORD": mine})
        live = replay.json({"a": f'say "{write(mine)}"'})
        assert replay.mask(live)[0] == recorded.mask(stored)[0] != stored


def test_a_secret_that_its_name_gave_away_is_found_with_escapes() -> None:
    one = sanitizer()
    one.json({"password": "hunter/2 Zebra+77"})

    assert "hunter" not in one.text(f"GET /?u={quote('hunter/2 Zebra+77', safe='')} failed")


@pytest.mark.parametrize("lead", ["", " ", '"', "'", "\n"])
@pytest.mark.parametrize("tail", ["", "\n", '"', "'"])
def test_what_stands_around_a_variables_value_hides_nothing(lead: str, tail: str) -> None:
    """Programs strip it; stripped or not, the two stand-ins fit together."""
    core = "hunter2-Zebra-77"
    one = sanitizer(environ={"DB_PASSWORD": f"{lead}{core}{tail}"})

    assert one.text(f"x {lead}{core}{tail} y") == f"x {lead}{one.text(core)}{tail} y"
    assert core not in one.text(core)
    assert core not in json.dumps(one.json({"a": f'"{core}"'}))


def test_other_texts_with_escapes_stay() -> None:
    one = sanitizer(environ={"DB_PASSWORD": 'pa"ss\\wörd/9Zq+x'})
    text = '{"a": "pa\\"ss\\\\wörd/9Zq", "b": "%2F9Zq+x", "c": "C:\\\\temp\\n9Zq"}'

    assert one.text(text) == text
