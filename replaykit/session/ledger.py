"""The divergences of one replay. What the agent swallows stands here all the same."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from replaykit.errors import Divergence, EgressRefused, ToolMiss

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what was recorded, and what it is now; None where a side lacks it."""

    path: str
    recorded: Any
    now: Any


@dataclass(frozen=True, slots=True)
class DivergenceRecord:
    """One place where the replay left the recording.

    Attributes:
        order: Number of the recorded event it belongs to: the first divergence is the earliest of these, whatever the
            wall clock said. Half of one more where it came between two events.
        nearest: Position of the nearest recorded interaction.
        message: The whole report, at most a dozen lines.
    """

    position: str
    level: int
    root_cause: str
    message: str
    order: float = NEVER
    boundary: str = ""
    nearest: str | None = None
    differences: tuple[Difference, ...] = ()
    is_refusal: bool = False
    is_outcome: bool = False

    def error(self) -> Divergence:
        """A fresh exception for it: one instance must not collect the tracebacks of several raises."""
        kind = EgressRefused if self.is_refusal else ToolMiss if self._is_tool_miss else Divergence
        return kind(self.message, position=self.position, root_cause=self.root_cause, level=self.level)

    @property
    def _is_tool_miss(self) -> bool:
        return self.boundary == "tool" and self.level == 5 and not self.is_outcome


class Ledger:
    """Keeps every divergence, from whatever thread."""

    def __init__(self) -> None:
        self._records: list[DivergenceRecord] = []
        self._lock = threading.RLock()

    def add(self, record: DivergenceRecord) -> None:
        with self._lock:
            if record not in self._records:
                self._records.append(record)

    @property
    def records(self) -> tuple[DivergenceRecord, ...]:
        """By recorded order; those that belong to no recorded event come last, in the order in which they happened."""
        with self._lock:
            return tuple(sorted(self._records, key=lambda record: record.order))

    @property
    def first(self) -> DivergenceRecord | None:
        records = self.records
        return records[0] if records else None
