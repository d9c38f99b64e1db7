"""Secrets that a program sets while it runs, as `load_dotenv` does."""

from __future__ import annotations

import os

import pytest

import replaykit
from replaykit.session.environment import Environment
from tests.session.helpers import World, user

LATE = "lateZZZ-998877"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets is gone after it, however it was set."""
    for name in ("LATE_PASSWORD", "LATE_UNUSED_KEY", "DEBUG_TOKEN", "OTHER_SECRET"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)


def test_only_what_changed_is_reported() -> None:
    environment = Environment()
    assert environment.changes() == {}

    os.environ["LATE_PASSWORD"] = LATE
    assert environment.changes() == {"LATE_PASSWORD": LATE}
    assert environment.changes() == {}

    del os.environ["LATE_PASSWORD"]
    assert environment.changes() == {}


def _loads(world: World) -> str:
    os.environ["LATE_PASSWORD"] = LATE
    world.chat(user(f"connect with {os.environ['LATE_PASSWORD']}"))
    return os.environ["LATE_PASSWORD"]


def test_secret_that_is_set_during_the_run_is_taken_out_of_calls_and_output(world: World) -> None:
    world.record(lambda: _loads(world))

    assert LATE not in world.path.read_text()


def test_secret_that_is_gone_again_before_it_is_written_is_taken_out(world: World) -> None:
    def agent() -> None:
        os.environ["LATE_PASSWORD"] = LATE
        world.chat(user(f"connect with {LATE}"))
        del os.environ["LATE_PASSWORD"]

    world.record(agent)

    assert LATE not in world.path.read_text()


def test_program_that_sets_its_secret_again_replays(world: World) -> None:
    world.record(lambda: _loads(world))
    del os.environ["LATE_PASSWORD"]

    assert world.replay(lambda: _loads(world)).ok


def test_program_that_can_not_set_its_secret_again_replays_with_a_placeholder(world: World) -> None:
    world.record(lambda: _loads(world))
    del os.environ["LATE_PASSWORD"]

    def agent() -> str:
        world.chat(user(f"connect with {os.environ['LATE_PASSWORD']}"))
        return os.environ["LATE_PASSWORD"]

    assert world.replay(agent).ok


def test_variable_that_no_call_shows_is_noted_too(world: World) -> None:
    def agent() -> None:
        os.environ["LATE_UNUSED_KEY"] = LATE
        world.chat(user("hello"))

    packet = world.record(agent)
    del os.environ["LATE_UNUSED_KEY"]

    assert packet.outcome is not None
    assert packet.outcome.manifest.secret_variables == ("LATE_UNUSED_KEY",)
    assert world.replay(lambda: world.chat(user("hello" if os.environ["LATE_UNUSED_KEY"] else "")) and None).ok


def test_variable_with_a_plain_value_is_not_noted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG_TOKEN", "true")
    monkeypatch.setenv("OTHER_SECRET", LATE)

    names = world.record(lambda: None).run.secret_variables

    assert "OTHER_SECRET" in names
    assert "DEBUG_TOKEN" not in names


def test_secret_of_the_replaying_machine_alone_is_plain_text(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.record(lambda: world.chat(user("the word is Trondheim-7 here")) and None)
    monkeypatch.setenv("OTHER_SECRET", "Trondheim-7")

    report = world.replay(lambda: world.chat(user("the word is Trondheim-7 here")) and None)

    assert report.ok
    assert world.diverge(lambda: world.chat(user("the word is Trondheim-8 here")) and None).level == 2


def test_verdict_after_the_run_is_sanitized_with_what_was_set_since(world: World) -> None:
    with replaykit.record("demo", store=world.store) as run:
        world.chat(user("hello"))
    os.environ["LATE_PASSWORD"] = LATE
    run.verdict(passed=False, reason=f"it said {LATE}")

    assert run.packet_path is not None
    assert LATE not in run.packet_path.read_text()
