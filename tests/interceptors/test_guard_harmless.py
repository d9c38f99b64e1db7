from __future__ import annotations

import ctypes.util
import platform
import subprocess
import uuid

import pytest

from replaykit.interceptors.guard_harmless import HARMLESS_COMMANDS, HARMLESS_NAMES, is_harmless_command
from tests.interceptors.test_guard_support import guarded, run_python


@pytest.mark.parametrize(
    "line",
    [
        "uname -p",
        "/sbin/ldconfig -p",
        "/opt/conda/bin/gcc -Wl,-t -o /tmp/x -lssl",
        "ld -t -L /usr/lib -o /dev/null -lssl",
        "git rev-parse --abbrev-ref HEAD",
        "git describe --tags --exact-match --always --dirty",
        "git log -1 --format=%ct",
        "docker --version",
    ],
)
def test_shipped_look_up_is_harmless(line: str) -> None:
    assert is_harmless_command(None, line.split())


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["uname"],
        ["uname", "-p", "x"],
        ["uname -p"],
        ["./uname", "-p"],
        ["bin/uname", "-p"],
        ["git", "fetch"],
        ["git", "-c", "core.fsmonitor=curl", "rev-parse", "HEAD"],
        ["git", "rev-parse", "HEAD", "--git-dir=/x"],
        ["gcc", "-Wl,-t", "-o", "/tmp/x", "-lssl", "-fplugin=/tmp/evil.so"],
        ["docker", "run"],
        ["python", "-c", "import socket"],
        ["python", "-c", "evil()", "-c", "from multiprocessing.resource_tracker import main;main(3)"],
        ["python", "/evil.py", "-c", "from multiprocessing.resource_tracker import main;main(3)"],
        ["python", "-mevil", "-c", "from multiprocessing.resource_tracker import main;main(3)"],
    ],
    ids=" ".join,
)
def test_anything_near_a_shipped_look_up_is_not(argv: list[str]) -> None:
    assert not is_harmless_command(None, argv)


def test_program_that_runs_is_the_one_that_counts() -> None:
    assert is_harmless_command("/bin/uname", [b"uname", "-p"])
    assert not is_harmless_command("/bin/curl", ["uname", "-p"])


def test_every_entry_of_the_tables_has_a_reason() -> None:
    assert all((HARMLESS_COMMANDS | HARMLESS_NAMES).values())


def test_look_ups_of_the_standard_library_pass_unasked() -> None:
    with guarded() as gate:
        platform.processor()
        platform.architecture()
        ctypes.util.find_library("c")
        ctypes.util.find_library("no-such-library")
        uuid.getnode()
        subprocess.run(["git", "--version"], check=False, stdout=subprocess.DEVNULL)

    assert gate.asked == []


def test_shared_memory_starts_its_resource_tracker_unasked() -> None:
    printed = run_python(
        """
from multiprocessing.shared_memory import SharedMemory
from tests.interceptors.test_guard_support import guarded
with guarded() as gate:
    memory = SharedMemory(create=True, size=1)
    memory.close()
    memory.unlink()
print(gate.asked)
"""
    )

    assert printed == "[]"
