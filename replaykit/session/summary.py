"""What a recording holds, in one line for people."""

from __future__ import annotations

from collections import Counter

from replaykit.packet import Interaction, Packet
from replaykit.sanitizer.vocabulary import PERSONAL_KINDS

_KINDS = {"http": "http tool"}
_SHOWN = 3  # of what left the process


def summarize(packet: Packet) -> str:
    """`5 interactions (4 llm, 1 http tool), 2 in parallel, 2 secrets replaced`."""
    calls = packet.interactions
    counts = Counter(item.boundary for item in calls)
    kinds = ", ".join(f"{count} {_KINDS.get(name, name)}" for name, count in counts.most_common())
    parts = [_count(len(calls), "interaction") + (f" ({kinds})" if kinds else "")]
    together = most_at_once(calls)
    if together > 1:
        parts.append(f"{together} in parallel")
    parts.append(_replaced(packet))
    return ", ".join(parts)


def unrecorded(packet: Packet) -> str | None:
    """What left the process and is not in the packet, as a sentence; None for nothing."""
    missed = packet.outcome.manifest.uncaptured if packet.outcome is not None else ()
    if not missed:
        return None
    shown = ", ".join(missed[:_SHOWN]) + (", ..." if len(missed) > _SHOWN else "")
    it = "it" if len(missed) == 1 else "them"
    return f"{_count(len(missed), 'call')} left the process unrecorded, and a replay refuses {it}: {shown}"


def most_at_once(calls: tuple[Interaction, ...]) -> int:
    """How many calls were under way at the same time, at most; a call around others counts as these."""
    around = {item.call.parent for item in calls}
    steps: list[tuple[int, int]] = []
    for item in calls:
        if item.id not in around:
            steps.append((item.seq, 1))
            if item.done is not None:
                steps.append((item.done.seq, -1))
    now = most = 0
    for _, change in sorted(steps):
        now += change
        most = max(most, now)
    return most


def _replaced(packet: Packet) -> str:
    personal = sum(item.name in PERSONAL_KINDS for item in packet.stand_ins)
    secrets = len(packet.stand_ins) - personal
    parts = [_count(secrets, "secret")] if secrets or not personal else []
    if personal:
        parts.append(_count(personal, "personal value"))
    return " and ".join(parts) + " replaced"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
