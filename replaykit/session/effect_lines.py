"""Values of the clock and of chance on their way into a packet."""

from __future__ import annotations

import base64
import itertools
import uuid
from collections.abc import Iterator
from typing import Any

from replaykit.packet.model import EffectLine
from replaykit.session.cleaning import Cleaner
from replaykit.session.events import EffectsRead

_LONG_BITS = 64  # an integer with more of them is written in hexadecimal digits
_SHORTEST_SECRET = 8  # bytes
_UUID_BYTES = 16


class EffectLines:
    """Makes the lines of one packet."""

    def __init__(self, clean: Cleaner) -> None:
        self._clean = clean
        self._ids = itertools.count()

    def of(self, event: EffectsRead) -> Iterator[EffectLine]:
        """One line for each stream that was read from."""
        for stream in event.streams:
            yield EffectLine(
                id=f"e{next(self._ids)}",
                seq=0,
                lineage=self._clean.name(stream.lineage),
                source=stream.source,
                origin=self._clean.name(stream.origin),
                first=stream.first,
                values=tuple(map(self._stored, stream.values)),
            )

    def again(self, value: Any) -> Any:
        """A stored value that is a secret of the program after all becomes None."""
        if not isinstance(value, str):
            return value
        try:
            made = int(value, 16) if value.startswith("0x") else bytes.fromhex(value)
        except ValueError:
            return value if self._clean.text(value) == value else None
        return value if self._stored(made) is not None else None

    def _stored(self, value: Any) -> Any:
        """The value in JSON; None where a secret of the program was made of it."""
        if isinstance(value, int) and value.bit_length() > _LONG_BITS:
            data, stored = value.to_bytes((value.bit_length() + 7) // 8), hex(value)
        elif isinstance(value, bytes):
            data, stored = value, value.hex()
        else:
            return value
        return None if self._is_secret(data) else stored

    def _is_secret(self, data: bytes) -> bool:
        """True if one of the texts that programs make of random bytes is known to be a secret."""
        if len(data) < _SHORTEST_SECRET:
            return False
        encoded = (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode())
        texts = [data.hex(), data.hex().upper(), *encoded, encoded[1].rstrip("=")]
        if len(data) == _UUID_BYTES:
            made = uuid.UUID(bytes=data, version=4)
            texts += [str(uuid.UUID(bytes=data)), str(made), made.hex]
        text = "\n".join(texts)
        return self._clean.text(text) != text
