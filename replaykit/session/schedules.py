"""The recorded schedule of a packet, and the conductor that plays it."""

from __future__ import annotations

from collections.abc import Callable

from replaykit.determinism.conductor import Conductor
from replaykit.determinism.orders import AsRecorded, ByTime, Shuffled
from replaykit.determinism.schedule import CALL, Happened, Subject
from replaykit.matching.policy import ScheduleMode
from replaykit.packet import Packet
from replaykit.packet.model import ScheduleLine


def has_schedule(packet: Packet) -> bool:
    """True if the packet says in which order its events came."""
    return bool(packet.schedule_lines)


def make_conductor(packet: Packet, mode: ScheduleMode, name: Callable[[str], str], seed: int = 0) -> Conductor:
    """What lets the events of a replay happen.

    Args:
        mode: `strict` in the recorded order where the packet has it; `natural` by their recorded durations alone;
            `shuffled` by durations that are drawn from a seed.
        name: A lineage in the form in which the packet has it.
    """
    if mode == "shuffled":
        return Conductor(Shuffled(seed), name=name)
    if mode == "natural" or not has_schedule(packet):
        return Conductor(ByTime(), name=name)
    events = [event for line in packet.schedule_lines for event in _events(line)]
    made: dict[tuple[str, str], int] = {}
    for line in packet.schedule_lines:
        for text, count in line.made:
            kind, place = text[0], int(text[1:])
            made[kind, line.lineages[place]] = count
    return Conductor(AsRecorded(events), name=name, made=made)


def _events(line: ScheduleLine) -> list[Happened]:
    return [Happened(_subject(text, line.lineages), *place) for text, *place in line.events]


def _subject(text: str, lineages: tuple[str, ...]) -> Subject:
    name, _, number = text.rpartition(".")
    kind = name[:1]
    return (CALL, name, int(number)) if kind == CALL else (kind, lineages[int(name[1:])], int(number))


def loop_differs(packet: Packet, conductor: Conductor) -> str | None:
    """One sentence where the replay ran on another kind of event loop; the recorded order holds on any."""
    recorded = {loop for line in packet.schedule_lines for loop in line.loops}
    if not recorded or not conductor.loops or conductor.loops <= recorded:
        return None
    return f"recorded on {', '.join(sorted(recorded))}, replayed on {', '.join(sorted(conductor.loops))}"
