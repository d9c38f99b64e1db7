"""What came before the place where a replay leaves its recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from replaykit.determinism.conductor import Conductor
from replaykit.determinism.orders import AsRecorded
from replaykit.matching.evidence import Swap
from replaykit.matching.index import Index, lineage_of
from replaykit.packet import Interaction, Packet
from replaykit.session.completions import Completions
from replaykit.session.effect_source import EffectSource
from replaykit.session.schedules import has_schedule

THE_END = float("inf")


@dataclass(frozen=True, slots=True)
class Past:
    """What a replay knows of the events before a call.

    Attributes:
        stubbed: Positions that a stub answered for.
    """

    packet: Packet
    index: Index
    conductor: Conductor
    completions: Completions
    effects: EffectSource | None
    stubbed: Sequence[str]

    def reads(self, position: str | None, seq: float) -> tuple[str, ...] | None:
        """Reads of the clock and of chance before that call that the recording does not have; None: it has none.

        Args:
            position: Of the call; None for the end, before which all is read.
        """
        if self.effects is None:
            return None
        place = lineage_of(position) if position is not None else None
        return self.effects.unrecorded(place, self._next_after(seq))

    def swaps(self, seq: float) -> tuple[Swap, ...]:
        """Answers that came in another order than recorded; `seq` is the number of the call in the recording."""
        order = self.conductor.order
        if isinstance(order, AsRecorded) and not order.missed:
            return ()
        return self.completions.swaps(seq)

    def skipped(self, position: str, seq: float) -> Interaction | None:
        """The first call that the same program made before that one, and does not make any more."""
        if not self.index.has_positions:
            return None
        place = lineage_of(position)
        for item in self.index.unused:
            if item.seq < seq and lineage_of(item.position) == place and item.position not in self.stubbed:
                return item
        return None

    def why_swapped(self) -> str:
        """Why the recorded order was not kept."""
        if not has_schedule(self.packet):
            return "the recording does not say in which order its events came"
        if isinstance(self.conductor.order, AsRecorded):
            return "something that came in between is not waited for any more"
        return 'the recorded order was not kept: replay with schedule="strict", which is the default'

    def _next_after(self, seq: float) -> float:
        """What was read before a call is written down right after it."""
        later = (number for item in self.packet.interactions for number in _numbers(item) if number > seq)
        return min(later, default=THE_END)


def _numbers(interaction: Interaction) -> tuple[int, ...]:
    return (interaction.seq,) if interaction.done is None else (interaction.seq, interaction.done.seq)
