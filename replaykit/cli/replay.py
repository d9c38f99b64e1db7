"""`replaykit replay P`: the recorded command or function again, with the packet in place of the world."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from replaykit.cli.options import Allow, AttemptsMode, Changed, Command, EntryPoint, NoStdout, PacketFile

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from replaykit.launch.replaying import Replayed
    from replaykit.session.report import Report

MAX_LINES = 12


def replay_command(
    packet: PacketFile,
    command: Command = None,
    policy: Annotated[str, typer.Option(help="exact, refactor or wiring.")] = "exact",
    changed: Changed = None,
    allow: Allow = None,
    attempts: AttemptsMode = "all",
    schedule: Annotated[
        str, typer.Option(help="natural: what comes from outside comes by its recorded duration, not in its order.")
    ] = "strict",
    strict_substitutions: Annotated[
        bool,
        typer.Option("--strict-substitutions", help="A value that nothing proves to be the recorded one diverges."),
    ] = False,
    entry: EntryPoint = None,
    no_stdout: NoStdout = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The report as JSON; the command's output on stderr.")
    ] = False,
) -> None:
    """Re-run a recorded run offline; exit 0 only if it is the same run."""
    from replaykit.cli.output import console, write
    from replaykit.launch.replaying import Options, replay_run

    options = Options(
        policy=policy,
        changed=tuple(changed or ()),
        allow=tuple(allow or ()),
        attempts=attempts,
        schedule=schedule,
        strict_substitutions=strict_substitutions,
        keeps_output=not no_stdout,
    )
    printed = sys.stderr.fileno() if as_json else None
    replayed = replay_run(packet, tuple(command or ()), entry=entry, options=options, stdout=printed)
    if as_json:
        write(replayed.to_json())
    else:
        print_report(replayed, console())
    raise typer.Exit(0 if replayed.is_same else 1)


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
    is_same = is_same and report.has_positions and not report.left_out_attempts
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
    if report.assumed:
        kinds = ", ".join(f"{kind} {count}" for kind, count in report.assumed.items())
        remarks.append(f"taken on trust to be the same value: {kinds}")
    if report.allowed:
        remarks.append(f"allowed by name: {', '.join(report.allowed)}")
    if report.already_connected:
        remarks.append(f"connected before the replay, unseen: {', '.join(report.already_connected)}")
    remarks += report.notes
    return remarks
