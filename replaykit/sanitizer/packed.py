"""Bytes inside JSON: an encoded value holds them as base64, where no search would find what is in them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from replaykit.packet.values import TAG

_PACKED = frozenset({"bytes", "bytearray"})


def unpack(value: dict[str, Any]) -> bytes | None:
    """The bytes that an encoded value stands for; None for any other object."""
    packed = value.get("value")
    if value.get(TAG) not in _PACKED or not isinstance(packed, str):
        return None
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return None


def with_bytes(value: Any, clean: Callable[[bytes], bytes]) -> Any:
    """A copy of a JSON value in which all packed bytes are clean, and still packed."""
    if isinstance(value, list | tuple):
        return [with_bytes(item, clean) for item in value]
    if not isinstance(value, dict):
        return value
    data = unpack(value)
    if data is not None:
        return {**value, "value": base64.b64encode(clean(data)).decode()}
    return {name: with_bytes(item, clean) for name, item in value.items()}
