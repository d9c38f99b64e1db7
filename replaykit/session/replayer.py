"""Replaying one packet: every call is looked up, served, or refused. Nothing goes out that was not allowed by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from replaykit.determinism.conducted import Conducted
from replaykit.determinism.lineage import Node, current
from replaykit.determinism.orders import AsRecorded
from replaykit.determinism.schedule import Schedule
from replaykit.errors import Divergence, SanitizeError
from replaykit.matching.attempts import Attempts
from replaykit.matching.causes import Deviation, new_pieces
from replaykit.matching.content import NO_CONTENT, Content, raw_key
from replaykit.matching.index import Index, Match, lineage_of
from replaykit.matching.policy import (
    DRIFT,
    EXACT,
    EXPECTED,
    MISSING,
    MOVED,
    SHIFTED,
    AttemptsMode,
    Policy,
    ScheduleMode,
)
from replaykit.matching.recorded import is_request_withheld
from replaykit.packet import Interaction, Packet, values
from replaykit.packet.exchange import (
    ForwardCall,
    ForwardHttp,
    FunctionRequest,
    HttpRequest,
    ServedResponse,
    ServedValue,
)
from replaykit.packet.failures import Failure
from replaykit.session.completions import Completions
from replaykit.session.effect_source import EffectSource
from replaykit.session.exits import Exits
from replaykit.session.gates import AnswerGate
from replaykit.session.leaving import Leaving
from replaykit.session.ledger import Ledger
from replaykit.session.live import NOT_PROVED, Contents
from replaykit.session.past import Past
from replaykit.session.positions import Tickets, is_disabled
from replaykit.session.remarks import Remarks
from replaykit.session.report import ReplayedInteraction
from replaykit.session.reruns import RerunObserver
from replaykit.session.schedules import make_conductor
from replaykit.session.serving import GateOf, NotServable, decode_value, serve_http, telemetry_answer
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
        stubs: By the name of a function: what to answer where the recording has no result for it.
        schedule: `strict`: everything comes in the recorded order, where the packet has it.
        seed: Which of the orders, for `shuffled`.
        attempts: Whether a call that was tried more than once has `all` of its attempts, or its `final` one alone.
    """

    reads_body = True
    is_replay = True
    is_foreign = False  # a replay goes on in a forked child: nothing may go out there either
    is_over = False  # and what outlives it is still refused by it

    def __init__(
        self,
        packet: Packet,
        policy: Policy,
        allows: Allows,
        *,
        is_strict: bool = False,
        stubs: Mapping[str, Any] | None = None,
        schedule: ScheduleMode = "strict",
        attempts: AttemptsMode = "all",
        seed: int = 0,
    ) -> None:
        self._lock = threading.RLock()
        self.packet = packet
        self.policy = policy
        self.attempts = Attempts(packet.interactions, attempts)
        self.ledger = Ledger()
        self.contents = Contents(packet, is_strict=is_strict)
        self.index = Index(self.attempts.interactions, self.contents.of_recorded)
        self.attempts.begin(self.index)
        self.interactions: list[ReplayedInteraction] = []
        self.not_executed: list[str] = []
        self.rerun: list[str] = []
        self.unservable: list[tuple[str, str]] = []
        self.known_to_framework: set[str] = set()
        self.ran_unrecorded: list[str] = []
        self.stubbed: list[str] = []
        self.refused: list[str] = []
        self.allowed: list[str] = []
        self.telemetry = 0
        self.writes: dict[str, list[Interaction]] = {}
        self.is_closed = False
        self.runtime_differs = False
        self.output_compared = False
        self.lacks_output = False
        self.status: str | None = None
        self.notes: list[str] = []
        self.remarks = Remarks(packet, self.contents)
        self.owner: Any = None  # what the user holds; the entry point hands its result there
        self.conductor = make_conductor(packet, schedule, self._name_of, seed)
        self._conducted = Conducted(self.conductor)
        self.order = self.conductor.order  # also when the conductor has let go of it
        self.effects = EffectSource(packet, self._name_of, self.conductor.clock) if packet.run.effects else None
        self.completions = Completions()
        past = Past(packet, self.index, self.conductor, self.completions, self.effects, self.stubbed)
        self.leaving = Leaving(packet, self.index, self.contents, past, lambda: len(self.allowed))
        self.leaving.derived = self.effects.derived if self.effects is not None else ()
        self._allows = allows
        self._stubs = dict(stubs or {})
        self._tickets = Tickets()
        self._has_log = isinstance(self.conductor.order, AsRecorded)
        self._gated: set[str] = set()
        self._exits = Exits(self.leaving, self.ledger, self._lock, self._diverged)
        self.on_divergence: Callable[[], None] = lambda: None

    def _diverged(self) -> None:
        self.conductor.let_go()
        self.on_divergence()

    @property
    def schedule(self) -> Schedule | None:
        """What timers, sleeps and threads wait for."""
        return None if self.is_closed else self._conducted

    # what interceptors ask

    def decide_http(self, request: HttpRequest, node: Node) -> ForwardHttp | ServedResponse:
        """The recorded response, or a divergence; never the network."""
        call = classify(request.method, request.url, request.headers)
        with self._lock:
            if call.call_class == "telemetry":
                # Also after the end: an exporter's thread outlives the replay that started it, and must not die of it.
                self.telemetry += 1
                return telemetry_answer(request)
            self._refuse_outsiders(f"{request.method} {_origin(request.url)}", node)
            if self._allows.url(request.url):
                self._exits.raise_latched()
                self.allowed.append(_origin(request.url))
                return ForwardHttp(None)
            position = self.contents.name(self._tickets.http(node, call, request.headers))
            if call.call_class != "agent":
                return self._serve_ambient(request, position)
            interaction = self._match_http(request, call, position)
            self.remarks.compare(interaction, request)
            try:
                return serve_http(
                    interaction,
                    self._gate_of(interaction),
                    lambda: self._exits.overread(interaction, position),
                    self._exits.unserved(interaction, position),
                )
            except NotServable as reason:
                self._exits.unservable(interaction, position, str(reason))

    def decide_call(self, request: FunctionRequest, node: Node) -> ForwardCall | ServedValue:
        """The recorded result; or the body again, over recorded crossings, where that was asked for."""
        if is_disabled(node):
            return ForwardCall(None, None)
        with self._lock:
            self._refuse_outsiders(f"{request.boundary} {request.name}", node)
            place = self._tickets.function(node, request.boundary, request.name)
            position = self.contents.name(place.path)
            if not request.is_declared and self.contents.name(request.name) in self.leaving.executed:
                self._exits.raise_latched()  # whoever made this recording saw only the model traffic
                self.ran_unrecorded.append(request.name)
                return ForwardCall(None, place)
            try:
                content = self.contents.of_call(request, position)
            except SanitizeError as reason:
                self._exits.leave(
                    self.leaving.mismatch(*_nothing(position, request), detail=f"its arguments: {reason}")
                )
            self._check_withheld(position)
            match = self.index.find(position, content, self._policy())
            is_served = match.interaction is not None and self._policy().serves(request.boundary, match.level)
            if not is_served and request.name in self._stubs:
                return self._stub(request, position)
            if not is_served and request.replay == "rerun" and not self.index.has_positions:
                self._exits.raise_latched()
                self.rerun.append(position)  # no imported recording has functions; this one may run, says its decorator
                return ForwardCall(None, place)
            interaction = self._accept_content(match, content, position, request.boundary, request.name)
            if request.boundary == "tool" and request.effect != "read":
                self.writes.setdefault(lineage_of(interaction.position), []).append(interaction)
            if self._reruns(request, interaction):
                self.rerun.append(position)
                return ForwardCall(RerunObserver(self, interaction, position), place)
            try:
                served = decode_value(
                    interaction,
                    self._gate_of(interaction),
                    lambda: self._exits.overrun(interaction, position),
                    self._exits.unserved(interaction, position),
                )
            except NotServable as reason:
                if request.is_declared or interaction.done is None:
                    self._exits.unservable(interaction, position, str(reason))
                self.unservable.append((position, reason.reason))
                return ForwardCall(RerunObserver(self, interaction, position), place)
            self.index.use_inside(interaction.id)
            if isinstance(self.conductor.order, AsRecorded):
                inner = (child.id for child in self.index.descendants(interaction.id))
                self.conductor.order.forget(interaction.position, inner)
            self.not_executed.append(position)
            return served

    def asked_framework(self, name: str) -> None:
        """A framework has this tool: its body runs only if `decide_call` lets it."""
        self.known_to_framework.add(name)

    def unattributed(self, what: str) -> Replayer:
        """A call of a thread that is older than the replay, or that nothing ties to it: refused.

        Exporters work on such threads; what they send is answered as anybody's telemetry is.
        """
        if "://" in what and classify("POST", what).call_class == "telemetry":
            return self
        raise self._refusal(what, "no replay knows the thread or task that makes it")

    def refuses(self, egress: object) -> BaseException | None:
        """The guard's question: something is about to leave the process past every interceptor."""
        node = current()
        if node is not None and not isinstance(node.run, Replayer) and not getattr(node.run, "is_closed", False):
            return None  # another part of the process that records, live on purpose
        if self.is_closed and (node is None or node.run is not self):
            return None  # the guard stayed for what outlived this replay, and for nothing else
        if self._allows.egress(egress):
            self.allowed.append(str(egress))
            return None
        return self._refusal(str(egress), "no interceptor handles it", getattr(egress, "entry", ""))

    @property
    def last_order(self) -> float:
        """After everything that was recorded."""
        return max((item.seq for item in self.packet.interactions), default=0) + 1.0

    @property
    def unknown_stubs(self) -> tuple[str, ...]:
        """Stubs that were not asked for, and of whose name the recording has no function."""
        names = {item.name for item in self.packet.interactions} | {item.name for item in self.interactions}
        return tuple(name for name in map(self.contents.name, self._stubs) if name not in names)

    def has_span(self, node: Node) -> bool:
        """True if the recording has a span at that very place."""
        place = self.contents.name(node.path)
        return any(span.line.position == place for span in self.packet.spans)

    def _name_of(self, path: str) -> str:
        """For code outside of this class, which may run on any thread."""
        with self._lock:
            return self.contents.name(path)

    # spans have no say in a replay, only a place

    def begin_span(self, node: Node, name: str, kind: str, attributes: Mapping[str, Any]) -> str:
        self.contents.note(attributes)
        return ""

    def end_span(self, span: str, error: BaseException | None, attributes: Mapping[str, Any]) -> None:
        self.contents.note(attributes)

    def deviated(self, interaction: Interaction, position: str, now: Any) -> None:
        """The body of a recorded function ran again; notes where its result is another one than recorded."""
        done = interaction.done
        if done is None or not (done.has_value or done.failure):
            return
        with self._lock:
            recorded = done.value if done.has_value else None
            pieces = new_pieces(self.contents.masked(recorded), self.contents.masked(self.contents.clean(now)))
            if pieces:
                self.leaving.deviations.append(Deviation(position, interaction.boundary, pieces))

    def failed(self, interaction: Interaction, position: str, error: BaseException) -> None:
        """The same for one that raises."""
        done = interaction.done
        now = self.contents.clean_failure(Failure.of(error))
        if done is None or (
            done.failure is not None and (done.failure.type, done.failure.message) == (now.type, now.message)
        ):
            return
        with self._lock:
            pieces = new_pieces(None, self.contents.masked([now.message, now.type.rpartition(":")[2]]))
            self.leaving.deviations.append(Deviation(position, interaction.boundary, pieces))

    # matching

    def _policy(self) -> Policy:
        if self.runtime_differs and self.policy.name == "exact":
            return self.policy.also_serving(MOVED)
        return self.policy

    def _match_http(self, request: HttpRequest, call: Call, position: str) -> Interaction:
        self.attempts.ask(position, self.index)
        here = self.index.waiting_at(position)
        if here is not None and _has_raw(here, call, request):
            self.contents.defer(request, call, position)
            return self._accept(Match(EXACT, here), position, call.boundary, call.name)
        self._check_withheld(position)
        try:
            content = self.contents.of_http(request, call, position)
        except SanitizeError as reason:
            nothing = (Match(MISSING, None), NO_CONTENT, position, call.boundary, call.name)
            self._exits.leave(self.leaving.mismatch(*nothing, detail=f"the request: {reason}"))
        match = self.index.find(position, content, self._policy())
        return self._accept_content(match, content, position, call.boundary, call.name)

    def _check_withheld(self, position: str) -> None:
        here = self.index.waiting_at(position)
        if here is not None and is_request_withheld(here):
            http = here.call.http
            why = http.body.withheld if http is not None else None
            self._exits.unservable(here, position, f"the request was withheld: {why or 'it could not be stored'}")

    def _accept_content(self, match: Match, content: Content, position: str, boundary: str, name: str) -> Interaction:
        """The interaction to serve, if the policy serves it and its values bind; else diverges."""
        interaction = match.interaction
        if interaction is None or not self._policy().serves(boundary, match.level):
            self._exits.leave(self.leaving.mismatch(match, content, position, boundary, name))
        if match.level in (EXACT, SHIFTED, MOVED):
            recorded = self.contents.of_recorded(interaction)
            kind = self.contents.bindings.bind(recorded.findings, content.findings)
            if kind is not None:
                detail = f"a value of kind {kind} {NOT_PROVED}"
                drift = Match(DRIFT, interaction, ("substitution",))
                self._exits.leave(self.leaving.mismatch(drift, content, position, boundary, name, detail))
        return self._accept(match, position, boundary, name)

    def _accept(self, match: Match, position: str, boundary: str, name: str) -> Interaction:
        interaction = match.interaction
        assert interaction is not None
        self._exits.raise_latched()
        self.index.use(interaction)
        self.attempts.serve(position, interaction)
        if match.level == MOVED and self.policy.name == "exact":
            self.notes.append(f"moved (runtime differs): {position} was recorded as {interaction.position}")
        elif match.level in (SHIFTED, MOVED):
            self.notes.append(f"moved: {position} was recorded as {interaction.position}")
        elif not self.index.has_positions and match.level != EXACT:
            self.notes.append(f"by order alone: {position} was taken to be {interaction.position}")
        self.interactions.append(
            ReplayedInteraction(
                position=position,
                boundary=boundary,
                name=name,
                level=match.level,
                recorded=interaction.position,
                is_stale=match.level in (EXPECTED, DRIFT),
            )
        )
        return interaction

    def _stub(self, request: FunctionRequest, position: str) -> ServedValue:
        """What the user gave for a call that the recording has no result for."""
        self._exits.raise_latched()
        self.stubbed.append(position)
        missing = ReplayedInteraction(position=position, boundary=request.boundary, name=request.name, level=MISSING)
        self.interactions.append(missing)
        stub = self._stubs[request.name]
        if not callable(stub):
            return ServedValue(stub)
        try:
            return ServedValue(stub(**{name: values.decode(item) for name, item in request.arguments.items()}))
        except Exception as error:  # a stub may raise on purpose: that is then the tool's answer
            return ServedValue(None, error)

    def _serve_ambient(self, request: HttpRequest, position: str) -> ServedResponse:
        self._exits.raise_latched()
        interaction = self.index.ambient(request.method, request.url, position)
        if interaction is None:
            detail = f"{request.method} {_origin(request.url)} was never called while recording"
            nothing = (Match(MISSING, None), NO_CONTENT, position, "http", request.method)
            self._exits.leave(self.leaving.mismatch(*nothing, detail=detail))
        self.remarks.asked(interaction)
        try:
            return serve_http(
                interaction,
                self._gate_of(interaction),
                lambda: self._exits.overread(interaction, position),
                self._exits.unserved(interaction, position),
            )
        except NotServable as reason:
            self._exits.unservable(interaction, position, str(reason))

    def _reruns(self, request: FunctionRequest, interaction: Interaction) -> bool:
        if request.replay is not None:
            return request.replay == "rerun"
        return any(child.boundary == "llm" for child in self.index.descendants(interaction.id))

    def _gate_of(self, interaction: Interaction) -> GateOf:
        name = interaction.id
        while name in self._gated:  # served again: the recording has no events for that
            name += "'"
        self._gated.add(name)
        self.completions.asked(interaction)
        came = self.completions.came
        return lambda chunks: AnswerGate(
            self.conductor, interaction, name, has_log=self._has_log, chunks=chunks, came=came
        )

    def _refusal(self, what: str, why: str, entry: str = "") -> Divergence:
        node = current()
        position = node.path if node is not None and node.run is self else ""
        with self._lock:
            clean = self.contents.clean_text(what)
            record = self.leaving.refusal(clean, why, self.contents.name(position), self.contents.clean_text(entry))
            self.refused.append(clean)
        self._exits.note(record)
        return record.error()

    def _refuse_outsiders(self, what: str, node: Node) -> None:
        if self.is_closed:
            raise self._refusal(what, "its replay has ended")
        if is_disabled(node):
            raise self._refusal(what, "it is made under replaykit.disable(), so the recording can't have it")


def _has_raw(interaction: Interaction, call: Call, request: HttpRequest) -> bool:
    """True if the request is, byte by byte, what was recorded."""
    raw = interaction.call.raw
    return raw is not None and raw == raw_key(call, request.method, request.url, request.body)


def _nothing(position: str, request: FunctionRequest) -> tuple[Match, Content, str, str, str]:
    return Match(MISSING, None), NO_CONTENT, position, request.boundary, request.name


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3]).partition("?")[0]
