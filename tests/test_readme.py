"""Everything the README tells people to type works: its blocks run in their order, in one folder."""

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
from tests.cli.conftest import ROOT, clean_environ

README = ROOT / "README.md"
BLOCK = re.compile(r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block, and what the comment above it says: `file: NAME` or `exit: CODE`."""

    kind: str
    text: str
    mark: str


def blocks() -> list[Block]:
    found = BLOCK.finditer(README.read_text())
    return [Block(match["kind"], match["text"], match["mark"] or "") for match in found]


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """A model that answers, and commands as they are typed."""
    with ScriptedServer([Rule(reply="One parcel is on its way.")]) as server:
        yield clean_environ() | {
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "OPENAI_API_KEY": "sk-test-0123456789abcdefghij",
        }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with `replaykit` and `pytest` on the path, installed or not."""
    for name, module in (("replaykit", "replaykit"), ("pytest", "pytest")):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        program.chmod(0o755)
    return tmp_path


@pytest.mark.timeout(240)
def test_every_block_runs(folder: Path, environ: dict[str, str]) -> None:
    """Python blocks are executed, console blocks typed; each line of their output is a line of the real one."""
    environ["PATH"] = os.pathsep.join([str(folder / "bin"), environ["PATH"]])
    work = folder / "work"
    work.mkdir()
    for block in blocks():
        if block.mark.startswith("file: "):
            (work / block.mark.removeprefix("file: ")).write_text(block.text)
        elif block.kind == "python":
            run([sys.executable, "-c", block.text], work, environ)
        elif block.kind == "console":
            type_console(block, work, environ)


def type_console(block: Block, work: Path, environ: dict[str, str]) -> None:
    expected_exit = int(block.mark.removeprefix("exit: ") or 0)
    exits = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *expected = part.splitlines()
        done = subprocess.run(
            ["sh", "-c", command], cwd=work, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        exits.append(done.returncode)
        printed = [" ".join(line.split()) for line in (done.stdout + done.stderr).splitlines()]
        for line in filter(None, expected):
            # "…" stands for what differs each time: names, dates, durations; a column is as wide as these.
            pattern = ".*".join(re.escape(piece.strip()) for piece in " ".join(line.split()).split("…"))
            assert any(re.match(pattern, found) for found in printed), f"$ {command}\n{line!r} is not in {printed}"
    assert max(exits) == expected_exit, block.text


def run(argv: list[str], work: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(argv, cwd=work, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_comments_on_printed_values_are_true(folder: Path, environ: dict[str, str]) -> None:
    """`print(...)  # this` prints this."""
    at = next(number for number, block in enumerate(blocks()) if block.mark == "file: agent.py")
    agent, shown = blocks()[at : at + 2]
    (folder / "agent.py").write_text(agent.text)

    printed = run([sys.executable, "-c", shown.text], folder, environ)

    said = re.search(r"^print\(.*?\)\s+# (.*)$", shown.text, re.MULTILINE)
    assert said is not None
    assert printed == said[1] + "\n"


def test_the_two_lines_that_set_up_stand_there() -> None:
    """`.ci/run` finds them by their shape and runs them as they are."""
    lines = [block.text.strip() for block in blocks() if block.kind == "bash"]

    assert [line.rpartition(" && ")[2] for line in lines] == [
        ".venv/bin/replaykit demo",
        ".venv/bin/python -m pytest -q -n 4",
    ]
    assert all(line.startswith("python3 -m venv ") for line in lines)
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_nobody_is_sent_to_another_package() -> None:
    assert "pip install replaykit" not in README.read_text()


def test_lines_are_not_endless() -> None:
    assert max(len(line) for line in README.read_text().splitlines() if not line.startswith("|")) <= 140
