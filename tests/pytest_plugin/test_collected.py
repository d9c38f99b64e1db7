"""Cassettes are tests without test code: a good run must be the same run, a failure must be gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pytest_plugin.conftest import AGENT, KEY, Project

MAIN = """
from agent import ask

print(ask("What is the weather in Oslo?"))
"""

STRICT = (
    MAIN
    + """
raise ValueError("no rain in it")
"""
)


@pytest.fixture
def promoted(project: Project) -> Project:
    """A project with one cassette of `python main.py`, and no test."""
    (project.folder / "test_agent.py").unlink()
    project.write(main=MAIN)
    recorded = project.replaykit("record", "--", "python", "main.py", live=True)
    promoted = project.replaykit("promote", "last")
    assert (recorded.code, promoted.code) == (0, 0), recorded.text + promoted.text
    return project


def test_promoted_run_is_a_green_test(promoted: Project) -> None:
    before = promoted.cassettes()

    ended = promoted.pytest("-v")

    assert ended.code == 0
    assert "cassettes/main.packet.jsonl::main PASSED" in ended.text
    assert "replayed  1 run  1 of 1 calls exact, 0 live calls" in ended.text
    assert len(promoted.server.requests) == 1
    assert promoted.cassettes() == before


def test_changed_prompt_is_red_and_shows_no_key(promoted: Project) -> None:
    promoted.write(agent=AGENT.replace("careful", "cautious"))

    ended = promoted.pytest("-vv", "--showlocals", OPENAI_API_KEY=KEY)

    assert ended.code == 1
    assert "1 of 1 calls changed: the system prompt (root cause: prompt)" in ended.text
    assert "+ You are a cautious weather assistant." in ended.text
    assert "replaykit replay cassettes/main.packet.jsonl --policy wiring" in ended.text
    assert "Traceback" not in ended.text
    assert KEY not in ended.text


def test_output_of_a_red_cassette_shows_no_key(promoted: Project) -> None:
    shows = "import os\nprint('the key is', os.environ['OPENAI_API_KEY'])\nprint('and', os.environ['PLAIN'])\n"
    promoted.write(main=shows + MAIN)

    ended = promoted.pytest(OPENAI_API_KEY=KEY, PLAIN="sk-proj-0therKeyUq2ZbT9xLm3RsV8cJh5NpA4eYk")

    assert ended.code == 1
    assert "the key is" in ended.text
    assert KEY not in ended.text
    assert "sk-proj-0ther" not in ended.text


def test_changed_output_is_red(promoted: Project) -> None:
    promoted.write(main=MAIN.replace("print(", "print('Hm.', "))

    ended = promoted.pytest()

    assert ended.code == 1
    assert "the run ended in another way" in ended.text


def test_promoted_failure_is_red_until_it_is_fixed(project: Project) -> None:
    project.write(main=STRICT)
    (project.folder / "test_agent.py").unlink()
    project.replaykit("record", "--", "python", "main.py", live=True)
    project.replaykit("promote", "last")

    broken = project.pytest()
    project.write(main=MAIN)
    fixed = project.pytest()

    assert broken.code == 1
    assert "the recorded failure is still there: ValueError: no rain in it" in broken.text
    assert fixed.code == 0, fixed.text


def test_cassettes_are_found_beside_testpaths(promoted: Project) -> None:
    (promoted.folder / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    (promoted.folder / "tests").mkdir()

    assert "replayed  1 run" in promoted.pytest().text


def test_cassette_of_a_marked_test_is_no_second_test(recorded: Project) -> None:
    assert "1 passed" in recorded.pytest().text


def test_packets_elsewhere_are_no_tests(promoted: Project) -> None:
    (promoted.folder / "cassettes").rename(promoted.folder / "kept")

    assert "no tests ran" in promoted.pytest().text


def test_damaged_cassette_is_a_red_test_of_one_line(promoted: Project) -> None:
    (promoted.folder / "cassettes" / "main.packet.jsonl").write_text("{}\n")

    ended = promoted.pytest()

    assert ended.code == 1
    assert "main.packet.jsonl" in ended.text
    assert "Traceback" not in ended.text


def test_cassette_that_was_cut_short_is_red_wherever_the_cut_is(promoted: Project) -> None:
    """Also where no call is missing, and where so much is that nothing tells how it was run."""
    cassette = promoted.folder / "cassettes" / "main.packet.jsonl"
    lines = cassette.read_bytes().splitlines(keepends=True)
    for left in (b"".join(lines[:-1]), b"".join(lines)[:-40], lines[0]):
        cassette.write_bytes(left)

        ended = promoted.pytest("-v")

        assert ended.code == 1, ended.text
        assert "the cassette was cut short" in ended.text


@pytest.mark.parametrize("folder", [".", "tests", "deeper/still"])
def test_pytest_may_be_started_in_any_folder_of_the_project(promoted: Project, folder: str) -> None:
    (promoted.folder / "pytest.ini").write_text("[pytest]\n")
    (promoted.folder / ".git").mkdir()
    (promoted.folder / folder).mkdir(parents=True, exist_ok=True)
    inside = Project(promoted.folder / folder, promoted.server)

    ended = inside.pytest("--rootdir", str(promoted.folder), str(promoted.folder / "cassettes"))

    assert ended.code == 0, ended.text


def test_promote_twice_says_so_and_another_run_needs_a_name(promoted: Project) -> None:
    again = promoted.replaykit("promote", "last")
    promoted.replaykit("record", "--", "python", "main.py", live=True)
    other = promoted.replaykit("promote", "last")
    named = promoted.replaykit("promote", "last", "--name", "second")

    assert (again.code, other.code, named.code) == (0, 2, 0)
    assert "was there" in again.text
    assert "another cassette cassettes/main.packet.jsonl" in other.text
    assert "--name NAME" in other.text
    assert sorted(Path(name).name for name in promoted.cassettes()) == ["main.packet.jsonl", "second.packet.jsonl"]
