"""The attempts of one call: clients that try again, and replays that care only for how it ended."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from replaykit.matching.index import Index
from replaykit.matching.policy import AttemptsMode
from replaykit.packet import Interaction

_ATTEMPT = re.compile(r"(?<=\])#(\d+)$")
_SHOWN = 5


def call_of(position: str) -> str:
    """The position without its attempt: `llm:chat[2]` for `llm:chat[2]#1`."""
    return _ATTEMPT.sub("", position)


def attempt_of(position: str) -> int:
    """Which attempt at its call this is; 0 for the first."""
    found = _ATTEMPT.search(position)
    return int(found[1]) if found is not None else 0


class Attempts:
    """Which recorded attempts a replay has to make again: all of them, or of each call only the last.

    With `final` the first attempt at a call gets the answer of the last recorded one. Where that is a failure, every
    further attempt gets it too, for a client may try more often than the recorded one. A call of which the recording
    has one attempt is not touched, unless it failed.

    Attributes:
        interactions: What the index is to hold: without the attempts that are left out.
        left_out: How many attempts of a call are left out, by its position.
    """

    def __init__(self, interactions: Sequence[Interaction], mode: AttemptsMode) -> None:
        self.is_final = mode == "final"
        self.interactions = tuple(interactions)
        self.left_out: dict[str, int] = {}
        self._served: dict[str, Interaction] = {}
        self._again: Counter[str] = Counter()
        if self.is_final:
            self._keep_final()

    def _keep_final(self) -> None:
        last: dict[str, Interaction] = {}
        counts = Counter(call_of(item.position) for item in self.interactions if _may_be_tried_again(item))
        for item in self.interactions:
            call = call_of(item.position)
            if counts[call] > 1 and (call not in last or attempt_of(item.position) >= attempt_of(last[call].position)):
                last[call] = item
        self.left_out = {call: counts[call] - 1 for call in last}
        kept = {item.id for item in last.values()}
        self.interactions = tuple(
            item for item in self.interactions if item.id in kept or call_of(item.position) not in last
        )

    def begin(self, index: Index) -> None:
        """Lets the last attempts be found where the first ones were recorded."""
        for item in self.interactions:
            if call_of(item.position) in self.left_out:
                index.expect(call_of(item.position), item)

    def ask(self, position: str, index: Index) -> None:
        """A request is about to be looked up: a further attempt at a call that failed finds the same failure."""
        served = self._served.get(call_of(position)) if self.is_final and attempt_of(position) else None
        if served is not None and _has_failed(served):
            self._again[call_of(position)] += 1
            index.expect(position, served)

    def serve(self, position: str, interaction: Interaction) -> None:
        """The call at this position got that answer."""
        if self.is_final:
            self._served[call_of(position)] = interaction

    def sentences(self) -> Iterator[str]:
        """What was left out and what was served more than once, for the report."""
        if not self.is_final:
            return
        if self.left_out:
            calls = [f"{call} ({count + 1} attempts)" for call, count in self.left_out.items()]
            yield f"attempts=final: only the last recorded attempt was served at {_listed(calls)}"
        elif all(item.is_placed for item in self.interactions):
            yield "attempts=final: no recorded call was tried more than once"
        else:
            yield "attempts=final has no effect: an imported recording does not say what is a further attempt"
        if self._again:
            calls = [f"{call} ({count} more)" for call, count in self._again.items()]
            yield f"attempts=final: a failure was served to every attempt at {_listed(calls)}"


def _may_be_tried_again(item: Interaction) -> bool:
    return item.is_placed and item.call.http is not None and item.call.call_class == "agent"


def _has_failed(item: Interaction) -> bool:
    done = item.done
    return done is not None and (done.state == "error" or (done.status or 0) >= 400)


def _listed(calls: Sequence[str]) -> str:
    more = f" and {len(calls) - _SHOWN} more calls" if len(calls) > _SHOWN else ""
    return ", ".join(calls[:_SHOWN]) + more
