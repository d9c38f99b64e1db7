"""What the plugin has to say at the end of a test run: a line for each recording, one for all replays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from replaykit.session.report import Report

ATTRIBUTE = "replaykit"
"""Of a test report: what `Lines` is to know, as JSON, so that it crosses from a worker of xdist to the controller."""


def facts_of(report: Report, calls: int) -> dict[str, Any]:
    """What is to be said of a replay of so many recorded calls."""
    return {
        "calls": calls - sum(report.left_out_attempts.values()),
        "exact": sum(item.level == 0 for item in report.interactions),
        "live": len(report.allowed),
        "weaker": int(report.policy not in ("exact", "off")),
        "trusted": sum(report.assumed.values()),
        "not_frozen": list(report.not_frozen),
    }


@dataclass(eq=False)  # a plugin is told from others by what it is
class Lines:
    """Collects from every report, prints once."""

    recorded: list[str] = field(default_factory=list)
    replays: int = 0
    calls: int = 0
    exact: int = 0
    live: int = 0
    weaker: int = 0
    trusted: int = 0
    fixtures: dict[str, None] = field(default_factory=dict)
    not_frozen: dict[str, None] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        facts = getattr(report, ATTRIBUTE, None)
        if facts is None:
            return
        if "line" in facts:
            self.recorded.append(facts["line"])
        self.fixtures.update(dict.fromkeys(facts.get("fixtures", ())))
        if "calls" in facts:
            self.replays += 1
            self.calls += facts["calls"]
            self.exact += facts["exact"]
            self.live += facts["live"]
            self.weaker += facts["weaker"]
            self.trusted += facts["trusted"]
            self.not_frozen.update(dict.fromkeys(facts["not_frozen"]))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.recorded:
            terminalreporter.write_line(line)
        if self.replays:
            tests = f"{self.replays} run{'s' * (self.replays != 1)}"
            trusted = f", {self.trusted} value{'s' * (self.trusted != 1)} taken on trust" if self.trusted else ""
            weaker = f"; {self.weaker} under a weaker policy, which proves less" if self.weaker else ""
            terminalreporter.write_line(
                f"replayed  {tests}  {self.exact} of {self.calls} calls exact, {self.live} live calls{trusted}{weaker}"
            )
        if self.replays and self.fixtures:
            shown = ", ".join(tuple(self.fixtures)[:3]) + (", ..." if len(self.fixtures) > 3 else "")
            terminalreporter.write_line(f"fixtures of replayed tests went live: {shown}")
        if self.not_frozen:
            tools = f"{len(self.not_frozen)} tool{'s' * (len(self.not_frozen) != 1)}"
            it = "it" if len(self.not_frozen) == 1 else "them"
            terminalreporter.write_line(
                f"{tools} ran for real: {', '.join(self.not_frozen)}; add @replaykit.tool to freeze {it}"
            )
