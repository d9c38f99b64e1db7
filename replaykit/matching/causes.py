"""Why a call differs from its recording: from the difference itself, and from what was not exact before it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from replaykit.matching.content import Content, canonical
from replaykit.matching.diff import ABSENT, FieldDiff, diff_json
from replaykit.matching.evidence import Swap, find_swap, is_another_text, is_by_chance
from replaykit.matching.index import Match
from replaykit.matching.policy import MISSING, MOVED, SHIFTED
from replaykit.matching.volatile import is_volatile_change

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
]

_MODEL_SEGMENTS = frozenset({"model", "sampling"})
_PROMPT_SEGMENTS = frozenset({"system", "tools", "format"})
_SHORTEST_TRACE = 3  # characters; a shorter piece of a result turns up in a prompt by chance


@dataclass(frozen=True, slots=True)
class Deviation:
    """A function whose body ran in the replay and gave something else than in the recording.

    Attributes:
        pieces: Texts and numbers of its result that the recorded one does not have.
    """

    position: str
    boundary: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the replay knows beside the call that differs.

    Attributes:
        has_ended: The recorded run did not get past this point.
        deviations: In the order in which they came about.
        ran_for_real: Tells whether the tool of that name, asked for by the answer at that position, ran outside the
            recording: neither its result nor any call inside it was served.
        swaps: Answers that came in another order than recorded, before this call.
        reads: Sources of the clock and of chance that were read before this call, and not in the recording; None where
            the recording has no reads at all.
        is_in_place: Calls of the same program that the recording has before this one were all made.
    """

    has_ended: bool = False
    deviations: Sequence[Deviation] = ()
    swaps: Sequence[Swap] = ()
    reads: Sequence[str] | None = ()
    is_in_place: bool = True
    ran_for_real: Callable[[str, str], bool] = lambda name, asked_by: False


def find_cause(boundary: str, match: Match, recorded: Content | None, now: Content, evidence: Evidence) -> Cause:
    """The cause of a match that can't be served.

    Args:
        recorded: What the recording has in the place of the call.
    """
    fields = field_diffs(match, recorded, now) if recorded is not None else []
    if match.level != MISSING and find_swap(fields, evidence.swaps) is not None:
        return "schedule"
    if not evidence.is_in_place:
        return "code"
    if match.level == MISSING:
        return "recording ends" if evidence.has_ended else "code"
    if match.level in (SHIFTED, MOVED) or recorded is None:
        is_adopted = match.interaction is not None and "adopted" in match.interaction.call.flags
        return "schedule" if is_adopted else "code"
    cause = _inherited_cause(fields, evidence)
    if cause is not None:
        return cause
    if boundary != "llm":
        return "order" if _is_reordered(recorded.segments, now.segments) else "code"
    return _model_call_cause(match.differing, fields, recorded, now, evidence)


def find_end_cause(fields: Sequence[FieldDiff], evidence: Evidence) -> Cause:
    """The cause of another end after the same calls."""
    if find_swap(fields, evidence.swaps) is not None:
        return "schedule"
    return _inherited_cause(fields, evidence) or "code"


def _inherited_cause(fields: Sequence[FieldDiff], evidence: Evidence) -> Cause | None:
    """The cause of a difference that shows where it comes from; None where it shows nothing."""
    deviation = find_deviation(fields, evidence.deviations)
    if deviation is not None:
        return "retrieval" if deviation.boundary == "retrieval" else "tool ran for real"
    if fields and all(is_volatile_change(field.recorded, field.now) for field in fields):
        return "clock or random"
    return "clock or random" if is_by_chance(fields, evidence.reads, datetime.now()) else None


def find_deviation(fields: Sequence[FieldDiff], deviations: Sequence[Deviation]) -> Deviation | None:
    """The earliest deviation that shows in what differs."""
    texts = [field.now if isinstance(field.now, str) else canonical(_plain(field.now)) for field in fields]
    for deviation in deviations:
        if any(piece in text for piece in deviation.pieces for text in texts):
            return deviation
    return None


def new_pieces(recorded: Any, now: Any) -> tuple[str, ...]:
    """Texts and numbers of `now` that differ from what `recorded` has in their place."""
    changed = [piece for field in diff_json(recorded, now) for piece in _leaves(field.now)]
    lines = [line for piece in changed for line in piece.splitlines() or [piece]]
    return tuple(line.strip() for line in lines if len(line.strip()) >= _SHORTEST_TRACE)


def field_diffs(match: Match, recorded: Content, now: Content) -> list[FieldDiff]:
    """Every field that differs, in the order of the segments."""
    return [
        field
        for name in match.differing
        for field in diff_json(recorded.segments.get(name, ABSENT), now.segments.get(name, ABSENT), name)
    ]


def _model_call_cause(
    differing: tuple[str, ...], fields: list[FieldDiff], recorded: Content, now: Content, evidence: Evidence
) -> Cause:
    names = set(differing)
    messages = [name for name in differing if name.startswith("messages[")]
    if not messages and all(_is_reordered_part(name, recorded, now) for name in differing):
        return "order"
    if names & _PROMPT_SEGMENTS:
        if "system" in names and "messages[0]" in names and len(messages) == len(_messages(now)):
            return "code"  # another system prompt, another first message: not this prompt changed, it is another call
        return "retrieval" if _are_in_context(fields) else "prompt"
    if messages:
        return _history_cause(messages[0], fields, recorded, now, evidence)
    return "model" if names & _MODEL_SEGMENTS else "code"


def _history_cause(first: str, fields: list[FieldDiff], recorded: Content, now: Content, evidence: Evidence) -> Cause:
    """Cause of the first message that differs."""
    old, new = recorded.segments.get(first), now.segments.get(first)
    if _is_reordered(_messages(recorded), _messages(now)) or _is_results_swapped(recorded, now):
        return "order"
    if old is None or new is None:
        return "code"
    if _results(old) or _results(new):
        return _result_cause(_results(old), _results(new), now, evidence)
    if not isinstance(new, dict) or new.get("role") not in ("user", "system", "developer"):
        return "code"
    is_all = sum(field.path.startswith("messages[") for field in fields) == len(fields)
    if is_all and first == _last_message(now) == _last_message(recorded) and _is_another_message(old, new):
        return "code"
    return "retrieval" if _are_in_context(fields) else "prompt"


def _result_cause(old: list[Any], new: list[Any], now: Content, evidence: Evidence) -> Cause:
    """Cause of a message with tool results."""
    if not old or not new:
        return "code"
    changed = next((after for before, after in zip(old, new, strict=False) if before != after), new[-1])
    literal = str(changed.get("id"))
    names = {block.get("id"): block.get("name") for block in _blocks(now) if block.get("type") == "tool_call"}
    # An issued id is named after its issuer: `<position/tool_calls[k]>`.
    asked_by = literal.strip("<>").rpartition("/")[0]
    return "tool ran for real" if evidence.ran_for_real(str(names.get(literal)), asked_by) else "tool output"


_CONTEXT = re.compile(
    r"^\W*(?:retrieved|relevant|context|documents?|sources?|passages?|excerpts?|search results?|references|knowledge"
    r"|chunks?|snippets?)\b[^\n]{0,40}[:>]\s*|^\W*(?:context|documents?|sources?|references|passages?)\W*$",
    re.IGNORECASE | re.MULTILINE,
)


def _are_in_context(fields: list[FieldDiff]) -> bool:
    """True if all that differs stands below a line that announces retrieved text."""
    return bool(fields) and all(_is_in_context(field) for field in fields)


def _is_in_context(field: FieldDiff) -> bool:
    old, new = field.recorded, field.now
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return _CONTEXT.search(new[:same]) is not None


def _messages(content: Content) -> list[Any]:
    return [value for name, value in content.segments.items() if name.startswith("messages[")]


def _last_message(content: Content) -> str | None:
    return next((name for name in reversed(tuple(content.segments)) if name.startswith("messages[")), None)


def _is_another_message(old: Any, new: Any) -> bool:
    texts = (" ".join(_leaves(value.get("content")) if isinstance(value, dict) else ()) for value in (old, new))
    return is_another_text(*texts)


def _blocks(content: Content) -> Iterator[dict[str, Any]]:
    for message in _messages(content):
        blocks = message.get("content") if isinstance(message, dict) else None
        yield from (block for block in blocks or () if isinstance(block, dict))


def _results(message: Any) -> list[Any]:
    blocks = message.get("content") if isinstance(message, dict) else None
    if not isinstance(blocks, list | tuple):
        return []
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]


def _is_reordered_part(name: str, recorded: Content, now: Content) -> bool:
    """Like `_is_reordered`, but a system prompt's words in another order are another prompt: only its lines count."""
    old, new = recorded.segments.get(name), now.segments.get(name)
    if name != "system":
        return _is_reordered(old, new)
    return _is_reordered(_lines(old), _lines(new)) or _is_reordered(_listed(old), _listed(new))


def _lines(value: Any) -> list[str]:
    return [line for text in _leaves(value) for line in text.splitlines()]


def _listed(value: Any) -> list[list[str]]:
    """Each line in the pieces of a list that is written in it: `{'a', 'b'}`."""
    return [[piece.strip() for piece in _BETWEEN.split(line)] for line in _lines(value)]


_BETWEEN = re.compile(r"[,;{}\[\]()]|(?<=:)\s")


def _is_reordered(old: Any, new: Any) -> bool:
    """True if both hold the same items somewhere in another order, and differ in nothing else."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        parts = [(old[key], new[key]) for key in old if old[key] != new[key]]
        return bool(parts) and all(_is_reordered(a, b) for a, b in parts)
    if isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new) and old != new:
        if Counter(map(canonical, old)) == Counter(map(canonical, new)):
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
    texts = [Counter(canonical(block.get("content")) for block in blocks) for blocks in (old, new)]
    return texts[0] == texts[1]


def _leaves(value: Any) -> Iterator[str]:
    """Every text and number in a JSON value, as text."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _plain(value: Any) -> Any:
    return None if value is ABSENT else value
