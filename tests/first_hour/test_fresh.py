"""The same path in an environment that has just been made, with what `pip install "agent-replaykit[pytest]"` gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from replaykit.serve.scripted import ScriptedServer
from tests.cli.conftest import KEY, ROOT
from tests.first_hour.test_path import RULES

AGENT = Path(__file__).parent / "agents" / "plain_openai.py"

pytestmark = pytest.mark.skipif(
    not os.environ.get("REPLAYKIT_FRESH"), reason="installs packages; REPLAYKIT_FRESH=1 runs it, and .ci/run does"
)


@pytest.mark.timeout(400)
def test_four_commands_in_a_fresh_environment_take_less_than_five_minutes(tmp_path: Path) -> None:
    began = time.monotonic()
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip = [_python_with_pip(), "-m", "pip", "--python", str(home), "install", "-q"]
    subprocess.run([*pip, f"{ROOT}[pytest]", "openai>=3"], check=True, capture_output=True)
    shutil.copy(AGENT, tmp_path / "agent.py")
    path = f"{home / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"

    def type_in(command: str, **environ: str) -> str:
        variables = {"PATH": path, "HOME": str(tmp_path), "no_proxy": "127.0.0.1", **environ}
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    with ScriptedServer(RULES) as server:
        recorded = type_in(
            "replaykit record -- python agent.py", OPENAI_API_KEY=KEY, OPENAI_BASE_URL=f"{server.url}/v1"
        )
    replayed = type_in("replaykit replay last")
    tested = type_in("replaykit promote last && pytest")

    assert "recorded  agent.py  2 interactions (2 llm)" in recorded
    assert "same run  2 of 2 exact, nothing left over, 0 live calls" in replayed
    assert "1 passed" in tested
    assert time.monotonic() - began < 300


def _python_with_pip() -> str:
    """The environment of these tests may have been made without one."""
    for python in (sys.executable, sys._base_executable, "/usr/bin/python3"):  # type: ignore[attr-defined]
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0:
            return str(python)
    pytest.skip("no Python with pip")
