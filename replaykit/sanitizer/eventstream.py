"""Binary event streams (`application/vnd.amazon.eventstream`): messages of headers and a payload, with check sums.

Source: the event stream encoding of the AWS SDKs. Models on Bedrock put base64 of their events into the payload.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct(">III")  # length of the message, length of its headers, check sum of these two
_SUM = struct.Struct(">I")


class _Message(NamedTuple):
    start: int
    payload: int  # where it begins
    end: int


def rewrite_payloads(data: bytes, change: Callable[[list[str]], list[str]]) -> bytes | None:
    """The stream with other payloads, each as long as before, and check sums to match.

    Args:
        change: Is given what the payloads say, in order: that of base64 in them where they are `{"bytes": ...}`.

    Returns:
        None where `data` is no whole event stream.
    """
    messages = _messages(data)
    if messages is None:
        return None
    payloads = [data[message.payload : message.end - _SUM.size] for message in messages]
    packed = [_packed_span(payload) for payload in payloads]
    said = [
        (base64.b64decode(payload[slice(*span)]) if span else payload).decode("utf-8", "surrogateescape")
        for payload, span in zip(payloads, packed, strict=True)
    ]
    made: list[bytes] = []
    for message, payload, span, text in zip(messages, payloads, packed, change(said), strict=True):
        new = text.encode("utf-8", "surrogateescape")
        if span:
            new = payload[: span[0]] + base64.b64encode(new) + payload[span[1] :]
        if len(new) != len(payload):
            return None
        whole = data[message.start : message.payload] + new
        made += (whole, _SUM.pack(zlib.crc32(whole)))
    rest = messages[-1].end if messages else 0
    return b"".join((*made, data[rest:]))


def _messages(data: bytes) -> list[_Message] | None:
    """All whole messages; a stream may be cut in the last one."""
    messages: list[_Message] = []
    place = 0
    while place + _PRELUDE.size <= len(data):
        length, headers, check = _PRELUDE.unpack_from(data, place)
        if zlib.crc32(data[place : place + 8]) != check or length < headers + 16:
            return None
        end = place + length
        if end > len(data):
            break
        messages.append(_Message(place, place + _PRELUDE.size + headers, end))
        place = end
    return messages or None


def _packed_span(payload: bytes) -> tuple[int, int] | None:
    """Where the base64 of an event stands in a payload."""
    try:
        value = json.loads(payload)
        packed = value.get("bytes") if isinstance(value, dict) else None
        if isinstance(packed, str) and base64.b64encode(base64.b64decode(packed, validate=True)).decode() == packed:
            start = payload.find(packed.encode())
            return (start, start + len(packed)) if start >= 0 and packed else None
    except (ValueError, RecursionError, binascii.Error):
        pass
    return None
