"""`replaykit.record`: where it acts, and how runs nest."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.packet import Packet
from tests.session.helpers import World, user


@replaykit.tool
def note(value: str) -> str:
    return value


def test_switched_off_nothing_is_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_MODE", "off")
    with replaykit.record("demo", store=world.store) as run:
        run.finish(output=note("x"))
    run.verdict(passed=False)

    assert run.packet_path is None
    assert not world.store.exists()


def test_the_environment_names_store_and_keep_rule(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_STORE", str(world.store / "there"))
    monkeypatch.setenv("REPLAYKIT_KEEP", "failed")
    with replaykit.record("demo") as good:
        pass
    with replaykit.record("demo", keep="all") as kept:
        pass

    assert good.packet_path is None
    assert kept.packet_path is not None
    assert kept.packet_path.parent == world.store / "there"


def test_a_typing_mistake_in_the_call_is_an_error(world: World) -> None:
    with pytest.raises(replaykit.UsageError, match="keep rule"):
        replaykit.record("demo", store=world.store, keep="faild")


def test_a_typing_mistake_in_the_environment_does_not_stop_a_service(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REPLAYKIT_KEEP", "faild")
    with caplog.at_level(logging.WARNING), replaykit.record("demo", store=world.store) as run:
        pass

    assert run.packet_path is not None
    assert "REPLAYKIT_KEEP" in caplog.text


def test_the_path_is_known_when_the_block_has_ended(world: World) -> None:
    with replaykit.record("my agent/1", store=world.store) as run:
        assert run.packet_path is None

    assert run.packet_path is not None
    assert run.packet_path.name.startswith("my-agent-1-")


def test_a_run_inside_a_run_is_a_span_of_it(world: World) -> None:
    with replaykit.record("outer", store=world.store) as outer:
        note("before")
        with replaykit.record("inner", store=world.store) as inner:
            note("within")

    packet = Packet.load(outer.packet_path or "")
    assert inner.packet_path is None
    assert [(span.name, span.line.span_kind) for span in packet.spans] == [("inner", "agent")]
    assert [item.position for item in packet.interactions] == ["tool:note[0]", "inner[0]/tool:note[0]"]


def test_a_new_run_inside_a_run_names_its_parent(world: World) -> None:
    with replaykit.record("outer", store=world.store) as outer:
        with replaykit.record("inner", store=world.store, nested="new") as inner:
            note("within")
        note("after")

    packets = [Packet.load(run.packet_path or "") for run in (outer, inner)]
    assert packets[1].run.parent == packets[0].run.run_id
    assert [[item.arguments for item in packet.interactions] for packet in packets] == [
        [{"value": "after"}],
        [{"value": "within"}],
    ]


def test_a_recording_inside_a_replay_is_an_error(world: World) -> None:
    world.record(lambda: None)

    with pytest.raises(replaykit.UsageError, match="inside a replay"), replaykit.replay(world.path):
        replaykit.record("demo", store=world.store).__enter__()


CHILD = """
import replaykit, sys
with replaykit.record("child", store=sys.argv[1]): pass
"""


def test_a_child_process_writes_a_packet_of_its_own_that_names_its_parent(world: World) -> None:
    with replaykit.record("parent", store=world.store / "p") as run:
        assert "REPLAYKIT_PARENT" in os.environ
        command = [sys.executable, "-c", CHILD, str(world.store / "c")]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[2])

    (child,) = (world.store / "c").iterdir()
    assert Packet.load(child).run.parent == Packet.load(run.packet_path or "").run.run_id
    assert "REPLAYKIT_PARENT" not in os.environ


def test_runs_of_one_process_are_nobodys_children(world: World) -> None:
    first, second = replaykit.record("one", store=world.store), replaykit.record("two", store=world.store, nested="new")
    with first:
        pass
    with second as run:
        pass

    assert Packet.load(run.packet_path or "").run.parent is None


def test_a_packet_is_loaded_whole_while_its_last_words_are_on_their_way(world: World) -> None:
    for _ in range(20):
        with replaykit.record("demo", store=world.store) as run:
            note("x" * 10_000)
        path = run.packet_path
        run.verdict(passed=False, reason="late")
        outcome = Packet.load(path or "").outcome

        assert outcome is not None
        assert outcome.verdict is not None


def test_a_folder_that_is_gone_does_not_stop_the_agent(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with replaykit.record("demo", store=world.store) as run:
        assert world.chat(user("one"))["content"] == "answer 1"
    assert run.packet_path is not None


class Unreadable:
    def __str__(self) -> str:
        raise RuntimeError("not today")

    def __bool__(self) -> bool:
        raise RuntimeError("not today")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"passed": 1}, (True, "", None)),
        ({"passed": "no", "reason": 5, "verifier": 7}, (False, "5", "7")),
        ({"passed": False, "reason": Unreadable()}, (False, "<Unreadable>", None)),
        ({"passed": "x"}, None),
        ({"passed": Unreadable()}, None),
    ],
    ids=["number", "words", "unreadable reason", "a word that is neither", "unreadable"],
)
def test_a_verdict_of_any_kind_never_hurts_the_agent(
    world: World, given: dict[str, Any], kept: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with replaykit.record("demo", store=world.store) as run:
        run.verdict(**given)

    outcome = Packet.load(run.packet_path or "").outcome
    assert outcome is not None
    verdict = outcome.verdict
    assert (verdict and (verdict.passed, verdict.reason, verdict.verifier)) == kept
    assert ("the verdict is not kept" in caplog.text) == (kept is None)


def test_tags_and_names_of_any_kind_never_hurt_the_agent(world: World) -> None:
    odd: Any = {"a": Unreadable(), 1: 2}
    with replaykit.record(5, store=world.store, tags=odd) as run:  # type: ignore[arg-type]  # on purpose
        run.finish(output=Unreadable(), stop_reason=Unreadable())  # type: ignore[arg-type]
    with replaykit.record("demo", store=world.store, tags=[1]) as listed:  # type: ignore[arg-type]
        note("a")

    packet = Packet.load(run.packet_path or "")
    assert (packet.run.workflow, packet.run.tags) == ("5", {"a": "<Unreadable>", "1": "2"})
    assert packet.outcome is not None
    assert packet.outcome.stop_reason == "<Unreadable>"
    assert Packet.load(listed.packet_path or "").run.tags == {}


def test_an_agent_that_changes_its_folder_is_recorded_where_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)

    with replaykit.record("demo", store="packets") as run:
        os.chdir("elsewhere")

    assert run.packet_path is not None
    assert run.packet_path.parent == tmp_path / "packets"
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_store_that_is_no_path_costs_the_packet_and_not_the_run() -> None:
    with replaykit.record("demo", store=5) as run:  # type: ignore[arg-type]  # on purpose
        assert note("a") == "a"

    assert run.packet_path is None


def test_a_typing_mistake_in_the_mode_does_not_stop_a_service(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_MODE", "Off")
    with replaykit.record("demo", store=world.store) as off:
        pass
    monkeypatch.setenv("REPLAYKIT_MODE", "of")
    with replaykit.record("demo", store=world.store) as on:
        pass

    assert off.packet_path is None
    assert on.packet_path is not None


def _records_itself(world: World) -> str:
    with replaykit.record("inner", store=world.store) as run:
        run.finish(output=note("x"))
    return note("y")


def test_code_that_records_itself_is_replayed_as_it_was_recorded(world: World) -> None:
    """Twice: each block is found at the place where it was."""

    def agent() -> str:
        return _records_itself(world) + _records_itself(world)

    packet = world.record(agent)
    before = len(list(world.store.iterdir()))
    report = world.replay(agent)

    assert [span.line.position for span in packet.spans] == ["inner[0]", "inner[1]"]
    assert (report.ok, len(report.interactions)) == (True, 4)
    assert len(list(world.store.iterdir())) == before


def test_a_recording_that_was_not_there_is_an_error_in_a_replay(world: World) -> None:
    world.record(lambda: note("y"))

    with pytest.raises(replaykit.UsageError, match="inside a replay"):
        world.replay(lambda: _records_itself(world))
