"""In which order the answers of a replay came, against the recorded one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from replaykit.errors import PacketError
from replaykit.matching.evidence import Swap, words_of
from replaykit.matching.index import lineage_of
from replaykit.packet import Interaction
from replaykit.session.derived import read_answer

_MAX_LOOKED_AT = 200
"""Answers that are compared with each other: the latest ones."""

_MAX_SWAPS = 100
_MAX_CHARS = 20_000  # of one answer


class Completions:
    """The answers that were asked for, and those that have come."""

    def __init__(self) -> None:
        self._asked: dict[str, Interaction] = {}
        self._came: dict[str, Interaction] = {}

    def asked(self, interaction: Interaction) -> None:
        self._asked[interaction.id] = interaction

    def came(self, interaction: Interaction) -> None:
        """The agent has all of it."""
        self._came.setdefault(interaction.id, interaction)

    def swaps(self, before_seq: float) -> tuple[Swap, ...]:
        """Pairs of answers that came the other way round.

        Args:
            before_seq: Number of a recorded event: the earlier answer of each pair was recorded before it.
        """
        pairs = list(self._swapped(before_seq))[:_MAX_SWAPS]
        words = {item.id: words_of(_texts_of(item)) for pair in pairs for item in pair}
        return tuple(
            Swap(
                then=then.position,
                now=now.position,
                then_words=words[then.id] - words[now.id] | _number(then) - _number(now),
                now_words=words[now.id] - words[then.id] | _number(now) - _number(then),
            )
            for then, now in pairs
        )

    def _swapped(self, before_seq: float) -> Iterator[tuple[Interaction, Interaction]]:
        """First the one that was recorded as the earlier one."""
        came = tuple(self._came.values())[-_MAX_LOOKED_AT:]
        waiting = [item for item in self._asked.values() if item.id not in self._came][-_MAX_LOOKED_AT:]
        for index, now in enumerate(came):
            for then in (*came[index + 1 :], *waiting):
                is_beside = lineage_of(then.position) != lineage_of(now.position)
                if is_beside and _ended(then) < min(_ended(now), before_seq):
                    yield then, now


def _ended(interaction: Interaction) -> float:
    done = interaction.done
    return done.seq if done is not None and done.state != "cancelled" else float("inf")


def _number(interaction: Interaction) -> frozenset[str]:
    """Which of several tasks alike it came from: programs number them, too."""
    return frozenset({lineage_of(interaction.position).rpartition("[")[2].rstrip("]")})


def _texts_of(interaction: Interaction) -> Sequence[str]:
    done, call = interaction.done, interaction.call
    if done is not None and done.has_value:
        return [_text(done.value), _text(call.function.arguments if call.function is not None else None)]
    answer = read_answer(interaction)
    try:
        if answer is None:
            return [interaction.response_body.decode("utf-8", "replace")[:_MAX_CHARS]]
        asked = interaction.request_body.decode("utf-8", "replace")[-_MAX_CHARS:]
    except PacketError:  # it was not kept
        return []
    return [answer.text, *(_text(item.arguments) for item in answer.tool_calls), asked]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:_MAX_CHARS]
