"""What the parent tells the processes below it, and what they tell the parent: files in one private folder."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

VARIABLE = "REPLAYKIT_BOOTSTRAP"
COMMAND = "REPLAYKIT_COMMAND"
"""The command as it was typed. It may have a password in it: it goes from process to process, and to no file."""

STDIN = "stdin"
"""File with what the command reads, where more than one process reads it."""

_MAX_COMMAND = 100_000  # characters; Linux takes 128 KB in one variable
SITE = Path(__file__).parent / "site"


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of a command or of a function.

    Attributes:
        workflow: Name of the run, for a recording.
        store: Folder for packets, absolute: the command may change its own.
        argv: The command as it was typed.
        cwd: Folder of the command, relative to the top of the project.
        variables: Names of the environment variables that were set.
        keeps_output: What the command prints is the output of the run.
        packet: What is replayed.
        target: `module:function` or `file.py:function`, where a function is replayed.
        is_given: The user said what to run; it is not the packet's own entry.
        schedule: In which order what comes from outside comes; see `replay`.
        seed: Which of the shuffled schedules; the first one, where there are more.
        schedules: How many shuffled schedules to replay, each in a process of its own; 0: one replay, in this process.
        limit_s: How long each of these may take.
        preloads: Modules of libraries that are imported before these processes are forked.
        lists_modules: The process says at its end which modules of libraries it has imported.
    """

    mode: Literal["record", "replay"]
    workflow: str = ""
    store: str = ""
    argv: tuple[str, ...] = ()
    cwd: str = "."
    variables: tuple[str, ...] = ()
    keeps_output: bool = True
    packet: str = ""
    policy: str = "exact"
    changed: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    attempts: str = "all"
    target: str = ""
    is_given: bool = False
    schedule: str = "strict"
    strict_substitutions: bool = False
    seed: int = 0
    schedules: int = 0
    limit_s: float = 60.0
    preloads: tuple[str, ...] = ()
    lists_modules: bool = False

    @classmethod
    def read(cls, folder: Path) -> Plan:
        fields: dict[str, Any] = json.loads((folder / "plan.json").read_text())
        fields["argv"] = json.loads(os.environ.get(COMMAND, "null")) or sys.orig_argv
        return cls(**{name: _frozen(value) for name, value in fields.items()})


class Exchange:
    """The private folder. `with` removes it at the end."""

    def __init__(self, plan: Plan) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="replaykit-"))  # mkdtemp: nobody else may read it
        self._command = json.dumps(plan.argv)
        _write(self.folder / "plan.json", {**asdict(plan), "argv": ()})
        if plan.mode == "replay":
            (self.folder / "replay").touch()  # for a Python that can't import us

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def environ(self, base: Mapping[str, str], hash_seed: str | None) -> dict[str, str]:
        """The environment of the command: `base`, and what makes each Python in it begin with us."""
        paths = [str(SITE), *filter(None, [base.get("PYTHONPATH")])]
        own = {VARIABLE: str(self.folder), "PYTHONPATH": os.pathsep.join(paths)}
        if len(self._command) <= _MAX_COMMAND:
            own[COMMAND] = self._command
        return {**base, **own, **({"PYTHONHASHSEED": hash_seed} if hash_seed is not None else {})}

    @property
    def result(self) -> dict[str, Any] | None:
        """What the first process of the command left; None if it left nothing."""
        return _read(self.folder / "result.json")

    @property
    def control(self) -> Ended | None:
        """How the process in the recorded order ended, of those that `schedules` asks for; None if it has not."""
        return self._ended("control")

    def ended(self, seed: int) -> Ended | None:
        """How the process of a seed ended; None if it has not."""
        return self._ended(str(seed))

    def count_ended(self) -> int:
        """How many of the processes of all seeds have ended."""
        return sum(1 for _ in self.folder.glob("ended-*.json")) - (self.folder / "ended-control.json").exists()

    def _ended(self, name: str) -> Ended | None:
        facts = _read(self.folder / f"ended-{name}.json")
        return Ended(**facts, result=_read(self.folder / f"result-{name}.json")) if facts is not None else None

    @property
    def began(self) -> dict[str, Any] | None:
        """Run and journal of a process that began; None if none did."""
        return _read(self.folder / "began.json")

    @property
    def refusal(self) -> str | None:
        """Why another process of the command was not let run; None if all were."""
        others = (_read(path) or {} for path in self.folder.glob("linked-*.json"))
        return next((facts["error"] for facts in others if "error" in facts), None)

    @property
    def foreign(self) -> str | None:
        """A Python of the command that can't import replaykit; None if there was none."""
        file = self.folder / "foreign"
        return file.read_text() if file.exists() else None

    @property
    def linked(self) -> int:
        """How many further processes wrote a packet of their own."""
        return sum(1 for path in self.folder.glob("linked-*.json") if (_read(path) or {}).get("packet"))


@dataclass(frozen=True, slots=True)
class Ended:
    """The process of one schedule.

    Attributes:
        is_late: It was ended by us, since it did not come to its end in time.
        result: What it left.
    """

    exit_code: int
    is_late: bool
    result: dict[str, Any] | None


class Seat:
    """A process' own place in the folder.

    Attributes:
        is_first: It is the run; any other process is only linked to it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.is_first = self._claim()
        self._result = "result.json" if self.is_first else f"linked-{os.getpid()}.json"

    def take(self, name: str) -> None:
        """This process is the one of a schedule: what it leaves is put beside the others'."""
        self._result = f"result-{name}.json"

    def take_stdin(self) -> None:
        """Reads standard input from the start, where others read the same."""
        if (self._folder / STDIN).exists():
            with (self._folder / STDIN).open("rb") as file:
                os.dup2(file.fileno(), 0)

    def left_ok(self, name: str) -> bool:
        """True if the process of that schedule left a report, and it was the same run."""
        report = (_read(self._folder / f"result-{name}.json") or {}).get("report")
        return report is not None and bool(json.loads(report)["ok"])

    def saw_end(self, name: str, exit_code: int, *, is_late: bool) -> None:
        """The process of that schedule is over."""
        _write(self._folder / f"ended-{name}.json", {"exit_code": exit_code, "is_late": is_late})

    def _claim(self) -> bool:
        try:
            with (self._folder / "claim").open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            # The same process again: it has replaced its program by another one (`os.execv`).
            return (self._folder / "claim").read_text() == str(os.getpid())
        return True

    def begin(self, **facts: Any) -> None:
        if self.is_first:
            _write(self._folder / "began.json", facts)

    @property
    def run(self) -> str | None:
        """The run that the first process is."""
        began = _read(self._folder / "began.json")
        return began.get("run_id") if began else None

    def end(self, **facts: Any) -> None:
        _write(self._folder / self._result, facts)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _write(path: Path, value: Any) -> None:
    """Writes the whole file or nothing, for this user only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(value, file)
        draft.replace(path)
    except FileNotFoundError:
        return  # the parent is gone and has taken its folder with it: nobody waits for the answer


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return found
