"""Names that stand beside their values, in objects and in pairs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from replaykit.sanitizer.announced import is_pair
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.secrets import sanitizer

SECRET = "Hunter2Hunter9"


@pytest.mark.parametrize(
    "value",
    [
        {"name": "DB_PASSWORD", "value": SECRET},
        {"key": "password", "value": SECRET},
        {"name": "DB_PASSWORD", "note": {"a": ["b"]}, "value": SECRET},
        {"Name": "/prod/db/password", "Type": "String", "Value": SECRET},
        {"ParameterKey": "DbPassword", "ParameterValue": SECRET},
        {"label": "API key", "value": SECRET},
        {"key": "api.password", "value": {"stringValue": SECRET}},
        {"name": "password", "values": [SECRET]},
        {"cookies": [{"name": "session", "value": SECRET}]},
        [["password", SECRET]],
        [["user", "me"], ["DB_PASSWORD", SECRET], ["a", "b"]],
        ["password", SECRET],
        {"headers": [["Authorization", f"Bearer {SECRET}"], ["Accept", "text/html"]]},
        {"arguments": json.dumps({"env": [{"name": "DB_PASSWORD", "value": SECRET}]})},
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_value_beside_its_name_is_taken_out(value: Any) -> None:
    one = sanitizer()

    stored = one.json(value)

    assert SECRET not in json.dumps(stored)
    assert len(json.dumps(stored)) == len(json.dumps(value))
    assert Sanitizer(known=one.issued).json(stored) == stored


def test_number_beside_its_name_is_taken_out() -> None:
    assert sanitizer().json({"name": "password", "value": 48291357}) != {"name": "password", "value": 48291357}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "password", "type": "hidden1 field"},
        [{"name": "password", "type": "string"}, {"name": "color", "value": "blue2green4"}],
        {"key": "shipping_address", "value": "unknown4you"},
        {"name": "next_page_token", "value": "aB3dE6gH9jK2mN5p"},
        {"title": "password", "value": "Enter4your9"},
        {"enum": ["apiKey", "oauth2"]},
        [["password", "varchar(255)"], ["secret", "char60"]],
        [["password", "password2"]],
        ["password", "username"],
        [["password", "type it 2 times"]],
        [["password", SECRET, "three"]],
        {"required": ["password", SECRET]},
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_near_miss_stays(value: Any) -> None:
    assert sanitizer().json(value) == value


def test_stand_in_of_a_pair_is_a_pair() -> None:
    one = sanitizer()
    stored = one.json([["password", "Summer2024!"]])

    assert is_pair(*stored[0])
