"""Two JSON values that may hold sensitive values, brought into one order: then what stands for what can be compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from replaykit.matching.content import Mask, canonical
from replaykit.packet.values import TAG
from replaykit.sanitizer.masking import Finding

Rank = Callable[[Finding], tuple[bool, str]]


def ordered(value: Any, mask: Mask, rank: Rank) -> Any:
    """`value` with the keys of its objects and the items of its sets in an order that both sides of a replay share.

    Sets are written in the order of their items as they were before sanitizing, which a replay can't know; and objects
    have no order. Equal items are told apart by `rank`, which is to be the same for a recorded and a live value that
    are known to be the same one.
    """

    def key_of(item: Any) -> Any:
        masked, findings = mask(item)
        return canonical(masked), [rank(finding) for finding in findings]

    def order(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [order(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get(TAG) in ("set", "frozenset") and isinstance(value.get("value"), list):
            return {**value, "value": sorted(order(value["value"]), key=key_of)}
        return {name: order(value[name]) for name in sorted(value, key=key_of)}

    return order(value)
