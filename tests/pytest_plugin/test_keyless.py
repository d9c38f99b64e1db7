"""A replay needs no key, whenever the code asks for one: when it is imported, in a fixture, in the test."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.conftest import AGENT, KEY, TEST, Project

AT_IMPORT = AGENT.replace("PROMPT =", 'KEY = os.environ["OPENAI_API_KEY"]\nPROMPT =').replace(
    "{os.environ['OPENAI_API_KEY']}", "{KEY}"
)


@pytest.fixture
def keyed(project: Project) -> Project:
    """Two recorded tests of an agent that takes its key when it is imported, and sends it in its prompt too."""
    project.write(
        agent=AT_IMPORT.replace('"content": PROMPT', '"content": PROMPT + KEY'),
        test_agent=TEST + TEST.replace("test_agent", "test_other").replace("Oslo", "Rome").replace("import pytest", ""),
    )
    ended = project.pytest("--replay-record=once", live=True)
    assert ended.code == 0, ended.text
    return project


def test_module_that_takes_its_key_when_imported_is_replayed_without(keyed: Project) -> None:
    ended = keyed.pytest()

    assert ended.code == 0, ended.text
    assert "2 of 2 calls exact, 0 live calls" in ended.text


def test_fixture_that_takes_the_key_is_replayed_without(project: Project) -> None:
    fixture = """
import os

@pytest.fixture(scope="module", autouse=True)
def key():
    yield os.environ["OPENAI_API_KEY"]
    assert os.environ["OPENAI_API_KEY"]
"""
    project.write(test_agent=TEST + fixture)
    project.pytest("--replay-record=once", live=True)

    ended = project.pytest()

    assert ended.code == 0, ended.text


def test_live_test_still_sees_that_there_is_no_key(keyed: Project) -> None:
    keyed.write(
        test_live="""
import os
import pytest

@pytest.mark.skipif("OPENAI_API_KEY" not in os.environ, reason="no key")
def test_live():
    raise AssertionError("it ran")

def test_unmarked():
    assert "OPENAI_API_KEY" not in os.environ
"""
    )

    ended = keyed.pytest()

    assert ended.code == 0, ended.text
    assert "3 passed, 1 skipped" in ended.text


def test_module_that_can_not_be_imported_is_shown_as_ever(keyed: Project) -> None:
    keyed.write(test_broken="import os\nos.environ['OPENAI_API_KEY']\nraise ValueError('of its own')\n")

    ended = keyed.pytest("test_broken.py")

    assert ended.code == 2
    assert "KeyError" in ended.text


def test_key_that_is_set_is_left_alone(keyed: Project) -> None:
    keyed.write(test_key=f"import os\n\ndef test_key():\n    assert os.environ['OPENAI_API_KEY'] == {KEY!r}\n")

    ended = keyed.pytest(OPENAI_API_KEY=KEY)

    assert ended.code == 0, ended.text


def test_nothing_is_lent_where_everything_is_recorded_anew(keyed: Project) -> None:
    ended = keyed.pytest("--replay-record=all")

    assert ended.code == 2
    assert "KeyError: 'OPENAI_API_KEY'" in ended.text
