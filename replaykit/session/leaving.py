"""What is to be said about a place where a replay leaves its recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from replaykit.matching.causes import (
    Cause,
    Deviation,
    Evidence,
    field_diffs,
    find_cause,
    find_deviation,
    find_end_cause,
)
from replaykit.matching.content import Content
from replaykit.matching.diff import ABSENT, FieldDiff
from replaykit.matching.evidence import find_swap
from replaykit.matching.index import IMPORTED, Index, Match, label_of, lineage_of
from replaykit.matching.policy import LEVEL_NAMES, MISSING, MOVED, SHIFTED
from replaykit.packet import Interaction, Packet
from replaykit.session.derived import executed_tools
from replaykit.session.explain import Advice, Explanation, caller, segment_title
from replaykit.session.ledger import NEVER, Difference, DivergenceRecord
from replaykit.session.live import Contents
from replaykit.session.past import Past
from replaykit.session.unlogged import unlogged

_WHAT = {
    "tool ran for real": "a tool ran for real and gave something else",
    "tool output": "a tool's output",
    "retrieval": "what was retrieved",
    "order": "the order of the same things",
    "clock or random": "a time, an id or a random number",
}
_TITLED = ("system", "tools", "model", "arguments", "method", "url", "body")


class Leaving:
    """Makes the records for the ledger of one replay.

    Args:
        live_calls: Counts the calls that went out because they were allowed by name.
    """

    def __init__(
        self, packet: Packet, index: Index, contents: Contents, past: Past, live_calls: Callable[[], int]
    ) -> None:
        self._packet = packet
        self._index = index
        self._contents = contents
        self._past = past
        self._live_calls = live_calls
        self.deviations: list[Deviation] = []
        self.derived: Sequence[str] = ()  # reads of the clock and of chance that were made up so far
        self.advice = Advice.about(str(packet.path)) if packet.path else None

    def mismatch(
        self, match: Match, now: Content, position: str, boundary: str, name: str, detail: str = ""
    ) -> DivergenceRecord:
        """A call that the policy does not serve."""
        interaction = match.interaction
        here = self._index.waiting_at(position) if match.level in (SHIFTED, MOVED) else interaction
        recorded = self._contents.of_recorded(here) if here is not None else None
        seq = here.seq if here is not None else self._order_of(position, None)
        skipped = self._past.skipped(position, seq)
        evidence = Evidence(
            has_ended=match.level == MISSING and self._has_ended(position),
            deviations=self.deviations,
            ran_for_real=self._ran_for_real,
            swaps=self._past.swaps(seq),
            reads=self._past.reads(position, seq),
            is_in_place=skipped is None,
        )
        cause = find_cause(boundary, match, recorded, now, evidence)
        fields = field_diffs(match, recorded, now) if recorded is not None and match.level != MISSING else []
        swap = find_swap(fields, evidence.swaps) if cause == "schedule" else None
        if match.level in (SHIFTED, MOVED):
            fields = []  # the recorded call is the same one: what stands at this position instead says nothing
        if skipped is not None and swap is None:
            return self._skipped(skipped, position, match, fields, boundary)
        details = [detail] if detail else self._details(match, position, fields)
        if swap is not None:
            details.append(f"{swap.now} was answered before {swap.then}, recorded the other way round")
            details.append(self._past.why_swapped())
        details += unlogged(cause, self._packet, self.derived)
        return self._record(
            Explanation(
                headline=self._headline(match, cause, boundary, name, fields, now),
                cause=cause,
                position=position,
                left=self._left(match),
                fields=fields,
                same=self._same(match, now) if fields else (),
                details=details,
            ),
            level=match.level,
            boundary=boundary,
            interaction=interaction,
        )

    def _skipped(
        self, skipped: Interaction, position: str, match: Match, fields: Sequence[FieldDiff], boundary: str
    ) -> DivergenceRecord:
        """A recorded call that is not made any more; the one at `position` comes in its stead."""
        explanation = Explanation(
            headline=f"a recorded call was not made: {skipped.boundary} {skipped.name}",
            cause="code",
            position=skipped.position,
            left=self._left(None) - 1,
            fields=fields,
            details=[f"the next one was {position}"],
        )
        # Not the ledger's `ToolMiss`, which is a call without a recording: this is the opposite.
        return self._record(explanation, level=match.level, boundary="", interaction=skipped)

    def end_cause(self, fields: Sequence[FieldDiff], *, is_other_end: bool) -> Cause:
        """Why the run ends in another way after the same calls.

        Args:
            is_other_end: It failed, or failed in another way: a time in the new message is not why.
        """
        reads = () if is_other_end else self._past.reads(None, NEVER)
        evidence = Evidence(deviations=self.deviations, swaps=self._past.swaps(NEVER), reads=reads)
        return find_end_cause(fields, evidence)

    def unservable(self, interaction: Interaction, position: str, cause: Cause, reason: str) -> DivergenceRecord:
        """A call that the recording has, and can't answer."""
        what = "the recording ends here" if cause == "recording ends" else "the recording is not whole here"
        explanation = Explanation(what, cause, position, left=self._left(None), details=[reason])
        return self._record(explanation, boundary=interaction.boundary, interaction=interaction)

    def refusal(self, what: str, why: str, position: str, entry: str) -> DivergenceRecord:
        """Something that no recording stands for, and that would have gone out.

        Args:
            entry: Of `allow`, that lets it out; empty where none does.
        """
        headline = f"refused: {what}; nothing was sent"
        is_known = what in (self._packet.outcome.manifest.uncaptured if self._packet.outcome is not None else ())
        cause: Cause = "recorder" if is_known else "code"
        details = ["the recorded run did the same, and the packet does not hold it"] if is_known else [why]
        explanation = Explanation(headline, cause, position, details=details, refused=entry)
        return self._record(explanation, boundary="egress", is_refusal=True)

    def ending(self, headline: str, cause: Cause, detail: str, position: str, order: float) -> DivergenceRecord:
        """Something that only the end of the run shows."""
        lines = [self._contents.clean_text(detail)] if detail else []
        explanation = Explanation(headline, cause, position, details=lines)
        return self._record(explanation, order=order, is_outcome=True)

    def _record(
        self,
        explanation: Explanation,
        *,
        level: int = MISSING,
        boundary: str = "",
        interaction: Interaction | None = None,
        order: float | None = None,
        is_refusal: bool = False,
        is_outcome: bool = False,
    ) -> DivergenceRecord:
        text = Explanation(
            headline=explanation.headline,
            cause=explanation.cause,
            position=explanation.position,
            left=explanation.left,
            live=self._live_calls(),
            place="" if is_outcome else caller(),
            fields=explanation.fields,
            same=explanation.same,
            details=explanation.details,
            advice=self.advice,
            refused=explanation.refused,
            is_end=is_outcome,
        ).text()
        if order is None:
            order = self._order_of(explanation.position, interaction)
            self._index.leave(explanation.position, order)
        return DivergenceRecord(
            position=explanation.position,
            level=level,
            root_cause=explanation.cause,
            message=text,
            order=order,
            boundary=boundary,
            nearest=interaction.position if interaction is not None else None,
            differences=tuple(
                Difference(field.path, _shown(field.recorded), _shown(field.now)) for field in explanation.fields
            ),
            is_refusal=is_refusal,
            is_outcome=is_outcome,
        )

    def _headline(
        self, match: Match, cause: Cause, boundary: str, name: str, fields: Sequence[FieldDiff], now: Content
    ) -> str:
        total = self._index.total
        if cause == "recording ends":
            return f"the recording ends after {total} calls, and the agent goes on"
        if match.level == MISSING:
            return f"a call that was not recorded: {boundary} {name}"
        if match.level in (SHIFTED, MOVED):
            return f"a call came out of its place: {boundary} {name} was {LEVEL_NAMES[match.level]}"
        what = _WHAT.get(cause)
        if what is None:
            segment = match.differing[0] if match.differing else ""
            what = segment_title(segment, now.segments.get(segment)) if fields else "a value in it"
            if boundary != "llm":
                what = f"{boundary} {name}, {what}"
        return f"1 of {total} calls changed: {what}"

    def _details(self, match: Match, position: str, fields: Sequence[FieldDiff]) -> list[str]:
        nearest = match.interaction
        deviation = find_deviation(fields, self.deviations)
        if deviation is not None:
            return [f"it comes from {deviation.position}, whose body ran again and gave something else"]
        if match.level in (SHIFTED, MOVED) and nearest is not None:
            return [f"recorded as {nearest.position}; a call was added, removed or moved"]
        if match.level == MISSING and nearest is not None:
            return ["several recorded calls have this content, none at this position: none is chosen"]
        if match.level == MISSING:
            return [f"recorded there: {self._recorded_below(position)}"]
        return []

    def _recorded_below(self, position: str) -> str:
        """What was recorded in the same place under the same label, for a call that has no match."""
        label = position.rpartition("[")[0]
        if not self._index.has_positions:
            label = f"{IMPORTED}/{label_of(position)}"
        count = 0
        while self._index.at(f"{label}[{count}]") is not None:
            count += 1
        return f"{count} call{'s' if count != 1 else ''} of this name, none with this content left"

    def _same(self, match: Match, now: Content) -> list[str]:
        differing = {name.partition("[")[0] for name in match.differing}
        titles = [name for name in _TITLED if name in now.segments and name not in differing]
        user = next((name for name in reversed(tuple(now.segments)) if name.startswith("messages[")), None)
        if user is not None and user not in match.differing:
            titles.append(segment_title(user, now.segments[user]).removeprefix("the "))
        return titles

    def _left(self, match: Match | None) -> int:
        left = len(self._index.unused)
        return max(left - 1, 0) if match is not None and match.level != MISSING else left

    def _has_ended(self, position: str) -> bool:
        """True if the recorded run broke off, and nothing that it did in this lineage is left."""
        outcome = self._packet.outcome
        if outcome is not None and outcome.status != "failed":
            return False
        place = lineage_of(position)
        below = f"{place}/" if place else ""
        return not any(lineage_of(item.position) == place or item.position.startswith(below) for item in self._unused)

    @property
    def _unused(self) -> Sequence[Interaction]:
        return self._index.unused

    @cached_property
    def executed(self) -> tuple[str, ...]:
        """Names of tools that were called while recording, and that nothing stands for."""
        return executed_tools(self._packet)

    def _ran_for_real(self, name: str, asked_by: str) -> bool:
        """A tool that is no boundary itself, and inside which nothing was served."""
        asker = self._index.at(asked_by)
        if asker is None:
            return name in self.executed
        place = lineage_of(asked_by)
        for item in self._packet.interactions:
            if item.seq > asker.seq and lineage_of(item.position).startswith(place):
                if item.boundary == "llm":
                    break
                return False
        return name in self.executed

    def _order_of(self, position: str, nearest: Interaction | None) -> float:
        """The recorded event that should have come here; else just after what this lineage had reached."""
        here = self._index.at(position) if self._index.has_positions else nearest
        if here is not None:
            return here.seq
        reached = self._index.reached(lineage_of(position) if self._index.has_positions else IMPORTED)
        return reached + 0.5 if reached is not None else 0.0


def _shown(value: Any) -> Any:
    return None if value is ABSENT else value
