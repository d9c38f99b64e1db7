"""Replaying one packet: every call is looked up, served, or refused. Nothing goes out that was not allowed by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

from replaykit.determinism.lineage import Node, current
from replaykit.errors import Divergence
from replaykit.matching.causes import field_diffs, find_cause
from replaykit.matching.content import Content, raw_key
from replaykit.matching.index import Index, Match
from replaykit.matching.policy import EXACT, MISSING, MOVED, Policy
from replaykit.packet import Interaction, Packet
from replaykit.packet.exchange import (
    ForwardCall,
    ForwardHttp,
    FunctionRequest,
    HttpRequest,
    ServedResponse,
    ServedValue,
)
from replaykit.session.derived import executed_tools
from replaykit.session.explain import caller, explain
from replaykit.session.ledger import Difference, DivergenceRecord, Ledger
from replaykit.session.live import Contents
from replaykit.session.positions import Tickets
from replaykit.session.report import ReplayedInteraction
from replaykit.session.serving import NotServable, decode_value, serve_http, telemetry_answer
from replaykit.wire import Call, classify


class Allows(Protocol):
    """What the user allowed by name."""

    def egress(self, egress: object) -> bool: ...

    def url(self, url: str) -> bool: ...


class Replayer:
    """The session of a run that is being replayed.

    Args:
        allows: What may go out although it was not recorded.
        is_strict: Values that are only assumed to stand for their stand-ins are divergences.
    """

    reads_body = True

    def __init__(self, packet: Packet, policy: Policy, allows: Allows, *, is_strict: bool = False) -> None:
        self.packet = packet
        self.policy = policy
        self.ledger = Ledger()
        self.contents = Contents(packet)
        self.index = Index(packet.interactions)
        self.interactions: list[ReplayedInteraction] = []
        self.not_executed: list[str] = []
        self.rerun: list[str] = []
        self.refused: list[str] = []
        self.allowed: list[str] = []
        self.telemetry = 0
        self.writes: dict[str, list[str]] = {}
        self.is_closed = False
        self.runtime_differs = False
        self.output_compared = False
        self.notes: list[str] = []
        self.owner: Any = None  # what the user holds; the entry point hands its result there
        self._allows = allows
        self._tickets = Tickets()
        self._is_strict = is_strict
        self._lock = threading.RLock()
        self.on_divergence: Callable[[], None] = lambda: None

    # what interceptors ask

    def decide_http(self, request: HttpRequest, node: Node) -> ForwardHttp | ServedResponse:
        """The recorded response, or a divergence; never the network."""
        call = classify(request.method, request.url, request.headers)
        with self._lock:
            if call.call_class == "telemetry":
                # Also after the end: an exporter's thread outlives the replay that started it, and must not die of it.
                self.telemetry += 1
                return telemetry_answer(request)
            self._refuse_if_closed(f"{request.method} {_origin(request.url)}")
            if self._is_allowed(request.url):
                return ForwardHttp(None)
            if call.call_class != "agent":
                return self._serve_ambient(request, call, node)
            position = self._tickets.http(node, call, request.headers)
            interaction = self._match_http(request, call, position)
            try:
                return serve_http(interaction, lambda: self._overread(interaction, position))
            except NotServable as reason:
                self._diverge_unservable(interaction, position, str(reason))

    def decide_call(self, request: FunctionRequest, node: Node) -> ForwardCall | ServedValue:
        """The recorded result; or the body again, over recorded crossings, where that was asked for."""
        with self._lock:
            self._refuse_if_closed(f"{request.boundary} {request.name}")
            place = self._tickets.function(node, request.boundary, request.name)
            content = self.contents.of_call(request, place.path)
            match = self.index.find(place.path, content, self._policy(), self.contents.of_recorded)
            if request.effect != "read":
                self.writes.setdefault(node.path, []).append(place.path)
            interaction = self._accept_content(match, content, place.path, request.boundary, request.name)
            if self._reruns(request, interaction):
                self.rerun.append(place.path)
                return ForwardCall(None, place)
            self.index.use_inside(interaction.id)
            try:
                served = decode_value(interaction)
            except NotServable as reason:
                self._diverge_unservable(interaction, place.path, str(reason))
            self.not_executed.append(place.path)
            return served

    def unattributed(self, what: str) -> None:
        """A call of a thread that is older than the replay, or that nothing ties to it: refused."""
        raise self._refusal(what, "no replay knows the thread or task that makes it")

    def refuses(self, egress: object) -> BaseException | None:
        """The guard's question: something is about to leave the process past every interceptor."""
        node = current()
        if node is not None and not isinstance(node.run, Replayer):
            return None  # another part of the process that records, live on purpose
        if self.is_closed and (node is None or node.run is not self):
            return None  # the guard stayed for what outlived this replay, and for nothing else
        if self._allows.egress(egress):
            self.allowed.append(str(egress))
            return None
        return self._refusal(str(egress), "no interceptor handles it")

    @property
    def last_order(self) -> float:
        """After everything that was recorded."""
        return max((item.seq for item in self.packet.interactions), default=0) + 1.0

    # spans have no say in a replay, only a place

    def begin_span(self, node: Node, name: str, kind: str, attributes: Mapping[str, Any]) -> str:
        return ""

    def end_span(self, span: str, error: BaseException | None, attributes: Mapping[str, Any]) -> None:
        return None

    # matching

    def _policy(self) -> Policy:
        if self.runtime_differs and self.policy.name == "exact":
            return self.policy.also_serving(MOVED)
        return self.policy

    def _match_http(self, request: HttpRequest, call: Call, position: str) -> Interaction:
        here = self.index.at(position)
        if here is not None and here.call.raw is not None and not self.index.is_used(here):
            label, is_llm = f"{call.boundary}:{call.name}", call.boundary == "llm"
            if here.call.raw == raw_key(label, request.method, request.url, request.body, is_llm=is_llm):
                self.contents.defer(request, call, position)
                return self._accept(Match(EXACT, here), position, call.boundary, call.name)
        content = self.contents.of_http(request, call, position)
        match = self.index.find(position, content, self._policy(), self.contents.of_recorded)
        return self._accept_content(match, content, position, call.boundary, call.name)

    def _accept_content(self, match: Match, content: Content, position: str, boundary: str, name: str) -> Interaction:
        """The interaction to serve, if the policy serves it and its values bind; else diverges."""
        interaction = match.interaction
        if interaction is None or not self._policy().serves(boundary, match.level):
            self._diverge(match, content, position, boundary)
        recorded = self.contents.of_recorded(interaction)
        if match.level in (EXACT, MOVED):
            conflict = self.contents.bindings.bind(recorded.findings, content.findings)
            if conflict is not None or (self._is_strict and self.contents.bindings.assumed):
                kind = conflict or next(iter(self.contents.bindings.assumed))
                detail = f"a value of kind {kind} is another one than the recording has here"
                self._diverge(Match(2, interaction, ("substitution",)), content, position, boundary, detail)
        return self._accept(match, position, boundary, name)

    def _accept(self, match: Match, position: str, boundary: str, name: str) -> Interaction:
        interaction = match.interaction
        assert interaction is not None
        self._raise_latched()
        self.index.use(interaction)
        self.interactions.append(
            ReplayedInteraction(
                position=position,
                boundary=boundary,
                name=name,
                level=match.level,
                recorded=interaction.position,
                is_stale=match.level in (1, 2),
            )
        )
        return interaction

    def _serve_ambient(self, request: HttpRequest, call: Call, node: Node) -> ServedResponse:
        interaction = self.index.ambient(request.method, request.url)
        position = self._tickets.http(node, call, request.headers)
        if interaction is None:
            detail = f"{request.method} {_origin(request.url)} was never called while recording"
            self._diverge(Match(MISSING, None), Content({}, (), ""), position, "http", detail)
        try:
            return serve_http(interaction, lambda: self._overread(interaction, position))
        except NotServable as reason:
            self._diverge_unservable(interaction, position, str(reason))

    def _reruns(self, request: FunctionRequest, interaction: Interaction) -> bool:
        if request.replay is not None:
            return request.replay == "rerun"
        return any(child.boundary == "llm" for child in self.index.descendants(interaction.id))

    def _is_allowed(self, url: str) -> bool:
        if not self._allows.url(url):
            return False
        self.allowed.append(_origin(url))
        return True

    # leaving the recording

    def _diverge(self, match: Match, content: Content, position: str, boundary: str, detail: str = "") -> NoReturn:
        interaction = match.interaction
        recorded = self.contents.of_recorded(interaction) if interaction is not None else None
        ended = self._recording_ended(match)
        executed = executed_tools(self.packet)
        cause = find_cause(boundary, match, recorded, content, executed=executed, recording_ended=ended)
        fields = field_diffs(match, recorded, content) if recorded is not None else []
        if match.level == MISSING and not detail:
            detail = self._missing_detail(match, position)
        same = [
            name for name in ("system", "tools", "model") if name in content.segments and name not in match.differing
        ]
        message = explain(
            cause=cause,
            position=position,
            level=match.level,
            counts=(len(self.interactions), len(self.packet.interactions), len(self.allowed)),
            place=caller(),
            nearest=interaction.position if interaction is not None else None,
            fields=fields,
            same=same if fields else (),
            packet=str(self.packet.path) if self.packet.path else None,
            detail=detail,
        )
        differences = tuple(Difference(field.path, _shown(field.recorded), _shown(field.now)) for field in fields)
        self._leave(
            DivergenceRecord(
                position=position,
                level=match.level,
                root_cause=cause,
                message=self.contents.clean_text(message),
                order=self._order_of(position, interaction),
                boundary=boundary,
                nearest=interaction.position if interaction is not None else None,
                differences=differences,
            )
        )

    def _diverge_unservable(self, interaction: Interaction, position: str, reason: str) -> NoReturn:
        cause = "recording ends" if interaction.done is None else "recorder"
        self._leave(self._simple_record(cause, position, reason, interaction))

    def _overread(self, interaction: Interaction, position: str) -> NoReturn:
        state = interaction.done.state if interaction.done else "cut off"
        reason = f"the recorded agent stopped reading this answer ({state}); what came after it is not known"
        with self._lock:
            self._leave(self._simple_record("recording ends", position, reason, interaction))

    def _simple_record(self, cause: str, position: str, detail: str, interaction: Interaction) -> DivergenceRecord:
        message = explain(
            cause=cause,
            position=position,
            level=MISSING,
            counts=(len(self.interactions), len(self.packet.interactions), len(self.allowed)),
            place=caller(),
            nearest=None,
            fields=(),
            same=(),
            packet=str(self.packet.path) if self.packet.path else None,
            detail=detail,
        )
        order = self._order_of(position, interaction)
        return DivergenceRecord(position, MISSING, cause, message, order, interaction.boundary, interaction.position)

    def _leave(self, record: DivergenceRecord) -> NoReturn:
        self.ledger.add(record)
        self.on_divergence()
        first = self.ledger.first
        assert first is not None
        raise first.error()

    def _raise_latched(self) -> None:
        """After the first divergence every call raises it again, whatever it would have found."""
        first = self.ledger.first
        if first is not None:
            raise first.error()

    def _refusal(self, what: str, why: str) -> Divergence:
        node = current()
        position = node.path if node is not None and node.run is self else ""
        clean = self.contents.clean_text(what)
        message = f"refused: {clean} ({why}); nothing was sent\n  allow it by name:  allow=[...] or --allow"
        record = DivergenceRecord(position, MISSING, "code", message, boundary="egress", is_refusal=True)
        self.refused.append(clean)
        self.ledger.add(record)
        self.on_divergence()
        return record.error()

    def _refuse_if_closed(self, what: str) -> None:
        if self.is_closed:
            raise self._refusal(what, "its replay has ended")

    def _recording_ended(self, match: Match) -> bool:
        """True if the recorded run did not get to its own end, and nothing of it is left to serve."""
        outcome = self.packet.outcome
        is_cut = outcome is None or outcome.status == "failed"
        return match.level == MISSING and match.interaction is None and is_cut and not self.index.unused

    def _missing_detail(self, match: Match, position: str) -> str:
        if match.interaction is not None:
            return "several recorded calls have this content, none at this position: none is chosen"
        return "no recorded call is left that has this position or this content"

    def _order_of(self, position: str, interaction: Interaction | None) -> float:
        if interaction is not None:
            return interaction.seq
        place = position.rpartition("/")[0]
        before = [item.seq for item in self.packet.interactions if item.position.rpartition("/")[0] == place]
        return max(before, default=-1) + 0.5


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3]).partition("?")[0]


def _shown(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict | None) else None
