"""Recorded answers in the form in which interceptors hand them to their clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from replaykit.errors import PacketError
from replaykit.packet import Interaction, values
from replaykit.packet.exchange import Chunk, Failure, HttpRequest, ServedResponse, ServedValue
from replaykit.packet.model import DoneLine, FailureRecord

GRACE_S = 5.0
"""How much longer than in the recording a cancelled request waits for its cancellation."""

# How the bytes travelled. The stored body is decoded and has its own length; what has no body (HEAD) keeps them.
_TRAVEL_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class NotServable(Exception):
    """The recording has this interaction, but not its answer."""


def serve_http(interaction: Interaction, overread: Callable[[], NoReturn]) -> ServedResponse:
    """The recorded response.

    Raises:
        NotServable: It was withheld, or the recording stopped before it came.
    """
    done = interaction.done
    if done is None:
        raise NotServable("the recording stopped before this call was answered")
    failure = Failure(done.failure.type, done.failure.message) if done.failure is not None else None
    error = rebuild_error(done.failure) if done.failure is not None and ":" in done.failure.type else None
    try:
        chunks = interaction.response_chunks
    except PacketError as reason:
        raise NotServable(reason.reason) from None
    waited_s = _seconds(interaction, done)
    headers = done.headers
    if chunks:
        headers = tuple((name, value) for name, value in headers if name.lower() not in _TRAVEL_HEADERS)
    return ServedResponse(done.status, headers, chunks, done.state, failure, overread, waited_s + GRACE_S, error)


def _seconds(interaction: Interaction, done: DoneLine) -> float:
    return (done.time_ns - interaction.call.time_ns) / 1e9


def telemetry_answer(request: HttpRequest) -> ServedResponse:
    """An empty success: the exporter is content, and nothing was sent."""
    kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    chunks = (Chunk(0, b"{}"),) if "json" in kind else ()
    return ServedResponse(200, (("content-type", kind or "text/plain"),), chunks, "complete", None, _cannot_overread)


def _cannot_overread() -> NoReturn:
    raise AssertionError("a complete body has an end")


def decode_value(interaction: Interaction, overrun: Callable[[], NoReturn]) -> ServedValue:
    """The recorded result of a function, or the exception that it raised.

    Args:
        overrun: Raises the divergence for a cancelled call that is not cancelled this time.

    Raises:
        NotServable: There is no result, or a class in it can't be found.
    """
    done = interaction.done
    if done is None:
        raise NotServable("the recording stopped inside this call")
    if done.state == "cancelled":
        return ServedValue(None, overrun=overrun, answers_never_s=_seconds(interaction, done) + GRACE_S)
    if done.failure is not None:
        return ServedValue(None, rebuild_error(done.failure))
    if not done.has_value:
        reason = done.body.withheld if done.body is not None else "the result was not kept"
        raise NotServable(f'{reason}; declare it with @replaykit.tool(replay="rerun"), or return plain data')
    try:
        return ServedValue(values.decode(done.value))
    except values.UnencodableError as error:
        raise NotServable(str(error)) from None


def rebuild_error(failure: FailureRecord) -> BaseException:
    """The recorded exception, made without its `__init__`: that may do work, or want other arguments.

    Raises:
        NotServable: Its class is not imported.
    """
    kind: Any = values.find_class(failure.type)
    if kind is None or not issubclass(kind, BaseException):
        raise NotServable(f"exception class {failure.type} is not imported")
    try:
        arguments = [values.decode(item) for item in failure.arguments]
    except values.UnencodableError:
        arguments = [failure.message]
    error: BaseException = kind.__new__(kind, *arguments)
    error.args = tuple(arguments)
    for name, item in failure.state.items():
        try:
            setattr(error, name, values.decode(item))
        except (values.UnencodableError, AttributeError):
            continue  # an attribute that could only be described; the class and message are what counts
    return error
