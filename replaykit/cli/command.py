"""Runs the command of a recording or of a replay, and gives back its exit code as a shell would."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from replaykit.errors import UsageError

_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_HAS_REPLAYKIT = (
    "from importlib.util import find_spec as f; raise SystemExit(not all(map(f, ('replaykit', 'pydantic'))))"
)


def run_command(
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    cwd: Path,
    stdout: int | None = None,
    stderr: int | None = None,
) -> int:
    """Runs to the end; SIGINT and SIGTERM reach the command. 128 + N where signal N ended it.

    Raises:
        UsageError: There is no such program.
    """
    program = find_program(argv[0], environ)
    try:
        process = subprocess.Popen(  # noqa: S603 - running what the user typed is what it is for
            [program, *argv[1:]], env=dict(environ), cwd=cwd, stdout=stdout, stderr=stderr
        )
    except OSError as error:
        raise UsageError(f"{argv[0]} can't be run: {error.strerror}") from None
    with _Forwarding(process):
        code = process.wait()
    return code if code >= 0 else 128 - code


class _Forwarding:
    """While the command runs, signals are its business; this process only waits for it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._then: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._then[number] = signal.signal(number, self._forward)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._then.items():
            signal.signal(number, handler)

    def _forward(self, number: int, frame: Any) -> None:
        # A terminal sends Ctrl-C to both of us. Forwarded as well, it would arrive twice, which many take as "at once".
        if number != signal.SIGINT or not _is_foreground():
            self._process.send_signal(number)


def _is_foreground() -> bool:
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False  # no terminal


def find_program(name: str, environ: Mapping[str, str]) -> str:
    """The program that runs for the first word of a command.

    A bare `python` that has no replaykit could neither record nor replay: then it is the Python that runs this.
    What is not on the path at all is looked for beside that Python, as in an environment that is not activated.
    """
    if os.sep in name:
        return name
    found = shutil.which(name, path=environ.get("PATH"))
    own = Path(sys.executable).parent
    if _PYTHON.fullmatch(name):
        if found is None or (Path(found).parent != own and not _has_replaykit(found, environ)):
            return sys.executable
        return found
    beside = own / name
    return found or (str(beside) if os.access(beside, os.X_OK) else name)


def _has_replaykit(python: str, environ: Mapping[str, str]) -> bool:
    # Not from the present folder: a checkout of replaykit can be imported there by every Python, without what it needs.
    probe = subprocess.run([python, "-c", _HAS_REPLAYKIT], env=dict(environ), capture_output=True, cwd=os.sep)  # noqa: S603
    return probe.returncode == 0


def label(argv: Sequence[str]) -> str:
    """What a person calls the command: its script or module, else the program."""
    words = [Path(argv[0]).name, *argv[1:]]
    if _PYTHON.fullmatch(words[0]) and len(words) > 1:
        rest = [word for word in words[1:] if word == "-m" or word == "-c" or not word.startswith("-")]
        if rest and rest[0] == "-m" and len(rest) > 1:
            return rest[1]
        if rest and rest[0] != "-c":
            return Path(rest[0]).name
    return words[0]


def new_hash_seed() -> str:
    """A seed for `PYTHONHASHSEED`; any will do, as long as the replay has the same."""
    return str(random.SystemRandom().randrange(1, 2**32))


def hash_seed_for(environ: Mapping[str, str]) -> str:
    """The seed that is set, else a new one."""
    value = environ.get("PYTHONHASHSEED", "")
    return value if value.isdecimal() else new_hash_seed()
