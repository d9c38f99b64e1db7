"""The end of a replay: what is left over, how it ended, and the report."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from replaykit.determinism.orders import Shuffled
from replaykit.matching.causes import Cause
from replaykit.packet import Packet
from replaykit.session.derived import executed_tools
from replaykit.session.live import lacks_key
from replaykit.session.outcome import Ending, compare_outcome, opaque_in
from replaykit.session.replayer import Replayer
from replaykit.session.report import Report, ReportedDivergence
from replaykit.session.rules import PROJECT_KEY
from replaykit.session.schedules import loop_differs
from replaykit.session.unlogged import prompts_with_chance

THE_END = "the end"
"""Position of what is wrong with the end of a run."""


def close(replayer: Replayer, ending: Ending, stacks: tuple[str, ...]) -> None:
    """Adds to the ledger what only the end can show. `stacks` tells who still waited when the grace period was over."""
    replayer.notes.extend(stacks)
    replayer.status = "ok" if ending.failure is None else "failed"
    _note_output(replayer, ending)
    if replayer.ledger.first is not None:
        return
    outcome = replayer.packet.outcome
    if not replayer.policy.compares_outcome:
        if ending.error is not None and (outcome is None or outcome.status != "failed"):
            _add(replayer, "the run did not come to its end", "code", type(ending.error).__name__)
        return
    if outcome is None:
        _check_unused(replayer)
        detail = "the recorded run was interrupted before its end, so there is nothing to compare this end with"
        _add(replayer, "the recording ends, and the agent went on", "recording ends", detail)
        return
    if ending.error is None or outcome.status != "ok":
        _check_unused(replayer)
    for difference in compare_outcome(outcome, ending, replayer.contents.compare):
        calls = len(replayer.interactions)
        same = f"{calls} calls were the same; " if calls > 1 else "1 call was the same; " if calls else ""
        headline = f"{same}the run ended in another way"
        cause = replayer.leaving.end_cause(difference.fields, is_other_end=difference.is_other_end)
        _add(replayer, headline, cause, "\n".join(difference.lines()))
    _check_writes(replayer)


def _note_output(replayer: Replayer, ending: Ending) -> None:
    """Whether there is an output on both sides, and all of it can be compared."""
    outcome = replayer.packet.outcome
    if outcome is None or not outcome.has_output:
        return
    if not ending.has_output:
        replayer.lacks_output = replayer.policy.compares_outcome and ending.failure is None
        if replayer.lacks_output:
            replayer.notes.append(
                "the recorded output was not compared: this replay gave none; rerun.finish(output=...)"
            )
        return
    opaque = opaque_in(outcome, ending)
    replayer.output_compared = not opaque
    if opaque:
        names = ", ".join(opaque)
        replayer.notes.append(f"the output was not compared where it holds objects without a JSON form: {names}")


def _check_unused(replayer: Replayer) -> None:
    unused = replayer.index.unused
    if unused:
        headline = f"{len(unused)} of {replayer.index.total} recorded calls were not made"
        more = f", and {len(unused) - 1} more" if len(unused) > 1 else ""
        first = unused[0]
        _add(replayer, headline, "code", f"not asked for any more: {first.position}{more}", first.position, first.seq)


def _check_writes(replayer: Replayer) -> None:
    """Within one lineage the order of writes is the program's own; across lineages it is the schedule's."""
    for now in replayer.writes.values():
        pairs = zip(sorted(now, key=lambda item: item.seq), now, strict=True)
        swapped = next(((then, item) for then, item in pairs if then is not item), None)
        if swapped is not None:
            then, item = swapped
            detail = f"- {then.position}\n+ {item.position}"
            _add(replayer, "writes came in another order", "order", detail, then.position, then.seq)


def _add(
    replayer: Replayer,
    headline: str,
    cause: Cause,
    detail: str,
    position: str = THE_END,
    order: float | None = None,
) -> None:
    at = replayer.last_order if order is None else order
    replayer.ledger.add(replayer.leaving.ending(headline, cause, detail, position, at))


def build_report(replayer: Replayer, *, already_connected: tuple[str, ...], closed: bool = False) -> Report:
    """The report as it stands; before the close it knows nothing of what is left over."""
    records = replayer.ledger.records
    policy = replayer.policy
    is_ok = not records and closed
    unknown = _unknown_tools(replayer)
    again = (*replayer.rerun, *(position for position, _ in replayer.unservable))
    first = replayer.ledger.first
    remarks = replayer.remarks.sentences(is_whole=closed and (first is None or first.is_outcome))
    return Report(
        ok=is_ok,
        verdict=_verdict(replayer, is_ok),
        policy=policy.name,
        packet=str(replayer.packet.path) if replayer.packet.path else None,
        workflow=replayer.packet.run.workflow,
        divergences=tuple(
            ReportedDivergence(
                position=record.position,
                level=record.level,
                root_cause=record.root_cause,
                message=record.message,
                nearest=record.nearest,
                differences=tuple(
                    {"path": item.path, "recorded": item.recorded, "now": item.now} for item in record.differences
                ),
            )
            for record in records
        ),
        unused=tuple(item.position for item in replayer.index.unused),
        interactions=tuple(replayer.interactions),
        not_executed=tuple(replayer.not_executed),
        executed_for_real=(*unknown, *again),
        not_frozen=unknown,
        output_compared=replayer.output_compared,
        lacks_output=replayer.lacks_output,
        assumed=replayer.contents.bindings.assumed,
        allowed=tuple(dict.fromkeys(replayer.allowed)),
        refused=tuple(dict.fromkeys(replayer.refused)),
        telemetry=replayer.telemetry,
        ambient=replayer.remarks.ambient,
        already_connected=already_connected,
        derived=tuple(replayer.effects.derived) if replayer.effects is not None else (),
        left_out_attempts=replayer.attempts.left_out,
        notes=(
            *_ran_for_real(replayer, unknown),
            *replayer.notes,
            *replayer.attempts.sentences(),
            *remarks,
            *_about_trust(replayer),
            *_about_stubs(replayer),
            *_about_loops(replayer),
            *_about_chance(replayer),
            *_unknowns(replayer.packet),
            *replayer.packet.recovered,
        ),
        has_positions=replayer.packet.has_positions,
        status=replayer.status,
        completions=replayer.order.completions if isinstance(replayer.order, Shuffled) else None,
    )


def _unknown_tools(replayer: Replayer) -> tuple[str, ...]:
    """Names of tools that only the model traffic of this replay shows: nothing stood for their bodies."""
    asked = {item.recorded for item in replayer.interactions}
    has_not_run = replayer.known_to_framework.difference(replayer.ran_unrecorded)
    return tuple(name for name in executed_tools(replayer.packet, asked) if name not in has_not_run)


def _ran_for_real(replayer: Replayer, unknown: Sequence[str]) -> Iterator[str]:
    """What was no evidence, since it was made anew; one sentence for each reason."""
    if unknown:
        it = "it" if len(unknown) == 1 else "them"
        yield f"{_count(unknown)} ran for real: {', '.join(unknown)}; add @replaykit.tool to freeze {it}"
    if replayer.rerun:
        yield f"{_count(replayer.rerun)} ran again over the recorded calls inside: {', '.join(replayer.rerun)}"
    for position, reason in replayer.unservable:
        yield f"ran for real: {position}; {reason}"


def _count(tools: Sequence[str]) -> str:
    return f"{len(tools)} tool{'s' if len(tools) != 1 else ''}"


def _about_trust(replayer: Replayer) -> Iterator[str]:
    if replayer.contents.bindings.assumed and lacks_key(replayer.packet, os.environ):
        yield f"recorded with {PROJECT_KEY}, which is not set here: with it, values are checked and not taken on trust"


def _about_loops(replayer: Replayer) -> Iterator[str]:
    differs = loop_differs(replayer.packet, replayer.conductor)
    if differs is not None:
        yield differs


def _about_stubs(replayer: Replayer) -> Iterator[str]:
    if replayer.stubbed:
        yield f"answered by stubs: {', '.join(replayer.stubbed)}"
    if replayer.unknown_stubs:
        yield f"stubs of nothing that was recorded or asked for: {', '.join(replayer.unknown_stubs)}"


def _about_chance(replayer: Replayer) -> Iterator[str]:
    if replayer.effects is not None:
        yield from replayer.effects.notes()
    elif any(record.root_cause == "clock or random" for record in replayer.ledger.records):
        prompts = prompts_with_chance(replayer.packet, replayer.contents)
        if prompts:
            yield f"new text that looks like a time, an id or a random number stands in {', '.join(prompts)}"


def _verdict(replayer: Replayer, is_ok: bool) -> str:
    if not is_ok or replayer.stubbed:
        return "unproven"
    if replayer.policy.verdict_limit is not None:
        return replayer.policy.verdict_limit
    outcome = replayer.packet.outcome
    if outcome is None:
        return "unknown"
    if outcome.verdict is not None:
        return "passed" if outcome.verdict.passed else "failed"
    return "failed" if outcome.status == "failed" else "unknown"


def _unknowns(packet: Packet) -> tuple[str, ...]:
    """What an imported recording can't vouch for."""
    unknowns = []
    if not packet.has_positions:
        unknowns.append(
            "positions were not recorded (imported): calls were matched by content, equal ones in recorded order; "
            "the order of different ones was not compared"
        )
    if packet.outcome is not None and packet.outcome.status == "unknown":
        unknowns.append("how the recorded run ended is not known: its end was not compared")
    return tuple(unknowns)


def inert_report(packet: Packet) -> Report:
    """The report of a replay that was switched off: it proves nothing."""
    return Report(
        ok=False,
        verdict="unproven",
        policy="off",
        packet=str(packet.path) if packet.path else None,
        workflow=packet.run.workflow,
        notes=("REPLAYKIT_MODE=off: nothing was replayed, every call went out",),
    )
