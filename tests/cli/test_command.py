"""Commands in all the forms in which people type them, recorded and replayed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from replaykit.launch.command import label
from tests.cli.conftest import Shop

UV = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
needs_uv = pytest.mark.skipif(shutil.which(UV) is None, reason="uv is not installed")
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

CONSOLE_SCRIPT = f"#!{sys.executable}\nfrom agent import main\nmain()\n"
MAKEFILE = "run:\n\t@env GREETING=1 python agent.py\n"
TEST = "import agent\ndef test_it():\n    assert agent.ask('What?').startswith('It rains')\n"
QUIET = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "test_it.py"]


@pytest.mark.parametrize(
    "command",
    [
        ["python", "agent.py"],
        ["python", "-u", "-W", "ignore", "agent.py"],
        ["python", "-m", "agent"],
        ["python", "-c", "import agent; agent.main()"],
        ["pytest", *QUIET],
        ["python", "-m", "pytest", *QUIET],
        ["./agent-script"],
        ["sh", "-c", "python agent.py"],
        ["env", "GREETING=1", "python", "agent.py"],
        pytest.param(["make", "run"], marks=needs_make),
        pytest.param([UV, "run", "--no-project", "--offline", "python", "agent.py"], marks=needs_uv),
        pytest.param([UV, "run", "--no-project", "--offline", "agent.py"], marks=needs_uv),
    ],
    ids=lambda command: " ".join([Path(command[0]).name, *command[1:3]]),
)
def test_what_people_type_is_recorded_and_replayed(shop: Shop, command: list[str]) -> None:
    """The replay needs no arguments, no key and no model, and says what was said."""
    shop.environ |= {"VIRTUAL_ENV": sys.prefix}
    shop.write("agent-script", CONSOLE_SCRIPT)
    (shop.folder / "agent-script").chmod(0o755)
    shop.write("Makefile", MAKEFILE)
    shop.write("test_it.py", TEST)

    recorded = shop.record(*command)
    shop.server.close()
    replayed = shop.run("replay", "last")

    assert recorded.code == 0, recorded.text
    assert list(shop.packet.entry.argv) == command
    assert replayed.code == 0, replayed.text
    assert any(line.startswith("same run  ") for line in replayed.out.splitlines())
    assert f"{len(shop.packet.interactions)} of {len(shop.packet.interactions)} exact" in replayed.out


@pytest.mark.parametrize("number", [2, 15], ids=["SIGINT", "SIGTERM"])
def test_a_signal_that_ends_the_run_ends_its_replay(shop: Shop, number: int) -> None:
    """Both exit codes are those of a shell, and the packet is whole."""
    shop.write("ends.py", f"import agent, os\nagent.main()\nos.kill(os.getpid(), {number})\n")

    assert shop.record("python", "ends.py").code == 128 + number
    shop.server.close()
    replayed = shop.run("replay", "last", "--json")

    assert shop.packet.outcome is not None
    assert shop.packet.outcome.exit_code == 128 + number
    assert replayed.code == 0, replayed.text
    assert f'"exit_code": {128 + number}' in replayed.out


def test_a_handler_of_the_programs_own_stays_the_only_one(shop: Shop) -> None:
    """A run that wants to survive SIGTERM survives it, recorded or not."""
    shop.write(
        "stays.py",
        "import os, signal, agent\nsignal.signal(15, lambda *_: print('not yet'))\nos.kill(os.getpid(), 15)\n"
        "agent.main()\n",
    )

    recorded = shop.record("python", "stays.py")

    assert (recorded.code, recorded.out) == (0, "not yet\nanswer: Rain.\n")


@needs_uv
def test_a_python_of_uv_without_replaykit_runs_unrecorded_and_is_not_replayed(shop: Shop) -> None:
    """The advice is a command that can be typed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=shop.folder, check=True)
    shop.environ.pop("VIRTUAL_ENV", None)
    shop.write("plain.py", "print('works')")
    command = [UV, "run", "--no-project", "--offline", "plain.py"]
    shop.record("python", "agent.py")

    recorded = shop.record(*command)
    replayed = shop.run("replay", "last", "--", *command)

    assert (recorded.code, recorded.out) == (0, "works\n")
    assert "nothing recorded  plain.py: its " in recorded.err
    assert "replaykit record -- uv run --with agent-replaykit --no-project --offline plain.py" in recorded.err
    assert len(shop.packets) == 1
    assert (replayed.code, replayed.out) == (2, "")
    assert "-- uv run --with agent-replaykit --no-project --offline plain.py" in replayed.err


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python -W ignore -X dev agent.py", "agent.py"),
        ("python3.12 -m pkg.agent", "pkg.agent"),
        ("python -c pass", "python"),
        ("python -", "python"),
        ("uv run --with x -p 3.12 agent.py", "agent.py"),
        ("uv run -m agent", "agent"),
        ("uv run uvicorn app:app", "uvicorn"),
        ("uv pip install x", "uv"),
        ("env -u X A=1 python agent.py", "agent.py"),
        ("sh -c x", "sh"),
        ("./bin/agent", "agent"),
    ],
)
def test_a_command_is_called_after_its_script(command: str, name: str) -> None:
    assert label(command.split()) == name


def test_python_of_another_environment_that_has_replaykit_is_the_run(shop: Shop) -> None:
    """It is tried before it is run, and the trial must not take the run's place."""
    shim = shop.folder / "shims" / "python"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    shim.chmod(0o755)
    shop.environ["PATH"] = f"{shim.parent}{os.pathsep}{shop.environ['PATH']}"

    recorded = shop.record("python", "agent.py")
    shop.server.close()
    replayed = shop.run("replay", "last")

    assert "2 interactions (2 llm)" in recorded.err
    assert replayed.code == 0, replayed.text
