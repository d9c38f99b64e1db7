"""`replaykit audit P...`: proves that packets hold no secret, and that they still replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from replaykit.audit.findings import Audited, Finding

_SHOWN = 40


def audit_command(
    packets: Annotated[list[str], typer.Argument(metavar="PACKET...", help="Packets, folders of them, or `last`.")],
    as_json: Annotated[bool, typer.Option("--json", help="One object a packet.")] = False,
    sarif: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write SARIF 2.1.0, for code scanning.")
    ] = None,
    no_replay: Annotated[bool, typer.Option("--no-replay", help="Only look for secrets.")] = False,
) -> None:
    """Look for secrets in every decoded layer of packets, and replay each against its own requests."""
    from replaykit.audit.audit import audit
    from replaykit.cli.output import note
    from replaykit.errors import PacketError
    from replaykit.launch.packets import find_packets

    results: list[Audited] = []
    unreadable = 0
    for path in _with_progress(find_packets(packets)):
        try:
            audited = audit(path, has_replay=not no_replay)
        except PacketError as error:  # the others are looked at all the same
            note(f"replaykit: {error}")
            unreadable += 1
            continue
        results.append(audited)
        _say(audited, as_json)
    if sarif is not None:
        _write_sarif(sarif, results)
    if unreadable:
        raise typer.Exit(2)
    if not all(result.is_clean for result in results):
        raise typer.Exit(1)


def _say(audited: Audited, as_json: bool) -> None:
    from replaykit.cli.output import plain, write, write_json
    from replaykit.launch.places import relative

    if as_json:
        write_json(audited.to_json())
        return
    errors = sum(finding.level == "error" for finding in audited)
    head = "clean   " if not errors else "finding " if errors == 1 else "findings"
    rest = [f"{errors} findings"] if errors > 1 else []
    rest.append(f"{audited.lines} lines")
    if audited.calls is not None:
        rest.append("1 call replays" if audited.calls == 1 else f"{audited.calls} calls replay")
    rest += [f"note: {finding.message}" for finding in audited if finding.level == "note"]
    write(plain(f"{head}  {relative(audited.path)}   ({', '.join(rest)})"))
    told = [finding for finding in audited if finding.level != "note"]
    for finding in told[:_SHOWN]:
        write(plain(f"  {_line(finding)}"))
    if len(told) > _SHOWN:
        write(f"  and {len(told) - _SHOWN} more; --json lists them")


def _line(finding: Finding) -> str:
    """`line 12  c3  http.body.json   openai_key, 48 characters   request body > json $.a > base64 at 0`"""
    word = "" if finding.level == "error" else f"{finding.level}: "
    where = [f"line {finding.line}" if finding.line is not None else "", finding.id, finding.field]
    return "  ".join(filter(None, [*where, f"{word}{finding.message}", finding.layer]))


def _with_progress(paths: Sequence[Path]) -> Iterator[Path]:
    """The paths, with a bar on a terminal."""
    import sys

    if len(paths) < 2 or sys.stderr is None or not sys.stderr.isatty():
        yield from paths
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(paths, description="auditing", console=Console(stderr=True), transient=True)


def _write_sarif(path: Path, results: Sequence[Audited]) -> None:
    import json

    from replaykit.audit.sarif import to_sarif
    from replaykit.launch.places import project_root

    text = json.dumps(to_sarif(results, project_root(Path.cwd())), indent=2)
    path.write_text(text + "\n", encoding="utf-8")
