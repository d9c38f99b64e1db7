"""Stand-ins pass the checks that programs make of such values."""

from __future__ import annotations

import base64
import ipaddress
import json
import uuid
from random import Random
from typing import Any

import pytest

from replaykit.sanitizer.likeness import with_claims
from replaykit.sanitizer.personal import personal_kind
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.people import PERSONAL
from tests.sanitizer.secrets import TOKENS, sanitizer

KINDS = {
    "us ssn": "national_id",
    "sg nric": "national_id",
    "es dni": "national_id",
    "br cpf": "national_id",
    "in pan": "national_id",
}


@pytest.mark.parametrize("name", [name for name in PERSONAL if name != "email"])
@pytest.mark.parametrize("seed", range(12))
def test_stand_in_is_of_the_same_kind_and_length(name: str, seed: int) -> None:
    raw = PERSONAL[name](Random(seed))
    made = sanitizer().text(f"it is {raw} now")[6:-4]

    assert made != raw
    assert len(made) == len(raw)
    assert personal_kind(made) == personal_kind(raw) == KINDS.get(name, name)


@pytest.mark.parametrize("raw", ["4111 1111 1111 1111", "3782 822463 10005"])
def test_card_keeps_its_issuer_and_its_groups(raw: str) -> None:
    made = sanitizer().text(raw)

    assert made[:4] == raw[:4]
    assert [len(group) for group in made.split()] == [len(group) for group in raw.split()]


def test_account_keeps_its_country_and_the_form_of_its_bank() -> None:
    made = sanitizer().text("GB82 WEST 1234 5698 7654 32")

    assert made.startswith("GB")
    assert made[5:9].isalpha()


@pytest.mark.parametrize("country", ["+49", "+1", "0044", "+353"])
def test_phone_number_keeps_its_country(country: str) -> None:
    raw = f"{country} 415 555 0132"
    made = sanitizer().text(raw)

    assert made != raw
    assert made.startswith(country)


@pytest.mark.parametrize("raw", ["93.184.216.34", "2606:4700:4700::1111"])
def test_address_stays_a_public_one(raw: str) -> None:
    made = ipaddress.ip_address(sanitizer().text(f"ip {raw}")[3:])

    assert made != ipaddress.ip_address(raw)
    assert made.is_global


def test_uuid_stays_one_of_its_version() -> None:
    raw = uuid.uuid5(uuid.NAMESPACE_DNS, "acme")
    made = uuid.UUID(sanitizer().json({"api_key": str(raw)})["api_key"])

    assert made != raw
    assert (made.version, made.variant) == (raw.version, raw.variant)


# tokens


def token(claims: object, signature: str = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA") -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join((*encoded, signature))


def claims_of(made: str) -> Any:
    payload = made.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


CLAIMS = {
    "sub": "user-8f3a2b1c",
    "name": "Zoë Lopez-Haus",
    "email": "zoe@lopez-haus.org",
    "iss": "https://login.acme.io",
    "scope": "read write",
    "grant": "client_credentials",
    "exp": 1893456000,
    "org": {"phone": "+49 30 901820", "ids": ["12345678"]},
}


def test_token_decodes_to_stand_ins_and_keeps_what_it_is_for() -> None:
    raw = token(CLAIMS)
    made = sanitizer().text(f"use {raw} now")[4:-4]
    claims = claims_of(made)

    assert len(made) == len(raw)
    assert made.split(".")[0] == raw.split(".")[0]
    assert made.split(".")[2] != raw.split(".")[2]
    assert claims.keys() == CLAIMS.keys()
    assert [name for name in CLAIMS if claims[name] == CLAIMS[name]] == ["iss", "scope", "grant", "exp"]
    assert claims["org"]["phone"].startswith("+49 ")
    assert claims["org"]["ids"] != ["12345678"]


def test_token_is_read_by_a_library() -> None:
    jwt = pytest.importorskip("jwt")
    made = sanitizer().text(token(CLAIMS))

    assert jwt.get_unverified_header(made) == {"alg": "HS256", "typ": "JWT"}
    assert jwt.decode(made, options={"verify_signature": False})["email"].endswith(".org")


def test_claim_has_one_stand_in_inside_of_the_token_and_outside() -> None:
    one = sanitizer()
    stored = one.text(f"{token(CLAIMS)} is of zoe@lopez-haus.org, user-8f3a2b1c")
    claims = claims_of(stored.split()[0])

    assert stored.split(" is of ")[1] == f"{claims['email']}, {claims['sub']}"


def test_token_of_a_stored_text_stays() -> None:
    one = sanitizer()
    stored = one.text(f"use {token(CLAIMS)}")

    assert Sanitizer(known=one.issued).text(stored) == stored


@pytest.mark.parametrize("raw", [token({"n": 1}), token({"n": 1}, ""), TOKENS["jwt"], token({"a": "b"}) + "x"])
def test_token_with_nothing_to_hide_is_another_one_all_the_same(raw: str) -> None:
    made = sanitizer().text(f"use {raw} now")[4:-4]

    assert made != raw
    assert len(made) == len(raw)


def test_token_that_says_no_json_stays_as_it_is() -> None:
    raw = "eyJhbGciOiJIUzI1NiJ9.eyJub3QganNvbg.abc"

    assert with_claims(raw, lambda claim, is_identity: "x" * len(claim)) == raw
