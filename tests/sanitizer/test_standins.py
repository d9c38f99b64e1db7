"""Stand-ins look like their values, take the same room, and are never shared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.errors import SanitizeError
from replaykit.sanitizer.standins import StandIn, Table
from tests.sanitizer.secrets import LETTERS, TOKENS


def table(*known: StandIn) -> Table:
    return Table(b"fixed", known)


def shape(text: str) -> list[str]:
    """Class and size of each character."""
    kinds = [
        "d" if c in "0123456789" else "U" if c.isupper() else "l" if c.isalnum() else c for c in text if c.isascii()
    ]
    return [*kinds, *(str(len(c.encode("utf-8", "surrogatepass"))) for c in text if not c.isascii())]


@given(raw=st.text(st.characters(exclude_categories=()), min_size=1, max_size=30))
def test_stand_in_takes_the_same_room_and_has_the_same_form(raw: str) -> None:
    made = table().replace(raw, "secret")

    assert len(made.encode("utf-8", "surrogatepass")) == len(raw.encode("utf-8", "surrogatepass"))
    assert len(made) == len(raw)
    if any(char.isalnum() for char in raw):
        assert made != raw
        assert shape(made) == shape(raw)


@given(raws=st.lists(st.text(min_size=4, max_size=8), unique=True, max_size=30))
def test_two_values_never_share_a_stand_in(raws: list[str]) -> None:
    maker = table()
    made = [maker.replace(raw, "secret") for raw in raws]

    hidden = [new for raw, new in zip(raws, made, strict=True) if new != raw]
    assert len(set(hidden)) == len(hidden)


def test_value_keeps_its_stand_in_whatever_it_is_found_as() -> None:
    maker = table()

    assert maker.replace(LETTERS, "secret") == maker.replace(LETTERS, "email")
    assert [item.kind for item in maker.issued] == ["secret"]


def test_same_key_gives_the_same_stand_in_in_another_run() -> None:
    assert Table(b"a", ()).replace(LETTERS, "x") == Table(b"a", ()).replace(LETTERS, "x")
    assert Table(b"a", ()).replace(LETTERS, "x") != Table(b"b", ()).replace(LETTERS, "x")


def test_same_key_knows_its_stand_in_of_another_run() -> None:
    first = table().replace(LETTERS, "secret")
    second = table(StandIn("secret", first))

    assert second.replace(LETTERS, "secret") == first
    assert second.issued == []


def test_short_stand_in_of_another_run_is_not_given_again() -> None:
    """Two short values may well look alike; equal keys prove nothing there."""
    first = table().replace("abcdefg", "secret")

    assert table(StandIn("secret", first)).replace("abcdefg", "secret") != first


def test_address_keeps_its_top_level_domain() -> None:
    assert table().replace(TOKENS["email"], "email").endswith(".com")


def test_hexadecimal_value_stays_one() -> None:
    assert int(table().replace("0f1e2d3c4b5a6978", "secret"), 16)


@pytest.mark.parametrize("number", range(1000, 1060))
def test_number_stays_one(number: int) -> None:
    made = table().replace(str(number), "secret")

    assert str(int(made)) == made


@pytest.mark.parametrize("raw", ["abcd", "ABCDE", "pass", "secret1"])
def test_short_stand_in_is_no_word(raw: str) -> None:
    assert not set(table().replace(raw, "secret").lower()) & set("aeiouy")


@pytest.mark.parametrize("raw", ["!!!!", "-._~", "***!"])
def test_signs_alone_are_replaced_too(raw: str) -> None:
    assert table().replace(raw, "secret") != raw


@pytest.mark.parametrize("raw", ['""""', "\\/\\/", "    ", "{}[]"])
def test_value_that_hides_nothing_stays(raw: str) -> None:
    maker = table()

    assert maker.replace(raw, "secret") == raw
    assert maker.issued == []


def test_values_without_a_stand_in_left_are_an_error_without_the_value() -> None:
    maker = table(*(StandIn("secret", f"((({digit})))") for digit in range(10)))

    with pytest.raises(SanitizeError) as caught:
        maker.replace("(((5)))", "secret")
    assert "(((5" not in str(caught.value)


def test_marker_names_the_kind_or_the_variable() -> None:
    assert StandIn("email", "a@b.co").marker == "<email>"
    assert StandIn("env", "x", "DB_PASSWORD").marker == "<env:DB_PASSWORD>"


def test_repr_shows_no_value() -> None:
    maker = table()
    maker.replace(LETTERS, "secret")

    assert LETTERS not in repr(maker)
