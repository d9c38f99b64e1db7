"""One text: what of it is a secret, and what only looks like one."""

from __future__ import annotations

import pytest

from replaykit.audit.detecting import Detector
from replaykit.sanitizer.layers import Layer
from replaykit.sanitizer.standins import StandIn
from tests.sanitizer.secrets import TOKENS

STAND_IN = "sk-proj-Qd7fJw3kXo1tZpV9rNb2Lc8mHy5GsA4e"
KNOWN = (StandIn("openai_key", STAND_IN), StandIn("secret", "4821"), StandIn("email", "abc@defg.com"))


def _kinds(layer: Layer, environ: dict[str, str] | None = None) -> list[str]:
    return [item.kind for item in Detector(KNOWN, environ or {}).in_layer(layer)]


def test_a_stand_in_and_a_piece_of_one_pass() -> None:
    """Agents cut documents where they like."""
    assert _kinds(Layer("", f"the key {STAND_IN} of abc@defg.com")) == []
    assert _kinds(Layer("", f"the key {STAND_IN[:34]}")) == []
    assert _kinds(Layer("", "4821", "pin", "credentials")) == []


@pytest.mark.parametrize(
    "layer",
    [
        Layer("", "hunter2hunter2", "password"),
        Layer("", "Bearer quietmarble", "authorization", naming="header"),
        Layer("", "quiet-marble-7", "api_key", naming="query"),
        Layer("", "s3cret-thing", "value", "credentials"),
        Layer("", "98213344", "ssn", is_number=True),
    ],
    ids=["field", "header", "query", "owner", "number"],
)
def test_a_value_is_known_by_its_name(layer: Layer) -> None:
    assert _kinds(layer) == ["secret"]


def test_without_their_names_the_same_values_are_words() -> None:
    assert _kinds(Layer("", "quiet-marble-7")) == []
    assert _kinds(Layer("", "98213344", "count", is_number=True)) == []


def test_a_variable_is_named_and_its_value_is_not_said() -> None:
    detector = Detector((), {"SHOP_PASSWORD": "violet7-Hammock-Rain", "PATH": "/usr/bin/violet7-Hammock-Rain"})
    (found,) = detector.in_layer(Layer("", "it is violet7-Hammock-Rain"))

    assert (found.kind, found.variable) == ("env", "SHOP_PASSWORD")
    assert "violet7" not in repr(found) + repr(detector)


def test_bytes_that_are_no_text_have_shapes_and_nothing_else() -> None:
    text = f"{TOKENS['github_token']}\nola.nordmann@vaer-oslo.org\npassword=hunter2hunter2"

    assert _kinds(Layer("", text, is_binary=True)) == ["github_token"]
    assert _kinds(Layer("", text)) == ["github_token", "email", "secret"]


def test_a_clean_text_stays_clean_only_under_its_name() -> None:
    """What was looked at is remembered, with how it was looked at."""
    detector = Detector((), {})

    assert detector.in_layer(Layer("", "quiet-marble-7")) == []
    assert detector.in_layer(Layer("", "quiet-marble-7", "password")) != []


def test_a_path_is_shown_without_the_values_in_it() -> None:
    masked = Detector((), {}).masked(f"json $.{TOKENS['github_token']}.x > to ola.nordmann@vaer-oslo.org")

    assert masked == "json $.<github_token>.x > to <email>"
