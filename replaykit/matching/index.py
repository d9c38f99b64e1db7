"""The hash index of a packet, and the ladder from exact to missing.

A lookup costs the same in a packet of 10 interactions and of 100 000.
"""

from __future__ import annotations

import urllib.parse
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from replaykit.matching.content import Content
from replaykit.matching.policy import DRIFT, EXACT, EXPECTED, MISSING, MOVED, SHIFTED, Policy
from replaykit.packet import Interaction


@dataclass(frozen=True, slots=True)
class Match:
    """How near the recording is to a request.

    Attributes:
        level: See `replaykit.matching.policy`.
        interaction: What would be served; for level 5 the nearest recorded interaction, if there is one.
        differing: Names of the segments that differ.
    """

    level: int
    interaction: Interaction | None
    differing: tuple[str, ...] = ()


def lineage_of(position: str) -> str:
    """The position without its last part: where the call was made, not which call it was."""
    return position.rpartition("/")[0]


def endpoint_of(method: str, url: str) -> tuple[str, str, str]:
    """Method, host and path: the whole identity of an `auth` or `ambient` call."""
    parts = urllib.parse.urlsplit(url)
    return method.upper(), parts.netloc.rpartition("@")[2].lower(), parts.path


class Index:
    """Recorded interactions by position and by content; knows which were served."""

    def __init__(self, interactions: Iterable[Interaction]) -> None:
        self._by_position: dict[str, Interaction] = {}
        self._by_key: dict[str, deque[Interaction]] = defaultdict(deque)
        self._by_place: dict[tuple[str, str], deque[Interaction]] = defaultdict(deque)
        self._by_endpoint: dict[tuple[str, str, str], Interaction] = {}
        self._children: dict[str, list[Interaction]] = defaultdict(list)
        self._expected: dict[str, Interaction] = {}
        for interaction in interactions:
            self._add(interaction)
        self._used: set[str] = set()

    def _add(self, interaction: Interaction) -> None:
        call = interaction.call
        if call.call_class in ("auth", "ambient") and call.http is not None:
            self._by_endpoint.setdefault(endpoint_of(call.http.method, call.http.url), interaction)
            return
        if call.call_class == "telemetry":
            return
        self._expected[interaction.id] = interaction
        self._by_position.setdefault(interaction.position, interaction)
        self._by_key[interaction.key].append(interaction)
        self._by_place[lineage_of(interaction.position), interaction.key].append(interaction)
        if call.parent is not None:
            self._children[call.parent].append(interaction)

    def at(self, position: str) -> Interaction | None:
        """The interaction recorded at a position, served or not."""
        return self._by_position.get(position)

    def ambient(self, method: str, url: str) -> Interaction | None:
        """A recorded call to that endpoint; it may be served any number of times."""
        return self._by_endpoint.get(endpoint_of(method, url))

    def children(self, parent: str) -> list[Interaction]:
        """What was recorded inside a tool call or span."""
        return self._children.get(parent, [])

    def descendants(self, parent: str) -> Iterator[Interaction]:
        """What was recorded inside a call, at any depth."""
        for child in self.children(parent):
            yield child
            yield from self.descendants(child.id)

    def is_used(self, interaction: Interaction) -> bool:
        return interaction.id in self._used

    def use(self, interaction: Interaction) -> None:
        """Marks it as served: a second request can't have it."""
        self._used.add(interaction.id)

    def use_inside(self, parent: str) -> None:
        """Marks everything recorded inside a served tool as accounted for."""
        self._used.update(child.id for child in self.descendants(parent))

    @property
    def unused(self) -> tuple[Interaction, ...]:
        """What was recorded and not asked for, in recorded order."""
        return tuple(item for name, item in self._expected.items() if name not in self._used)

    def find(
        self, position: str, content: Content, policy: Policy, segments_of: Callable[[Interaction], Content]
    ) -> Match:
        """The nearest rung of the ladder that the policy serves; where it serves none, simply the nearest.

        Args:
            segments_of: Content of a recorded interaction; asked for only where keys differ.
        """
        first: Match | None = None
        for match in self._rungs(position, content, policy.changed, segments_of):
            if match.interaction is not None and policy.serves(match.interaction.boundary, match.level):
                return match
            first = first or match
        return first or Match(MISSING, None)

    def _rungs(
        self, position: str, content: Content, changed: frozenset[str], segments_of: Callable[[Interaction], Content]
    ) -> Iterator[Match]:
        here = self._by_position.get(position)
        if here is not None and here.id in self._used:
            here = None
        differing: tuple[str, ...] = ()
        if here is not None:
            differing = () if here.key == content.key else differing_segments(segments_of(here), content)
            if not differing:
                yield Match(EXACT, here)
                return
            if all(_base_name(name) in changed or name in changed for name in differing):
                yield Match(EXPECTED, here, differing)
        # The same content elsewhere says more than other content here, so it is looked for first.
        same_place = self._first_unused(self._by_place.get((lineage_of(position), content.key)))
        if same_place is not None:
            yield Match(SHIFTED, same_place, differing)
        elsewhere = [item for item in self._by_key.get(content.key, ()) if item.id not in self._used]
        if len(elsewhere) == 1:
            yield Match(MOVED, elsewhere[0], differing)
        if here is not None:
            yield Match(DRIFT, here, differing)
        yield Match(MISSING, elsewhere[0] if elsewhere else None)

    def _first_unused(self, items: deque[Interaction] | None) -> Interaction | None:
        while items:
            if items[0].id not in self._used:
                return items[0]
            items.popleft()
        return None


def differing_segments(recorded: Content, now: Content) -> tuple[str, ...]:
    """Names of the segments that one side lacks or that differ, in the order in which they are read."""
    names = dict.fromkeys((*recorded.segments, *now.segments))
    missing = object()
    return tuple(name for name in names if recorded.segments.get(name, missing) != now.segments.get(name, missing))


def _base_name(segment: str) -> str:
    return segment.partition("[")[0]
