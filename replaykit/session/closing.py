"""The end of a replay: what is left over, how it ended, and the report."""

from __future__ import annotations

from replaykit.matching.policy import MISSING
from replaykit.packet import Packet
from replaykit.session.derived import executed_tools
from replaykit.session.explain import explain
from replaykit.session.ledger import DivergenceRecord
from replaykit.session.outcome import Ending, compare_outcome, write_orders
from replaykit.session.replayer import Replayer
from replaykit.session.report import Report, ReportedDivergence


def close(replayer: Replayer, ending: Ending, stacks: tuple[str, ...]) -> None:
    """Adds to the ledger what only the end can show. `stacks` tells who still waited when the grace period was over."""
    replayer.notes.extend(stacks)
    replayer.output_compared = ending.has_output and _recorded_output(replayer.packet)
    if replayer.ledger.first is not None or not replayer.policy.compares_outcome:
        return
    outcome = replayer.packet.outcome
    if ending.error is None or outcome is None or outcome.status == "failed":
        _check_unused(replayer)
    if outcome is not None:
        for difference in compare_outcome(outcome, ending, replayer.contents.masked):
            _add(replayer, "outcome", "\n  ".join(difference.lines()), "the end", replayer.last_order)
        _check_writes(replayer)


def _recorded_output(packet: Packet) -> bool:
    return packet.outcome is not None and packet.outcome.has_output


def _check_unused(replayer: Replayer) -> None:
    unused = replayer.index.unused
    if unused:
        more = f", and {len(unused) - 1} more" if len(unused) > 1 else ""
        detail = f"recorded and not asked for any more: {unused[0].position}{more}"
        _add(replayer, "code", detail, unused[0].position, unused[0].seq)


def _check_writes(replayer: Replayer) -> None:
    """Within one lineage the order of writes is the program's own; across lineages it is the schedule's."""
    for place, recorded in write_orders(replayer.packet).items():
        now = replayer.writes.get(place, [])
        if sorted(recorded) == sorted(now) and recorded != now:
            index = next(i for i, (old, new) in enumerate(zip(recorded, now, strict=True)) if old != new)
            detail = f"writes came in another order: recorded {recorded[index]}, now {now[index]}"
            interaction = replayer.index.at(recorded[index])
            _add(replayer, "code", detail, recorded[index], interaction.seq if interaction else replayer.last_order)


def _add(replayer: Replayer, cause: str, detail: str, position: str, order: float) -> None:
    message = explain(
        cause=cause,
        position=position,
        level=MISSING,
        counts=(len(replayer.interactions), len(replayer.packet.interactions), len(replayer.allowed)),
        place="",
        nearest=None,
        fields=(),
        same=(),
        packet=str(replayer.packet.path) if replayer.packet.path else None,
        detail=replayer.contents.clean_text(detail),
    )
    replayer.ledger.add(DivergenceRecord(position, MISSING, cause, message, order, is_outcome=True))


def build_report(replayer: Replayer, *, already_connected: tuple[str, ...], closed: bool = False) -> Report:
    """The report as it stands; before the close it knows nothing of what is left over."""
    records = replayer.ledger.records
    policy = replayer.policy
    is_ok = not records and closed
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
        executed_for_real=(*executed_tools(replayer.packet), *replayer.rerun),
        output_compared=replayer.output_compared,
        assumed=replayer.contents.bindings.assumed,
        allowed=tuple(dict.fromkeys(replayer.allowed)),
        refused=tuple(dict.fromkeys(replayer.refused)),
        telemetry=replayer.telemetry,
        already_connected=already_connected,
        notes=(*replayer.notes, *replayer.packet.recovered),
    )


def _verdict(replayer: Replayer, is_ok: bool) -> str:
    if not is_ok:
        return "unproven"
    if replayer.policy.verdict_limit is not None:
        return replayer.policy.verdict_limit
    outcome = replayer.packet.outcome
    if outcome is None:
        return "unknown"
    if outcome.verdict is not None:
        return "passed" if outcome.verdict.passed else "failed"
    return "failed" if outcome.status == "failed" else "unknown"


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
