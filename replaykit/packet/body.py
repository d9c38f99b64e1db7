"""Bodies to and from their lossless form in a packet."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, Literal

from replaykit.errors import PacketError
from replaykit.packet.codec import is_too_deep
from replaykit.packet.exchange import Chunk
from replaykit.packet.model import Body

Style = Literal["compact", "compact-ascii", "spaced", "spaced-ascii"]

_STYLES: dict[Style, dict[str, Any]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "spaced": {"ensure_ascii": False},
    "compact-ascii": {"separators": (",", ":"), "ensure_ascii": True},
    "spaced-ascii": {"ensure_ascii": True},
}

RESERVED_KEYS = frozenset({"$part", "$list"})
"""An object with one of these as its only key, as a value at the top of a request, is a reference to a part."""

_MAX_DEPTH = 150  # deeper JSON stays text: as a value it would reach the limit of a line


def dump_json(value: Any, style: Style) -> bytes:
    """JSON text of `value` in one of the styles that HTTP clients and servers write."""
    return json.dumps(value, allow_nan=False, **_STYLES[style]).encode()


def find_style(data: bytes, value: Any) -> Style | None:
    """The style in which dumping `value` gives back exactly `data`, or None."""
    try:
        for style in _likely_styles(data):
            if dump_json(value, style) == data:
                if style.endswith("ascii"):
                    dump_json(value, "compact")  # raises for a lone surrogate, which can't stand in a UTF-8 packet
                return style
    except (ValueError, RecursionError):  # that, NaN, or a number too long: such a body is kept as text
        return None
    return None


def _likely_styles(data: bytes) -> list[Style]:
    """Most bodies are settled by their first dump."""
    spaced = data.find(b'": ', 0, 200) >= 0
    ascii_only = b"\\u" in data and data.isascii()
    return sorted(
        _STYLES, key=lambda style: (style.startswith("spaced") != spaced, style.endswith("ascii") != ascii_only)
    )


def encode_body(data: bytes, *, chunks: Sequence[Chunk] = ()) -> Body:
    """The readable form that gives back exactly `data`: JSON where that is lossless, else text, else base64.

    Args:
        chunks: The same bytes as they arrived.
    """
    is_plain = len(chunks) == 0 or (len(chunks) == 1 and chunks[0].offset_ns == 0 and data != b"")
    cuts = () if is_plain else tuple((chunk.offset_ns, len(chunk.data)) for chunk in chunks)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return Body(base64=base64.b64encode(data).decode(), cuts=cuts)
    if text[:1] in ("{", "[") and not is_too_deep(text, _MAX_DEPTH):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        style = find_style(data, value) if value is not None and not _has_reference(value) else None
        if style is not None:
            return Body(json=value, style=style, cuts=cuts)
    return Body(text=text, cuts=cuts)


def withhold_body(reason: str, *, length: int | None = None, digest: str | None = None) -> Body:
    """A body that was not kept: its reason, its length and a keyed hash, where these are known."""
    return Body(withheld=reason, length=length, sha256=digest)


def decode_body(body: Body) -> bytes:
    """The bytes that `encode_body` was given, parts already resolved.

    Raises:
        PacketError: The body was withheld, or its fields contradict each other.
    """
    if body.withheld is not None:
        raise PacketError(f"the body was withheld: {body.withheld}", field="withheld")
    has_json = body.style is not None
    if (body.text is not None) + (body.base64 is not None) + has_json > 1 or (body.json_value is not None) > has_json:
        raise PacketError("more than one of text, json with style, and base64", field="json")
    try:
        if body.style is not None:
            return dump_json(body.json_value, body.style)
        if body.base64 is not None:
            return base64.b64decode(body.base64, validate=True)
        return (body.text or "").encode()
    except (ValueError, RecursionError) as error:  # binascii.Error and UnicodeError are ValueErrors
        field = "json" if body.style is not None else "base64" if body.base64 is not None else "text"
        raise PacketError(f"can't be given back as bytes: {_reason(error)}", field=field) from None


def decode_chunks(body: Body) -> tuple[Chunk, ...]:
    """The body cut where each chunk of the wire ended.

    Raises:
        PacketError: The body was withheld, or its fields contradict each other.
    """
    data = decode_body(body)
    if not body.cuts:
        return (Chunk(0, data),) if data else ()
    if sum(length for _, length in body.cuts) != len(data):
        raise PacketError(f"the cuts do not add up to the {len(data)} bytes of the body", field="cuts")
    chunks, start = [], 0
    for offset_ns, length in body.cuts:
        chunks.append(Chunk(offset_ns, data[start : start + length]))
        start += length
    return tuple(chunks)


def _reason(error: Exception) -> str:
    return "not base64" if isinstance(error, binascii.Error) else type(error).__name__


def _has_reference(value: Any) -> bool:
    """True if a value at the top looks like a reference to a part and would be taken for one."""
    items = value.values() if isinstance(value, dict) else ()
    return any(isinstance(item, dict) and not RESERVED_KEYS.isdisjoint(item) for item in items)
