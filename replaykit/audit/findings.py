"""What an audit has to say. No finding holds a value: where it is, what it is and how long is all there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a packet.

    Attributes:
        kind: `openai_key`, `email`, `env`, ... for a value; `not_sanitized`, `not_replayable`, `file_mode`,
            `old_ruleset`, `withheld`, `altered`, `recovered`, `unread` for the rest.
        level: An `error` fails the audit.
        line: Of the file, from 1.
        id: Of the entry in that line.
        field: Dotted path inside the line.
        layer: What was decoded to get to it.
        length: Characters of the value.
    """

    kind: str
    level: Level
    message: str
    line: int | None = None
    id: str = ""
    field: str = ""
    layer: str = ""
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Audited:
    """A packet that was looked at.

    Attributes:
        calls: How many of its requests find their own answers; None: that was not asked.
    """

    path: Path
    lines: int
    calls: int | None
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        return not any(finding.level == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        findings = [{name: value for name, value in asdict(item).items() if value not in (None, "")} for item in self]
        return {
            "packet": str(self.path),
            "ok": self.is_clean,
            "lines": self.lines,
            "calls": self.calls,
            "findings": findings,
        }

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)
