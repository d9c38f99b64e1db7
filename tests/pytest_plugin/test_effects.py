"""Tests that are recorded through the plugin: their clock and their dice are in the cassette."""

from __future__ import annotations

from replaykit.packet import Packet
from tests.pytest_plugin.conftest import Project

TEST = """
import datetime, random, uuid
import pytest
from random import random as number
from uuid import uuid4
from agent import ask

NAMES = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta"}

@pytest.mark.replay
def test_agent():
    names = sorted(NAMES)
    ask(f'{datetime.datetime.now()} {uuid4()} {number()} {random.choice("abcdefgh")} {names}')
"""


def test_a_prompt_that_changes_with_each_run_replays_exact(project: Project) -> None:
    """The names were imported when the tests were collected, long before the run."""
    project.write(test_agent=TEST)
    assert project.pytest("--replay-record=once", live=True).code == 0

    ended = project.pytest()

    packet = Packet.load(project.folder / "cassettes" / "test_agent.packet.jsonl")
    assert {line.source for line in packet.effects if not line.origin} == {
        "time",
        "uuid.uuid4",
        "random.random",
        "random.choice",
    }
    assert ended.code == 0, ended.text
    assert "replayed  1 run  1 of 1 calls exact, 0 live calls" in ended.text


def test_a_set_in_the_prompt_diverges_by_its_order_and_the_hash_seed_is_named(project: Project) -> None:
    """No test can set the seed of its own process; who runs pytest can."""
    project.write(test_agent=TEST.replace("sorted(NAMES)", "list(NAMES)"))
    assert project.pytest("--replay-record=once", live=True, PYTHONHASHSEED="1").code == 0

    ended = project.pytest(PYTHONHASHSEED="2")

    assert ended.code == 1
    assert "root cause: order" in ended.text
    assert "the recorded hash seed is 1, here 2: set PYTHONHASHSEED=1" in ended.text
    assert project.pytest(PYTHONHASHSEED="1").code == 0
