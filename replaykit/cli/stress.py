"""`replaykit stress P`: the recorded run under many shuffled schedules; what depends on who finishes first?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from replaykit.cli.options import Allow, AttemptsMode, Changed, Command, EntryPoint, NoStdout, PacketFile

if TYPE_CHECKING:
    from rich.console import Console

    from replaykit.launch.stressing import Progress, Stressed
    from replaykit.session.stress import Dependence, StressReport

MAX_SHOWN = 8


def stress_command(
    packet: PacketFile,
    command: Command = None,
    schedules: Annotated[int, typer.Option(help="How many.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the first one; the others have the numbers after it.")] = 0,
    policy: Annotated[str, typer.Option(help="refactor: it does not matter who makes a call, nor when.")] = "exact",
    changed: Changed = None,
    allow: Allow = None,
    attempts: AttemptsMode = "all",
    entry: EntryPoint = None,
    no_stdout: NoStdout = False,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds that a schedule may take; default: by the recorded order.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Find what depends on who finishes first: exit 1, and the seed that shows it."""
    from replaykit.cli.output import console, write
    from replaykit.launch.replaying import Options
    from replaykit.launch.stressing import stress_run

    options = Options(policy, tuple(changed or ()), tuple(allow or ()), attempts, keeps_output=not no_stdout)
    with _progress(schedules) as on_progress:
        stressed = stress_run(
            packet,
            tuple(command or ()),
            entry=entry,
            options=options,
            schedules=schedules,
            seed=seed,
            limit_s=timeout,
            on_progress=on_progress,
        )
    if as_json:
        write(_to_json(stressed))
    else:
        _print(stressed, console())
    raise typer.Exit(0 if stressed.report is not None and stressed.report.ok else 1)


def _to_json(stressed: Stressed) -> str:
    if stressed.report is not None:
        return stressed.report.to_json()
    control = json.loads(stressed.control.to_json())
    return json.dumps({"ok": False, "packet": control["packet"], "schedules": 0, "depends": [], "control": control})


@contextmanager
def _progress(schedules: int) -> Iterator[Progress]:
    """A bar on a terminal; nothing anywhere else."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    out = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("schedules", total=schedules)
        yield lambda count: bar.update(task, completed=count)


def _print(stressed: Stressed, out: Console) -> None:
    from rich.text import Text

    from replaykit.cli.replay import print_report

    report = stressed.report
    if report is None:
        print_report(stressed.control, out)
        out.print(Text("  not stressed: it is not the recorded run even in the recorded order", style="yellow"))
        return
    for line in _lines(report):
        out.print(line, soft_wrap=True)


def _lines(report: StressReport) -> Iterator[object]:
    from rich.text import Text

    last = report.seed + report.schedules - 1
    seeds = f"seed {last}" if report.schedules == 1 else f"seeds {report.seed} to {last}"
    tried = f"({seeds}; {_count(report.orders, 'order')} of completion)"
    if report.ok:
        schedules = _count(report.schedules, "schedule")
        yield Text.assemble(("no dependence", "bold green"), f"  the same run under {schedules} {tried}")
        if report.orders == 1 and report.schedules > 1:
            why = "no two answers overlap, so there is one order; time-outs with room to spare were not varied"
            yield Text(f"  {why}", style="dim")
        return
    differing = f"{report.differing} of {_count(report.schedules, 'schedule')} lead to another run"
    yield Text.assemble(("depends on the schedule", "bold red"), f"  {differing} {tried}")
    for item in report.depends[:MAX_SHOWN]:
        yield from _dependence(item)
    if len(report.depends) > MAX_SHOWN:
        yield Text(f"and {len(report.depends) - MAX_SHOWN} more (--json has all of them)")
    if report.reproduced is False:
        seed = min(item.seed for item in report.depends)
        again = f"  seed {seed} did not show the same again: something else than the schedule varies too"
        yield Text(again, style="yellow")
    if any(item.kind == "call" for item in report.depends):
        yield Text("  only who makes a call, or when?  --policy refactor", style="dim")


def _dependence(item: Dependence) -> Iterator[object]:
    from rich.text import Text

    from replaykit.cli.output import plain

    yield Text.assemble((item.kind, "bold"), f" {plain(item.position)}  in {_count(item.schedules, 'schedule')}")
    for line in item.message.splitlines():
        style = {"-": "red", "+": "green"}.get(line.strip()[:1], "")
        yield Text(f"  {plain(line)}", style=style)
    if item.command:
        yield Text(f"  reproduce: {item.command}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
