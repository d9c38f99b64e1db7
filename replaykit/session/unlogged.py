"""What to say where a replay differs because nobody wrote down what the clock or chance gave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from replaykit.matching.volatile import holds_volatile
from replaykit.packet import Packet
from replaykit.session.live import Contents
from replaykit.session.runtime import hash_seed

_MAX_NAMED = 5


def unlogged(cause: str, packet: Packet, derived: Sequence[str]) -> list[str]:
    """Details of a divergence of that cause; `derived` are the reads that had to be made up."""
    if cause == "clock or random":
        if not packet.run.effects:
            return ["the clock and chance were not recorded: record(..., effects=True) keeps what they give"]
        return [f"not recorded, so it was made up: {', '.join(derived[:2])}"] if derived else []
    return _about_sets(packet.run.hash_seed) if cause == "order" else []


def _about_sets(recorded: str | None) -> list[str]:
    here = hash_seed()
    if recorded in (None, "random"):
        return ["a set? the recorded run had a random hash seed: record -- CMD, or PYTHONHASHSEED=0, fixes their order"]
    if recorded != here:
        return [f"a set? the recorded hash seed is {recorded}, here {here or 'random'}: set PYTHONHASHSEED={recorded}"]
    return []


def prompts_with_chance(packet: Packet, contents: Contents) -> tuple[str, ...]:
    """Positions of the model calls whose prompts hold what looks like a time, an id or a random number.

    A text that a later call repeats from its history counts once.
    """
    seen: set[str] = set()
    found = []
    for interaction in packet.interactions:
        if interaction.boundary == "llm":
            segments = contents.of_recorded(interaction).segments
            texts = {text for name, value in segments.items() for text in _written_here(name, value)}
            if any(holds_volatile(text) for text in texts - seen):
                found.append(interaction.position)
            seen |= texts
    more = (f"{len(found) - _MAX_NAMED} more",) if len(found) > _MAX_NAMED else ()
    return (*found[:_MAX_NAMED], *more)


def _written_here(name: str, value: Any) -> Iterator[str]:
    """Texts of a request that are the program's own, not an answer or the result of a tool."""
    is_prompt = name == "system" or (name.startswith("messages[") and isinstance(value, dict))
    if not is_prompt or (isinstance(value, dict) and value.get("role") not in (None, "user", "system", "developer")):
        return
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict) and item.get("type") != "tool_result":
            waiting += item.values()
        elif isinstance(item, list | tuple):
            waiting += item
