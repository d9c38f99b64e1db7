"""Bodies to and from their lossless form in a packet."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

from replaykit.errors import PacketError
from replaykit.packet.exchange import Chunk
from replaykit.packet.model import Body

Style = Literal["compact", "compact-ascii", "spaced", "spaced-ascii"]

_STYLES: dict[Style, dict[str, Any]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "compact-ascii": {"separators": (",", ":"), "ensure_ascii": True},
    "spaced": {"ensure_ascii": False},
    "spaced-ascii": {"ensure_ascii": True},
}


def dump_json(value: Any, style: Style) -> bytes:
    """JSON text of `value` in one of the styles that HTTP clients and servers write."""
    return json.dumps(value, allow_nan=False, **_STYLES[style]).encode()


def find_style(data: bytes, value: Any) -> Style | None:
    """The style in which dumping `value` gives back exactly `data`, or None."""
    likely: tuple[Style, ...] = ("compact", "compact-ascii") if b'": ' not in data[:200] else ("spaced", "spaced-ascii")
    for style in likely:
        try:
            if dump_json(value, style) == data:
                json.dumps(value, ensure_ascii=False).encode()  # lone surrogates can't stand in a UTF-8 packet
                return style
        except (ValueError, RecursionError):  # NaN, or a lone surrogate: such a body is kept as text
            return None
    return None


def encode_body(data: bytes, *, chunks: Sequence[Chunk] = (), encoding: str | None = None) -> Body:
    """The readable form that gives back exactly `data`: JSON where that is lossless, else text, else base64."""
    cuts = tuple((chunk.offset_ns, len(chunk.data)) for chunk in chunks) if len(chunks) > 1 else ()
    if encoding is None and data[:1] in (b"{", b"["):
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        style = find_style(data, value) if value is not None else None
        if style is not None and not _uses_reserved_keys(value):
            return Body(json=value, style=style, cuts=cuts)
    try:
        return Body(text=data.decode(), cuts=cuts, encoding=encoding)
    except UnicodeDecodeError:
        return Body(base64=base64.b64encode(data).decode(), cuts=cuts, encoding=encoding)


def withhold_body(data: bytes | None, reason: str, *, length: int | None = None, has_secret: bool = False) -> Body:
    """A body that was not kept: its reason, length and, where it held no secret, its hash."""
    digest = hashlib.sha256(data).hexdigest() if data is not None and not has_secret else None
    return Body(withheld=reason, length=len(data) if data is not None else length, sha256=digest)


def decode_body(body: Body) -> bytes:
    """The bytes that `encode_body` was given, parts already resolved.

    Raises:
        PacketError: The body was withheld, or its fields contradict each other.
    """
    if body.withheld is not None:
        raise PacketError(f"the body was withheld: {body.withheld}", field="body")
    if body.style is not None:
        try:
            return dump_json(body.json_value, body.style)
        except (ValueError, RecursionError) as error:
            raise PacketError(f"not JSON: {error}", field="body.json") from None
    if body.base64 is not None:
        try:
            return base64.b64decode(body.base64, validate=True)
        except (binascii.Error, ValueError):
            raise PacketError("not base64", field="body.base64") from None
    return (body.text or "").encode()


def decode_chunks(body: Body) -> tuple[Chunk, ...]:
    """The body cut where each chunk of the wire ended."""
    data = decode_body(body)
    if not body.cuts:
        return (Chunk(0, data),) if data else ()
    if any(length < 0 for _, length in body.cuts) or sum(length for _, length in body.cuts) != len(data):
        raise PacketError(f"the cuts do not add up to the {len(data)} bytes of the body", field="body.cuts")
    chunks, start = [], 0
    for offset_ns, length in body.cuts:
        chunks.append(Chunk(offset_ns, data[start : start + length]))
        start += length
    return tuple(chunks)


def _uses_reserved_keys(value: Any) -> bool:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "$part" in item or "$list" in item:
                return True
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return False
