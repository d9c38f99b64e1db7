"""Many reports, made into one."""

from __future__ import annotations

from typing import Any

from replaykit.session.report import Report, ReportedDivergence
from replaykit.session.stress import Tally


def report(*found: tuple[str, str], order: str = "1", is_compared: bool = True) -> Report:
    """Of a replay that differs at these positions, with these messages."""
    divergences = tuple(
        ReportedDivergence(position=position, level=2, root_cause="code", message=message)
        for position, message in found
    )
    facts: dict[str, Any] = {"verdict": "unknown", "policy": "exact", "packet": "p", "workflow": "w"}
    return Report(ok=not found, divergences=divergences, completions=order, output_compared=is_compared, **facts)


CALL = "1 of 2 calls changed: its arguments (root cause: order)\n  a.py:1 f   tool:x[0]\n  - a\n  + b\n  a set? no"
END = "the run ended in another way (root cause: code)\n  the end\n  output[1]\n  - a\n  + b\n  0 live calls were made."


def test_the_same_thing_is_counted_once_with_its_first_seed() -> None:
    tally = Tally(report(), 3)
    for seed, one in ((3, report()), (4, report(("tool:x[0]", CALL), order="2")), (5, report(("tool:x[0]", CALL)))):
        tally.add(seed, one)

    found = tally.report("again --seed {seed}")

    [item] = found.depends
    assert (found.ok, found.schedules, found.differing, found.orders) == (False, 3, 2, 2)
    assert (item.kind, item.position, item.cause, item.schedules, item.seed) == ("call", "tool:x[0]", "schedule", 2, 4)
    assert item.command == "again --seed 4"
    assert item.message.splitlines() == [
        "1 of 2 calls changed: its arguments (root cause: schedule)",
        "  a.py:1 f   tool:x[0]",
        "  - a",
        "  + b",
    ]


def test_what_follows_from_a_call_that_differs_is_not_told() -> None:
    tally = Tally(report(), 0)
    tally.add(0, report(("tool:x[0]", CALL), ("tool:y[0]", CALL)))

    assert [item.position for item in tally.report().depends] == ["tool:x[0]"]


def test_an_output_that_differs() -> None:
    tally = Tally(report(), 0)
    tally.add(0, report(("the end", END)))

    [item] = tally.report().depends
    assert (item.kind, item.position) == ("output", "output")
    assert item.message.endswith("  - a\n  + b")


def test_an_output_that_was_not_compared_proves_nothing() -> None:
    tally = Tally(report(), 0)
    tally.add(0, report(is_compared=False))

    assert not tally.is_control(report(is_compared=False))
    assert [item.message for item in tally.report().depends] == ["the output was not compared"]


def test_no_report_is_another_end() -> None:
    tally = Tally(report(), 0)
    tally.add(0, None, "it was killed")

    [item] = tally.report().depends
    assert (item.kind, item.position, item.message) == ("end", "no report", "it was killed")
