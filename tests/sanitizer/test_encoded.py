"""A secret of the environment, written in base64."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.secrets import LETTERS, sanitizer

SECRET = "hunter2-Zebra-Quux-77"


@given(
    value=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=8, max_size=24).map(
        lambda t: t + "aB3-x9Zq"
    ),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
    is_urlsafe=st.booleans(),
)
def test_decoded_it_says_the_stand_in_and_its_surroundings(
    value: str, before: bytes, after: bytes, is_urlsafe: bool
) -> None:
    """At any place in what was encoded, and to the bit: so a replay that has the stand-in sends the same."""
    one = sanitizer(environ={"DB_PASSWORD": value})
    stand_in = one.text(value)
    encode = base64.urlsafe_b64encode if is_urlsafe else base64.b64encode
    raw = encode(before + value.encode() + after).decode()

    stored = one.text(f"send ({raw})")[6:-1]

    decoded = base64.b64decode(stored.replace("-", "+").replace("_", "/"))
    assert decoded == before + stand_in.encode() + after
    assert len(stored) == len(raw)


@pytest.mark.parametrize("place", ["x {} y", '{{"a": "{}"}}', "https://x.io/{}?q={}", "data: {}"])
def test_it_is_taken_out_of_every_place(place: str) -> None:
    one = sanitizer(environ={"DB_PASSWORD": SECRET})
    raw = base64.b64encode(SECRET.encode()).decode()
    text = place.replace("{}", raw).replace("{{", "{").replace("}}", "}")

    stored = one.text(text)

    assert raw not in stored
    assert Sanitizer(known=one.issued).text(stored) == stored
    assert one.text(text) == stored


def test_a_replay_that_has_the_stand_in_masks_alike() -> None:
    recorder = sanitizer(environ={"DB_PASSWORD": SECRET})
    stored = recorder.json({"a": base64.b64encode(f"me:{SECRET}!".encode()).decode()})
    stand_in = next(item.stand_in for item in recorder.issued if item.variable)
    replay = Sanitizer(known=recorder.issued, environ={"DB_PASSWORD": stand_in})
    live = replay.json({"a": base64.b64encode(f"me:{stand_in}!".encode()).decode()})

    assert live == stored
    assert replay.mask(live) == replay.mask(stored)
    assert "<env:DB_PASSWORD>" in json.dumps(replay.mask(stored)[0])


def test_other_base64_stays() -> None:
    one = sanitizer(environ={"DB_PASSWORD": SECRET})
    text = base64.b64encode(LETTERS.encode()).decode()

    assert one.text(text) == text
