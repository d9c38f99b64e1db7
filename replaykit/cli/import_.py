"""`replaykit import vcr FILE`: recordings of other tools become packets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from replaykit.convert.files import Plan
    from replaykit.convert.recording import Recording

import_app = typer.Typer(
    help="Turn a recording of another tool into a packet.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@import_app.command("vcr")
def vcr_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A vcrpy cassette, or a folder of them.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PATH", help="The packet, or a folder; default: the working directory."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace packets of the same name that say else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What was imported, as JSON.")] = False,
) -> None:
    """Import vcrpy cassettes, of any age, sanitized; what a packet can't hold is named."""
    from replaykit.convert.files import plan_file, plan_folder
    from replaykit.convert.vcr import read_cassette, require_vcrpy
    from replaykit.errors import UsageError

    require_vcrpy()
    if not file.exists():
        raise UsageError(f"no cassette {file}: there is no such file")
    if file.is_dir():
        plans, passed_over = plan_folder(file, output)
        if not plans:
            raise UsageError(f"no cassette in {file}/: a cassette ends in .yaml, .yml or .json, also with .gz")
        results = [_try_import(plan, read_cassette, force) for plan in _with_progress(plans)]
        _report(results, passed_over, as_json)
        raise typer.Exit(2 if any(item.state == "failed" for item in results) else 0)
    result = _import(plan_file(file, output), read_cassette, force)
    _report([result], None, as_json)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file.

    Attributes:
        state: `written`, `replaced`, `unchanged`, `skipped` (another format) or `failed`.
        reason: Why it was skipped, or failed.
    """

    source: str
    state: str
    packet: str | None = None
    layout: str | None = None
    calls: dict[str, int] | None = None
    telemetry: int = 0
    replaced: int = 0
    notes: tuple[str, ...] = ()
    reason: str | None = None


def _import(plan: Plan, read: Callable[[Path], Recording], is_forced: bool) -> Result:
    import os

    from replaykit.convert.files import write_packet
    from replaykit.convert.packing import pack
    from replaykit.session.rules import make_sanitizer

    recording = read(plan.source)
    sanitizer = make_sanitizer(os.environ)
    packed = pack(recording, plan.workflow, plan.source.name, sanitizer)
    return Result(
        source=str(plan.source),
        state=write_packet(packed, plan.target, is_forced=is_forced),
        packet=str(plan.target),
        layout=recording.layout,
        calls=dict(packed.calls),
        telemetry=packed.telemetry,
        replaced=packed.replaced,
        notes=packed.notes,
    )


def _try_import(plan: Plan, read: Callable[[Path], Recording], is_forced: bool) -> Result:
    """One file of many: what is wrong with it is said at the end, and the others are imported."""
    from replaykit.convert.recording import OtherFormat
    from replaykit.errors import ReplayKitError

    try:
        return _import(plan, read, is_forced)
    except OtherFormat as error:
        return Result(str(plan.source), "skipped", reason=str(error))
    except ReplayKitError as error:
        return Result(str(plan.source), "failed", reason=str(error))


def _with_progress(plans: Sequence[Plan]) -> Iterator[Plan]:
    """The plans, with a bar on a terminal."""
    if not sys.stderr.isatty():
        yield from plans
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(plans, description="importing", console=Console(stderr=True), transient=True)


# what is said


def _report(results: Sequence[Result], passed_over: int | None, as_json: bool) -> None:
    """Paths to standard output, all the rest to standard error. `passed_over` is None for a single file."""
    from replaykit.cli.output import note, plain, write
    from replaykit.launch.places import relative

    if as_json:
        write(json.dumps({"files": [asdict(item) for item in results], "passed_over": passed_over or 0}))
        return
    for item in results:
        name = f"{relative(item.source)}: " if passed_over is not None else "  "
        if item.packet is not None:
            write(item.packet)
        if item.reason is not None:
            note(plain(item.reason))
        for text in item.notes:
            note(plain(f"{name}{text}"))
    note(_summary(results, passed_over))


def _summary(results: Sequence[Result], passed_over: int | None) -> str:
    done = [item for item in results if item.packet is not None]
    kinds: dict[str, int] = {}
    for item in done:
        for kind, count in (item.calls or {}).items():
            kinds[kind] = kinds.get(kind, 0) + count
    words = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda pair: -pair[1]))
    parts = [_count(sum(kinds.values()), "interaction") + (f" ({words})" if words else "")]
    parts.append(f"{_count(sum(item.replaced for item in done), 'sensitive value')} replaced")
    if telemetry := sum(item.telemetry for item in done):
        parts.append(f"{telemetry} telemetry left out")
    if passed_over is None:
        (only,) = results
        head = "already imported" if only.state == "unchanged" else "imported"
        return f"{head}  {only.layout}: {', '.join(parts)}"
    states = [item.state for item in results]
    for state, text in (("unchanged", "imported before"), ("skipped", "of another format"), ("failed", "not imported")):
        if state in states:
            parts.append(f"{states.count(state)} {text}")
    if passed_over:
        parts.append(f"{_count(passed_over, 'other file')} not looked at")
    return f"imported  {len(done)} of {_count(len(results), 'file')}: {', '.join(parts)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
