"""The text of a divergence: what, where, why, what to run next; a dozen lines at most, the cause first."""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replaykit.matching.diff import ABSENT, FieldDiff, changed_lines

MAX_LINES = 12
_MAX_CHARS = 160  # of one line that is put together here

_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep
_LIBRARIES = tuple(
    {f"{path}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(name))}
)
_SITES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

_TITLES = {
    "system": "the system prompt",
    "tools": "the tools offered",
    "format": "the form of the answer",
    "model": "the model",
    "sampling": "the sampling settings",
    "options": "an option of the request",
    "arguments": "its arguments",
    "method": "the method",
    "url": "the address",
    "body": "the body",
}
_ROLES = {"user": "the user message", "assistant": "an earlier answer", "tool": "a tool result"}


def caller() -> str:
    """Where the agent's own code made the call that is being looked at: `agent.py:21 ask`; empty if unknown."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((_PACKAGE, "<", *_LIBRARIES)) and not any(site in name for site in _SITES):
            return f"{Path(name).name}:{frame.f_lineno} {frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return ""


def segment_title(segment: str, value: Any = None) -> str:
    """What a person calls a segment; `value` is what it holds."""
    base = segment.partition("[")[0].partition(".")[0]
    if base != "messages" or not isinstance(value, dict):
        return _TITLES.get(base, segment)
    blocks = value.get("content")
    if isinstance(blocks, list) and any(
        isinstance(item, dict) and item.get("type") == "tool_result" for item in blocks
    ):
        return "a tool result"
    return _ROLES.get(str(value.get("role")), segment)


@dataclass(frozen=True, slots=True)
class Advice:
    """Commands that lead on from a divergence, as they are typed where this replay was started.

    Attributes:
        replay: Replays under a policy, whose name comes last.
        show: Shows the recording.
        allow: Lets out by name what a replay refuses, given the entry.
        record: Records anew, where one command does.
    """

    replay: str
    show: str
    allow: Callable[[str], str]
    record: str | None = None

    @classmethod
    def about(cls, packet: str) -> Advice:
        """For a packet file that stands alone."""
        name = shlex.quote(packet)
        return cls(
            replay=f"replaykit replay {name} --policy",
            show=f"replaykit show {name}",
            allow=lambda entry: f"replaykit replay {name} --allow {shlex.quote(entry)}",
        )

    def steps_after_refusal(self, entry: str) -> list[str]:
        """The same for something that would have gone out: no policy serves it, no new recording holds it."""
        lines = ["  freeze it:   make what calls it a @replaykit.tool, and record anew"]
        if entry:
            lines.append(f"  let it out:  {self.allow(entry)}   (live)")
        return [*lines, f"  look closer: {self.show}"]

    def steps(self, cause: str, *, is_end: bool = False) -> list[str]:
        """One line for each thing that may be done now. Another end is no smaller difference under another policy."""
        lines = []
        if cause in ("prompt", "model"):
            lines.append(f"  try it:      {self.replay} wiring   (offline, recorded answers)")
        if cause in ("code", "schedule") and not is_end:
            lines.append(f"  only moved?  {self.replay} refactor")
        if self.record is not None:
            lines.append(f"  accept it:   {self.record}   (live)")
        return [*lines, f"  look closer: {self.show}"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a divergence has to say; `text` puts it in order.

    Attributes:
        headline: What happened, in one sentence.
        left: Recorded calls that were not reached.
        place: The agent's own line of code.
        fields: What differs.
        same: Titles of the segments that do not.
        refused: Something would have gone out: the entry of `allow` that lets it; empty where there is none.
        is_end: The calls were the same, and the end was not.
        details: Sentences, one line each.
    """

    headline: str
    cause: str
    position: str
    left: int = 0
    live: int = 0
    place: str = ""
    fields: Sequence[FieldDiff] = ()
    same: Sequence[str] = ()
    details: Sequence[str] = ()
    advice: Advice | None = None
    refused: str | None = None
    is_end: bool = False

    def text(self) -> str:
        """At most `MAX_LINES` lines."""
        left = f"; {self.left} after it not reached" if self.left else ""
        lines = [f"{self.headline} (root cause: {self.cause}){left}"]
        path = self.fields[0].path if self.fields else ""
        lines.append("  " + "   ".join(part for part in (self.place, self.position, path) if part))
        lines += [f"  {line}" for line in field_lines(self.fields)]
        lines += [f"  {_cut(line)}" for detail in self.details for line in detail.splitlines()]
        same = f"{', '.join(self.same)}: same.   " if self.same else ""
        tail = [f"  {same}{self.live} live calls were made.", *self._steps()]
        return "\n".join([*lines[: MAX_LINES - len(tail)], *tail])

    def _steps(self) -> list[str]:
        if self.advice is None:
            return []
        if self.refused is not None:
            return self.advice.steps_after_refusal(self.refused)
        return self.advice.steps(self.cause, is_end=self.is_end)


def field_lines(fields: Sequence[FieldDiff]) -> list[str]:
    """The first field as two lines, and how many more there are."""
    if not fields:
        return []
    first = fields[0]
    old, new = changed_lines(_text(first.recorded), _text(first.now))
    lines = [] if first.recorded is ABSENT else [f"- {old}"]
    lines += [] if first.now is ABSENT else [f"+ {new}"]
    if len(fields) > 1:
        names = ", ".join(dict.fromkeys(field.path for field in fields[1:4]))
        lines.append(_cut(f"and {len(fields) - 1} more: {names}{', …' if len(fields) > 4 else ''}"))
    return lines


def _cut(line: str) -> str:
    return line if len(line) <= _MAX_CHARS else line[: _MAX_CHARS - 1] + "…"


def _text(value: Any) -> str:
    if value is ABSENT:
        return ""
    return value if isinstance(value, str) else repr(value)
