"""What a replay goes by: how far a call may be from its recording, which attempts count, in which order it answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from replaykit.errors import UsageError

EXACT, EXPECTED, DRIFT, SHIFTED, MOVED, MISSING = range(6)
LEVEL_NAMES = ("exact", "expected", "drift", "shifted", "moved", "missing")

AttemptsMode = Literal["all", "final"]
ATTEMPTS: Final[tuple[AttemptsMode, ...]] = ("all", "final")
ScheduleMode = Literal["strict", "natural", "shuffled"]
SCHEDULES: Final[tuple[ScheduleMode, ...]] = ("strict", "natural", "shuffled")


@dataclass(frozen=True, slots=True)
class Policy:
    """How far a call may be from its recording and still be served from it.

    Attributes:
        llm_levels: For model calls.
        other_levels: For tools, retrieval, HTTP and people.
        changed: Segments whose difference is the change under test (level 1).
        compares_outcome: The run must also end as it ended, with nothing left over.
        verdict_limit: The most that the verdict may say, whatever the expectations say.
    """

    name: str
    llm_levels: frozenset[int]
    other_levels: frozenset[int]
    changed: frozenset[str] = frozenset()
    compares_outcome: bool = True
    verdict_limit: str | None = None

    def serves(self, boundary: str, level: int) -> bool:
        """True if a match at `level` may be served across `boundary`."""
        return level in (self.llm_levels if boundary == "llm" else self.other_levels)

    def also_serving(self, level: int) -> Policy:
        """The same policy, with one more level served everywhere."""
        return replace(self, llm_levels=self.llm_levels | {level}, other_levels=self.other_levels | {level})


PRESETS = {
    "exact": Policy("exact", frozenset({EXACT}), frozenset({EXACT})),
    "refactor": Policy("refactor", frozenset({EXACT, SHIFTED, MOVED}), frozenset({EXACT, SHIFTED, MOVED})),
    "wiring": Policy(
        "wiring",
        frozenset({EXACT, EXPECTED, DRIFT}),
        # A tool is found by its name and canonical arguments, wherever the changed prompt made it move.
        frozenset({EXACT, SHIFTED, MOVED}),
        compares_outcome=False,
        verdict_limit="wiring ok",
    ),
}


# Of `Content.segments`, without their numbers.
_MODEL_SEGMENTS = ("system", "tools", "messages", "sampling", "format", "model", "options")
SEGMENTS = frozenset((*_MODEL_SEGMENTS, "arguments", "method", "url", "body"))


def find_policy(name: str, changed: str | Iterable[str] = ()) -> Policy:
    """The preset `name`, with the declared change.

    Raises:
        UsageError: There is no such preset, or no such segment.
    """
    preset = PRESETS.get(name) if isinstance(name, str) else None
    if preset is None:
        raise UsageError(f"no policy {name!r}; there are: {', '.join(PRESETS)}")
    if not isinstance(changed, Iterable) or isinstance(changed, bytes | Mapping):
        raise UsageError(f"changed takes a segment or a list of segments, not {changed!r}")
    declared = frozenset((changed,) if isinstance(changed, str) else map(str, changed))
    unknown = sorted(item for item in declared if item.partition("[")[0] not in SEGMENTS)
    if unknown:
        raise UsageError(f"changed={unknown[0]!r} names no segment; there are: {', '.join(sorted(SEGMENTS))}")
    if not declared:
        return preset
    return replace(preset.also_serving(EXPECTED), changed=declared)
