"""Recording one run: the side that the agent's threads see.

Nothing here sanitizes, parses, hashes or writes. Each call gets its position, the hooks get an observer, and events go
to the writer as references. Whatever goes wrong in here is counted, and the agent never learns of it.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from replaykit.determinism.lineage import Node
from replaykit.packet import values
from replaykit.packet.exchange import (
    Chunk,
    EndState,
    ForwardCall,
    ForwardHttp,
    FunctionRequest,
    Headers,
    HttpRequest,
)
from replaykit.packet.failures import Failure
from replaykit.packet.model import Entry, Verdict
from replaykit.session.egress import EgressLog
from replaykit.session.events import (
    CallBegan,
    CallEnded,
    EntryFound,
    Event,
    HttpBegan,
    HttpEnded,
    RunEnded,
    SpanBegan,
    SpanEnded,
)
from replaykit.session.positions import Tickets, is_disabled
from replaykit.session.sink import Sink
from replaykit.wire import classify

logger = logging.getLogger("replaykit")

MAX_BODY_BYTES = 64 * 1024 * 1024
"""A larger response is forwarded like any other, but not kept."""

_NO_ROOM = "it was too large for the recorder's memory"


class Recorder:
    """The session of a run that is being recorded."""

    reads_body = False
    is_replay = False

    def __init__(self, sink: Sink, run_id: str) -> None:
        self._sink = sink
        self.run_id = run_id
        self.owner: Any = None  # what the user holds; the entry point hands its result there
        self._pid = os.getpid()
        self._began_ns = time.monotonic_ns()
        self._ids = itertools.count()
        self._tickets = Tickets()
        self._places: dict[str, str] = {}
        self._counts: dict[str, Counter[str]] = {"calls": Counter(), "classes": Counter()}
        self._lock = threading.Lock()
        self._dropped = 0
        self._adopted = 0
        self._possibly_missing = 0
        self._egress = EgressLog()
        self.is_closed = False

    @property
    def is_foreign(self) -> bool:
        """True in a forked child: the run is its parent's, and a lock in here may be held by a thread that is not."""
        return os.getpid() != self._pid

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
            return ForwardHttp(_HttpObserver(self, began))
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
            size, withheld = _size_of(request.arguments), None
            if not self.has_room(size):
                request, size, withheld = replace(request, arguments={}), 0, _NO_ROOM
            event = CallBegan(name, self.now_ns(), place.path, request, parent, self._flags(node), withheld)
            self.put(event, size)
            return ForwardCall(_ValueObserver(self, name, request), place)
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
        )
        self._sink.close(event)

    # for the observers

    def now_ns(self) -> int:
        """Nanoseconds since the run began."""
        return time.monotonic_ns() - self._began_ns

    def put(self, event: Event, size: int = 0) -> None:
        if not self.is_closed and not self.is_foreign:
            self._sink.put(event, size)

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


class _HttpObserver:
    """Watches one request: keeps references and times, and hands them over when it ended."""

    __slots__ = ("_began", "_chunks", "_headers", "_is_ended", "_is_sent", "_length", "_recorder", "_sent", "_status")

    def __init__(self, recorder: Recorder, began: HttpBegan) -> None:
        self._recorder = recorder
        self._began = began
        self._status: int | None = None
        self._headers: Headers = ()
        self._chunks: list[Chunk] | None = []
        self._sent: list[bytes] = []
        self._length = 0
        self._is_ended = False
        # A body that streams is known only when it has been sent; the rest can be handed over at once.
        self._is_sent = bool(began.request.body) or not _has_streaming_body(began.request)
        if self._is_sent:
            self._put_request(began.request.body)

    def sent(self, data: bytes) -> None:
        self._sent.append(data)

    def responded(self, status: int, headers: Headers) -> None:
        self._send_request()
        self._status, self._headers = status, headers

    def received(self, data: bytes) -> None:
        self._length += len(data)
        if self._chunks is None:
            return
        if self._length > MAX_BODY_BYTES:
            self._chunks = None
        else:
            self._chunks.append(Chunk(self._recorder.now_ns() - self._began.time_ns, data))

    def ended(self, state: EndState, failure: Failure | None = None) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        self._send_request()
        chunks = tuple(self._chunks) if self._chunks is not None and self._recorder.has_room(self._length) else None
        began = self._began
        event = HttpEnded(
            id=began.id,
            time_ns=self._recorder.now_ns(),
            position=began.position,
            call=began.call,
            state=state,
            status=self._status,
            headers=self._headers,
            chunks=chunks,
            length=self._length,
            failure=failure,
            first_byte_ns=chunks[0].offset_ns if chunks else None,
        )
        self._recorder.put(event, self._length if chunks is not None else 0)

    def _send_request(self) -> None:
        if self._is_sent:
            return
        self._is_sent = True
        self._put_request(b"".join(self._sent))

    def _put_request(self, body: bytes) -> None:
        has_room = self._recorder.has_room(len(body))
        request = replace(self._began.request, body=body if has_room else b"")
        event = replace(self._began, request=request, dropped_bytes=None if has_room else len(body))
        self._recorder.put(event, len(request.body))


def _has_streaming_body(request: HttpRequest) -> bool:
    names = {name.lower(): value for name, value in request.headers}
    return "transfer-encoding" in names or names.get("content-length", "0") != "0"


class _ValueObserver:
    """Watches one function call."""

    __slots__ = ("_is_declared", "_is_secret", "_name", "_recorder")

    def __init__(self, recorder: Recorder, name: str, request: FunctionRequest) -> None:
        self._recorder, self._name = recorder, name
        self._is_secret, self._is_declared = request.is_secret, request.is_declared

    def returned(self, value: Any) -> None:
        self._safely(lambda: self._value(value))

    def raised(self, error: BaseException) -> None:
        self._safely(lambda: self._error(error))

    def withheld(self, reason: str) -> None:
        self._safely(lambda: self._recorder.put(self._ended(withheld=reason)))

    def _value(self, value: Any) -> None:
        try:
            encoded, withheld = values.encode(value), None
        except values.UnencodableError as error:
            encoded, withheld = None, str(error)
        recorder, size = self._recorder, _size_of(encoded)
        if not recorder.has_room(size):
            encoded, size, withheld = None, 0, _NO_ROOM
        recorder.put(self._ended(encoded, withheld=withheld), size)

    def _ended(self, value: Any = None, *, withheld: str | None) -> CallEnded:
        is_kept = withheld is None
        return CallEnded(
            self._name,
            self._recorder.now_ns(),
            value,
            has_value=is_kept,
            withheld=withheld,
            is_secret=self._is_secret,
            is_made_again=not (is_kept or self._is_declared or withheld == _NO_ROOM),
        )

    def _error(self, error: BaseException) -> None:
        recorder, is_cancelled = self._recorder, _is_cancellation(error)
        failure = None if is_cancelled else Failure.of(error, is_served=True)
        size, withheld = _size_of(failure.detail) if failure is not None else 0, None
        if failure is not None and not recorder.has_room(size):
            failure, size, withheld = Failure(failure.kind, ""), 0, _NO_ROOM
        ended = CallEnded(self._name, recorder.now_ns(), failure=failure, is_cancelled=is_cancelled, withheld=withheld)
        recorder.put(ended, size)

    def _safely(self, note: Callable[[], None]) -> None:
        try:
            note()
        except Exception:  # the function has returned to the agent: it must not fail for our sake
            self._recorder.drop("the result of a function call")


_CANCELLATIONS = ("asyncio.exceptions:CancelledError", "trio:Cancelled", "builtins:GeneratorExit")


def _is_cancellation(error: BaseException) -> bool:
    """True if somebody else ended the call; not for `sys.exit` or ctrl-C in its body, which it raised itself."""
    return any(values.class_name(kind) in _CANCELLATIONS for kind in type(error).__mro__)


def _json_object(items: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): values.encode(item, is_lossy=True) for name, item in items.items()}


def _size_of(value: Any) -> int:
    """Roughly how many bytes a JSON value keeps in memory."""
    size, stack = 0, [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str | bytes):
            size += len(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
            size += 32 * len(item)
        elif isinstance(item, list | tuple):
            stack.extend(item)
            size += 8 * len(item)
    return size
