"""`replaykit.replay`: what it takes, and what it leaves behind."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

import replaykit
from replaykit.api import placeholders, processes
from replaykit.packet import Packet
from tests.session.helpers import World, user


@replaykit.tool
def note(value: Any) -> Any:
    return value


def test_a_path_and_a_loaded_packet_do_alike(world: World) -> None:
    packet = world.record(lambda: note("x"))

    assert world.replay(lambda: note("x"), packet=packet).ok
    assert world.replay(lambda: note("x"), packet=str(world.path)).ok


def test_a_replay_inside_a_replay_is_an_error(world: World) -> None:
    world.record(lambda: None)

    with pytest.raises(replaykit.UsageError, match="inside a replay"), replaykit.replay(world.path):
        replaykit.replay(world.path).__enter__()


def test_switched_off_it_replays_nothing_and_proves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.record(lambda: world.chat(user("one")))
    monkeypatch.setenv("REPLAYKIT_MODE", "off")
    with replaykit.replay(world.path) as rerun:
        assert world.chat(user("one"))["content"] == "answer 2"

    assert (rerun.report.ok, rerun.report.verdict) == (False, "unproven")


def test_an_altered_packet_is_no_evidence(world: World) -> None:
    world.record(lambda: note("x"))
    world.path.write_text(world.path.read_text().replace('"value":"x"', '"value":"y"'))

    with pytest.raises(replaykit.PacketError, match="altered"), replaykit.replay(world.path):
        pass


@pytest.mark.parametrize("stub", [lambda value: f"stub of {value}", "stub of new"], ids=["function", "value"])
def test_a_stub_answers_what_the_recording_can_not(world: World, stub: Any) -> None:
    world.record(lambda: note("x"))

    def agent() -> str:
        return f"{note('x')}, {note('new')}"

    with replaykit.replay(world.path, stubs={"note": stub}) as rerun:
        assert agent() == "x, stub of new"
    assert (rerun.report.ok, rerun.report.verdict) == (True, "unproven")
    assert "answered by stubs: tool:note[1]" in rerun.report.notes


def test_what_is_allowed_by_name_goes_out(world: World) -> None:
    world.record(lambda: note("x"))
    allowed = world.server.url.removeprefix("http://")

    report = world.replay(lambda: (note("x"), world.get("/page"))[0], allow=[allowed])

    assert (report.ok, report.allowed[0]) == (True, world.server.url)


@pytest.mark.parametrize("arguments", [{"policy": "exakt"}, {"changed": "sytem"}, {"guard": "none"}])
def test_a_typing_mistake_is_a_usage_error(world: World, arguments: dict[str, Any]) -> None:
    world.record(lambda: None)

    with pytest.raises(replaykit.UsageError):
        replaykit.replay(world.path, **arguments)


def test_the_report_survives_a_raised_close(world: World) -> None:
    world.record(lambda: note("x"))
    with pytest.raises(replaykit.Divergence) as caught, replaykit.replay(world.path) as rerun:
        note("y")

    assert rerun.report.divergences[0].message == str(caught.value)


def test_replays_of_two_threads_do_not_mix(world: World) -> None:
    """Each serves its own packet, and the placeholders stay until the last one is done."""
    both = threading.Barrier(2)
    answers: dict[str, Any] = {}
    packets: dict[str, Packet] = {name: world.record(lambda name=name: note([name])) for name in ("one", "two")}

    def work(name: str) -> None:
        with replaykit.replay(packets[name]) as rerun:
            both.wait()
            answers[name] = note([name])
            both.wait()
        answers[f"{name} ok"] = rerun.report.ok

    threads = [threading.Thread(target=work, args=(name,)) for name in packets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {"one": ["one"], "one ok": True, "two": ["two"], "two ok": True}


def test_placeholders_that_replays_share_stay_until_the_last_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_API_KEY", raising=False)
    first, second = placeholders.add({"SHOP_API_KEY": "a"}), placeholders.add({"SHOP_API_KEY": "b"})
    placeholders.remove(first)
    assert os.environ["SHOP_API_KEY"] == "a"

    placeholders.remove(second)
    assert "SHOP_API_KEY" not in os.environ


def test_a_value_that_the_program_set_itself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_API_KEY", raising=False)
    names = placeholders.add({"SHOP_API_KEY": "a"})
    monkeypatch.setenv("SHOP_API_KEY", "its own")
    placeholders.remove(names)

    assert os.environ["SHOP_API_KEY"] == "its own"


def test_of_runs_that_overlap_the_last_one_is_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(processes.PARENT, "outer")
    processes.enter("one")
    processes.enter("two")
    processes.leave("one")
    assert (os.environ[processes.PARENT], processes.parent()) == ("two", "outer")

    processes.leave("two")
    assert os.environ[processes.PARENT] == "outer"
