"""The hash index of a packet, and the ladder from exact to missing.

A lookup costs the same in a packet of 10 interactions and of 100 000.
"""

from __future__ import annotations

import urllib.parse
from collections import defaultdict
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


IMPORTED = "imported"
"""Lineage of the calls of an imported recording, which has none."""


def lineage_of(position: str) -> str:
    """The position without its last part: where the call was made, not which call it was."""
    return position.rpartition("/")[0]


def label_of(position: str) -> str:
    """Boundary and name of the call at a position: `llm:chat`."""
    return position.rpartition("/")[2].partition("[")[0]


def identity_scope(position: str, *, is_placed: bool) -> str:
    """Where ids that a client made are numbered: in their lineage; where none is known, in each request by itself."""
    return lineage_of(position) if is_placed else position


def endpoint_of(method: str, url: str) -> tuple[str, str, str]:
    """Method, host and path: the whole identity of an `auth` or `ambient` call."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:  # no address at all; it is looked for as it stands
        return method.upper(), url, ""
    return method.upper(), parts.netloc.rpartition("@")[2].lower(), parts.path


class Index:
    """Recorded interactions by position and by content; knows which were served.

    Args:
        content_of: Content of a recorded interaction; asked for when a request is first looked up by content.

    Attributes:
        has_positions: False for an imported recording. Content and the order of equal ones are then all there is.
    """

    def __init__(self, interactions: Iterable[Interaction], content_of: Callable[[Interaction], Content]) -> None:
        self._content_of = content_of
        self._by_position: dict[str, Interaction] = {}
        self._by_endpoint: dict[tuple[str, str, str], Interaction] = {}
        self._ambient_at: dict[tuple[tuple[str, str, str], str], Interaction] = {}
        self._children: dict[str, list[Interaction]] = defaultdict(list)
        self._unused: dict[str, Interaction] = {}
        self._keys: _Keys | None = None
        self._reached: dict[str, float] = {}
        self.has_positions = True
        for interaction in interactions:
            self._add(interaction)
        self.total = len(self._unused)

    def _add(self, interaction: Interaction) -> None:
        call = interaction.call
        if call.call_class in ("auth", "ambient") and call.http is not None:
            endpoint = endpoint_of(call.http.method, call.http.url)
            self._ambient_at[endpoint, interaction.position] = interaction
            present = self._by_endpoint.get(endpoint)
            if present is None or _worth(interaction) > _worth(present):
                self._by_endpoint[endpoint] = interaction
            return
        if call.call_class == "telemetry":
            return
        self._unused[interaction.id] = interaction
        self.has_positions = self.has_positions and interaction.is_placed
        self._by_position.setdefault(interaction.position, interaction)
        if call.parent is not None:
            self._children[call.parent].append(interaction)

    def at(self, position: str) -> Interaction | None:
        """The interaction recorded at a position, served or not."""
        return self._by_position.get(position)

    def waiting_at(self, position: str) -> Interaction | None:
        """The interaction recorded at that very position, if it was not served yet."""
        here = self._by_position.get(position) if self.has_positions else None
        return here if here is not None and not self.is_used(here) else None

    def expect(self, position: str, interaction: Interaction) -> None:
        """Lets an interaction be asked for at a position that is not its own, or once more where it was served."""
        self._by_position[position] = interaction
        self._unused[interaction.id] = interaction

    def ambient(self, method: str, url: str, position: str = "") -> Interaction | None:
        """A recorded call to that endpoint; it may be served any number of times.

        Its own place comes first, so that a client that had to try again has to do so again. Anywhere else an answer
        is worth more than a failure.
        """
        endpoint = endpoint_of(method, url)
        here = self._ambient_at.get((endpoint, position))
        return here if here is not None and _is_answered(here) else self._by_endpoint.get(endpoint)

    def descendants(self, parent: str) -> Iterator[Interaction]:
        """What was recorded inside a call, at any depth."""
        for child in self._children.get(parent, ()):
            yield child
            yield from self.descendants(child.id)

    def is_used(self, interaction: Interaction) -> bool:
        return interaction.id not in self._unused

    def use(self, interaction: Interaction) -> None:
        """Marks it as served: a second request can't have it."""
        if self._unused.pop(interaction.id, None) is None:
            return
        lineage = lineage_of(interaction.position)
        self._reached[lineage] = max(self._reached.get(lineage, -1), interaction.seq)
        if self._keys is not None:
            self._keys.discard(interaction)

    def use_inside(self, parent: str) -> None:
        """Marks everything recorded inside a served tool as accounted for."""
        for child in self.descendants(parent):
            self.use(child)

    def leave(self, position: str, order: float) -> None:
        """A call at this position left the recording: what its lineage does after it comes later."""
        place = lineage_of(position)
        self._reached[place] = max(order, self._reached.get(place, 0))

    def reached(self, lineage: str) -> float | None:
        """Number of the last event that was served in a lineage, or in the nearest one above it that was served any."""
        while True:
            found = self._reached.get(lineage)
            if found is not None or not lineage:
                return found
            lineage = lineage_of(lineage)

    @property
    def unused(self) -> tuple[Interaction, ...]:
        """What was recorded and not asked for, in recorded order."""
        return tuple(self._unused.values())

    def find(self, position: str, content: Content, policy: Policy) -> Match:
        """The nearest rung of the ladder that the policy serves; where it serves none, simply the nearest."""
        first: Match | None = None
        rungs = self._rungs if self.has_positions else self._rungs_by_content
        for match in rungs(position, content, policy.changed):
            if match.interaction is not None and policy.serves(match.interaction.boundary, match.level):
                return match
            first = first or match
        assert first is not None  # the last rung is always there
        return first

    def _rungs(self, position: str, content: Content, changed: frozenset[str]) -> Iterator[Match]:
        here = self.waiting_at(position)
        differing: tuple[str, ...] = ()
        if here is not None:
            differing = differing_segments(self._content_of(here), content)
            if not differing:
                yield Match(EXACT, here)
                return
            if _are_declared(differing, changed):
                yield Match(EXPECTED, here, differing)
        # The same content elsewhere says more than other content here, so it is looked for first.
        keys = self._by_content()
        lineage = lineage_of(position)
        shifted = keys.in_lineage(lineage, content.key, self._reached.get(lineage, -1))
        if shifted is not None:
            yield Match(SHIFTED, shifted, differing)
        elsewhere = keys.anywhere(content.key)
        if len(elsewhere) == 1 and shifted is None:
            yield Match(MOVED, elsewhere[0], differing)
        if here is not None:
            yield Match(DRIFT, here, differing)
        yield Match(MISSING, elsewhere[0] if elsewhere else None)

    def _rungs_by_content(self, position: str, content: Content, changed: frozenset[str]) -> Iterator[Match]:
        """Without positions: the next of equal content, in recorded order. Else the next of its kind, as a guess."""
        equal = self._by_content().anywhere(content.key)
        if equal:
            yield Match(EXACT, equal[0])
            return
        label = label_of(position)
        kind = (item for item in self._unused.values() if label_of(item.position) == label)
        likely = next((item for item in kind if self._content_of(item).key), None)  # not one that was withheld
        if likely is None:
            yield Match(MISSING, None)
            return
        differing = differing_segments(self._content_of(likely), content)
        if _are_declared(differing, changed):
            yield Match(EXPECTED, likely, differing)
        yield Match(DRIFT, likely, differing)

    def _by_content(self) -> _Keys:
        if self._keys is None:
            self._keys = _Keys(self._unused.values(), self._content_of)
        return self._keys


class _Keys:
    """What was not served yet, by content."""

    def __init__(self, unused: Iterable[Interaction], content_of: Callable[[Interaction], Content]) -> None:
        self._key_of: dict[str, str] = {}
        self._by_key: dict[str, dict[str, Interaction]] = defaultdict(dict)
        self._by_lineage: dict[tuple[str, str], dict[str, Interaction]] = defaultdict(dict)
        for item in unused:
            key = content_of(item).key
            if key:
                self._key_of[item.id] = key
                self._by_key[key][item.id] = item
                self._by_lineage[lineage_of(item.position), key][item.id] = item

    def discard(self, item: Interaction) -> None:
        key = self._key_of.get(item.id)
        if key is not None:
            self._by_key[key].pop(item.id, None)
            self._by_lineage[lineage_of(item.position), key].pop(item.id, None)

    def in_lineage(self, lineage: str, key: str, reached: float) -> Interaction | None:
        """The next one after what the lineage has reached; else one that was passed over, if there is only one."""
        items = self._by_lineage.get((lineage, key))
        if not items:
            return None
        ahead = next((item for item in items.values() if item.seq > reached), None)
        if ahead is not None or len(items) > 1:
            return ahead
        return next(iter(items.values()))

    def anywhere(self, key: str) -> tuple[Interaction, ...]:
        """Up to two of that content: more are no better than two."""
        items = iter(self._by_key.get(key, {}).values())
        return tuple(item for item, _ in zip(items, range(2), strict=False))


def differing_segments(recorded: Content, now: Content) -> tuple[str, ...]:
    """Names of the segments that one side lacks or that differ, in the order in which they are read."""
    names = dict.fromkeys((*recorded.hashes, *now.hashes))
    return tuple(name for name in names if recorded.hashes.get(name) != now.hashes.get(name))


def _are_declared(differing: tuple[str, ...], changed: frozenset[str]) -> bool:
    return all(name in changed or name.partition("[")[0] in changed for name in differing)


def _is_answered(interaction: Interaction) -> bool:
    done = interaction.done
    return done is not None and done.state in ("complete", "error") and not interaction.is_withheld


def _worth(interaction: Interaction) -> int:
    """How good an answer to everybody it is: a success, a failure that the server told, any other, none."""
    done = interaction.done
    if done is None or interaction.is_withheld:
        return 0
    if done.state != "complete":
        return 1
    return 2 if (done.status or 0) >= 400 else 3
