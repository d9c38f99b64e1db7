"""What of a run depends on the order in which its answers come: many shuffled replays, made into one report."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from replaykit.session.closing import THE_END
from replaykit.session.report import Report, ReportedDivergence

Kind = Literal["call", "output", "end"]

_CAUSE = re.compile(r" \(root cause: [^)]*\)")
_FIELD = re.compile(r"\w[\w ]*")
_LIVE = " live calls were made."
_OTHER_CAUSES = ("  a set? ",)  # what the replay in the recorded order has ruled out


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Dependence(_Part):
    """One thing that is other than recorded where answers come in another order.

    Attributes:
        kind: A `call`, the `output`, or the `end`: status, exception, stop reason, exit code.
        position: Of the call; for the others what differs.
        schedules: How many of the schedules show it.
        seed: The first that does.
        message: How it looks under that seed.
        command: What shows it again; empty where no command does.
    """

    kind: Kind
    position: str
    cause: Literal["schedule"] = "schedule"
    schedules: int
    seed: int
    message: str
    command: str = ""


class StressReport(_Part):
    """The result of many shuffled replays.

    Attributes:
        ok: Nothing depends on the schedule, as far as these schedules show.
        schedules: How many were run, from `seed` on.
        differing: How many of them were another run than the recorded one.
        orders: How many different orders of completion they came to: 1 where the run does one thing at a time.
        depends: What differs; what the most schedules show comes first.
        reproduced: Its first seed showed it again in a process of its own; None where nobody tried.
    """

    ok: bool
    packet: str | None
    workflow: str
    schedules: int
    seed: int
    differing: int
    orders: int
    depends: tuple[Dependence, ...] = ()
    reproduced: bool | None = None

    def to_json(self) -> str:
        """The report as JSON text."""
        return self.model_dump_json()


class Tally:
    """Takes one replay after the other.

    Args:
        control: The replay in the recorded order, which was the same run.
        seed: Of the first schedule.
    """

    def __init__(self, control: Report, seed: int) -> None:
        self._control = control
        self._seed = seed
        self._count = 0
        self._differing = 0
        self._orders: set[str] = set()
        self._found: dict[tuple[Kind, str], dict[int, str]] = {}

    def add(self, seed: int, report: Report | None, silence: str = "") -> None:
        """One schedule; None for the report of one that left none, with the reason."""
        self._count += 1
        if report is not None and report.completions is not None:
            self._orders.add(report.completions)
        if report is not None and report.ok and self._is_as_good(report):
            return
        self._differing += 1
        found: Iterable[tuple[Kind, str, str]] = [("end", "no report", silence)]
        if report is not None:
            found = [_what_of(item) for item in _told(report)] or [("output", "output", "the output was not compared")]
        for kind, position, message in found:
            self._found.setdefault((kind, position), {}).setdefault(seed, message)

    def is_control(self, report: Report | None) -> bool:
        """True if that is the replay in the recorded order once more, and proves as much."""
        is_same = report is not None and report.ok and self._is_as_good(report)
        return is_same and report is not None and len(report.interactions) == len(self._control.interactions)

    def _is_as_good(self, report: Report) -> bool:
        """An end that was not compared proves nothing, where it was compared in the recorded order."""
        return report.output_compared or not self._control.output_compared

    def first_seed(self) -> int | None:
        """The first seed that shows anything."""
        return min((seed for seeds in self._found.values() for seed in seeds), default=None)

    def shows(self, seed: int) -> frozenset[tuple[Kind, str]]:
        """What that seed shows: kinds and positions."""
        return frozenset(what for what, seeds in self._found.items() if seed in seeds)

    def report(self, command: str = "", *, reproduced: bool | None = None) -> StressReport:
        """All of it.

        Args:
            command: What runs one schedule again, with `{seed}` in it.
        """
        depends = [_dependence(*what, seeds, command) for what, seeds in self._found.items()]
        return StressReport(
            ok=not depends,
            packet=self._control.packet,
            workflow=self._control.workflow,
            schedules=self._count,
            seed=self._seed,
            differing=self._differing,
            orders=len(self._orders),
            depends=tuple(sorted(depends, key=lambda item: (-item.schedules, item.seed, item.position))),
            reproduced=reproduced,
        )


def _dependence(kind: Kind, position: str, seeds: dict[int, str], command: str) -> Dependence:
    first = min(seeds)
    values: dict[str, Any] = {"schedules": len(seeds), "seed": first, "message": seeds[first]}
    return Dependence(kind=kind, position=position, command=command.replace("{seed}", str(first)), **values)


def _told(report: Report) -> tuple[ReportedDivergence, ...]:
    """What differs by itself: after a first call that does, nothing else is as it would have been."""
    first = report.divergences[:1]
    return report.divergences if first and first[0].position == THE_END else first


def _what_of(divergence: ReportedDivergence) -> tuple[Kind, str, str]:
    lines = [_CAUSE.sub(" (root cause: schedule)", line) for line in divergence.message.splitlines()]
    lines = lines[: next((number for number, line in enumerate(lines) if _LIVE in line), len(lines))]
    message = "\n".join(line for line in lines if not line.startswith(_OTHER_CAUSES))
    if divergence.position != THE_END:
        return "call", divergence.position, message
    field = next((line.strip() for line in lines[1:] if line.strip() and line.strip() != THE_END), THE_END)
    match = _FIELD.match(field)
    name = match[0].strip() if match else field
    return ("output" if name == "output" else "end"), name, message
