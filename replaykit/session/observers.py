"""What watches one call while it is recorded: it keeps references and times, and hands them over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from replaykit.determinism.schedule import depth_of
from replaykit.packet import values
from replaykit.packet.exchange import Chunk, EndState, FunctionRequest, Headers, HttpRequest
from replaykit.packet.failures import Failure, is_cancellation
from replaykit.session.events import CallEnded, Event, HttpBegan, HttpEnded

MAX_BODY_BYTES = 64 * 1024 * 1024
"""A larger response is forwarded like any other, but not kept."""

NO_ROOM = "it was too large for the recorder's memory"


class Recording(Protocol):
    """The recorder, as an observer sees it."""

    def now_ns(self) -> int: ...

    def put(self, event: Event, size: int = 0) -> None: ...

    def has_room(self, size: int) -> bool: ...

    def drop(self, what: str) -> None: ...

    def ends(self, call: str) -> bool:
        """True for the first who asks: a call has one end."""

    def was_left(self, observer: HttpObserver) -> None:
        """Told of an open answer that nobody can read any more. In a finalizer: it takes no lock and puts nothing."""

    def happened(self, call: str, step: int, depth: int, *, is_blocking: bool) -> None: ...

    def stopped_closing(self, call: str) -> None: ...


class HttpObserver:
    """Watches one request: keeps references and times, and hands them over when it ended."""

    __slots__ = (
        "__weakref__",
        "_began",
        "_chunks",
        "_headers",
        "_is_awaited",
        "_is_sent",
        "_length",
        "_reason",
        "_recorder",
        "_sent",
        "_status",
    )

    def __init__(self, recorder: Recording, began: HttpBegan) -> None:
        self._recorder = recorder
        self._began = began
        self._status: int | None = None
        self._headers: Headers = ()
        self._reason: str | None = None
        self._chunks: list[Chunk] | None = []
        self._sent: list[bytes] = []
        self._length = 0
        self._is_awaited = True
        # A body that streams is known only when it has been sent; the rest can be handed over at once.
        self._is_sent = bool(began.request.body) or not _has_streaming_body(began.request)
        if self._is_sent:
            self._put_request(began.request.body)

    def sent(self, data: bytes) -> None:
        self._sent.append(data)

    def responded(self, status: int, headers: Headers, reason: str | None = None) -> None:
        self._send_request()
        self._status, self._headers, self._reason = status, headers, reason
        self._is_awaited = False

    def awaited(self) -> None:
        self._is_awaited = True

    def received(self, data: bytes) -> None:
        self._is_awaited = False
        self._length += len(data)
        if self._chunks is None:
            return
        if self._length > MAX_BODY_BYTES:
            self._chunks = None
        else:
            self._chunks.append(Chunk(self._recorder.now_ns() - self._began.time_ns, data))

    def arrived(self, step: int, *, is_blocking: bool) -> None:
        depth = depth_of(self._began.position)
        self._recorder.happened(self._began.id, step, depth, is_blocking=is_blocking)

    def stopped_closing(self) -> None:
        self._recorder.stopped_closing(self._began.id)

    @property
    def id(self) -> str:
        return self._began.id

    @property
    def has_no_answer(self) -> bool:
        """True while there is not even a status."""
        return self._status is None

    def left_open(self) -> None:
        """Nobody will say how it ended: hands over what there is of it."""
        self.ended("cancelled" if self._is_awaited else "closed_early")

    def __del__(self) -> None:
        self._recorder.was_left(self)

    def ended(self, state: EndState, failure: Failure | None = None) -> None:
        if not self._recorder.ends(self._began.id):
            return
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
            reason=self._reason,
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


class ValueObserver:
    """Watches one function call."""

    __slots__ = ("_depth", "_is_declared", "_is_secret", "_name", "_recorder")

    def __init__(self, recorder: Recording, name: str, request: FunctionRequest, depth: int) -> None:
        self._depth = depth
        self._recorder, self._name = recorder, name
        self._is_secret, self._is_declared = request.is_secret, request.is_declared

    def arrived(self, step: int, *, is_blocking: bool) -> None:
        self._recorder.happened(self._name, step, self._depth, is_blocking=is_blocking)

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
        recorder, size = self._recorder, size_of(encoded)
        if not recorder.has_room(size):
            encoded, size, withheld = None, 0, NO_ROOM
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
            is_made_again=not (is_kept or self._is_declared or withheld == NO_ROOM),
        )

    def _error(self, error: BaseException) -> None:
        recorder, is_cancelled = self._recorder, is_cancellation(error)
        failure = None if is_cancelled else Failure.of(error, is_served=True)
        size, withheld = size_of(failure.detail) if failure is not None else 0, None
        if failure is not None and not recorder.has_room(size):
            failure, size, withheld = Failure(failure.kind, ""), 0, NO_ROOM
        ended = CallEnded(self._name, recorder.now_ns(), failure=failure, is_cancelled=is_cancelled, withheld=withheld)
        recorder.put(ended, size)

    def _safely(self, note: Callable[[], None]) -> None:
        try:
            note()
        except Exception:  # the function has returned to the agent: it must not fail for our sake
            self._recorder.drop("the result of a function call")


def size_of(value: Any) -> int:
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
