"""Runs a command and records it into one packet, in the processes of the command."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from replaykit.api.settings import DEFAULT_STORE, KEEP_NAMES
from replaykit.errors import UsageError
from replaykit.interceptors.guard_allow import Allowed
from replaykit.launch.bootstrap.plan import Exchange, Plan
from replaykit.launch.command import hash_seed_for, label, lacks_replaykit, run_command
from replaykit.launch.places import place_in_project, relative
from replaykit.packet import Packet
from replaykit.packet.journal import amend_outcome
from replaykit.session.summary import summarize, unrecorded


@dataclass(frozen=True, slots=True)
class Recorded:
    """A command that was run.

    Attributes:
        path: Its packet, or the journal of a run that was cut off; None if nothing was recorded.
        line: What there is to say about it.
    """

    exit_code: int
    path: Path | None
    line: str


def record_run(
    command: Sequence[str],
    *,
    store: str | None = None,
    name: str | None = None,
    keeps_output: bool = True,
    allow: tuple[str, ...] = (),
    environ: Mapping[str, str] | None = None,
    stderr: int | None = None,
) -> Recorded:
    """Runs the command in the folder where it was typed.

    Args:
        allow: What is known to leave the run unrecorded, by name.
        environ: Its environment; default: this process' own.
        stderr: Where its errors go; default: where this process' own go.

    Raises:
        UsageError: It can't be run.
    """
    environ = os.environ if environ is None else environ
    keep = _keep_rule(environ)
    Allowed.parse(allow)  # raises here, and not only in the child
    folder = Path(store or environ.get("REPLAYKIT_STORE") or DEFAULT_STORE).absolute()
    plan = Plan(
        mode="record",
        workflow=name or label(command).removesuffix(".py"),
        store=str(folder),
        argv=tuple(command),
        cwd=place_in_project(),
        variables=tuple(sorted(environ)),
        keeps_output=keeps_output,
        allow=allow,
    )
    with Exchange(plan) as exchange:
        code = run_command(command, exchange.environ(environ, hash_seed_for(environ)), cwd=Path.cwd(), stderr=stderr)
        return _ended(exchange, code, keep, command, folder)


def _keep_rule(environ: Mapping[str, str]) -> str:
    keep = environ.get("REPLAYKIT_KEEP") or "all"
    if keep not in KEEP_NAMES:
        raise UsageError(f"no keep rule {keep!r} (REPLAYKIT_KEEP); there are: {', '.join(KEEP_NAMES)}")
    return keep


def _ended(exchange: Exchange, code: int, keep: str, command: Sequence[str], store: Path) -> Recorded:
    what = label(command)

    result, began = exchange.result, exchange.began
    if began is None:
        return Recorded(code, None, f"nothing recorded  {what}: {_why_nothing(exchange, command)}")
    if result is None:
        journal = next(store.glob(f"*-{began['run_id'][:8]}.journal.jsonl"), None)
        where = relative(journal) if journal is not None else "nowhere"
        return Recorded(code, journal, f"interrupted  {what} was stopped before its end (exit {code}) -> {where}")
    if result["packet"] is None:
        return Recorded(code, None, f"nothing recorded  {what}: the packet could not be written to {relative(store)}")
    path = Path(result["packet"])
    packet = _amend(path, code)
    if not _is_kept(packet, keep):
        path.unlink()
        return Recorded(code, None, f"not kept  {what} ended well (REPLAYKIT_KEEP={keep})")
    linked = f" (and {exchange.linked} of processes it started)" if exchange.linked else ""
    missed = unrecorded(packet)
    warning = f"\n  {missed}" if missed is not None else ""
    return Recorded(code, path, f"recorded  {what}  {describe(packet)} -> {relative(path)}{linked}{warning}")


def _why_nothing(exchange: Exchange, command: Sequence[str]) -> str:
    if exchange.foreign is None:
        return "no Python with replaykit started in it (python -I, -E and -S ignore the environment)"
    return lacks_replaykit(exchange.foreign, command, "replaykit record --")


def _amend(path: Path, code: int) -> Packet:
    """The packet with the exit code, which nobody knew when it was sealed."""
    changes = {"exit_code": code, "status": "failed"} if code else {"exit_code": code}
    amend_outcome(path, **changes)
    return Packet.load(path)


def _is_kept(packet: Packet, keep: str) -> bool:
    outcome = packet.outcome
    assert outcome is not None
    if keep == "failed":
        return outcome.status == "failed" or (outcome.verdict is not None and not outcome.verdict.passed)
    return keep != "called" or bool(packet.interactions)


def describe(packet: Packet) -> str:
    """`failed: ValueError  5 interactions (4 llm, 1 http tool), 2 secrets replaced`."""
    return _how_it_ended(packet) + summarize(packet)


def _how_it_ended(packet: Packet) -> str:
    outcome = packet.outcome
    if outcome is None or outcome.status == "ok":
        return ""
    if outcome.exception is not None:
        return f"failed: {outcome.exception.type.rpartition(':')[2]}  "
    return f"failed: exit {outcome.exit_code}  "
