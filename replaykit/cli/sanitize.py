"""`replaykit sanitize P...`: older packets get what newer rules find replaced, in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from replaykit.audit.resanitizing import Resanitized


def sanitize_command(
    packets: Annotated[list[str], typer.Argument(metavar="PACKET...", help="Packets, folders of them, or `last`.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only say what would change; exit 1 if something would.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One object a packet.")] = False,
) -> None:
    """Sanitize recorded packets again, in place, with the present rules and this environment's secrets."""
    from replaykit.audit.resanitizing import resanitize, write
    from replaykit.cli.output import note
    from replaykit.errors import PacketError, SanitizeError
    from replaykit.launch.packets import find_packets

    unreadable, would_change = 0, False
    for path in find_packets(packets, has_journals=False):
        try:
            result = resanitize(path)
        except (PacketError, SanitizeError) as error:  # the others are looked at all the same
            note(f"replaykit: {error}")
            unreadable += 1
            continue
        would_change = would_change or result.data is not None
        if not check:
            write(result)
        _say(result, as_json, check)
    if unreadable:
        raise typer.Exit(2)
    if check and would_change:
        raise typer.Exit(1)


def _say(result: Resanitized, as_json: bool, is_check: bool) -> None:
    from replaykit.cli.output import plain, write, write_json
    from replaykit.launch.places import relative

    if as_json:
        write_json(result.to_json())
        return
    name = relative(result.path)
    if result.data is None:
        write(plain(f"unchanged  {name}   (ruleset {result.ruleset})"))
        return
    word = "would be sanitized" if is_check else "sanitized"
    write(plain(f"{word}  {name}   ({', '.join(_parts(result))})"))


def _parts(result: Resanitized) -> list[str]:
    from replaykit.sanitizer.sanitizer import Sanitizer

    found = []
    if result.ruleset != Sanitizer.ruleset:
        found.append(f"ruleset {result.ruleset} -> {Sanitizer.ruleset}")
    if result.lines:
        found.append(f"{result.lines} line{'s' if result.lines != 1 else ''} changed")
    if result.replaced:
        found.append("replaced " + ", ".join(f"{count} {kind}" for kind, count in sorted(result.replaced.items())))
    if result.withheld:
        found.append(f"{result.withheld} withheld: these can't be replayed any more")
    if result.is_altered:
        found.append("it was altered by hand before, and still says so")
    return found or ["content keys made again"]
