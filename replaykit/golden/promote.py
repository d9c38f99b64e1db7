"""Makes a packet a cassette: a test that needs no network, no key and no test code."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from replaykit.errors import UsageError
from replaykit.launch.replaying import how_made, incoming
from replaykit.packet import Packet
from replaykit.packet.journal import SUFFIX, create_file, sealed_again
from replaykit.packet.model import Entry, Manifest

FOLDER = "cassettes"


@dataclass(frozen=True, slots=True)
class Promoted:
    """A packet in its new place.

    Attributes:
        was_there: The very same packet had been promoted before.
        overlooked: What the user took as it is.
    """

    path: Path
    was_there: bool
    overlooked: tuple[str, ...] = ()


def promote(
    source: Path,
    folder: Path,
    *,
    name: str | None = None,
    entry: Entry | None = None,
    may_be_uncaptured: bool = False,
) -> Promoted:
    """Copies a packet into the suite; the packet itself stays where it is.

    Args:
        name: Name of the cassette; default: the run's workflow.
        entry: How to run it, where the packet does not say.
        may_be_uncaptured: Takes a run of which something left the process unrecorded, or beside which calls were made
            that belong to no known run. The cassette says what was overlooked. A replay refuses such egress all the
            same, unless it is allowed there by name.

    Raises:
        UsageError: The packet can't be a test, or there is another cassette of that name.
        PacketError: It can't be read.
    """
    packet = Packet.load(source)
    reasons = refusals(packet, may_be_uncaptured=may_be_uncaptured)
    if reasons:
        raise UsageError("\n  ".join([f"{source} can't be a test:", *reasons]))
    if entry is None and packet.entry.kind == "none":
        raise UsageError(
            f"{source} does not say what was run ({how_made(packet)}); say it:\n"
            f"  replaykit promote {shlex.quote(str(source))} --entry MODULE:FUNCTION\n"
            f"  replaykit promote {shlex.quote(str(source))} -- python SCRIPT.py"
        )
    if entry is None and (requests := incoming(packet, packet.entry.argv)) is not None:
        raise UsageError(requests)
    assert packet.outcome is not None  # or it would have been refused
    manifest = packet.outcome.manifest
    overlooked = tuple(_overlookable(manifest))
    if entry is None and not overlooked:
        data = source.read_bytes()
    else:
        data = sealed_again(source, entry, manifest.model_copy(update={"overlooked": overlooked}))
    target = folder / _file_name(name or packet.run.workflow)
    if target.exists():
        if target.read_bytes() == data:
            return Promoted(target, was_there=True, overlooked=overlooked)
        raise UsageError(f"there is another cassette {target}; keep both: --name NAME, or delete that one first")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        create_file(target, data)
    except FileExistsError:
        raise UsageError(f"there is another cassette {target}") from None
    return Promoted(target, was_there=False, overlooked=overlooked)


def refusals(packet: Packet, *, may_be_uncaptured: bool = False) -> list[str]:
    """Why a packet can't be a test, one sentence each; empty: it can."""
    outcome = packet.outcome
    if outcome is None:
        return ["the run was interrupted before its end, so there is nothing to compare an end with"]
    reasons = [note for note in packet.recovered if "altered" in note]
    if not packet.interactions and not outcome.manifest.uncaptured:
        reasons.append("it holds no call of a model, a tool or anything else, so there is nothing to replay")
    manifest = outcome.manifest
    if manifest.withheld or any(item.is_withheld for item in packet.interactions):
        reasons.append("a body was withheld, so the call that it belongs to can't be answered")
    if manifest.dropped_events:
        reasons.append(f"{manifest.dropped_events} events were lost while it was recorded")
    if manifest.dropped_effects:
        reasons.append(f"{manifest.dropped_effects} reads of the clock or of chance were not kept")
    if not may_be_uncaptured and (overlookable := [*_overlookable(manifest)]):
        reasons += overlookable
        if manifest.uncaptured:
            reasons.append("record it with --allow, or make it a @replaykit.tool: then it is no question any more")
        reasons.append("or take it as it is, and have the cassette say so: --allow-uncaptured")
    if manifest.unanswered:
        reasons.append(f"{manifest.unanswered} calls were under way, without an answer, when the run ended")
    return reasons


def _overlookable(manifest: Manifest) -> Iterator[str]:
    """What a user may take as it is."""
    if manifest.possibly_missing:
        yield f"{manifest.possibly_missing} calls at the same time belong to no run that is known"
    if manifest.uncaptured:
        yield f"something left the process unrecorded, and a replay refuses it: {', '.join(manifest.uncaptured)}"


def _file_name(name: str) -> str:
    if os.sep in name or name in ("", ".", "..") or name.startswith("."):
        raise UsageError(f"--name is the name of a file in the suite, not {name!r}")
    return name if name.endswith(SUFFIX) else f"{name}{SUFFIX}"
