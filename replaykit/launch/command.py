"""Runs the command of a recording or of a replay, and gives back its exit code as a shell would."""

from __future__ import annotations

import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from replaykit.errors import UsageError
from replaykit.launch.bootstrap.plan import VARIABLE

_PYTHON = re.compile(r"python(3(\.\d+)?)?")
DISTRIBUTION = "agent-replaykit"
_HAS_REPLAYKIT = (
    "from importlib.util import find_spec as f; raise SystemExit(not all(map(f, ('replaykit', 'pydantic'))))"
)


def run_command(
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    cwd: Path,
    stdin: bytes | int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> int:
    """Runs to the end; SIGINT and SIGTERM reach the command. 128 + N where signal N ended it.

    Args:
        stdin: What it reads, or where from; default: what this process reads from.

    Raises:
        UsageError: There is no such program.
    """
    program = find_program(argv[0], environ)
    try:
        process = subprocess.Popen(  # noqa: S603 - running what the user typed is what it is for
            [program, *argv[1:]],
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.PIPE if isinstance(stdin, bytes) else stdin,
            stdout=stdout,
            stderr=stderr,
        )
    except OSError as error:
        raise UsageError(f"{argv[0]} can't be run: {error.strerror}") from None
    if isinstance(stdin, bytes):
        # Not `communicate`: a command may end without having read any of it.
        threading.Thread(target=_feed, args=(process, stdin), daemon=True).start()
    with _Forwarding(process):
        code = process.wait()
    return code if code >= 0 else 128 - code


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    try:
        with process.stdin:
            process.stdin.write(data)
    except BrokenPipeError:
        return  # it has ended, or closed its standard input


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
    # Not as a part of the command: it would be the first Python of it, and so the run.
    variables = {name: value for name, value in environ.items() if name != VARIABLE}
    # Not from the present folder: a checkout of replaykit can be imported there by every Python, without what it needs.
    probe = subprocess.run([python, "-c", _HAS_REPLAYKIT], env=variables, capture_output=True, cwd=os.sep)  # noqa: S603
    return probe.returncode == 0


# Programs that only run another one, the words that belong to them, and their options that take a value.
_RUNNERS = {
    "env": ((), ("-u", "--unset", "-C", "--chdir")),
    "nice": ((), ("-n", "--adjustment")),
    "nohup": ((), ()),
    "time": ((), ()),
    "uv": (("run",), ("-p", "--python", "--with", "--with-editable", "--project", "--directory", "--extra", "--group")),
    "uvx": ((), ("-p", "--python", "--with", "--from")),
    "poetry": (("run",), ()),
    "pdm": (("run",), ()),
    "pipenv": (("run",), ()),
}
_PYTHON_VALUES = ("-W", "-X")


def label(argv: Sequence[str]) -> str:
    """What a person calls the command: its script or module, else the program.

    Programs that only run another one are seen through: `uv run`, `env X=1`, ...
    """
    words = list(argv)
    while inner := _inner_command(words):
        words = inner
    name = Path(words[0]).name
    if not _PYTHON.fullmatch(name):
        return name
    words = _without_options(words[1:], _PYTHON_VALUES, until=("-m", "-c"))
    if words[:1] == ["-m"] and len(words) > 1:
        return words[1]
    return Path(words[0]).name if words and words[0] != "-c" else name


def _inner_command(words: Sequence[str]) -> list[str]:
    """The command that this one runs; empty where it does its own work."""
    name = Path(words[0]).name
    if name not in _RUNNERS:
        return []
    own, values = _RUNNERS[name]
    if tuple(words[1 : 1 + len(own)]) != own:
        return []
    rest = _without_options(words[1 + len(own) :], values, until=("-m", "--module"))
    if rest[:1] in (["-m"], ["--module"]):
        return ["python", "-m", *rest[1:]]
    return ["python", *rest] if rest and rest[0].endswith(".py") else rest


def _without_options(words: Sequence[str], values: Sequence[str], until: Sequence[str]) -> list[str]:
    """The words from the first that is no option, no variable, and no value of an option."""
    rest = list(words)
    while rest and rest[0] not in until:
        if rest[0] in values:
            del rest[0:2]
        elif rest[0].startswith("-") or re.match(r"\w+=", rest[0]):
            del rest[0]
        else:
            break
    return rest


def lacks_replaykit(python: str, argv: Sequence[str], ours: str) -> str:
    """What to do where the command runs a Python without replaykit.

    Args:
        ours: How `argv` is run by us.
    """
    if Path(argv[0]).name == "uv" and tuple(argv[1:2]) == ("run",):
        return (
            f"its {python} has no replaykit; lend it one:\n  {ours} uv run --with {DISTRIBUTION} {shlex.join(argv[2:])}"
        )
    return f"its {python} has no replaykit; install it there:\n  {python} -m pip install {DISTRIBUTION}"


def new_hash_seed() -> str:
    """A seed for `PYTHONHASHSEED`; any will do, as long as the replay has the same."""
    return str(random.SystemRandom().randrange(1, 2**32))


def hash_seed_for(environ: Mapping[str, str]) -> str:
    """The seed that is set, else a new one."""
    value = environ.get("PYTHONHASHSEED", "")
    return value if value.isdecimal() else new_hash_seed()
