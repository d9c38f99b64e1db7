"""The hook that projects put into their pre-commit configuration."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.audit.planting import clean_packet, plant
from tests.cli.conftest import clean_environ
from tests.sanitizer.secrets import TOKENS

HOOKS = Path(__file__).parent.parent / ".pre-commit-hooks.yaml"


def _hook() -> dict[str, Any]:
    (hook,) = yaml.safe_load(HOOKS.read_text())
    return dict(hook)


def _run(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """As pre-commit does: the entry, and the names of the changed files behind it."""
    program, *words = shlex.split(_hook()["entry"])
    assert program == "replaykit"
    return subprocess.run(
        [sys.executable, "-m", "replaykit", *words, *names],
        cwd=folder,
        env=clean_environ(),
        capture_output=True,
        text=True,
        timeout=50,
    )


def test_the_hook_has_what_pre_commit_requires() -> None:
    hook = _hook()

    assert {"id", "name", "entry", "language", "files"} <= hook.keys()
    assert (hook["id"], hook["language"]) == ("replaykit-audit", "python")


def test_the_hook_takes_packets_and_nothing_else() -> None:
    takes = re.compile(_hook()["files"]).search

    assert takes("cassettes/refund.packet.jsonl")
    assert not any(map(takes, ("agent.py", "data.jsonl", "x.packet.jsonl.bak", "x.journal.jsonl")))


def test_a_clean_packet_may_be_committed(tmp_path: Path) -> None:
    (tmp_path / "x.packet.jsonl").write_bytes(clean_packet())

    ended = _run(tmp_path, "x.packet.jsonl")

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_packet_with_a_secret_may_not(tmp_path: Path) -> None:
    (tmp_path / "clean.packet.jsonl").write_bytes(clean_packet())
    plant(tmp_path / "dirty.packet.jsonl", TOKENS["github_token"], "gzip in base64")

    ended = _run(tmp_path, "clean.packet.jsonl", "dirty.packet.jsonl")

    assert ended.returncode == 1
    assert "dirty.packet.jsonl" in ended.stdout
    assert TOKENS["github_token"] not in ended.stdout + ended.stderr
