"""Known values whose end is missing."""

from __future__ import annotations

import pytest

from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.secrets import TOKENS, sanitizer

KEY, ADDRESS = TOKENS["github_token"], "alice.johnson@acme.com"
SECRET = "Tr0ub4dor-and-3"


def told() -> Sanitizer:
    """One that has seen both values."""
    clean = sanitizer(environ={"DB_PASSWORD": SECRET})
    clean.text(f"{KEY} {ADDRESS}")
    return clean


@pytest.mark.parametrize("after", ["", "...", "\u2026", " [truncated]", "\n\nQuestion: why?", " and more"])
@pytest.mark.parametrize("length", range(12, len(KEY)))
def test_what_is_left_of_a_key_is_replaced_by_as_much_of_its_stand_in(length: int, after: str) -> None:
    clean = told()
    stand_in = clean.text(KEY)

    made = clean.text(f"document: {KEY[:length]}{after}")

    assert made == f"document: {stand_in[:length]}{after}"


@pytest.mark.parametrize("length", range(8, len(SECRET)))
def test_a_variable_that_was_seen_nowhere_yet_is_known_by_its_beginning(length: int) -> None:
    assert SECRET[:length] not in told().text(f"pw {SECRET[:length]}")


def test_an_address_is_cut_only_where_something_ends() -> None:
    clean = told()

    assert clean.text(f"write to {ADDRESS[:16]}...") != f"write to {ADDRESS[:16]}..."
    assert clean.text("alice.johnson is a person") == "alice.johnson is a person"


@pytest.mark.parametrize("text", ["ghp_", "ghp_aB3", "Tr0ub", "alice said", "Tr0ub4dorable"])
def test_what_only_begins_alike_stays(text: str) -> None:
    assert told().text(text) == text


def test_a_setting_that_is_cut_goes_as_a_whole_though_a_link_stands_in_it() -> None:
    clean = sanitizer()
    setting = "Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=g7QvNTgPrd8SWsL9sGr"
    stand_in = clean.headers([("x-api-key", setting)])[0][1]

    assert clean.text(f"it is {setting[:94]}") == f"it is {stand_in[:94]}"


def test_the_beginning_of_a_stand_in_passes_through() -> None:
    clean = told()
    stand_in = clean.text(KEY)
    text = f"{stand_in[:20]}..."

    assert clean.text(text) == text
    assert Sanitizer(known=clean.issued).text(text) == text


def test_two_runs_with_other_values_mask_a_cut_alike() -> None:
    masks = []
    for key in (KEY, KEY[::-1].replace("_phg", "") + "ghp"):
        clean = sanitizer(environ={"SERVICE_TOKEN": key})
        masks.append(clean.mask(clean.json([f"{key[:20]}..."]))[0])

    assert masks[0] == masks[1] != [f"{KEY[:20]}..."]


def test_a_longer_value_that_begins_alike_is_one_of_its_own() -> None:
    clean = told()
    other = KEY[:20] + "9" * 20

    made = clean.text(f"{KEY} {other}")

    assert KEY[:20] not in made
    assert "9" * 20 not in made


def test_thousands_of_addresses_that_begin_alike_take_no_longer_each() -> None:
    clean = sanitizer()
    text = " ".join(f"customer.service{number}@acme.com" for number in range(3000))

    made = clean.text(text)

    assert "customer.service" not in made


KNOWN = {
    "token": KEY,
    "card": "4556737586899855",
    "phone": "+4915123456789",
    "ip": "185.199.108.153",
}


@pytest.mark.parametrize("value", KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize(
    "around",
    [
        "\x1b[31m%s\x1b[0m",
        "key_%s",
        "x%%0A%s",
        "_%s_",
        "%s_v2",
        "\u5bc6\u94a5%s\u662f",
        "42 %s",
        "%s 1234",
        "a\\n%s\\n",
        "%sand more",
    ],
)
def test_a_known_value_is_replaced_whatever_it_is_glued_to(value: str, around: str) -> None:
    clean = sanitizer()
    stand_in = clean.text(value)

    assert clean.text(around % value) == around % stand_in
    assert Sanitizer(known=clean.issued).text(around % stand_in) == around % stand_in


def test_a_longer_value_that_begins_with_a_known_one_is_another_one() -> None:
    clean = sanitizer()
    _, address = clean.text(f"{KEY[:34]} bob@acme-labs.co").split()

    assert KEY[34:] not in clean.text(f"now {KEY}")
    assert address not in clean.text("write to bob@acme-labs.com")


def test_a_number_that_is_known_is_replaced_as_a_number() -> None:
    clean = sanitizer()
    card = int(clean.text("4556737586899855"))

    assert clean.json({"text": 4556737586899855, "count": 12345678}) == {"text": card, "count": 12345678}
