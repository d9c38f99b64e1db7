"""Did the run end as it ended then? Code after the last call can change everything that matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from replaykit.matching.diff import ABSENT, FieldDiff, changed_lines, diff_json
from replaykit.packet.failures import without_addresses
from replaykit.packet.model import FailureRecord, OutcomeLine
from replaykit.packet.values import TAG, opaque_classes
from replaykit.session.live import NOT_PROVED, Compared

Compare = Callable[[Any, Any], Compared]


@dataclass(frozen=True, slots=True)
class Ending:
    """How the replay's own block ended, encoded and sanitized.

    Attributes:
        error: What came out of the block itself.
        failure: The same as it would be stored; None for a `sys.exit` that says that all is well.
        output: What `finish` or the entry point gave.
    """

    error: BaseException | None
    failure: FailureRecord | None
    output: Any
    has_output: bool
    stop_reason: str | None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class OutcomeDifference:
    """One way in which the end differs.

    Attributes:
        fields: What shows where it comes from.
        is_other_end: The one run failed, or failed in another way.
    """

    what: str
    detail: tuple[str, ...]
    fields: tuple[FieldDiff, ...] = ()
    is_other_end: bool = False

    def lines(self) -> list[str]:
        """For the report."""
        return [self.what, *self.detail]


def compare_outcome(recorded: OutcomeLine, ending: Ending, compare: Compare) -> list[OutcomeDifference]:
    """Every difference between the recorded end and this one.

    Args:
        compare: Function that marks and binds the sensitive values of two sanitized JSON values.
    """
    status = "failed" if ending.failure is not None or ending.exit_code else "ok"
    then, now = recorded.exception, ending.failure
    ended = [
        f"{status}: {error.type}" if error else status for status, error in ((recorded.status, then), (status, now))
    ]
    found = []
    if recorded.status == "unknown":
        pass  # a recording that does not know its end
    elif ended[0] != ended[1]:
        told = [f"{text}: {error.message}" if error else text for text, error in zip(ended, (then, now), strict=True)]
        shown = FieldDiff("how it ended", *told)
        found.append(OutcomeDifference("how it ended", (f"- {ended[0]}", f"+ {ended[1]}"), (shown,), is_other_end=True))
    elif then is not None and now is not None:
        has_group = bool(then.group)
        found += _differences("exception", compare(_text_of(then, has_group), _text_of(now, has_group)))
    if recorded.stop_reason is not None and ending.stop_reason is not None:
        found += _differences("stop_reason", compare(recorded.stop_reason, ending.stop_reason))
    if recorded.has_output and ending.has_output:
        found += _differences("output", compare(recorded.output, ending.output))
    return found


def opaque_in(recorded: OutcomeLine, ending: Ending) -> tuple[str, ...]:
    """Classes in either output of which only the name is known, so that nothing inside them was compared."""
    return opaque_classes([recorded.output, ending.output])


def _text_of(error: FailureRecord, has_group: bool) -> dict[str, Any]:
    """What must be the same about an exception of the same type: its text, and what is in it if it is a group."""
    made: dict[str, Any] = {"message": without_addresses(error.message)}
    if has_group:  # in no order: the tasks of a group fail as the schedule has it
        inner = [{"type": item.type, **_text_of(item, bool(item.group))} for item in error.group]
        made["group"] = {TAG: "set", "value": inner}
    return made


def _differences(what: str, compared: Compared) -> list[OutcomeDifference]:
    fields = tuple(diff_json(compared.recorded, compared.now, what))
    if fields:
        old, new = changed_lines(_text(fields[0].recorded), _text(fields[0].now))
        return [OutcomeDifference(fields[0].path, (f"- {old}", f"+ {new}"), fields)]
    if compared.conflict is not None:
        return [OutcomeDifference(what, (f"a value of kind {compared.conflict} {NOT_PROVED}",))]
    return []


def _text(value: Any) -> str:
    if value is ABSENT:
        return "(absent)"
    return value if isinstance(value, str) else repr(value)
