"""Did the run end as it ended then? Code after the last call can change everything that matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from replaykit.matching.diff import ABSENT, changed_lines, diff_json
from replaykit.packet import values
from replaykit.packet.model import OutcomeLine


@dataclass(frozen=True, slots=True)
class Ending:
    """How the replay's own block ended; `output` is what `finish` or the entry point gave, encoded and sanitized."""

    error: BaseException | None
    output: Any
    has_output: bool
    stop_reason: str | None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class OutcomeDifference:
    """One way in which the end differs."""

    what: str
    recorded: Any
    now: Any

    def lines(self) -> list[str]:
        """The two sides, for the report."""
        return [f"{self.what}", f"- {self.recorded}", f"+ {self.now}"]


def compare_outcome(recorded: OutcomeLine, ending: Ending, masked: Any) -> list[OutcomeDifference]:
    """Every difference between the recorded end and this one.

    Args:
        masked: Function that marks stand-ins in sanitized JSON, so that two runs' values compare.
    """
    found = []
    error = ending.error
    if isinstance(error, SystemExit) and error.code in (None, 0):
        error = None  # leaving early is no failure, neither then nor now
    status = "failed" if error is not None or ending.exit_code else "ok"
    then = recorded.exception.type if recorded.exception is not None else None
    now = values.class_name(type(error)) if error is not None else None
    if recorded.status != status or then != now:
        found.append(OutcomeDifference("how it ended", _ended(recorded.status, then), _ended(status, now)))
    reasons = (masked(recorded.stop_reason), masked(ending.stop_reason))
    if None not in reasons and reasons[0] != reasons[1]:
        found.append(OutcomeDifference("stop_reason", *reasons))
    if recorded.has_output and ending.has_output:
        found += _compare_output(masked(recorded.output), masked(ending.output))
    return found


def _compare_output(recorded: Any, now: Any) -> list[OutcomeDifference]:
    first = next(diff_json(recorded, now, "output"), None)
    if first is None:
        return []
    old, new = changed_lines(_text(first.recorded), _text(first.now))
    return [OutcomeDifference(first.path, old, new)]


def _ended(status: str, error: str | None) -> str:
    return f"{status}: {error}" if error else status


def _text(value: Any) -> str:
    if value is ABSENT:
        return "(absent)"
    return value if isinstance(value, str) else repr(value)
