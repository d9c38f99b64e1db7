"""The text of a divergence: what, where, why, what to run next; a dozen lines at most, the cause first."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from replaykit.matching.diff import ABSENT, FieldDiff, changed_lines
from replaykit.matching.policy import LEVEL_NAMES

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})

_WHAT = {
    "prompt": "the prompt changed",
    "model": "the model or its settings changed",
    "tool output": "a tool's output in the history changed",
    "tool ran for real": "a tool ran for real and gave something else",
    "retrieval": "what was retrieved changed",
    "code": "the code asks for something else here",
    "order": "the same things came in another order",
    "clock or random": "a time, an id or a random number changed",
    "schedule": "tasks finished in another order",
    "recording ends": "the recording ends here",
    "recorder": "the recording is not whole here",
    "outcome": "the run ended in another way",
}


def caller() -> str:
    """Where the agent's own code made the call that is being looked at: `agent.py:21 ask`; empty if unknown."""
    frame = sys._getframe(1)
    fallback = ""
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((_PACKAGE, "<")):
            place = f"{Path(name).name}:{frame.f_lineno} {frame.f_code.co_name}"
            if not name.startswith(_LIBRARIES):
                return place
            fallback = fallback or place
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return fallback


def segment_title(segment: str) -> str:
    """What a person calls a segment."""
    base = segment.partition("[")[0]
    titles = {"system": "the system prompt", "tools": "the tools offered", "model": "the model", "sampling": "sampling"}
    return titles.get(base, segment)


def explain(
    *,
    cause: str,
    position: str,
    level: int,
    counts: tuple[int, int, int],
    place: str,
    nearest: str | None,
    fields: Sequence[FieldDiff],
    same: Sequence[str],
    packet: str | None,
    detail: str = "",
) -> str:
    """The whole text.

    Args:
        counts: Calls that were exact so far, recorded in all, live.
        same: Segments that did not change.
        detail: A sentence that replaces the field difference.
    """
    exact, total, live = counts
    what = _WHAT.get(cause, cause)
    if fields and cause in ("prompt", "model"):
        what = f"{segment_title(fields[0].path)} changed"
    lines = [f"{what} (root cause: {cause}); {exact} of {total} calls were exact before it"]
    where = "   ".join(part for part in (place, position, fields[0].path if fields else "") if part)
    lines.append(f"  {where}")
    lines += [f"  {line}" for line in _field_lines(fields)] if fields else []
    if detail:
        lines.append(f"  {detail}")
    if nearest is not None and nearest != position:
        lines.append(f"  nearest recorded call: {nearest} ({LEVEL_NAMES[level]})")
    tail = f"{', '.join(same)}: same.   " if same else ""
    lines.append(f"  {tail}{live} live calls were made.")
    lines += next_steps(cause, packet)
    return "\n".join(lines[:12])


def next_steps(cause: str, packet: str | None) -> list[str]:
    """Commands that lead on."""
    if packet is None:
        return []
    steps = [f"  look closer:  replaykit show {packet}"]
    if cause in ("prompt", "model"):
        steps.insert(0, f"  try the flow: replaykit replay {packet} --policy wiring   (offline; recorded answers)")
    if cause == "code":
        steps.insert(0, f"  moved code?   replaykit replay {packet} --policy refactor")
    return steps


def _field_lines(fields: Sequence[FieldDiff]) -> list[str]:
    """The first field as two lines, and how many more there are."""
    first = fields[0]
    old, new = changed_lines(_text(first.recorded), _text(first.now))
    lines = [] if first.recorded is ABSENT else [f"- {old}"]
    lines += [] if first.now is ABSENT else [f"+ {new}"]
    if len(fields) > 1:
        names = ", ".join(dict.fromkeys(field.path for field in fields[1:4]))
        lines.append(f"and {len(fields) - 1} more: {names}{', …' if len(fields) > 4 else ''}")
    return lines


def _text(value: Any) -> str:
    if value is ABSENT:
        return ""
    return value if isinstance(value, str) else repr(value)
