"""Every rule over every text: what of it is a secret and no stand-in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from replaykit.sanitizer.layers import Layer
from replaykit.sanitizer.names import Strength, header_strength, inner_strength, query_strength, secret_variables
from replaykit.sanitizer.providers import RULES, TOKEN_GROUPS
from replaykit.sanitizer.search import Search
from replaykit.sanitizer.shapes import Group, grouped
from replaykit.sanitizer.standins import StandIn, Table
from replaykit.sanitizer.values import is_secret_under, named_span
from replaykit.session.rules import user_rules

_SHORTEST_PIECE = 8  # characters of a stand-in that was cut
_REMEMBERED_CHARS = 32_000_000
_ALL_SHAPES = grouped(RULES)
_NAME = re.compile(r"[\w$-]{8,}")


@dataclass(frozen=True, slots=True)
class Detected:
    """A value that should not be there.

    Attributes:
        text: The value itself: never shown, only compared.
        variable: The environment variable of this process that holds it.
    """

    kind: str
    text: str
    variable: str | None = None

    def __repr__(self) -> str:
        return f"<Detected {self.kind} of {len(self.text)} characters>"


class Detector:
    """Finds what the present rules find, and this process' own secrets.

    Args:
        known: The packet's stand-ins: they are no findings.
        environ: Values of its secret-looking variables are looked for everywhere.
    """

    def __init__(self, known: Iterable[StandIn], environ: Mapping[str, str]) -> None:
        known = tuple(known)
        self._table = Table(None, known)
        self._search = Search(self._table, (*user_rules(environ), *RULES))
        self._variables = {value: name for name, value in sorted(secret_variables(environ).items(), reverse=True)}
        self._search.learn(self._variables)
        self._stand_ins = "\n".join(item.stand_in for item in known)
        self._clean: set[tuple[str, Strength | None, bool]] = set()
        self._clean_chars = 0

    def __repr__(self) -> str:
        return f"<Detector: {len(self._variables)} variables>"

    def in_layer(self, layer: Layer, strength: Strength | None = None) -> list[Detected]:
        """What is in one text.

        Args:
            strength: Of a name that is not the layer's own.
        """
        text, said = layer.text, strength or _strength_of(layer)
        key = (text, said, layer.is_structured or layer.is_binary)
        if key in self._clean:
            return []
        if layer.is_number:
            is_one = said in ("strong", "personal") and len(text) >= 4 and is_secret_under(text, said)
            found = [self._detected("secret", text)] if is_one and not self._is_known(text) else []
        else:
            found = list(self._in_text(layer, said))
        if not found:
            self._remember(key)
        return found

    def in_raw(self, text: str) -> list[Detected]:
        """What has a shape of its own in a text that means nothing by its names: a line of the file."""
        return list(self._spans(text, _ALL_SHAPES))

    def variable_of(self, text: str) -> str | None:
        """The variable of this process that holds this very value."""
        return self._variables.get(text)

    def masked(self, path: str) -> str:
        """A path without values: the names in it come from the packet, and a name may be an address."""
        parts: list[str] = []
        last = 0
        for span in self._search.spans(path):
            parts += (path[last : span.found.start], f"<{span.found.kind}>")
            last = span.found.end
        return _NAME.sub(self._masked_name, "".join((*parts, path[last:])))

    def _masked_name(self, match: re.Match[str]) -> str:
        found = self._search.spans(match[0])
        return f"<{found[0].found.kind}>" if found else match[0]

    def _in_text(self, layer: Layer, strength: Strength | None) -> Iterator[Detected]:
        text = layer.text
        span = named_span(text, strength)
        if span is not None and not self._is_known(text[span[0] : span[1]]):
            yield self._detected("secret", text[span[0] : span[1]])
            return
        shapes = TOKEN_GROUPS if layer.is_binary else _ALL_SHAPES if layer.is_structured else None
        yield from self._spans(text, shapes)

    def _spans(self, text: str, shapes: tuple[Group, ...] | None) -> Iterator[Detected]:
        for span in self._search.spans(text, shapes=shapes):
            value = text[span.found.start : span.found.end]
            if span.stand_in is None and not self._is_known(value):
                yield self._detected(span.found.kind, value)

    def _detected(self, kind: str, value: str) -> Detected:
        variable = self._variables.get(value)
        return Detected("env" if variable is not None else kind, value, variable)

    def _is_known(self, value: str) -> bool:
        """True for a stand-in, and for a piece of one: agents cut texts where they like."""
        if any(self._table.find(text) is not None for text in (value, unquote(value))):
            return True
        return len(value) >= _SHORTEST_PIECE and value in self._stand_ins

    def _remember(self, key: tuple[str, Strength | None, bool]) -> None:
        self._clean_chars += len(key[0])
        if self._clean_chars > _REMEMBERED_CHARS:
            self._clean.clear()
            self._clean_chars = len(key[0])
        self._clean.add(key)


def _strength_of(layer: Layer) -> Strength | None:
    if layer.naming == "header":
        return header_strength(layer.name) if layer.name is not None else None
    if layer.naming == "query":
        return query_strength(layer.name) if layer.name is not None else None
    return inner_strength(layer.name, layer.owner)
