"""Why a call differs from its recording, as far as the call itself shows it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from replaykit.matching.content import Content
from replaykit.matching.diff import ABSENT, FieldDiff, changed_words, diff_json
from replaykit.matching.index import Match
from replaykit.matching.policy import MISSING, MOVED, SHIFTED

Cause = Literal[
    "prompt",
    "model",
    "tool output",
    "tool ran for real",
    "retrieval",
    "code",
    "order",
    "clock or random",
    "schedule",
    "recording ends",
    "recorder",
    "outcome",
]

_MODEL_SEGMENTS = frozenset({"model", "sampling"})
_PROMPT_SEGMENTS = frozenset({"system", "tools", "format"})


def find_cause(
    boundary: str,
    match: Match,
    recorded: Content | None,
    now: Content,
    *,
    executed: Sequence[str],
    recording_ended: bool,
) -> Cause:
    """The cause of a match that can't be served.

    Args:
        executed: Tools known to have run for real in this replay.
        recording_ended: The recorded run did not get past this point.
    """
    if match.level == MISSING:
        return "recording ends" if recording_ended else "code"
    if match.level in (SHIFTED, MOVED) or recorded is None:
        return "code"
    fields = field_diffs(match, recorded, now)
    if fields and all(_is_clock_or_random(field) for field in fields):
        return "clock or random"
    if boundary != "llm":
        return "order" if _is_reordered(recorded.segments, now.segments) else "code"
    return _model_call_cause(match.differing, recorded, now, executed)


def _model_call_cause(differing: tuple[str, ...], recorded: Content, now: Content, executed: Sequence[str]) -> Cause:
    names = set(differing)
    messages = [name for name in differing if name.startswith("messages[")]
    if names & _PROMPT_SEGMENTS:
        # Another system prompt, another first message: not this prompt changed, this is another call.
        return (
            "code"
            if "system" in names and "messages[0]" in names and len(messages) == len(_messages(now))
            else "prompt"
        )
    if messages:
        return _history_cause(messages[0], recorded, now, executed)
    return "model" if names & _MODEL_SEGMENTS else "code"


def _history_cause(first: str, recorded: Content, now: Content, executed: Sequence[str]) -> Cause:
    """Cause of the first message that differs."""
    old, new = recorded.segments.get(first), now.segments.get(first)
    if _is_reordered(_messages(recorded), _messages(now)) or _is_results_swapped(recorded, now):
        return "order"
    if old is None or new is None:
        return "code"
    if _results(old) or _results(new):
        if not _results(old) or not _results(new):
            return "code"
        return "tool ran for real" if executed else "tool output"
    role = new.get("role") if isinstance(new, dict) else None
    return "prompt" if role in ("user", "system", "developer") else "code"


def _messages(content: Content) -> list[Any]:
    return [value for name, value in content.segments.items() if name.startswith("messages[")]


def _results(message: Any) -> list[Any]:
    blocks = message.get("content") if isinstance(message, dict) else None
    if not isinstance(blocks, list | tuple):
        return []
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _is_reordered(old: Any, new: Any) -> bool:
    """True if both hold the same items somewhere in another order, and differ in nothing else."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        parts = [(old[key], new[key]) for key in old if old[key] != new[key]]
        return bool(parts) and all(_is_reordered(a, b) for a, b in parts)
    if isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new) and old != new:
        if Counter(map(_canonical, old)) == Counter(map(_canonical, new)):
            return True
        parts = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        return all(_is_reordered(a, b) for a, b in parts)
    if isinstance(old, str) and isinstance(new, str) and old != new:
        return sorted(re.findall(r"\w+", old)) == sorted(re.findall(r"\w+", new))
    return False


def _is_results_swapped(recorded: Content, now: Content) -> bool:
    """True if parallel tool results hold the same contents, each under another call's id."""
    old = [block for message in _messages(recorded) for block in _results(message)]
    new = [block for message in _messages(now) for block in _results(message)]
    if len(old) != len(new) or len(old) < 2 or old == new:
        return False
    texts = [Counter(_canonical(block.get("content")) for block in blocks) for blocks in (old, new)]
    return texts[0] == texts[1]


_VOLATILE = re.compile(
    r"^\W*(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{12,64}"
    r"|\d{4}-\d\d-\d\d(?:[T ]?\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?|\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
    r"|1[5-9]\d{8}(?:\d{3}|\.\d+)?|0?\.\d{6,})\W*$",
    re.IGNORECASE,
)


def _is_clock_or_random(field: FieldDiff) -> bool:
    """True if what differs looks like a time, a uuid, a hash or a random number on both sides."""
    if isinstance(field.recorded, float) and isinstance(field.now, float):
        return _VOLATILE.match(str(field.recorded)) is not None
    if not isinstance(field.recorded, str) or not isinstance(field.now, str):
        return False
    words = changed_words(field.recorded, field.now)
    pieces = [piece for pair in words for side in pair for piece in side.split()]
    return bool(pieces) and all(_VOLATILE.match(piece) for piece in pieces)


def field_diffs(match: Match, recorded: Content, now: Content) -> list[FieldDiff]:
    """Every field that differs, in the order of the segments."""
    return [
        field
        for name in match.differing
        for field in diff_json(recorded.segments.get(name, ABSENT), now.segments.get(name, ABSENT), name)
    ]
