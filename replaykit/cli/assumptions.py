"""What a packet assumes of the place where it is replayed, and whether this is such a place: values, no layout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from replaykit.cli import facts
from replaykit.launch.command import find_program, label
from replaykit.launch.packets import find_packet
from replaykit.packet import Packet
from replaykit.session import runtime
from replaykit.session.derived import executed_tools
from replaykit.session.live import lacks_key, secret_variables
from replaykit.session.rules import PROJECT_KEY
from replaykit.session.summary import unrecorded

Exact = Literal["yes", "other versions", "no"]


@dataclass(frozen=True, slots=True)
class Substitution:
    """Values of one kind that were replaced.

    Attributes:
        kind: email, openai_key, env, ...
        variable: The environment variable that held the value.
    """

    kind: str
    count: int
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A version that is another one here; None where the thing is absent."""

    name: str
    recorded: str
    here: str | None


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What must hold for an exact replay.

    Attributes:
        exact: Whether an exact replay is possible here. `other versions`: it may be, and moved calls are served.
        reasons: Why not.
        needs: What has to be given to the replay.
        placeholders: Secret variables that were set and are not here: a replay sets a placeholder for each.
        absent: Other variables that were set and are not here.
        is_checked: The project's key is set, so that stand-ins are checked and not taken on trust.
        lacks_key: The packet was made with the project's key, which is not set here.
        for_real: Tools whose bodies run in a replay: the recording has no result of theirs to serve.
    """

    packet: str
    entry: str
    stdin: str | None
    exact: Exact
    reasons: tuple[str, ...]
    needs: tuple[str, ...]
    placeholders: tuple[str, ...]
    absent: tuple[str, ...]
    substitutions: tuple[Substitution, ...]
    is_checked: bool
    lacks_key: bool
    differences: tuple[Difference, ...]
    for_real: tuple[str, ...]
    counts: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(name: str, environ: Mapping[str, str]) -> Assumptions:
    """What the packet of that name assumes, held against this environment.

    Raises:
        PacketError: It can't be read.
        UsageError: There is none.
    """
    packet = Packet.load(find_packet(name))
    for interaction in packet.interactions:  # damage in the middle is found now, and not in the middle of a replay
        _ = interaction.done
    secrets = set(secret_variables(packet))
    reasons, needs = _reasons(packet, environ), _needs(packet)
    differences = _differences(packet)
    entry = packet.entry
    stdin = None
    if entry.stdin is not None:
        body = entry.stdin.body
        stdin = "terminal" if body is None else "not kept" if body.withheld is not None else "in the packet"
    return Assumptions(
        packet=str(packet.path),
        entry=_entry(packet),
        stdin=stdin,
        exact="no" if reasons else "other versions" if differences else "yes",
        reasons=reasons,
        needs=needs,
        placeholders=tuple(sorted(item for item in secrets if item not in environ and item != PROJECT_KEY)),
        absent=tuple(item for item in entry.variables if item not in environ and item not in secrets),
        substitutions=_substitutions(packet),
        is_checked=bool(environ.get(PROJECT_KEY)),
        lacks_key=lacks_key(packet, environ),
        differences=differences,
        for_real=executed_tools(packet),
        counts=_counts(packet),
    )


def _entry(packet: Packet) -> str:
    entry = packet.entry
    if entry.kind == "command":
        return f"command: {' '.join(entry.argv)}"
    return f"function: {entry.target}" if entry.kind == "callable" else "a block; the packet does not say of what"


def _reasons(packet: Packet, environ: Mapping[str, str]) -> tuple[str, ...]:
    is_whole, why = facts.replayable(packet)
    found = [] if is_whole else [why or "the packet says that it can't be replayed"]
    missed = unrecorded(packet)
    if missed is not None and is_whole:  # an older packet, which does not count that
        found.append(f"{missed} (unless allowed: --allow)")
    entry = packet.entry
    if entry.kind == "command":
        folder = Path.cwd() / entry.cwd
        if not folder.is_dir():
            found.append(f"the folder {entry.cwd} is not here")
        program = find_program(entry.argv[0], environ) if entry.argv else ""
        if not os.path.isabs(program) and not (folder / program).exists():  # noqa: PTH117
            found.append(f"the program {label(entry.argv[:1])} is not here")
    return tuple(found)


def _needs(packet: Packet) -> tuple[str, ...]:
    needs = []
    if packet.entry.kind == "none":
        needs.append("what to run: -- CMD, or --entry MODULE:FUNCTION")
    stdin = packet.entry.stdin
    if stdin is not None and stdin.body is not None and stdin.body.withheld is not None:
        needs.append(f"its standard input, {stdin.body.length} bytes: < FILE")
    return tuple(needs)


def _substitutions(packet: Packet) -> tuple[Substitution, ...]:
    counts: dict[tuple[str, str | None], int] = {}
    for line in packet.stand_ins:
        key = (line.name, line.variable)
        counts[key] = counts.get(key, 0) + 1
    return tuple(Substitution(kind, count, variable) for (kind, variable), count in counts.items())


def _differences(packet: Packet) -> tuple[Difference, ...]:
    recorded = {"python": packet.run.python, "platform": packet.run.platform}
    here: dict[str, str | None] = {"python": runtime.python_version(), "platform": runtime.platform_name()}
    packages = packet.outcome.packages if packet.outcome is not None else {}
    here |= dict.fromkeys(packages) | runtime.installed_versions(packages)
    recorded |= packages
    same_minor = packet.run.python.rpartition(".")[0] == runtime.python_version().rpartition(".")[0]
    return tuple(
        Difference(name, version, here[name])
        for name, version in recorded.items()
        if version and here[name] != version and not (name == "python" and same_minor)
    )


def _counts(packet: Packet) -> dict[str, int]:
    """What the recorder could not keep or attribute, where that is anything."""
    if packet.outcome is None:
        return {"interrupted": 1}
    manifest = packet.outcome.manifest
    found = {
        "withheld": manifest.withheld,
        "possibly missing": manifest.possibly_missing,
        "dropped events": manifest.dropped_events,
        "adopted tasks": manifest.adopted,
        "telemetry": manifest.classes.get("telemetry", 0),
    }
    return {name: count for name, count in found.items() if count}
