"""Markers in place of stand-ins, so that two requests that differ only in whose address they hold are equal."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from replaykit.sanitizer.announced import Said, is_pair, named_by, said_by
from replaykit.sanitizer.base64text import bytes_of, rewrite_runs, text_of
from replaykit.sanitizer.names import Strength, inner_strength, is_owner
from replaykit.sanitizer.packed import unpack
from replaykit.sanitizer.search import SHORTEST_ANYWHERE, Search
from replaykit.sanitizer.standins import Table
from replaykit.sanitizer.values import SHORTEST, named_span
from replaykit.sanitizer.views import (
    EVENT_DATA,
    FORM_WORD,
    MAX_DEPTH,
    PERCENT_WORD,
    Form,
    decode,
    json_literals,
    may_hold_json,
)

_CACHED_TEXTS = 4096
_LARGEST = 10**40  # numbers; larger ones are nobody's, and some are too large to be written
_RUN = re.compile(r"[A-Za-z0-9]+")  # what nobody escapes


@dataclass(frozen=True, slots=True)
class Finding:
    """A sensitive value that a content key replaced by its marker; `text` is its stand-in."""

    kind: str
    text: str


class Masker:
    """Walks a value as sanitizing does, and marks what is a stand-in."""

    def __init__(self, search: Search, table: Table) -> None:
        self._search = search
        self._table = table
        self._cache: dict[tuple[str, Strength | None], tuple[str, tuple[Finding, ...], int]] = {}

    def mask(self, value: Any) -> tuple[Any, tuple[Finding, ...]]:
        """A copy with markers, and what they replace, in order."""
        if len(self._cache) > _CACHED_TEXTS:
            self._cache.clear()
        findings: list[Finding] = []
        return self._value(value, None, None, findings), tuple(findings)

    def _value(self, value: Any, name: str | None, owner: str | None, findings: list[Finding]) -> Any:
        if isinstance(value, str):
            return self._text(value, inner_strength(name, owner), findings)
        if isinstance(value, list | tuple):
            if len(value) == 2 and all(isinstance(item, str) for item in value) and is_pair(*value):
                return [self._value(value[0], name, owner, findings), self._value(value[1], value[0], owner, findings)]
            return [self._value(item, name, owner, findings) for item in value]
        if isinstance(value, dict):
            data = unpack(value)
            if data is not None:
                return {**value, "value": self._text(data.decode("utf-8", "surrogateescape"), None, findings)}
            owner = name if name is not None and is_owner(name) else owner
            # A key is masked before its value: findings come in the order of the text.
            made: dict[Any, Any] = {}
            said: Said | None = None
            for key, item in value.items():
                inner = named_by(said, key, owner) if isinstance(key, str) else None
                said = (said_by(inner, item) if isinstance(item, str) else None) or said
                masked = self._text(key, None, findings) if inner is not None else key
                number = 1
                while masked in made:  # two addresses as keys are two entries
                    number += 1
                    masked = f"{masked}#{number}"
                made[masked] = self._value(item, inner, owner, findings)
            return made
        if type(value) is int and abs(value) < _LARGEST:
            return self._number(str(value), inner_strength(name, owner), findings) or value
        return value

    def _number(self, text: str, strength: Strength | None, findings: list[Finding]) -> str | None:
        is_long = len(text) >= SHORTEST_ANYWHERE
        return self._whole(text, findings) if is_long or strength in ("strong", "personal") else None

    def _text(self, text: str, strength: Strength | None, findings: list[Finding]) -> str:
        if len(self._table) == 0:
            return text
        known, count = self._cache.get((text, strength)), len(self._table)
        if known is None or (known[2] < count and self._has_any(text, known[2])):
            found: list[Finding] = []
            known = self._cache[text, strength] = (self._anew(text, strength, found, 0), tuple(found), count)
        elif known[2] < count:
            self._cache[text, strength] = (known[0], known[1], count)
        findings.extend(known[1])
        return known[0]

    def _has_any(self, text: str, count: int) -> bool:
        """True if a stand-in beyond the first `count` may be in a text, in whatever spelling: no run of it has any."""
        return any(
            max(_RUN.findall(item.stand_in), key=len, default="") in text for item in self._table.stand_ins_after(count)
        )

    def _whole(self, text: str, findings: list[Finding]) -> str | None:
        stand_in = self._table.find(text)
        if stand_in is None:
            return None
        findings.append(Finding(stand_in.kind, text))
        return stand_in.marker

    def _anew(self, text: str, strength: Strength | None, findings: list[Finding], depth: int) -> str:
        whole = self._whole(text, findings)
        if whole is not None:
            return whole
        span = named_span(text, strength)
        if span is not None:
            secret = self._whole(text[span[0] :], findings)
            if secret is not None:
                return text[: span[0]] + secret
        text = self._without_quoted(text, findings)
        has_literals = depth < MAX_DEPTH and may_hold_json(text)
        if has_literals:
            text = self._literals(text, findings, depth + 1)
        elif depth < MAX_DEPTH:
            if "data:" in text:
                text = EVENT_DATA.sub(
                    lambda match: match[0][: -len(match[1])] + self._literals(match[1], findings, depth + 1), text
                )
            text = rewrite_runs(text, lambda run: self._base64(run, findings, depth + 1))
        parts: list[str] = []
        last = 0
        for item in self._search.spans(text, has_literals=has_literals):
            if item.stand_in is not None:
                findings.append(Finding(item.stand_in.kind, item.stand_in.stand_in))
                parts += (text[last : item.found.start], item.stand_in.marker)
                last = item.found.end
        text = "".join((*parts, text[last:]))
        if "%" in text and depth < MAX_DEPTH:
            text = PERCENT_WORD.sub(lambda word: self._written(word[0], "percent", findings, depth + 1), text)
        if "+" in text and "=" in text and depth < MAX_DEPTH:
            text = FORM_WORD.sub(lambda word: self._written(word[0], "form", findings, depth + 1), text)
        return text

    def _written(self, word: str, form: Form, findings: list[Finding], depth: int) -> str:
        """A word that is written for a URL or a form, marked; as it is, if there is no stand-in in it."""
        said = decode(word, form)
        masked = self._anew(said, None, findings, depth)
        return word if masked == said else f"{form}:{masked}"

    def _base64(self, run: str, findings: list[Finding], depth: int) -> str:
        """What base64 says, marked; as it is, if there is no stand-in in it."""
        data = None if self._search.knows(run) else bytes_of(run)
        said = text_of(data) if data is not None else None
        masked = self._anew(said, None, findings, depth) if said is not None else None
        return run if masked is None or masked == said else f"base64:{masked}"

    def _without_quoted(self, text: str, findings: list[Finding]) -> str:
        """Stand-ins with quotes in them go first: what looks like JSON around them is cut in the wrong places."""
        parts: list[str] = []
        last = 0
        for item in self._search.quoted_stand_ins(text):
            if item.stand_in is not None:
                findings.append(Finding(item.stand_in.kind, item.stand_in.stand_in))
                parts += (text[last : item.found.start], item.stand_in.marker)
                last = item.found.end
        return "".join((*parts, text[last:]))

    def _literals(self, text: str, findings: list[Finding], depth: int) -> str:
        """Marks in the strings of a text that is JSON, or holds some: there they may be written with escapes."""
        parts: list[str] = []
        last = 0
        for literal in json_literals(text):
            raw = text[literal.start : literal.end]
            if literal.kind == "junk" or len(raw) < SHORTEST:
                continue
            strength = inner_strength(literal.name, literal.owner)
            said = decode(raw, "json")
            if literal.kind == "number":
                new = self._number(raw, strength, findings) or raw
            else:
                new = self._anew(said, strength, findings, depth)
            if new != said:
                parts += (text[last : literal.start], json.dumps(new, ensure_ascii=False)[1:-1])
                last = literal.end
        return "".join((*parts, text[last:]))
