"""Replays of packets whose recording knew no positions and no end: imported ones."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.packet import Packet
from tests.packet.building import seal_bytes
from tests.session.helpers import World, levels, result, system, user


def imported(world: World) -> Path:
    """The last packet as an import would have it."""
    lines, count = [json.loads(line) for line in world.path.read_text().splitlines()], 0
    for line in lines:
        if line["kind"] == "call":
            line |= {"flags": ["unplaced"], "position": f"imported/{line['position'].rpartition('/')[2]}"}
            line["position"] = f"{line['position'].partition('[')[0]}[{count}]"
            count += 1
    data = "".join(json.dumps(line) + "\n" for line in lines if line["kind"] != "outcome").encode()
    world.path = world.path.with_name("imported.packet.jsonl")
    world.path.write_bytes(seal_bytes(data, status="unknown"))
    return world.path


def test_equal_requests_of_parallel_jobs_get_the_answers_in_recorded_order(world: World) -> None:
    world.record(lambda: [world.chat(user("hi")) for _ in range(3)])
    imported(world)

    def agent() -> None:
        with ThreadPoolExecutor(1) as pool:
            answers.extend(pool.submit(world.chat, user("hi")).result()["content"] for _ in range(3))

    answers: list[str] = []
    report = world.replay(agent)

    assert answers == ["answer 1", "answer 2", "answer 3"]
    assert report.ok
    assert levels(report) == [0, 0, 0]


def test_other_requests_may_come_in_any_order_and_the_report_says_so(world: World) -> None:
    world.record(lambda: [world.chat(user(text)) for text in ("one", "two")])
    imported(world)

    report = world.replay(lambda: [world.chat(user(text)) for text in ("two", "one")])

    assert report.ok
    assert not report.has_positions
    assert "the order of different ones was not compared" in " ".join(report.notes)


def test_a_changed_prompt_is_named_with_the_next_call_of_its_kind(world: World) -> None:
    world.record(lambda: world.chat(system("be careful"), user("hi")))
    imported(world)

    divergence = world.diverge(lambda: world.chat(system("be cautious"), user("hi")))

    assert (divergence.root_cause, divergence.level) == ("prompt", 2)
    assert "1 of 1 calls changed: the system prompt" in str(divergence)


def test_a_call_too_many_is_missing(world: World) -> None:
    world.record(lambda: world.chat(user("hi")))
    imported(world)

    divergence = world.diverge(lambda: [world.chat(user("hi")) for _ in range(2)])

    assert divergence.level == 5
    assert "1 call of this name, none with this content left" in str(divergence)


def test_what_is_left_over_diverges(world: World) -> None:
    world.record(lambda: [world.chat(user("hi")) for _ in range(2)])
    imported(world)

    divergence = world.diverge(lambda: world.chat(user("hi")))

    assert "1 of 2 recorded calls were not made" in str(divergence)


def test_wiring_takes_the_next_call_of_its_kind_and_says_so(world: World) -> None:
    world.record(lambda: [world.chat(user(text)) for text in ("one", "two")])
    imported(world)

    report = world.replay(lambda: [world.chat(user(text)) for text in ("uno", "due")], "wiring")

    assert (levels(report), report.verdict) == ([2, 2], "wiring ok")
    assert "by order alone: llm:chat[0] was taken to be imported/llm:chat[0]" in report.notes


def test_an_unknown_end_is_compared_with_nothing_and_the_report_says_so(world: World) -> None:
    world.record(lambda: world.chat(user("hi")))
    imported(world)

    with pytest.raises(KeyError):
        world.replay(lambda: {}[world.chat(user("hi"))["content"]])

    assert world.report.divergences == ()
    assert "how the recorded run ended is not known: its end was not compared" in world.report.notes


def test_an_error_before_the_recorded_calls_were_made_is_not_the_same_run(world: World) -> None:
    world.record(lambda: world.chat(user("hi")))
    imported(world)

    with pytest.raises(ZeroDivisionError):
        world.replay(lambda: 1 / 0)

    assert not world.report.ok
    assert len(world.report.unused) == 1


def test_ids_that_the_client_made_count_within_their_request(world: World) -> None:
    """Without lineage nothing tells which request numbered an id first."""

    def turn(text: str, name: str) -> Any:
        call = {"id": name, "type": "function", "function": {"name": "t", "arguments": "{}"}}
        return world.chat(user(text), {"role": "assistant", "tool_calls": [call]}, result(name, "x"))

    world.record(lambda: [turn("one", "mine-1"), turn("two", "mine-2")])
    imported(world)

    assert levels(world.replay(lambda: [turn("two", "other-7"), turn("one", "other-8")])) == [0, 0]


@replaykit.tool
def look_up(word: str) -> str:
    return word.upper()


@replaykit.tool(replay="rerun")
def compute(word: str) -> str:
    return word[::-1]


def test_a_declared_function_is_not_in_an_imported_recording(world: World) -> None:
    world.record(lambda: world.chat(user("hi")))
    imported(world)

    assert isinstance(world.diverge(lambda: (world.chat(user("hi")), look_up("a"))), replaykit.ToolMiss)


def test_a_function_that_may_run_again_runs_and_is_listed(world: World) -> None:
    world.record(lambda: world.chat(user("hi")))
    imported(world)

    report = world.replay(lambda: world.chat(user(compute("ih"))))

    assert report.ok
    assert report.executed_for_real == ("tool:compute[0]",)


def test_a_withheld_request_is_left_over_and_never_guessed(world: World) -> None:
    world.record(lambda: world.chat(user("hi")))
    lines = [json.loads(line) for line in world.path.read_text().splitlines()]
    for line in lines:
        if line["kind"] == "call":
            line |= {"key": "withheld"}
            line["http"]["body"] = {"withheld": "it was too large", "length": 9}
    world.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    packet = Packet.load(imported(world))
    assert not packet.has_positions

    world.diverge(lambda: world.chat(user("hi")))

    assert world.report.unused == ("imported/llm:chat[0]",)
