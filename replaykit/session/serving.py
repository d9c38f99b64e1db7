"""Recorded answers in the form in which interceptors hand them to their clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from replaykit.errors import PacketError
from replaykit.matching.recorded import header
from replaykit.packet import Interaction, values
from replaykit.packet.exchange import Chunk, Gate, Headers, HttpRequest, ServedResponse, ServedValue
from replaykit.packet.failures import Failure, UnbuildableError, rebuild
from replaykit.packet.model import FailureRecord
from replaykit.packet.unrecorded import Gate as Unkept

_REMEDY = 'run the body instead: @replaykit.tool(replay="rerun")'

Unserved = Callable[[str], NoReturn]
"""Raises the divergence for something that the recording has not kept."""


class NotServable(Exception):
    """The recording has this interaction, but not its answer.

    Attributes:
        reason: Why, without what a user can do about it.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason + remedy)
        self.reason = reason


GateOf = Callable[[tuple[Chunk, ...]], Gate]
"""Makes the gate of an answer with these chunks."""


def serve_http(
    interaction: Interaction, gate_of: GateOf, overread: Callable[[], NoReturn], unserved: Unserved
) -> ServedResponse:
    """The recorded response.

    Raises:
        NotServable: It was withheld, or the recording stopped before it came.
    """
    done = interaction.done
    if done is None:
        raise NotServable("the recording stopped before this call was answered")
    failure = Failure(done.failure.type, done.failure.message) if done.failure is not None else None
    error = rebuild_error(done.failure, unserved) if done.failure is not None and ":" in done.failure.type else None
    try:
        chunks = interaction.response_chunks
    except PacketError as reason:
        raise NotServable(reason.reason) from None
    headers = _served_headers(done.headers, chunks)
    return ServedResponse(
        done.status, headers, chunks, done.state, failure, overread, error, gate_of(chunks), done.reason
    )


def telemetry_answer(request: HttpRequest) -> ServedResponse:
    """An empty success: the exporter is content, and nothing was sent."""
    kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    chunks = (Chunk(0, b"{}"),) if "json" in kind else ()
    return ServedResponse(200, (("content-type", kind or "text/plain"),), chunks, "complete", None, _cannot_overread)


def _cannot_overread() -> NoReturn:
    raise AssertionError("a complete body has an end")


def decode_value(
    interaction: Interaction, gate_of: GateOf, overrun: Callable[[], NoReturn], unserved: Unserved
) -> ServedValue:
    """The recorded result of a function, or the exception that it raised.

    Args:
        overrun: Raises the divergence for a cancelled call that is not cancelled this time.
        unserved: Raises the one for a part of an exception that was not recorded.

    Raises:
        NotServable: There is no result, or a class in it can't be found.
    """
    done = interaction.done
    if done is None:
        raise NotServable("the recording stopped inside this call")
    if done.state == "cancelled":
        return ServedValue(None, overrun=overrun, gate=gate_of(()))
    if done.failure is not None:
        if done.body is not None and done.body.withheld is not None:
            raise NotServable(f"{done.failure.type} was not kept: {done.body.withheld}")
        return ServedValue(None, rebuild_error(done.failure, unserved), gate=gate_of(()))
    if not done.has_value:
        reason = (done.body.withheld if done.body is not None else None) or "the result was not kept"
        raise NotServable(reason, '; declare it with @replaykit.tool(replay="rerun"), or return plain data')
    try:
        return ServedValue(values.decode(done.value), gate=gate_of(()))
    except values.UnencodableError as error:
        raise NotServable(str(error)) from None


def rebuild_error(failure: FailureRecord, unserved: Unserved) -> BaseException:
    """The recorded exception.

    Args:
        unserved: Raises the divergence for an attribute that the recording has only the type of.

    Raises:
        NotServable: It can't be made again as it was.
    """
    gate = Unkept()
    try:
        error = rebuild(failure, gate)
    except UnbuildableError as reason:
        raise NotServable(f"{failure.type} can't be raised again: {reason}", f"\n{_REMEDY}") from None
    gate.on_use = lambda what: unserved(f"{failure.type} carried {what}, which has no JSON form\n{_REMEDY}")
    return error


def _served_headers(headers: Headers, chunks: tuple[Chunk, ...]) -> Headers:
    """The headers without those that are not true of a body that is served decoded and in one piece."""
    if not chunks:
        return headers  # what has no body (HEAD) says all of it still
    names = {name.lower() for name, value in headers if value.strip().lower() not in ("", "identity")}
    left_out = {"content-encoding", "transfer-encoding"}
    length = sum(len(chunk.data) for chunk in chunks)
    if "content-encoding" in names or header(headers, "content-length").strip() != str(length):
        left_out.add("content-length")
    return tuple((name, value) for name, value in headers if name.lower() not in left_out)
