"""Runs a recorded command or function again, with its packet in place of the world, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from replaykit.api.arguments import check_attempts, check_schedule
from replaykit.errors import PacketError, UsageError
from replaykit.interceptors.guard_allow import Allowed
from replaykit.launch.bootstrap.plan import Exchange, Plan
from replaykit.launch.command import label, lacks_replaykit, run_command
from replaykit.launch.packets import find_packet
from replaykit.launch.places import project_root, relative
from replaykit.matching.policy import find_policy
from replaykit.packet import Packet
from replaykit.session import timezones
from replaykit.session.report import Report, ReportedDivergence

REQUEST = "request"  # kind of the span of a request that came in
SERVERS = frozenset({"uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "waitress-serve", "http.server"})
_COMMAND = re.compile(r"replaykit replay (?:'[^']*'|\S+) --(?:policy|allow) \S+")


@dataclass(frozen=True, slots=True)
class Options:
    policy: str = "exact"
    changed: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    attempts: str = "all"
    schedule: str = "strict"
    keeps_output: bool = True
    strict_substitutions: bool = False


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that was run.

    Attributes:
        report: None if the process ended without one, which proves nothing.
        status: How the recorded run had ended.
        modules: What it imported of libraries, where the plan asks for it.
    """

    packet: Path
    exit_code: int
    report: Report | None
    status: str | None
    modules: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """True only if there is a report, and it says so."""
        return self.report is not None and self.report.ok

    @property
    def silence(self) -> str:
        """What to say where there is no report."""
        return (
            f"the command ended (exit {self.exit_code}) and left no report: nothing is known about this replay; "
            "os._exit and kill leave none: let it come to its end, or call sys.exit"
        )

    def to_json(self) -> str:
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
    root: Path | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Replayed:
    """Replays in a process of its own.

    Args:
        command: Instead of what was recorded.
        entry: A function instead of what was recorded.
        root: Top of the project. Default: found from here; a function is called here.
        stdout: Where it prints; default: where this process does.
        stderr: Where its errors go; default: where this process' own go.

    Raises:
        UsageError: It is not known what to run, or it can't be run.
        PacketError: The packet can't be used.
    """
    return prepare(name, command, entry=entry, options=options, environ=environ, root=root).run(stdout, stderr)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A replay that can be run, any number of times.

    Attributes:
        cwd: Where the command runs.
    """

    path: Path
    packet: Packet
    plan: Plan
    cwd: Path
    environ: Mapping[str, str]

    @property
    def stdin(self) -> bytes | int | None:
        """What it reads, or where from; None: what this process reads from."""
        return _stdin(self.packet)

    def planned(self, **changes: Any) -> Prepared:
        """The same with another plan."""
        return replace(self, plan=replace(self.plan, **changes))

    def run(self, stdout: int | None = None, stderr: int | None = None) -> Replayed:
        """Runs it to its end."""
        with Exchange(self.plan) as exchange:
            code = self.run_in(exchange, stdout, stderr)
            return self.replayed(exchange, exchange.result, code)

    def run_in(self, exchange: Exchange, stdout: int | None, stderr: int | None) -> int:
        """The exit code of what was run."""
        argv, variables = _what_runs(
            exchange, self.plan, {**self.environ, **_zone(self.packet)}, self.packet.run.hash_seed
        )
        return run_command(argv, variables, cwd=self.cwd, stdin=self.stdin, stdout=stdout, stderr=stderr)

    def replayed(self, exchange: Exchange, result: dict[str, Any] | None, code: int) -> Replayed:
        """What was found out: `result` is what the replaying process left."""
        outcome = self.packet.outcome
        status = outcome.status if outcome is not None else None
        report = _report(exchange, result, self.packet, self.plan, code)
        return Replayed(self.path, code, report, status, tuple((result or {}).get("modules", ())))


def prepare(
    name: str,
    command: Sequence[str] = (),
    *,
    entry: str | None = None,
    options: Options | None = None,
    environ: Mapping[str, str] | None = None,
    root: Path | None = None,
) -> Prepared:
    """What `replay_run` would run; raises what it raises."""
    path = find_packet(name)
    packet = Packet.load(path)
    plan = _plan(path, packet, tuple(command), entry, options or Options())
    if packet.is_altered and not plan.is_given:
        said = shlex.join(plan.argv) or plan.target
        what = "the packet was altered after it was recorded; what it says to run is not run; type it behind --"
        raise PacketError(f"{what}: {said[:200]}", path=path)
    cwd = root or Path.cwd() if plan.target or command else _folder(packet, path, root)
    return Prepared(path, packet, plan, cwd, os.environ if environ is None else environ)


def _plan(path: Path, packet: Packet, command: tuple[str, ...], entry: str | None, options: Options) -> Plan:
    find_policy(options.policy, options.changed)  # all raise here, and not only in the child
    Allowed.parse(options.allow)
    check_attempts(options.attempts)
    check_schedule(options.schedule, 0)
    if command and entry:
        raise UsageError("give a command or --entry, not both")
    argv, target = command, entry or ""
    if not argv and not target:
        argv = packet.entry.argv if packet.entry.kind == "command" else ()
        target = (packet.entry.target or "") if packet.entry.kind == "callable" else ""
    if argv and not command and (requests := incoming(packet, argv)) is not None:
        raise UsageError(requests)
    if not argv and not target:
        raise UsageError(
            f"{path.name} does not say what was run ({how_made(packet)}); say it:\n"
            f"  replaykit replay {shlex.quote(str(path))} -- python SCRIPT.py\n"
            f"  replaykit replay {shlex.quote(str(path))} --entry MODULE:FUNCTION"
        )
    return Plan(
        mode="replay",
        argv=argv,
        target=target,
        packet=str(path.absolute()),
        policy=options.policy,
        changed=options.changed,
        allow=options.allow,
        attempts=options.attempts,
        schedule=options.schedule,
        strict_substitutions=options.strict_substitutions,
        keeps_output=options.keeps_output,
        is_given=bool(command or entry),
    )


def how_made(packet: Packet) -> str:
    """Where a packet without an entry comes from."""
    return "it was recorded by `with replaykit.record()`" if packet.has_positions else "it was imported"


def incoming(packet: Packet, argv: Sequence[str]) -> str | None:
    """Why a recorded service can't be replayed: its requests came from outside. None for any other command."""
    if not argv:
        return None
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


def _folder(packet: Packet, path: Path, root: Path | None) -> Path:
    """Where the command is run: in the project here, else in the one that the packet lies in."""
    entry = packet.entry
    place = path.absolute().parent
    tops = (root,) if root is not None else (project_root(Path.cwd()), project_root(place), place.parent)
    folders = [top / entry.cwd for top in tops if (top / entry.cwd).is_dir()]
    if not folders:
        raise UsageError(f"the command ran in {entry.cwd}, and there is no such folder in {tops[0]}")
    script = next((word for word in entry.argv if Path(word).name == label(entry.argv)), "")
    if not script.endswith(".py"):
        return folders[0]
    found = next((folder for folder in folders if (folder / script).exists()), None)
    if found is None:
        raise UsageError(
            f"the command runs {script}, which is not in {folders[0]}: replay it in the folder of its project, or say\n"
            f"what to run:  replaykit replay {shlex.quote(str(path))} -- python SCRIPT.py"
        )
    return found


def _what_runs(
    exchange: Exchange, plan: Plan, environ: Mapping[str, str], hash_seed: str | None
) -> tuple[tuple[str, ...], dict[str, str]]:
    if not plan.target:
        return plan.argv, exchange.environ(environ, hash_seed)
    argv = (sys.executable, "-m", "replaykit.launch.bootstrap.call", str(exchange.folder))
    return argv, {**environ, **({"PYTHONHASHSEED": hash_seed} if hash_seed is not None else {})}


def _zone(packet: Packet) -> dict[str, str]:
    """The time zone of the recording, for the recorded times; nothing where this machine does not know it."""
    name = packet.run.timezone
    return {"TZ": name} if packet.run.effects and name is not None and timezones.is_known(name) else {}


def _report(exchange: Exchange, result: dict[str, Any] | None, packet: Packet, plan: Plan, code: int) -> Report | None:
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
    path = relative(plan.packet)
    quoted = shlex.quote(plan.packet), shlex.quote(path)
    again = f" -- {shlex.join(plan.argv)}" if plan.is_given and plan.argv else ""
    again = f" --entry {plan.target}" if plan.is_given and plan.target else again
    divergences = []
    for item in report.divergences:
        message = item.message.replace(*quoted).replace(plan.packet, path)
        divergences.append(item.model_copy(update={"message": _COMMAND.sub(rf"\g<0>{again}", message)}))
    return report.model_copy(update={"packet": path, "divergences": tuple(divergences)})


def _with_exit_code(report: Report, packet: Packet, plan: Plan, code: int) -> Report:
    """The report, and the one thing that the process itself could not know."""
    recorded = packet.outcome.exit_code if packet.outcome is not None else None
    if not report.ok or recorded is None or recorded == code or not find_policy(plan.policy).compares_outcome:
        return report
    message = f"the run ended in another way (root cause: code)\n  exit code\n  - {recorded}\n  + {code}"
    divergence = ReportedDivergence(position="the end", level=5, root_cause="code", message=message)
    return report.model_copy(update={"ok": False, "verdict": "unproven", "divergences": (divergence,)})
