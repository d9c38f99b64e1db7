"""A recording and its replay have equal masked copies where they differ only in their secrets."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.secrets import LETTERS, NAMED, TOKENS, json_values, sanitizer

SERVICE = "Vb7/kP0.wLx93-Ty5Ds"  # in no token: a replay that lacks the variable can't know its value
OTHER = SERVICE[::-1]


def kinds(masked: tuple[Any, Any]) -> list[str]:
    return [finding.kind for finding in masked[1]]


def sides(value: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Masked: what a recording stored of `value`, and the same value live in a replay."""
    recorder = sanitizer()
    stored = recorder.json(value)
    replay = Sanitizer(known=recorder.issued)
    live = replay.mask(replay.json(value))
    return replay.mask(stored), live


@given(value=json_values)
@settings(max_examples=150)
def test_stored_and_live_value_are_equal_where_they_are_masked(value: Any) -> None:
    stored, live = sides(value)

    assert stored[0] == live[0]
    assert kinds(stored) == kinds(live)


@given(value=json_values)
@settings(max_examples=60)
def test_recorder_masks_as_the_replay_does(value: Any) -> None:
    recorder = sanitizer()
    stored = recorder.json(value)

    assert recorder.mask(stored)[0] == Sanitizer(known=recorder.issued).mask(stored)[0]


@given(template=json_values, environment=st.sampled_from(["stand-in", "unset", "another key"]))
@settings(max_examples=100)
def test_secret_of_the_environment_may_be_unset_replaced_or_another(template: Any, environment: str) -> None:
    def filled(key: str) -> Any:
        return [template, {"note": f"the key {key} is here", "api_key": key, "nested": json.dumps({"x": [key]})}]

    recorder = sanitizer(environ={"SERVICE_SECRET": SERVICE})
    stored = recorder.json(filled(SERVICE))
    stand_in = next(item.stand_in for item in recorder.issued if item.variable)
    key = OTHER if environment == "another key" else stand_in
    replay = Sanitizer(known=recorder.issued, environ={} if environment == "unset" else {"SERVICE_SECRET": key})

    live = replay.mask(replay.json(filled(key)))

    assert live[0] == replay.mask(stored)[0]
    assert kinds(live) == kinds(replay.mask(stored))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"password": "Ab1!"}, id="short"),
        pytest.param({"password": 12345678}, id="number"),
        pytest.param({"arguments": '{"password": "Ab1!"}'}, id="short in JSON"),
        pytest.param({"arguments": '{"password":"p\\/ss w\\u00f6rd1"}'}, id="escapes in JSON"),
        pytest.param({"a": json.dumps({"b": json.dumps({"api_key": "p/ss\u65e5\u672c"})})}, id="JSON in JSON"),
        pytest.param({"text": 'see {"password": "p\\u0061ss\\/w1"} there'}, id="escapes in prose"),
        pytest.param({"url": "postgres://me:pw1@db/x"}, id="short in a URL"),
        pytest.param({"url": "https://x.io/?api_key=a%2Fb%201"}, id="percent escapes"),
        pytest.param({"mail": "a@b.co and c@d.io, a@b.co"}, id="short addresses"),
        pytest.param({"bob@acme.io": {"ann@acme.io": "bob@acme.io"}}, id="keys"),
        pytest.param(["Authorization: Bearer " + LETTERS], id="header in a text"),
        pytest.param({"env": [{"name": "DB_PASSWORD", "value": "Ab1!"}]}, id="name and value"),
        pytest.param({"name": "password", "value": 12345678}, id="name and number"),
        pytest.param({"headers": [["Authorization", "Bearer Ab1!x"]]}, id="pair"),
        pytest.param({"arguments": '[["password", "p\\u00e41xyz"]]'}, id="pair in JSON"),
        pytest.param({"card": 4556737586899855, "all": [1, 4556737586899855]}, id="card as a number"),
        pytest.param({"arguments": '{"card": 4556737586899855}'}, id="card as a number in JSON"),
        pytest.param("<password><![CDATA[p <a> & b1]]></password>", id="CDATA"),
        pytest.param("password: |\n  hunter2hunter2\n", id="block"),
        pytest.param("mysql -u root -pHunter2x db", id="option of one letter"),
        pytest.param("repr: {'password': b'hunter2x'}", id="bytes"),
        pytest.param("name,password\nbob,Hunter2x\n", id="column"),
        pytest.param("write to ann.doe&#64;shop&period;net", id="entities"),
        pytest.param({"a": "\\nbob@acme.io", "b": 'x "\\nbob@acme.io" y'}, id="after an escape"),
    ],
)
def test_secret_is_masked_wherever_it_stands(value: Any) -> None:
    stored, live = sides(value)

    assert stored[0] == live[0]
    assert kinds(stored) == kinds(live)
    assert kinds(live)
    assert live[0] != value


@pytest.mark.parametrize("first", NAMED)
@pytest.mark.parametrize("second", ["another2", "x9!qq", "\u65e5\u672c\u8a9e1"])
def test_other_secret_has_the_same_marker(first: str, second: str) -> None:
    one = sanitizer()

    assert one.mask(one.json({"password": first}))[0] == one.mask(one.json({"password": second}))[0]


def test_findings_name_stand_ins_in_order() -> None:
    one = sanitizer()
    stored = one.json(["bob@acme.io", "ann@acme.io", "bob@acme.io"])

    masked, findings = one.mask(stored)

    assert masked == ["<email>", "<email>", "<email>"]
    assert [finding.text for finding in findings] == stored


def test_variable_is_named_in_the_marker() -> None:
    one = sanitizer(environ={"SERVICE_SECRET": LETTERS})

    assert one.mask(one.json({"a": f"use {LETTERS}"}))[0] == {"a": "use <env:SERVICE_SECRET>"}


@pytest.mark.parametrize("order", [("body", "header"), ("header", "body")], ids="-".join)
def test_kind_does_not_depend_on_where_a_value_was_seen_first(order: tuple[str, str]) -> None:
    one = sanitizer()
    for place in order:
        if place == "header":
            one.headers((("authorization", f"Bearer {TOKENS['openai_key']}"), ("x-api-key", "hunter2hunter2")))
        else:
            one.json({"a": TOKENS["openai_key"], "password": "hunter2hunter2"})

    assert sorted(item.kind for item in one.issued) == ["openai_key", "secret"]


def test_value_without_stand_ins_is_its_own_copy() -> None:
    value = {"a": ["text", 1, None, True], "b": {"c": 1.5}}

    assert sanitizer().mask(value) == (value, ())


def test_other_content_still_differs() -> None:
    one = sanitizer()
    texts = [one.json(f"mail bob@acme.io {word}") for word in ("now", "later")]

    assert one.mask(texts[0])[0] != one.mask(texts[1])[0]


def test_swapped_addresses_have_swapped_findings() -> None:
    one = sanitizer()
    first, second = one.json(["bob@acme.io", "ann@acme.io"]), one.json(["ann@acme.io", "bob@acme.io"])

    assert one.mask(first)[0] == one.mask(second)[0]
    assert one.mask(first)[1] == one.mask(second)[1][::-1]


def test_sensitive_keys_stay_entries_of_their_own() -> None:
    stored, live = sides({"ada.doe@shop.net": 1, "eve.roe@shop.net": 2})

    assert stored[0] == live[0] == {"<email>": 1, "<email>#2": 2}


def test_a_file_in_a_link_of_data_is_read() -> None:
    said = base64.b64encode(b"Dear ann.ober@kleinert.de, it is done.").decode()
    (stored, findings), live = sides({"url": f"data:text/plain;base64,{said}"})

    assert [finding.kind for finding in findings] == ["email"]
    assert stored == live[0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("see q=to+DE89370400440532013000+please", "iban"),
        ("q=card+4556+7375+8689+9855+now", "card"),
        ("q=SSN+536-22-8726+please", "national_id"),
        ("/find?q=ask+ann.ober@kleinert.de+first&n=2", "email"),
    ],
)
def test_a_form_in_a_text_is_read_as_one(text: str, kind: str) -> None:
    (stored, findings), live = sides({"text": text})

    assert [finding.kind for finding in findings] == [kind]
    assert stored == live[0]
    assert sanitizer().text(text).split("=")[0] == text.split("=")[0]
