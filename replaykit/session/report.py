"""What a replay found out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReplayedInteraction(_Part):
    """One call of the replay.

    Attributes:
        level: 0 exact, 1 expected, 2 drift, 3 shifted, 4 moved, 5 missing.
        recorded: Position of the interaction that was served; None where none was.
    """

    position: str
    boundary: str
    name: str
    level: int
    recorded: str | None = None
    is_stale: bool = False


class ReportedDivergence(_Part):
    """One place where the replay left the recording; `message` is the text that was raised."""

    position: str
    level: int
    root_cause: str
    message: str
    nearest: str | None = None
    differences: tuple[dict[str, Any], ...] = ()


class Report(_Part):
    """The result of a replay.

    Attributes:
        ok: The run was the same, as far as the policy demands. It says nothing about whether the run was good.
        verdict: Whether the run was good: `passed`, `failed`, `unknown` (nobody said), `wiring ok`, or `unproven`
            where the replay itself did not hold.
        divergences: By recorded order; the first one is what was raised.
        unused: Positions that were recorded and not asked for.
        not_executed: Functions whose recorded result was served: their bodies did not run.
        executed_for_real: Tools whose bodies ran: names of those that only the model traffic shows, and positions of
            those that ran again. `notes` says why.
        not_frozen: Names of the tools that only the model traffic shows: nothing stands for their bodies, which ran.
        output_compared: False where the recording or the replay has no declared output.
        lacks_output: The recording has an output, and the replay gave none to compare with it.
        assumed: Sensitive values taken on trust to stand for their stand-ins, by kind.
        allowed: Egress that was let through by name.
        refused: Egress that was refused.
        telemetry: Telemetry calls that were answered with an empty success and not sent.
        ambient: Calls of class `auth` or `ambient` that were served; they count neither by number nor by content.
        already_connected: Sockets that were connected before the replay began; they would go live unseen.
        derived: Reads of the clock or of chance in the program's own code that were not recorded, by position. They got
            values made from the packet's id, the same in each replay.
        left_out_attempts: How many recorded attempts of a call were not made again (`attempts="final"`), by position.
        notes: Whatever else a reader should know, one sentence each.
        status: How the replayed code ended, `ok` or `failed`; None where nobody saw its end.
        completions: Under a shuffled schedule: a digest of the order in which answers came.
        has_positions: False for an imported packet: level 0 then says equal content, and nothing of the place.
    """

    ok: bool
    verdict: str
    policy: str
    packet: str | None
    workflow: str
    divergences: tuple[ReportedDivergence, ...] = ()
    unused: tuple[str, ...] = ()
    interactions: tuple[ReplayedInteraction, ...] = ()
    not_executed: tuple[str, ...] = ()
    executed_for_real: tuple[str, ...] = ()
    not_frozen: tuple[str, ...] = ()
    output_compared: bool = False
    lacks_output: bool = False
    assumed: dict[str, int] = Field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    telemetry: int = 0
    ambient: int = 0
    already_connected: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    left_out_attempts: dict[str, int] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_positions: bool = True
    status: str | None = None
    completions: str | None = None

    def to_json(self) -> str:
        """The report as JSON text."""
        return self.model_dump_json()

    def summary(self) -> str:
        """One line: how many of the recorded calls came back how."""
        levels = [item.level for item in self.interactions]
        exact = sum(level == 0 for level in levels)
        parts = [f"{exact} of {len(levels)} exact"] if levels else [] if self.ambient else ["no calls"]
        for level, name in ((1, "expected"), (2, "drift"), (3, "shifted"), (4, "moved"), (5, "missing")):
            if level in levels:
                parts.append(f"{levels.count(level)} {name}")
        if self.ambient:
            parts.append(f"{self.ambient} ambient")
        parts.append(f"{len(self.unused)} left over" if self.unused else "nothing left over")
        parts.append(f"{len(self.allowed)} allowed egress" if self.allowed else "0 live calls")
        if self.lacks_output:
            parts.append("output not compared")
        trusted = sum(self.assumed.values())
        if trusted:
            parts.append(f"{trusted} value{'s' * (trusted != 1)} taken on trust")
        return ", ".join(parts)
