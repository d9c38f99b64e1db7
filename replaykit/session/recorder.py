"""Recording one run: the side that the agent's threads see.

Nothing here sanitizes, parses, hashes or writes. Each call gets its position, the hooks get an observer, and events go
to the writer as references. Whatever goes wrong in here is counted, and the agent never learns of it.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import weakref
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from replaykit.determinism.clock import real_monotonic_ns
from replaykit.determinism.lineage import Node
from replaykit.determinism.schedule import CALL, Schedule, ScheduleLog, depth_of, running_loop
from replaykit.packet import values
from replaykit.packet.exchange import ForwardCall, ForwardHttp, FunctionRequest, HttpRequest
from replaykit.packet.failures import Failure
from replaykit.packet.model import Entry, Verdict
from replaykit.session.effect_log import EffectLog
from replaykit.session.egress import EgressLog
from replaykit.session.events import (
    CallBegan,
    EntryFound,
    Event,
    HttpBegan,
    RunEnded,
    Scheduled,
    SpanBegan,
    SpanEnded,
)
from replaykit.session.observers import NO_ROOM, HttpObserver, ValueObserver, size_of
from replaykit.session.positions import Tickets, is_disabled
from replaykit.session.sink import Sink
from replaykit.wire import classify

logger = logging.getLogger("replaykit")


class Recorder:
    """The session of a run that is being recorded."""

    reads_body = False
    is_replay = False

    def __init__(self, sink: Sink, run_id: str) -> None:
        self._sink = sink
        self.run_id = run_id
        self.owner: Any = None  # what the user holds; the entry point hands its result there
        self._pid = os.getpid()
        self._began_ns = real_monotonic_ns()
        self._ids = itertools.count()
        self._tickets = Tickets()
        self._places: dict[str, str] = {}
        self._counts: dict[str, Counter[str]] = {"calls": Counter(), "classes": Counter()}
        self._lock = threading.RLock()  # re-entrant: a signal handler or a finalizer may come in at any moment
        self._dropped = 0
        self._adopted = 0
        self._possibly_missing = 0
        self.effects: EffectLog | None = None
        self._egress = EgressLog()
        self._open: dict[str, weakref.ref[HttpObserver]] = {}
        self._left: list[HttpObserver] = []
        self.is_closed = False
        self._schedule = ScheduleLog(self.now_ns, lambda: self.drop("an event of the schedule"))

    @property
    def schedule(self) -> Schedule | None:
        """Told of timers, sleeps and threads."""
        return None if self.is_closed or self.is_foreign else self._schedule

    @property
    def is_foreign(self) -> bool:
        """True in a forked child: the run is its parent's, and a lock in here may be held by a thread that is not."""
        return os.getpid() != self._pid

    def log_effects(self) -> EffectLog:
        """From here on reads of the clock and of chance are part of the recording."""
        self.effects = EffectLog(self._sink.put, self.has_room, self._ignores, self._began_ns)
        return self.effects

    # what interceptors ask

    def decide_http(self, request: HttpRequest, node: Node) -> ForwardHttp:
        """Lets the request through; says who wants to watch."""
        if self._ignores(node):
            return ForwardHttp(None)
        try:
            call = classify(request.method, request.url, request.headers)
            self._count("classes", call.call_class)
            self._egress.request(request.url, is_kept=call.call_class != "telemetry")
            if call.call_class == "telemetry":
                return ForwardHttp(None)
            self._count("calls", call.boundary)
            position = self._tickets.http(node, call, request.headers)
            began = HttpBegan(
                self._next_id("c"), self.now_ns(), position, call, request, self._parent(node), self._flags(node)
            )
            observer = HttpObserver(self, began)
            self._open[began.id] = weakref.ref(observer)
            return ForwardHttp(observer)
        except Exception:  # the agent's call comes first, whatever is wrong with ours
            self.drop("a request")
            return ForwardHttp(None)

    def decide_call(self, request: FunctionRequest, node: Node) -> ForwardCall:
        """Lets the function run; its inner crossings belong below the node that is returned."""
        if self._ignores(node):
            return ForwardCall(None, None)
        try:
            self._count("calls", request.boundary)
            place = self._tickets.function(node, request.boundary, request.name)
            name = self._next_id("c")
            parent = self._parent(node)
            self._places[place.path] = name
            size, withheld = size_of(request.arguments), None
            if not self.has_room(size):
                request, size, withheld = replace(request, arguments={}), 0, NO_ROOM
            event = CallBegan(name, self.now_ns(), place.path, request, parent, self._flags(node), withheld)
            self.put(event, size)
            return ForwardCall(ValueObserver(self, name, request, depth_of(node.path)), place)
        except Exception:  # as above
            self.drop("a function call")
            return ForwardCall(None, None)

    def asked_framework(self, name: str) -> None:
        """The model traffic shows it; there is nothing to add."""

    def unattributed(self, what: str) -> None:
        """A call of another part of the process: this run may be missing something, and its packet says so."""
        if self.is_closed or self.is_foreign:
            return
        # Exporters work on threads of their own, which are older than any run; what they send is nobody's crossing.
        if "://" in what and classify("POST", what).call_class == "telemetry":
            return
        with self._lock:
            self._possibly_missing += 1

    @property
    def egress(self) -> EgressLog | None:
        """Where to note what leaves past every interceptor; None once that is nobody's business any more."""
        return None if self.is_closed or self.is_foreign else self._egress

    def _ignores(self, node: Node) -> bool:
        return self.is_closed or self.is_foreign or is_disabled(node)

    @property
    def is_over(self) -> bool:
        """True once the run has ended: what its threads do from then on is nobody's."""
        return self.is_closed

    # spans, entry, end

    def begin_span(self, node: Node, name: str, kind: str, attributes: Mapping[str, Any]) -> str:
        """Notes a span at `node`, its own place in the tree. Returns its id for `end_span`."""
        span = self._next_id("n")
        if self._ignores(node):
            return span
        parent = self._parent(node.parent) if node.parent is not None else None
        self._places[node.path] = span
        self.put(SpanBegan(span, self.now_ns(), node.path, name, kind, parent, _json_object(attributes)))
        return span

    def end_span(self, span: str, error: BaseException | None, attributes: Mapping[str, Any]) -> None:
        failure = Failure.of(error) if error is not None else None
        self.put(SpanEnded(span, self.now_ns(), failure, _json_object(attributes)))

    def found_entry(self, entry: Entry, stdin: bytes | None = None) -> None:
        """How the run was started; known when the entry point is called. A command tells its stdin at its end."""
        self.put(EntryFound(entry, stdin), len(stdin or b""))

    def end(
        self,
        error: BaseException | None,
        *,
        output: Any,
        has_output: bool,
        stop_reason: str | None,
        verdict: Verdict | None,
        failed: bool = False,
    ) -> None:
        """Closes the run: later calls pass through unseen."""
        unanswered = self._end_open()
        self._put_schedule(is_end=True)
        if self.effects is not None and not self.is_foreign:
            self.effects.flush()
        self.is_closed = True
        if isinstance(error, SystemExit) and error.code in (None, 0):
            error = None  # leaving early is no failure
        event = RunEnded(
            time_ns=self.now_ns(),
            status="failed" if error is not None or failed else "ok",
            failure=Failure.of(error) if error is not None else None,
            stop_reason=stop_reason,
            output=values.encode(output, is_lossy=True) if has_output else None,
            has_output=has_output,
            verdict=verdict,
            counts=self._counts,
            possibly_missing=self._possibly_missing,
            left=self._egress.left(),
            adopted=self._adopted,
            dropped_events=self._dropped,
            dropped_effects=self.effects.dropped if self.effects is not None else 0,
            unanswered=unanswered,
        )
        self._sink.close(event)

    def _end_open(self) -> int:
        """Hands over what there is of answers that are still open. Returns how many calls have no answer at all."""
        unanswered = 0
        self._end_left()
        for found in tuple(self._open.values()):
            observer = found()
            if observer is not None:
                unanswered += observer.has_no_answer
                self._hand_over(observer)
        return unanswered

    # for the observers

    def now_ns(self) -> int:
        """Nanoseconds since the run began."""
        return real_monotonic_ns() - self._began_ns

    def put(self, event: Event, size: int = 0) -> None:
        if not self.is_closed and not self.is_foreign:
            if self._left:
                self._end_left()
            self._put_schedule()
            self._sink.put(event, size)
            if self.effects is not None:  # after it: a secret that the event gives away is known by then
                self.effects.flush()

    def ends(self, call: str) -> bool:
        return self._open.pop(call, None) is not None

    def was_left(self, observer: HttpObserver) -> None:
        if observer.id in self._open and not self.is_closed:
            self._left.append(observer)  # which keeps it until the next event

    def _end_left(self) -> None:
        left, self._left = self._left, []
        for observer in left:
            self._hand_over(observer)

    def _hand_over(self, observer: HttpObserver) -> None:
        try:
            observer.left_open()
        except Exception:  # as above
            self.drop("an answer that was still open")

    def happened(self, call: str, step: int, depth: int, *, is_blocking: bool) -> None:
        """The agent goes on after it has waited for a step of an answer."""
        if self.is_closed or self.is_foreign or (is_blocking and running_loop() is not None):
            return  # blocking in a task holds everybody up: no other event can come first
        self._schedule.happened((CALL, call, step), depth)

    def stopped_closing(self, call: str) -> None:
        """The agent was cancelled while it waited for an answer to close."""
        if not self.is_closed and not self.is_foreign:
            self._schedule.stopped_closing(call)

    def _put_schedule(self, *, is_end: bool = False) -> None:
        batch = self._schedule.take(is_end=is_end)
        if batch is not None:
            self._sink.put(Scheduled(batch))

    def has_room(self, size: int) -> bool:
        return self._sink.has_room(size)

    def drop(self, what: str) -> None:
        """Counts something that could not be recorded; the packet then says that it is not whole."""
        with self._lock:
            self._dropped += 1
        logger.warning("%s could not be recorded", what, exc_info=logger.isEnabledFor(logging.DEBUG))

    def _count(self, group: str, name: str) -> None:
        with self._lock:
            self._counts[group][name] += 1

    def _next_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._ids)}"

    def _parent(self, node: Node | None) -> str | None:
        while node is not None:
            found = self._places.get(node.path)
            if found is not None:
                return found
            node = node.parent
        return None

    def _flags(self, node: Node) -> tuple[str, ...]:
        if not node.is_adopted:
            return ()
        with self._lock:
            self._adopted += 1
        return ("adopted",)


def _json_object(items: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): values.encode(item, is_lossy=True) for name, item in items.items()}
