"""Does every recorded request, taken for a live one, find its own answer?

Asked of the very code that a replay asks: no agent runs, and nothing goes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from replaykit.errors import Divergence, PacketError, SanitizeError
from replaykit.matching.content import Content
from replaykit.matching.index import Index, Match
from replaykit.matching.policy import EXACT, LEVEL_NAMES, find_policy
from replaykit.matching.recorded import is_request_withheld
from replaykit.packet import Interaction, Packet
from replaykit.packet.exchange import Chunk, FunctionRequest, HttpRequest, NoGate
from replaykit.session.live import Contents
from replaykit.session.serving import NotServable, decode_value, serve_http
from replaykit.wire import classify


class SelfReplay:
    """A replay of a packet against its own requests."""

    def __init__(self, packet: Packet) -> None:
        self._contents = Contents(packet)
        self._index = Index(packet.interactions, self._contents.of_recorded)
        self._policy = find_policy("exact")
        self._interactions = packet.interactions

    def __iter__(self) -> Iterator[tuple[Interaction, str | None]]:
        """Every interaction that a replay would ask for, and why it does not get its own answer; None: it does."""
        for item in self._interactions:
            if item.call.call_class != "telemetry" and not _is_kept_out(item):
                yield item, self._problem(item)

    def _problem(self, item: Interaction) -> str | None:
        try:
            if item.call.call_class in ("auth", "ambient"):
                return self._ambient_problem(item)
            content = self._content(item)
            found = self._index.find(item.position, content, self._policy)
        except (SanitizeError, PacketError) as error:
            return f"its request can't be read as a live one: {getattr(error, 'reason', None) or error}"
        if found.interaction is None or found.level != EXACT:
            return f"its own request is {LEVEL_NAMES[found.level]}{_differing(found)}"
        if found.interaction is not item:
            return f"its own request gets the answer of {found.interaction.id}"
        kind = self._contents.bindings.bind(self._contents.of_recorded(item).findings, content.findings)
        if kind is not None:
            return f"a value of kind {kind} in it is taken for another one"
        self._index.use(item)
        return _serving_problem(item)

    def _content(self, item: Interaction) -> Content:
        call = item.call
        if call.http is None:
            arguments = item.arguments if isinstance(item.arguments, dict) else {}
            return self._contents.of_call(FunctionRequest(call.boundary, call.name, arguments), item.position)
        headers = tuple(pair for pair in call.http.headers if pair[0].lower() != "content-encoding")  # stored without
        request = HttpRequest(call.http.method, call.http.url, headers, item.request_body)
        return self._contents.of_http(request, classify(request.method, request.url, request.headers), item.position)

    def _ambient_problem(self, item: Interaction) -> str | None:
        http = item.call.http
        if http is None or self._index.ambient(http.method, http.url, item.position) is None:
            return "its endpoint is not found"
        return None


def _is_kept_out(item: Interaction) -> bool:
    """What was withheld is said elsewhere; of a call that never ended there is nothing to find."""
    return is_request_withheld(item) or item.is_withheld or item.done is None


def _serving_problem(item: Interaction) -> str | None:
    """Why its answer can't be given; that a class of it is not imported here is no fault of the packet."""
    try:
        if item.call.http is not None:
            serve_http(item, _no_gate, _never, _unserved)
        else:
            decode_value(item, _no_gate, _never, _unserved)
    except NotServable:
        return None
    except PacketError as error:
        return f"its answer can't be read: {error.reason}"
    return None


def _differing(found: Match) -> str:
    return f" ({', '.join(found.differing)} differ)" if found.differing else ""


def _no_gate(chunks: tuple[Chunk, ...]) -> NoGate:
    return NoGate()


def _never() -> NoReturn:
    raise AssertionError("nothing is read")


def _unserved(what: str) -> NoReturn:
    raise Divergence(what)
