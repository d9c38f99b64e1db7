"""`replaykit replay P`: the recorded command or function again, with the packet in place of the world."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from replaykit.cli.bootstrap.plan import Exchange, Plan
    from replaykit.packet import Packet
    from replaykit.session.report import Report

MAX_LINES = 12
REQUEST = "request"  # kind of the span of a request that came in
SERVERS = frozenset({"uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "waitress-serve", "http.server"})
_COMMAND = re.compile(r"replaykit replay \S+ --policy \w+")


def replay_command(
    packet: Annotated[str, typer.Argument(metavar="PACKET", help="A packet file, or `last`.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- CMD...]", help="Run this instead of what was recorded.")
    ] = None,
    policy: Annotated[str, typer.Option(help="exact, refactor or wiring.")] = "exact",
    changed: Annotated[
        list[str] | None, typer.Option(help="A declared change: system, tools, model, ... Repeatable.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="Egress to let out by name: 127.0.0.1:5432, exec:git. Repeatable.")
    ] = None,
    entry: Annotated[str | None, typer.Option(help="Call this function: module:function or file.py:function.")] = None,
    no_stdout: Annotated[bool, typer.Option("--no-stdout", help="Do not compare what it prints.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The report as JSON; the command's output on stderr.")
    ] = False,
) -> None:
    """Re-run a recorded run offline; exit 0 only if it is the same run."""
    from replaykit.cli.output import console, write

    options = Options(policy, tuple(changed or ()), tuple(allow or ()), keeps_output=not no_stdout)
    replayed = replay_run(packet, tuple(command or ()), entry=entry, options=options, quiet_stdout=as_json)
    if as_json:
        write(replayed.to_json())
    else:
        print_report(replayed, console())
    raise typer.Exit(0 if replayed.is_same else 1)


@dataclass(frozen=True, slots=True)
class Options:
    policy: str = "exact"
    changed: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    keeps_output: bool = True


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that was run.

    Attributes:
        report: None if the process ended without one, which proves nothing.
        status: How the recorded run had ended.
    """

    packet: Path
    exit_code: int
    report: Report | None
    status: str | None

    @property
    def is_same(self) -> bool:
        """True only if there is a report, and it says so."""
        return self.report is not None and self.report.ok

    @property
    def silence(self) -> str:
        """What to say where there is no report."""
        return f"the command ended (exit {self.exit_code}) and left no report: nothing is known about this replay"

    def to_json(self) -> str:
        import json

        fields = {"ok": False, "packet": str(self.packet), "error": self.silence}
        if self.report is not None:
            fields = self.report.model_dump(mode="json")
        return json.dumps({**fields, "exit_code": self.exit_code})


def replay_run(
    name: str,
    command: Sequence[str] = (),
    *,
    entry: str | None = None,
    options: Options | None = None,
    environ: Mapping[str, str] | None = None,
    quiet_stdout: bool = False,
    stderr: int | None = None,
) -> Replayed:
    """Replays in a process of its own.

    Args:
        command: Instead of what was recorded.
        entry: A function instead of what was recorded.
        quiet_stdout: The command prints to standard error.
        stderr: Where its errors go; default: where this process' own go.

    Raises:
        UsageError: It is not known what to run, or it can't be run.
        PacketError: The packet can't be used.
    """
    from replaykit.cli.bootstrap.plan import Exchange
    from replaykit.cli.command import run_command
    from replaykit.cli.packets import find_packet
    from replaykit.packet import Packet

    environ = os.environ if environ is None else environ
    path = find_packet(name)
    packet = Packet.load(path)
    plan = _plan(path, packet, tuple(command), entry, options or Options())
    cwd = Path.cwd() if command or plan.target else _folder(packet)
    with Exchange(plan) as exchange:
        argv, variables = _what_runs(exchange, plan, environ, packet.run.hash_seed)
        printed = sys.stderr.fileno() if quiet_stdout else None
        code = run_command(argv, variables, cwd=cwd, stdin=_stdin(packet), stdout=printed, stderr=stderr)
        return Replayed(path, code, _report(exchange, packet, plan, code), _status(packet))


def _status(packet: Packet) -> str | None:
    return packet.outcome.status if packet.outcome is not None else None


def _plan(path: Path, packet: Packet, command: tuple[str, ...], entry: str | None, options: Options) -> Plan:
    from replaykit.cli.bootstrap.plan import Plan
    from replaykit.errors import UsageError
    from replaykit.interceptors.guard_allow import Allowed
    from replaykit.matching.policy import find_policy

    find_policy(options.policy, options.changed)  # both raise here, and not only in the child
    Allowed.parse(options.allow)
    if command and entry:
        raise UsageError("give a command or --entry, not both")
    argv, target = command, entry or ""
    if not argv and not target:
        argv = packet.entry.argv if packet.entry.kind == "command" else ()
        target = (packet.entry.target or "") if packet.entry.kind == "callable" else ""
    if argv and not command and (requests := _incoming(packet, argv)) is not None:
        raise UsageError(requests)
    if not argv and not target:
        raise UsageError(
            f"{path.name} does not say what was run (it was recorded by `with replaykit.record()`); say it:\n"
            f"  replaykit replay {path} -- python SCRIPT.py\n"
            f"  replaykit replay {path} --entry MODULE:FUNCTION"
        )
    return Plan(
        mode="replay",
        argv=argv,
        target=target,
        packet=str(path.absolute()),
        policy=options.policy,
        changed=options.changed,
        allow=options.allow,
        keeps_output=options.keeps_output,
        is_given=bool(command or entry),
    )


def _incoming(packet: Packet, argv: Sequence[str]) -> str | None:
    """Why a recorded service can't be replayed: its requests came from outside. None for any other command."""
    from replaykit.cli.command import label

    requests = [span.line.name for span in packet.spans if span.line.span_kind == REQUEST]
    if not requests and label(argv) not in SERVERS:
        return None
    shown = ", ".join(dict.fromkeys(requests[:3])) + (", ..." if len(requests) > 3 else "")
    asked = f"its {len(requests)} request{'s' * (len(requests) != 1)} ({shown})" if requests else "its requests"
    return (
        f"{label(argv)} is a service: {asked} came from outside, and nobody sends them in a replay\n"
        "record each request as a run of its own, which replays alone: put @replaykit.agent(NAME) on the function\n"
        f"that answers it, and start the service with  REPLAYKIT_MODE=record {shlex.join(argv)}"
    )


def _stdin(packet: Packet) -> bytes | int | None:
    """What the command reads: what it read while recording. Else nothing, but for a debugger at a terminal."""
    import subprocess

    from replaykit.errors import UsageError

    recorded = packet.entry.stdin
    body = recorded.body if recorded is not None else None
    if body is None:
        return None if sys.stdin is not None and sys.stdin.isatty() else subprocess.DEVNULL
    if body.withheld is None:
        return packet.body_of(body)
    if sys.stdin is not None and not sys.stdin.isatty():
        return None
    raise UsageError(
        f"what the command read from standard input is not in the packet ({body.length} bytes: {body.withheld});\n"
        f"give it again:  replaykit replay {packet.path} < FILE"
    )


def _folder(packet: Packet) -> Path:
    from replaykit.errors import UsageError

    folder = Path.cwd() / packet.entry.cwd
    if not folder.is_dir():
        raise UsageError(f"the command ran in {packet.entry.cwd}, and there is no such folder here")
    return folder


def _what_runs(
    exchange: Exchange, plan: Plan, environ: Mapping[str, str], hash_seed: str | None
) -> tuple[tuple[str, ...], dict[str, str]]:
    if not plan.target:
        return plan.argv, exchange.environ(environ, hash_seed)
    argv = (sys.executable, "-m", "replaykit.cli.bootstrap.call", str(exchange.folder))
    return argv, {**environ, **({"PYTHONHASHSEED": hash_seed} if hash_seed is not None else {})}


def _report(exchange: Exchange, packet: Packet, plan: Plan, code: int) -> Report | None:
    from replaykit.cli.command import lacks_replaykit
    from replaykit.cli.output import relative
    from replaykit.errors import UsageError
    from replaykit.session.report import Report

    result = exchange.result
    refusal = exchange.refusal or (result or {}).get("error")
    if refusal is not None:
        raise UsageError(refusal)
    if result is None:
        if exchange.foreign is not None and not plan.target:
            raise UsageError(
                lacks_replaykit(exchange.foreign, plan.argv, f"replaykit replay {relative(plan.packet)} --")
            )
        return None
    report = _as_typed(Report.model_validate_json(result["report"]), plan)
    return report if plan.target else _with_exit_code(report, packet, plan, code)


def _as_typed(report: Report, plan: Plan) -> Report:
    """The report with commands that work from here: the packet's path is typed, and what was run is said again."""
    from replaykit.cli.output import relative

    path = relative(plan.packet)
    again = f" -- {shlex.join(plan.argv)}" if plan.is_given and plan.argv else ""
    again = f" --entry {plan.target}" if plan.is_given and plan.target else again
    divergences = [
        item.model_copy(update={"message": _COMMAND.sub(rf"\g<0>{again}", item.message.replace(plan.packet, path))})
        for item in report.divergences
    ]
    return report.model_copy(update={"packet": path, "divergences": tuple(divergences)})


def _with_exit_code(report: Report, packet: Packet, plan: Plan, code: int) -> Report:
    """The report, and the one thing that the process itself could not know."""
    from replaykit.matching.policy import find_policy
    from replaykit.session.report import ReportedDivergence

    recorded = packet.outcome.exit_code if packet.outcome is not None else None
    if not report.ok or recorded is None or recorded == code or not find_policy(plan.policy).compares_outcome:
        return report
    message = f"the run ended in another way (root cause: code)\n  exit code\n  - {recorded}\n  + {code}"
    divergence = ReportedDivergence(position="the end", level=5, root_cause="code", message=message)
    return report.model_copy(update={"ok": False, "verdict": "unproven", "divergences": (divergence,)})


def print_report(replayed: Replayed, out: Console, *, indent: str = "") -> None:
    """The report for people: a line, and what they must know beside it."""
    from rich.text import Text

    report = replayed.report
    if report is None:
        out.print(Text(f"{indent}unproven  {replayed.silence}", style="yellow"), soft_wrap=True)
        return
    word, style = (_ok_word(report), "bold green") if report.ok else ("diverged", "bold red")
    head = Text.assemble(indent, (word, style), f"  {report.summary()}; {verdict(replayed)}")
    lines = [Text(f"{indent}  {line}", style="dim") for line in _remarks(report)]
    if report.divergences:
        lines += [_difference(indent, line) for line in report.divergences[0].message.splitlines()[:MAX_LINES]]
        if len(report.divergences) > 1:
            lines.append(Text(f"{indent}  and {len(report.divergences) - 1} more (--json has all of them)"))
    for line in (head, *lines):
        out.print(line, soft_wrap=True)


def _ok_word(report: Report) -> str:
    """`same run` only where every call was exact; another policy has proved less."""
    is_same = report.policy == "exact" and all(item.level == 0 for item in report.interactions)
    return "same run" if is_same else "ok"


def _difference(indent: str, line: str) -> Text:
    from rich.text import Text

    from replaykit.cli.output import plain

    style = {"-": "red", "+": "green"}.get(line.strip()[:1], "")
    return Text(indent + plain(line), style=style)


def verdict(replayed: Replayed) -> str:
    """What the report says about the run itself, in words."""
    report = replayed.report
    assert report is not None
    if report.ok and report.verdict == "failed" and replayed.status == "failed":
        return "verdict: failed, as recorded"
    return f"verdict: {report.verdict}"


def _remarks(report: Report) -> list[str]:
    remarks = []
    if report.executed_for_real:
        remarks.append(f"ran for real (no recorded result stands for them): {', '.join(report.executed_for_real)}")
    if report.assumed:
        kinds = ", ".join(f"{kind} {count}" for kind, count in report.assumed.items())
        remarks.append(f"taken on trust to be the same value: {kinds}")
    if report.allowed:
        remarks.append(f"allowed by name: {', '.join(report.allowed)}")
    if report.already_connected:
        remarks.append(f"connected before the replay, unseen: {', '.join(report.already_connected)}")
    remarks += report.notes
    return remarks
