"""`replaykit promote P`: a packet becomes a test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from replaykit.packet.model import Entry


def promote_command(
    packet: Annotated[str, typer.Argument(metavar="PACKET", help="A packet file, or `last`.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- CMD...]", help="How to run it, where the packet does not say.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the cassette; default: the run's.")] = None,
    entry: Annotated[str | None, typer.Option(help="The function to call, where the packet does not say.")] = None,
    folder: Annotated[str, typer.Option(help="Where cassettes are kept.")] = "cassettes",
    allow_uncaptured: Annotated[
        bool,
        typer.Option("--allow-uncaptured", help="Although something left unrecorded; the cassette says so."),
    ] = False,
) -> None:
    """Copy a packet into the suite; pytest replays it there without test code."""
    import shlex

    from replaykit.cli.output import write
    from replaykit.golden.promote import promote
    from replaykit.launch.packets import find_packet
    from replaykit.launch.places import relative

    promoted = promote(
        find_packet(packet),
        Path(folder),
        name=name,
        entry=_entry(command or [], entry),
        may_be_uncaptured=allow_uncaptured,
    )
    word = "was there" if promoted.was_there else "promoted"
    write(f"{word}  {relative(promoted.path)}   (replayed by: pytest {shlex.quote(relative(promoted.path))})")
    for reason in promoted.overlooked:
        write(f"  although {reason}")


def _entry(command: list[str], target: str | None) -> Entry | None:
    from replaykit.errors import UsageError
    from replaykit.launch.places import place_in_project
    from replaykit.packet.model import Entry

    if command and target:
        raise UsageError("give a command or --entry, not both")
    if command:
        return Entry(kind="command", argv=tuple(command), cwd=place_in_project())
    return Entry(kind="callable", target=target) if target else None
