"""`replaykit show P`: what happened in a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from replaykit.cli.facts import Row
    from replaykit.packet import Packet
    from replaykit.packet.model import Manifest


def show_command(
    packet: Annotated[str, typer.Argument(metavar="PACKET", help="A packet or journal file, or `last`.")],
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
) -> None:
    """Show a run: its calls, tools, tokens, outcome and what was captured."""
    from replaykit.cli import facts
    from replaykit.cli.output import console, write_json
    from replaykit.launch.packets import find_packet
    from replaykit.packet import Packet

    loaded = Packet.load(find_packet(packet))
    if as_json:
        write_json(facts.to_json(loaded))
    else:
        show(loaded, console())


def show(packet: Packet, out: Console) -> None:
    """The whole page."""
    _show_head(packet, out)
    out.print()
    show_timeline(packet, out)
    _show_tools(packet, out)
    out.print()
    _show_capture(packet, out)


def _show_head(packet: Packet, out: Console) -> None:
    from replaykit.cli.output import plain
    from replaykit.launch.places import relative

    run, outcome = packet.run, packet.outcome
    status = outcome.status if outcome is not None else "interrupted"
    style = {"ok": "bold green", "failed": "bold red"}.get(status, "bold yellow")
    took = f"   {outcome.time_ns / 1e9:.2f} s" if outcome is not None and status != "unknown" else ""
    when = f"   {run.started_at[:19]} UTC{took}" if run.started_at else ""
    _line(out, (plain(run.workflow), "bold"), ("   ", ""), (status, style), (when, "dim"))
    for note in packet.recovered:
        _fact(out, "note", note, "yellow")
    for log in packet.logs:
        _fact(out, "note", log.message)
    _fact(out, "file", relative(packet.path) if packet.path else "(in memory)")
    _fact(out, "entry", _entry(packet))
    if run.python:
        _fact(out, "code", _code(packet), "dim")
    if run.parent:
        _fact(out, "parent", f"run {run.parent}")
    if run.tags:
        _fact(out, "tags", ", ".join(f"{name}={value}" for name, value in run.tags.items()))
    if outcome is None:
        return
    if outcome.exception is not None:
        _fact(out, "error", f"{outcome.exception.type.rpartition(':')[2]}: {outcome.exception.message}", "red")
    if outcome.exit_code:
        _fact(out, "exit", str(outcome.exit_code))
    if outcome.has_output:
        text = outcome.output if isinstance(outcome.output, str) else json.dumps(outcome.output, ensure_ascii=False)
        _fact(out, "output", text or "(empty)")
    if outcome.verdict is not None:
        word, by = "passed" if outcome.verdict.passed else "failed", outcome.verdict.verifier
        _fact(out, "verdict", ": ".join(filter(None, [f"{word} by {by}" if by else word, outcome.verdict.reason])))


def _entry(packet: Packet) -> str:
    entry = packet.entry
    if entry.kind == "command":
        return " ".join(entry.argv)
    if entry.kind == "callable":
        return f"{entry.target}({', '.join(entry.arguments)})"
    if packet.outcome is not None and packet.outcome.status == "unknown":
        return "none: it was imported"
    return "a `with replaykit.record()` block"


def _code(packet: Packet) -> str:
    run = packet.run
    packages = packet.outcome.packages if packet.outcome is not None else {}
    parts = [f"release {run.release}" if run.release else "", f"git {run.git_sha[:10]}" if run.git_sha else ""]
    parts += [f"Python {run.python}", run.platform, *(f"{name} {version}" for name, version in packages.items())]
    return ", ".join(filter(None, parts))


def show_timeline(packet: Packet, out: Console) -> None:
    """Every call: where, what was asked, what came back, tokens and time."""
    from replaykit.cli.facts import interaction_rows

    rows = interaction_rows(packet)
    if not rows:
        out.print("no calls were recorded")
        return
    out.print(_table(rows, out.width))
    steps = [span for span in packet.spans if span.line.span_kind != "agent" or len(packet.spans) > 1]
    for span in steps:
        took = f"{(span.done.time_ns - span.line.time_ns) / 1e6:.0f} ms" if span.done is not None else "never ended"
        state = f", {span.done.state}" if span.done is not None and span.done.state != "complete" else ""
        _fact(out, "span", f"{span.line.position}  {span.line.span_kind}, {took}{state}", "dim")


def _table(rows: tuple[Row, ...], width: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from replaykit.cli.output import shorten

    places = [shorten("· " * row.depth + row.place, max(width * 3 // 10, 20)).replace("·", " ") for row in rows]
    first = max(map(len, places))
    asked_width = max((width - first - 24) * 2 // 5, 10)
    answered_width = max(width - first - 24 - asked_width, 10)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column("position", no_wrap=True, style="cyan", min_width=first)
    table.add_column("asked", no_wrap=True)
    table.add_column("answered", no_wrap=True)
    table.add_column("tokens", justify="right", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    model: str | None = None  # named where it changes, not on each line
    for place, row in zip(places, rows, strict=True):
        asked = f"{row.model}: {row.asked}" if row.model not in (None, model) else row.asked
        model = row.model or model
        is_bad = row.state in ("error", "open") or (row.status or 0) >= 400
        table.add_row(
            Text(place),
            Text(shorten(asked, asked_width)),
            Text(shorten(row.answered, answered_width), style="red" if is_bad else ""),
            f"{row.tokens[0]}+{row.tokens[1]}" if row.tokens else "",
            f"{row.duration_s * 1000:.0f}" if row.duration_s is not None else "-",
        )
    return table


def _show_tools(packet: Packet, out: Console) -> None:
    """Tools that only the model traffic shows: nobody recorded the calls themselves."""
    from replaykit.session.derived import tool_events

    for event in tool_events(packet):
        if not event.is_declared:
            arguments = json.dumps(event.arguments, ensure_ascii=False)
            result = json.dumps(event.result, ensure_ascii=False) if event.has_result else "no result was sent back"
            _fact(out, "tool", f"{event.name}({arguments}) = {result} (seen in model traffic only)")


def _show_capture(packet: Packet, out: Console) -> None:
    from replaykit.cli.facts import replayable, stand_in_kinds

    kinds = stand_in_kinds(packet)
    words = [f"{count} {kind}" if count > 1 else kind for kind, count in kinds.items()]
    _fact(out, "replaced", ", ".join(words) or "nothing: no sensitive value was found")
    outcome = packet.outcome
    if outcome is not None:
        manifest = outcome.manifest
        lost = {name: getattr(manifest, name) for name in ("withheld", "adopted", "possibly_missing", "dropped_events")}
        parts = [f"{count} {name}" for name, count in manifest.calls.items()]
        parts += [f"{count} {name.replace('_', ' ')}" for name, count in lost.items() if count]
        parts += [f"{count} telemetry (not kept)" for name, count in manifest.classes.items() if name == "telemetry"]
        _fact(out, "captured", ", ".join(parts) or "nothing")
        _show_egress(manifest, out)
    if packet.run.effects:
        _fact(out, "chance", _chance(packet))
    if outcome is not None:
        usage = outcome.usage
        if usage.input_tokens or usage.output_tokens:
            _fact(out, "tokens", f"{usage.input_tokens} in, {usage.output_tokens} out")
    is_replayable, why = replayable(packet)
    whole = f"replayable: the whole run{f', but for {why}' if why else ''}"
    _fact(out, "replay", whole if is_replayable else f"not all of it can be replayed: {why}")


def _show_egress(manifest: Manifest, out: Console) -> None:
    """What left the process and by what right, where not all of it was captured; and the files that were written."""
    rows = [(item.state, f"{item.target} ({item.count})") for item in manifest.egress]
    rows = rows or [("uncaptured", target) for target in manifest.uncaptured]  # an older packet
    if any(state != "captured" for state, _ in rows):
        for number, (state, target) in enumerate(rows):
            style = "yellow" if state == "uncaptured" else ""
            _fact(out, "egress" if number == 0 else "", f"{state} {target}", style)
    if manifest.overlooked:
        _fact(out, "golden", f"although: {'; '.join(manifest.overlooked)}", "yellow")
    if manifest.files:
        more = f", and {manifest.more_files} more" if manifest.more_files else ""
        _fact(out, "files", ", ".join(manifest.files) + more)


def _chance(packet: Packet) -> str:
    """`12 reads: 8 time, 4 uuid.uuid4`; those of libraries after them."""
    from replaykit.cli.facts import effect_counts

    own, libraries = effect_counts(packet)
    dropped = packet.outcome.manifest.dropped_effects if packet.outcome is not None else 0
    parts = [f"{count} {source}" for source, count in own.items()]
    parts += [f"{sum(libraries.values())} in {', '.join(libraries)}"] if libraries else []
    parts += [f"{dropped} more were not kept"] if dropped else []
    return ", ".join(parts) or "neither the clock nor a random source was read"


def _fact(out: Console, name: str, text: str, style: str = "") -> None:
    from replaykit.cli.output import shorten

    _line(out, (f"  {name:<9}", "dim"), (shorten(text, 300 if out.is_terminal else 1000), style))


def _line(out: Console, *parts: tuple[str, str]) -> None:
    from rich.text import Text

    out.print(Text.assemble(*parts), soft_wrap=True)
