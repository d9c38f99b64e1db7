"""Beside other plugins: xdist, pytest-asyncio, anyio, pytest-recording."""

from __future__ import annotations

import importlib.util

import pytest

from tests.pytest_plugin.conftest import TEST, Project

ASYNC = """
import os
import httpx
import pytest

async def ask(question):
    base = os.environ.get("BASE_URL", "http://model.invalid")
    body = {"model": "m", "messages": [{"role": "user", "content": question}]}
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.post(f"{base}/v1/chat/completions", json=body)
    return answer.json()["choices"][0]["message"]["content"]

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.replay
@pytest.mark.MARK
async def test_agent():
    assert "Sunny" in await ask("Oslo?")
"""

INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


@pytest.mark.parametrize(("mark", "plugin"), [("asyncio", "pytest_asyncio"), ("anyio", "anyio")])
def test_coroutine_tests_are_replayed(project: Project, mark: str, plugin: str) -> None:
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin} is not installed")
    project.write(test_agent=ASYNC.replace("MARK", mark))
    (project.folder / "pytest.ini").write_text(INI)

    recorded = project.pytest("--replay-record=once", live=True, plugins=True)
    ended = project.pytest(plugins=True)

    assert recorded.code == 0, recorded.text
    assert ended.code == 0, ended.text
    assert "1 of 1 calls exact" in ended.text


def test_pytest_recording_keeps_to_its_own_tests(project: Project) -> None:
    if importlib.util.find_spec("pytest_recording") is None:
        pytest.skip("pytest-recording is not installed")
    project.write(
        test_vcr="""
import os
import httpx
import pytest

@pytest.mark.vcr
def test_vcr():
    url = os.environ.get("BASE_URL", "http://model.invalid")
    assert httpx.post(f"{url}/v1/chat/completions", json={"model": "m", "messages": []}).status_code == 200
"""
    )
    (project.folder / "pytest.ini").write_text(INI)

    project.write(conftest='import pytest\n\n@pytest.fixture\ndef vcr_config():\n    return {"match_on": ["path"]}\n')
    recorded = project.pytest("--replay-record=once", "--record-mode=once", live=True, plugins=True)
    ended = project.pytest(plugins=True)

    assert recorded.code == 0, recorded.text
    assert ended.code == 0, ended.text
    assert "2 passed" in ended.text
    assert len(project.server.requests) == 2


def test_workers_record_and_replay(project: Project) -> None:
    for city in ("Oslo", "Rome", "Paris", "Lima"):
        project.write(**{f"test_{city.lower()}": TEST.replace("Oslo", city).replace("test_agent", f"test_{city}")})

    recorded = project.pytest("--replay-record=once", "-n", "2", live=True)
    ended = project.pytest("-n", "2")

    assert recorded.code == 0, recorded.text
    assert recorded.text.count("recorded  test_") == 5
    assert ended.code == 0, ended.text
    assert "replayed  5 runs  5 of 5 calls exact, 0 live calls" in ended.text


def test_two_hundred_tests_twice_and_shuffled_touch_no_file(project: Project) -> None:
    many = TEST.replace("def test_agent():", '@pytest.mark.parametrize("n", range(200))\ndef test_agent(n):')
    project.write(test_agent=many.replace('"What is the weather in Oslo?"', 'f"What is the weather in town {n}?"'))
    recorded = project.pytest("--replay-record=once", "-n", "2", live=True)
    before = {path: path.stat().st_mtime_ns for path in (project.folder / "cassettes").iterdir()}

    ended = [project.pytest("-n", "2", "-p", "randomly", f"--randomly-seed={seed}") for seed in (1, 2)]

    assert recorded.code == 0
    assert [run.code for run in ended] == [0, 0], ended[0].text
    assert all("replayed  200 runs  200 of 200 calls exact, 0 live calls" in run.text for run in ended)
    assert {path: path.stat().st_mtime_ns for path in (project.folder / "cassettes").iterdir()} == before


def test_folders_with_a_conftest_of_their_own_run_together(recorded: Project) -> None:
    """pytest then asks each plugin whether it concerns a folder."""
    for name in ("one", "two"):
        folder = recorded.folder / name
        folder.mkdir()
        (folder / "conftest.py").write_text("def pytest_ignore_collect(collection_path): return None\n")
        (folder / f"test_{name}.py").write_text("def test_it(): pass\n")

    ended = recorded.pytest("one", "two", "test_agent.py", "cassettes")

    assert ended.code == 0, ended.text
    assert "3 passed" in ended.text
