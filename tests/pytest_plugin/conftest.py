"""A small project with an agent, and pytest run in it as a user would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from replaykit.serve.scripted import Rule, ScriptedServer
from tests.quick import PYTEST_OPTIONS

KEY = "sk-proj-Test4eYk7uWq2ZbT9xLm3RsV8cJh5NpA"

AGENT = """
import os
import httpx

CLIENT = httpx.Client(timeout=20, verify=False)  # making a TLS context takes longer than all else here
PROMPT = "You are a careful weather assistant."

def ask(question):
    base = os.environ.get("BASE_URL", "http://model.invalid")
    body = {"model": "m", "messages": [{"role": "system", "content": PROMPT}, {"role": "user", "content": question}]}
    headers = {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    answer = CLIENT.post(f"{base}/v1/chat/completions", json=body, headers=headers)
    return answer.raise_for_status().json()["choices"][0]["message"]["content"]
"""

TEST = """
import pytest
from agent import ask

@pytest.mark.replay
def test_agent():
    assert "Sunny" in ask("What is the weather in Oslo?")
"""


@dataclass(frozen=True)
class Ended:
    code: int
    text: str

    @property
    def failure(self) -> list[str]:
        """The lines that pytest marks as the error."""
        return [line for line in self.text.splitlines() if re.match(r"E\b", line)]


@dataclass
class Project:
    """A folder with an agent and its tests, and a model that answers while `live`."""

    folder: Path
    server: ScriptedServer

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)

    def pytest(self, *arguments: str, live: bool = False, plugins: bool = False, **environ: str) -> Ended:
        """Runs pytest in a process of its own; without the key and without the server unless `live`."""
        others = () if plugins else ("-p", "no:asyncio", "-p", "no:recording", *PYTEST_OPTIONS.split())
        return self.run(
            "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *others, *arguments, live=live, **environ
        )

    def replaykit(self, *arguments: str, live: bool = False) -> Ended:
        return self.run("replaykit", *arguments, live=live)

    def run(self, *arguments: str, live: bool = False, **environ: str) -> Ended:
        """Runs `python -m ...` in the folder."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        variables.pop("OPENAI_API_KEY", None)
        variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables.get('PATH', '')}"
        if live:
            variables |= {"OPENAI_API_KEY": KEY, "BASE_URL": self.server.url}
        ended = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env=variables | environ,
            capture_output=True,
            text=True,
            timeout=100,
        )
        return Ended(ended.returncode, ended.stdout + ended.stderr)

    def cassettes(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / "cassettes").glob("*"))}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with ScriptedServer([Rule(reply="Sunny, 21 degrees.")]) as server:
        made = Project(tmp_path, server)
        made.write(agent=AGENT, test_agent=TEST)
        yield made


@pytest.fixture
def recorded(project: Project) -> Project:
    """The project after `pytest --replay-record=once`."""
    ended = project.pytest("--replay-record=once", live=True)
    assert ended.code == 0, ended.text
    return project
