"""Recorded values on their way through newer rules: sanitized, looked at once more, and withheld where that finds any.

The rules replace what they understand. What only a decoded layer shows (a key in compressed bytes in base64) can't be
replaced in place; it is not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from replaykit.audit.detecting import Detector
from replaykit.errors import SanitizeError
from replaykit.packet.body import encode_body, withhold_body
from replaykit.packet.exchange import Chunk, Headers
from replaykit.packet.model import Body, FailureRecord
from replaykit.sanitizer.layers import Layer, layers, text_layers, value_layers
from replaykit.sanitizer.names import Strength, header_strength
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.session.cleaning import UNSANITIZED, Cleaner, clean_record
from replaykit.session.effect_lines import EffectLines

LEFT = "a sensitive value is in it in a form that can't be replaced in place"


class Recleaner:
    """Sanitizes what was recorded.

    Args:
        detector: Looks for what is left; None: not yet, since not all values are known.
    """

    def __init__(self, sanitizer: Sanitizer, detector: Detector | None) -> None:
        self._clean = Cleaner(sanitizer, is_quiet=True)
        self._effects = EffectLines(self._clean)
        self._detector = detector

    @property
    def withheld(self) -> int:
        """How many values were not kept."""
        return self._clean.withheld

    def forget(self) -> None:
        """Counts from zero again."""
        self._clean.withheld = 0

    def name(self, text: str) -> str:
        return self._clean.name(text)

    def text(self, text: str) -> str:
        clean = self._clean.text(text)
        return self._lost(UNSANITIZED) if self._is_left(text_layers(clean)) else clean

    def optional(self, text: str | None) -> str | None:
        return self.text(text) if text is not None else None

    def texts(self, texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(self.text, texts))

    def url(self, url: str) -> str:
        clean = self._clean.url(url)
        return self._lost(UNSANITIZED) if self._is_left(text_layers(clean)) else clean

    def headers(self, headers: Headers) -> Headers:
        clean = self._clean.headers(headers)
        return tuple(
            (name, self._lost(UNSANITIZED) if self._is_left(*_header_layers(name, value)) else value)
            for name, value in clean
        )

    def command(self, words: Sequence[str]) -> tuple[str, ...]:
        return self._clean.command(words)

    def json(self, value: Any) -> Any:
        """The value; `UNSANITIZED` where it can't be kept."""
        clean = self._clean.json(value)
        return self._lost(UNSANITIZED) if self._is_left(value_layers(clean)) else clean

    def is_clean(self, value: Any) -> bool:
        """True if a value would stay as it is."""
        return self._clean.readable([value]) == [value] and not self._is_left(value_layers(value))

    def attributes(self, items: Mapping[str, Any]) -> dict[str, Any]:
        clean = self.json(dict(items))
        return clean if isinstance(clean, dict) else {}

    def failure(self, record: FailureRecord | None) -> FailureRecord | None:
        if record is None:
            return None
        clean = clean_record(self._clean.sanitizer, record)
        if self._is_left(value_layers(clean.model_dump(exclude_defaults=True))):
            return FailureRecord(type=record.type, message=self._lost(UNSANITIZED))
        return record if clean == record else clean

    def effect(self, value: Any) -> Any:
        clean = self._effects.again(value)
        return None if isinstance(clean, str) and self._is_left(text_layers(clean)) else clean

    def data(self, data: bytes, content_type: str) -> bytes | None:
        """A body; None where it can't be kept."""
        try:
            clean = self._clean.sanitizer.body(data, content_type)
        except SanitizeError:
            return None
        return None if self._is_left(layers(clean, content_type)) else clean

    def body(self, body: Body, data: bytes, content_type: str, chunks: Sequence[Chunk] = ()) -> Body:
        """The stored body that says `data`, as it may stay; the very same one where nothing is changed."""
        clean = self.data(data, content_type)
        if clean is None:
            self._lost("")
            return withhold_body(LEFT, length=len(data))
        if clean == data:
            return body
        cut, start = [], 0
        for chunk in chunks:
            cut.append(Chunk(chunk.offset_ns, clean[start : start + len(chunk.data)]))
            start += len(chunk.data)
        return encode_body(clean, chunks=cut)

    def _is_left(self, found: Iterator[Layer], strength: Strength | None = None) -> bool:
        detector = self._detector
        if detector is None:
            return False
        return any(
            layer.unread is None and detector.in_layer(layer, strength if not layer.path else None) for layer in found
        )

    def lost(self) -> None:
        """One more that was not kept."""
        self._clean.withheld += 1

    def _lost(self, text: str) -> str:
        self._clean.withheld += 1
        return text


def _header_layers(name: str, value: str) -> tuple[Iterator[Layer], Strength | None]:
    if name.lower() in ("cookie", "set-cookie"):
        return text_layers(value), None
    return text_layers(value, name, "header"), header_strength(name)
