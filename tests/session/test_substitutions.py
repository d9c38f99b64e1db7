"""Secrets on both sides: stand-ins in the recording, raw values in the agent's own code."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

import replaykit
from tests.session.helpers import World, user

ANN, BEN = "ann.doe@corp.org", "ben.doe@corp.org"


def _mail(world: World, *addresses: str) -> None:
    for address in addresses:
        world.chat(user(f"write to {address}"))


def test_the_same_value_replays_and_is_counted_as_assumed(world: World) -> None:
    world.record(lambda: _mail(world, "bob@acme.com", "bob@acme.com"))
    report = world.replay(lambda: _mail(world, "bob@acme.com", "bob@acme.com"))

    assert (report.ok, report.assumed) == (True, {"email": 1})


def test_another_value_throughout_is_taken_on_trust(world: World) -> None:
    world.record(lambda: _mail(world, "bob@acme.com", "eve@acme.com"))
    report = world.replay(lambda: _mail(world, "jim@corp.org", "ann@corp.org"))

    assert (report.ok, report.assumed) == (True, {"email": 2})


@pytest.mark.parametrize(
    ("then", "now"),
    [((ANN, ANN), (ANN, BEN)), ((ANN, BEN), (ANN, ANN))],
    ids=["second live value", "second stand-in"],
)
def test_a_second_binding_of_either_side_is_drift(world: World, then: tuple[str, ...], now: tuple[str, ...]) -> None:
    world.record(lambda: _mail(world, *then))
    divergence = world.diverge(lambda: _mail(world, *now))

    assert (divergence.level, divergence.position) == (2, "llm:chat[1]")
    assert not any(address in str(divergence) for address in (*then, *now))


def test_strict_substitutions_refuse_what_is_only_assumed(world: World) -> None:
    world.record(lambda: _mail(world, "bob@acme.com"))

    assert world.diverge(lambda: _mail(world, "bob@acme.com"), strict_substitutions=True).level == 2


def test_with_the_projects_key_bindings_are_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_KEY", "the key of this project")
    world.record(lambda: _mail(world, "bob@acme.com"))

    report = world.replay(lambda: _mail(world, "bob@acme.com"), strict_substitutions=True)
    assert (report.ok, report.assumed) == (True, {})
    assert world.diverge(lambda: _mail(world, "eve@acme.com")).level == 2


def test_values_of_moved_and_shifted_calls_are_bound_too(world: World) -> None:
    def agent(address: str, step: str) -> None:
        _mail(world, ANN)
        with replaykit.span(step):
            world.chat(user(f"moved {address}"))

    world.record(lambda: agent(BEN, "there"))

    assert world.diverge(lambda: agent(ANN, "here"), "refactor").level == 2


def test_a_placeholder_stands_in_for_a_secret_that_is_not_set(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "raw-key-of-the-shop-77")
    world.record(lambda: world.chat(user("key raw-key-of-the-shop-77")))
    monkeypatch.delenv("SHOP_API_KEY")

    report = world.replay(lambda: world.chat(user(f"key {os.environ['SHOP_API_KEY']}")))

    assert report.ok
    assert "SHOP_API_KEY" not in os.environ


def test_a_secret_that_is_set_stays_as_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "raw-key-of-the-shop-77")
    world.record(lambda: world.chat(user("key raw-key-of-the-shop-77")))
    monkeypatch.setenv("SHOP_API_KEY", "another-key-of-the-shop-88")

    report = world.replay(lambda: world.chat(user("key another-key-of-the-shop-88")))

    assert (report.ok, report.assumed) == (True, {})
    assert os.environ["SHOP_API_KEY"] == "another-key-of-the-shop-88"


def test_a_sensitive_name_of_a_task_or_span_replays(world: World) -> None:
    def agent() -> None:
        with replaykit.span("for bob@acme.com"):
            world.chat(user("one"))

    packet = world.record(agent)

    assert packet.interactions[0].position == "for <email>[0]/llm:chat[0]"
    assert "bob@acme.com" not in world.path.read_text()
    assert world.replay(agent).ok


@pytest.mark.parametrize("secret", ["two words+x", "sl/ash and pl+us", "ümläut wörd 7"])
def test_secret_of_a_form_is_known_by_what_it_says(world: World, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """A space is a plus in a form: the replay finds the variable's value in it, and what it has in its place."""
    monkeypatch.setenv("DB_PASSWORD", secret)

    def log_in() -> None:
        world.client.post("/login", data={"user": "ann", "password": os.environ["DB_PASSWORD"]})

    world.record(log_in)
    with_it = world.replay(log_in)
    monkeypatch.delenv("DB_PASSWORD")
    without = world.replay(log_in)

    assert (with_it.ok, without.ok) == (True, True)
    assert secret not in world.path.read_text()


def test_key_that_is_missing_here_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_KEY", "a-project-key-4eYk7uWq2")
    world.record(lambda: _mail(world, "bob@acme.com"))
    monkeypatch.delenv("REPLAYKIT_KEY")

    report = world.replay(lambda: _mail(world, "eve@acme.com"))

    assert report.assumed == {"email": 1}
    assert any("recorded with REPLAYKIT_KEY, which is not set here" in note for note in report.notes)
    assert "REPLAYKIT_KEY" not in os.environ


def _span_with_a_password(world: World) -> None:
    with replaykit.span("login", password="hunter2Hunter2xyz"):
        world.chat(user("hunter2Hunter2xyz is what they use"))


def _header_with_a_password(world: World) -> None:
    world.client.get("/page", headers={"x-api-key": "hunter2Hunter2xyz"})
    world.chat(user("hunter2Hunter2xyz is what they use"))


def _agent_with_a_password(world: World) -> None:
    @replaykit.agent("login")
    def login(user_name: str, password: str) -> None:
        world.chat(user(f"{password} is what they use"))

    login("ann", "hunter2Hunter2xyz")


@pytest.mark.parametrize("key", [None, "the key of this project"], ids=["no key", "key"])
@pytest.mark.parametrize("act", [_span_with_a_password, _header_with_a_password, _agent_with_a_password])
def test_secret_that_is_known_from_beside_the_calls_is_known_in_them(
    world: World, monkeypatch: pytest.MonkeyPatch, act: Callable[[World], None], key: str | None
) -> None:
    """Only a name gives it away, and that stands in a span, in a header, in the arguments of the entry point."""
    if key is not None:
        monkeypatch.setenv("REPLAYKIT_KEY", key)
    world.record(lambda: act(world))

    assert "hunter2Hunter2xyz" not in world.path.read_text()
    assert world.replay(lambda: act(world)).ok
