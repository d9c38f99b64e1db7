"""One order for both sides of a comparison."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from replaykit.matching.alignment import ordered
from replaykit.sanitizer.masking import Finding


def _mask(value: Any) -> tuple[Any, tuple[Finding, ...]]:
    """Marks every text that begins with a capital letter."""
    if isinstance(value, str):
        return ("<name>", (Finding("name", value),)) if value[:1].isupper() else (value, ())
    if isinstance(value, list):
        parts = [_mask(item) for item in value]
        return [part[0] for part in parts], tuple(finding for part in parts for finding in part[1])
    if isinstance(value, dict):
        return _mask([[name, item] for name, item in value.items()])
    return value, ()


def _rank(finding: Finding) -> tuple[bool, str]:
    return False, finding.text


@pytest.mark.parametrize("items", list(itertools.permutations(["Ann", "Bob", "cat"])), ids=" ".join)
def test_sets_and_objects_come_in_one_order(items: tuple[str, ...]) -> None:
    value = {"set": {"$type": "set", "value": list(items)}, **dict.fromkeys(items, 1)}
    made = ordered(value, _mask, _rank)

    assert list(made) == ["Ann", "Bob", "cat", "set"]
    assert made["set"]["value"] == ["Ann", "Bob", "cat"]


def test_lists_keep_their_order() -> None:
    assert ordered(["b", "a"], _mask, _rank) == ["b", "a"]
