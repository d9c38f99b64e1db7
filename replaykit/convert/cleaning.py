"""Calls of a foreign recording on their way into a packet: content-decoded, sanitized, or withheld."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from replaykit.convert.recording import RecordedCall
from replaykit.errors import SanitizeError
from replaykit.matching.recorded import header
from replaykit.packet.body import withhold_body
from replaykit.packet.decoding import MAX_DECODED_BYTES, decode_content
from replaykit.packet.exchange import Chunk, Headers
from replaykit.packet.model import Body
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.sanitizer.unpacking import unpack
from replaykit.wire import Call, classify

T = TypeVar("T")

UNSANITIZED = "it could not be sanitized"
UNDECODED = "its content-encoding could not be undone, so it could not be sanitized"
HIDDEN = "it is compressed, which its headers do not say, and holds a sensitive value"


@dataclass(frozen=True, slots=True)
class CleanCall:
    """A call that may be stored. A body is bytes, or the form in which it is withheld.

    Attributes:
        lost: What else could not be sanitized: `address`, `request headers`, `response headers`.
    """

    number: int
    call: Call
    method: str
    url: str
    request_headers: Headers
    request_body: bytes | Body
    status: int | None
    response_headers: Headers
    response_body: bytes | Body
    lost: tuple[str, ...] = ()

    @property
    def withheld(self) -> tuple[Body, ...]:
        return tuple(body for body in (self.request_body, self.response_body) if isinstance(body, Body))


def clean_calls(calls: Sequence[RecordedCall], sanitizer: Sanitizer) -> tuple[CleanCall, ...]:
    """All calls but telemetry, sanitized.

    Twice over: a value that a late header gives away as a secret may stand in an early body.
    """
    kept = [(call, kind) for call in calls if (kind := classify_call(call)).call_class != "telemetry"]
    for call, kind in kept:
        _clean(call, kind, sanitizer)
    return tuple(_clean(call, kind, sanitizer) for call, kind in kept)


def classify_call(call: RecordedCall) -> Call:
    """What a call is. A header that was redacted can't say; then the path decides."""
    request = call.request
    return classify(request.method, request.url, request.headers)


def _clean(item: RecordedCall, call: Call, sanitizer: Sanitizer) -> CleanCall:
    request = item.request
    lost: list[str] = []

    def kept(what: str, clean: Callable[[], T], otherwise: T) -> T:
        try:
            return clean()
        except SanitizeError:
            lost.append(what)
            return otherwise

    return CleanCall(
        number=item.number,
        call=call,
        method=request.method,
        # Headers first: what is a secret there is one in addresses and bodies too.
        request_headers=kept("request headers", lambda: sanitizer.headers(request.headers), ()),
        response_headers=kept("response headers", lambda: sanitizer.headers(item.headers), ()),
        url=kept("address", lambda: sanitizer.url(request.url), UNSANITIZED),
        request_body=_clean_body(request.body, request.headers, sanitizer),
        status=item.status,
        response_body=_clean_body(item.body, item.headers, sanitizer),
        lost=tuple(lost),
    )


def _clean_body(data: bytes, headers: Headers, sanitizer: Sanitizer) -> bytes | Body:
    """The decoded body, sanitized; or why there is none."""
    kind = header(headers, "content-type")
    plain = decode_recorded(data, header(headers, "content-encoding"))
    if plain is None:
        return withhold_body(UNDECODED, length=len(data))
    try:
        if _hides_secret(plain, sanitizer):
            return withhold_body(HIDDEN, length=len(data))
        return sanitizer.body(plain, kind)
    except SanitizeError:
        return withhold_body(UNSANITIZED, length=len(data))


def decode_recorded(data: bytes, content_encoding: str) -> bytes | None:
    """The body without its content-encoding; None if that can't be undone.

    Recordings often hold a body that was decoded already, beside the header that says how it once came.
    """
    if not data or not content_encoding:
        return data
    chunks, left = decode_content((Chunk(0, data),), content_encoding)
    if left is None and (chunks[0].data or not _is_text(data)):
        return chunks[0].data
    return data if _is_text(data) else None


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def _hides_secret(data: bytes, sanitizer: Sanitizer) -> bool:
    """True for a body that is a gzip file itself, with something in it that would be replaced."""
    found = unpack(data, "gzip", MAX_DECODED_BYTES) if data[:2] == b"\x1f\x8b" else None
    return found is not None and (found.is_cut or sanitizer.body(found.data) != found.data)
