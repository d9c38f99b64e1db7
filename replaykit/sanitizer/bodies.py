"""Bodies, by their type: text in some charset, a form, parts, a stream of events, or something compressed."""

from __future__ import annotations

import re

from replaykit.errors import SanitizeError
from replaykit.sanitizer.charsets import codec_of
from replaykit.sanitizer.compressed import archived, pack, packing_of, unpack
from replaykit.sanitizer.eventstream import CONTENT_TYPE as EVENT_STREAM
from replaykit.sanitizer.eventstream import rewrite_payloads
from replaykit.sanitizer.logprobs import may_hold_logprobs, spelled_texts
from replaykit.sanitizer.streams import coded_spans, event_spans, find_tracks, item_spans, line_spans
from replaykit.sanitizer.texts import Texts, is_noise

_LINES = re.compile(r"ndjson|jsonl|jsonlines|json-seq|stream\+json")
_DEEPEST = 4  # archives in archives


class Bodies:
    """Cleans the bodies of requests and answers."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def __repr__(self) -> str:
        return "<Bodies>"

    def clean(self, data: bytes, content_type: str, *, is_stream: bool = False, depth: int = 0) -> bytes:
        """The body without what is sensitive.

        Args:
            is_stream: It came in several chunks; then a list may be a stream of events, too.

        Raises:
            SanitizeError: It can't be searched, or something in it can't be replaced.
        """
        kind = content_type.partition(";")[0].strip().lower()
        packing = packing_of(data) if depth < _DEEPEST else None
        inner = unpack(data, packing) if packing is not None else None
        if packing is not None and inner is not None:
            clean = self.clean(inner, "", depth=depth + 1)
            return data if clean == inner else pack(clean, packing)
        for inner in archived(data) if depth < _DEEPEST else ():
            if self.clean(inner, "", depth=depth + 1) != inner:
                raise SanitizeError("a secret in an archive")
        if kind == EVENT_STREAM:
            changed = rewrite_payloads(data, self._payloads)
            if changed is not None:
                return changed
        mark, codec = codec_of(data, content_type)
        try:
            text = data[len(mark) :].decode(codec, "surrogateescape")
        except UnicodeDecodeError:  # not what its header says
            mark, codec = b"", "utf-8"
            text = data.decode(codec, "surrogateescape")
        return mark + self._clean_text(text, kind, content_type, is_stream).encode(codec, "surrogateescape")

    def _clean_text(self, text: str, kind: str, content_type: str, is_stream: bool) -> str:
        if may_hold_logprobs(text):
            self._check_logprobs(text)
        if kind.startswith("multipart/"):
            return self._texts.settled(text, lambda text: self._texts.parts(text, content_type))
        if kind == "application/x-www-form-urlencoded" and not is_noise(text):
            return self._texts.settled(text, self._texts.pairs)
        if _LINES.search(kind) is not None:
            return self._texts.settled(text, lambda text: self._joined(text, line_spans(text)))
        if is_stream and text.lstrip()[:1] == "[":
            return self._texts.settled(text, lambda text: self._joined(text, item_spans(text)))
        if is_stream and (coded := coded_spans(text)):
            return self._texts.settled(text, lambda text: self._joined(text, coded))
        return self._texts.settled(text, self._texts.content)

    def _check_logprobs(self, text: str) -> None:
        """Raises SanitizeError for a secret in them: the numbers that spell it have no stand-in of their length."""
        for said in spelled_texts(text, event_spans(text) or [(0, len(text))]):
            if self._texts.settled(said, self._texts.content) != said:
                raise SanitizeError("a secret that logprobs spell")

    def _joined(self, text: str, events: list[tuple[int, int]]) -> str:
        text, edges = self._texts.joined(text, find_tracks(text, events), 1)
        return self._texts.json(text, 1, edges)

    def _payloads(self, texts: list[str]) -> list[str]:
        """The events of a binary stream say a text together as lines of JSON do."""
        clean = self._texts.settled("\n".join(texts), lambda text: self._joined(text, line_spans(text)))
        made, start = [], 0
        for text in texts:
            made.append(clean[start : start + len(text)])
            start += len(text) + 1
        return made
