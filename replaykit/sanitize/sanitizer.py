"""The one place through which everything goes before it is stored."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replaykit.errors import SanitizeError
from replaykit.packet.exchange import Headers
from replaykit.sanitize.names import (
    is_secret_field,
    is_secret_header,
    is_secret_query,
    is_secret_value,
    secret_variables,
)
from replaykit.sanitize.shapes import RULES, Found, Rule, find_shapes, is_placeholder
from replaykit.sanitize.standins import StandIn, Table
from replaykit.sanitize.views import View, json_string, json_strings, percent_encoded, rewrite

RULESET = "1"

_MAX_DEPTH = 8  # JSON in a string in JSON in a string ...
_SHORTEST_ANYWHERE = 8  # characters; shorter values are replaced only where their name announces them
_SHORTEST_NAMED = 4
_CACHE_ENTRIES = 4096
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Digest|Negotiate|AWS4-HMAC-SHA256)\s+", re.IGNORECASE)
_COOKIE = re.compile(r"([^=;\s]+)=([^;]*)")
_COOKIE_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "version", "priority"})
_PAIR = re.compile(r"([^&;=?#\s]+)=([^&;#\s]*)")
# What a quick look must see: names of JSON fields at any depth of escaping, and escaped characters of a secret.
_FIELD_NAME = re.compile(r'"([A-Za-z_][\w.-]{0,63})\\*"\s*:')
_ESCAPED = re.compile(r"\\u00[2-7]|\\/|%(?:40|2[bBfF]|3[aAdD])")
_USERINFO = re.compile(r"^[a-zA-Z][\w+.-]*://([^/?#@]*)@")


@dataclass(frozen=True, slots=True)
class Finding:
    """A sensitive value that a content key replaced by its marker; `text` is its stand-in."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Hit:
    """A sensitive value in a view: characters `start` to `end` of `view`."""

    view: View
    start: int
    end: int
    kind: str
    keeps: int = 0


class Sanitizer:
    """Replaces sensitive values by stand-ins, the same value by the same one all through a run.

    Used from one thread at a time. What it returns has, byte for byte, the length of what it was given, and everything
    that is not sensitive is untouched.

    Args:
        key: Makes stand-ins equal across runs. Without it they are made with a random key that nobody keeps.
        environ: Values of secret-looking variables are replaced wherever they appear.
        known: Stand-ins issued before; they pass through untouched.
        extra_rules: Users' rules only ever add.
    """

    ruleset = RULESET

    def __init__(
        self,
        *,
        key: bytes | None = None,
        environ: Mapping[str, str] | None = None,
        known: Iterable[StandIn] = (),
        extra_rules: Iterable[Rule] = (),
    ) -> None:
        self._table = Table(key or os.urandom(32), known)
        self._rules = (*extra_rules, *RULES)
        self._literals = _literals_of(self._rules, is_case_blind=False)
        self._words = _literals_of(self._rules, is_case_blind=True)
        self._variables = {value: name for name, value in secret_variables(environ or {}).items()}
        self._anywhere: set[str] = {value for value in self._variables if not self._table.is_stand_in(value)}
        self._anywhere_pattern: re.Pattern[str] | None = None
        self._marker_pattern: tuple[int, re.Pattern[str] | None] = (-1, None)
        self._clean: set[object] = set()
        self._rebuild()

    def __repr__(self) -> str:
        return f"<Sanitizer ruleset={self.ruleset} issued={len(self._table.issued)}>"

    @property
    def issued(self) -> tuple[StandIn, ...]:
        """Stand-ins issued so far, in order; known ones are not among them."""
        return tuple(self._table.issued)

    # what callers have

    def text(self, text: str) -> str:
        """Plain text, or text that is JSON."""
        return self._apply(text, self._any_text_hits) if self._may_hold_any(text) else text

    def json(self, value: Any) -> Any:
        """A JSON value at any depth; the names of fields count."""
        if isinstance(value, str):
            return self.text(value)
        try:
            text = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise SanitizeError(f"not JSON: {type(error).__name__}") from None
        if not self._may_hold_any(text):
            return value
        clean = self._apply(text, self._any_json_hits)
        return value if clean == text else json.loads(clean)

    def url(self, url: str) -> str:
        """A URL: user and password, the path, secret-named query keys, and shapes anywhere."""
        return self._apply(url, self._url_hits)

    def headers(self, headers: Headers) -> Headers:
        """Header pairs; an auth scheme and a cookie's name stay."""
        return tuple((name, self._header(name, value)) for name, value in headers)

    def body(self, data: bytes, content_type: str = "") -> bytes:
        """A body of any type, with everything else in it exactly as it was."""
        if not data:
            return data
        text = data.decode("utf-8", "surrogateescape")
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded":
            return self._apply(text, self._pair_hits).encode("utf-8", "surrogateescape")
        if not self._may_hold_any(text):
            return data
        is_json = text.lstrip()[:1] in ("{", "[", '"')
        return self._apply(text, self._any_json_hits if is_json else self._lines_hits).encode(
            "utf-8", "surrogateescape"
        )

    def chunks(self, chunks: Sequence[bytes], content_type: str = "") -> tuple[bytes, ...]:
        """A body in chunks, cut at the same places; a value split over a border is found all the same."""
        clean = self.body(b"".join(chunks), content_type)
        cut, start = [], 0
        for chunk in chunks:
            cut.append(clean[start : start + len(chunk)])
            start += len(chunk)
        return tuple(cut)

    def mask(self, value: Any) -> tuple[Any, tuple[Finding, ...]]:
        """A copy of sanitized JSON with a marker by kind for every stand-in, and the stand-ins in order.

        Two requests that differ only in which address or key they hold have equal copies.
        """
        findings: list[Finding] = []
        return self._masked(value, self._markers(), findings), tuple(findings)

    # finding

    def _apply(self, text: str, find: Callable[[View], Iterator[_Hit]]) -> str:
        """`text` with each hit replaced, piece by piece, by its stand-in."""
        try:
            return self._replace_hits(text, find)
        except SanitizeError:
            raise
        except Exception as error:  # whatever it is, its message may hold the value: only its type goes on
            raise SanitizeError(f"sanitizing failed: {type(error).__name__}") from None

    def _replace_hits(self, text: str, find: Callable[[View], Iterator[_Hit]]) -> str:
        pieces: dict[int, tuple[int, str]] = {}
        covered: set[int] = set()
        for hit in find(View(text, 0)):
            raw = hit.view.text[hit.start : hit.end]
            spans = [hit.view.piece(index) for index in range(hit.start, hit.end)]
            if not raw or any(start in covered for start, _ in spans) or self._table.is_stand_in(raw):
                continue
            covered.update(start for start, _ in spans)
            new = self._stand_in(raw, hit)
            if len(new) != len(raw):
                raise SanitizeError("a stand-in of another length")
            for (start, end), old_char, new_char in zip(spans, raw, new, strict=True):
                if old_char != new_char:
                    pieces[start] = (end, rewrite(text[start:end], old_char, new_char))
        return _rewritten(text, pieces)

    def _stand_in(self, raw: str, hit: _Hit) -> str:
        variable = self._variables.get(raw)
        kind = "env" if variable is not None else hit.kind
        # A value found by its name may have a shape too, and keeps what that shape keeps.
        shape = next((found for found in find_shapes(raw, self._rules) if found.end - found.start == len(raw)), None)
        keeps = shape.keeps if shape is not None else hit.keeps
        stand_in = self._table.replace(raw, kind, keeps=keeps, variable=variable)
        if raw not in self._anywhere and len(raw) >= _SHORTEST_ANYWHERE and is_secret_value(raw):
            self._anywhere.add(raw)
            self._rebuild()
        return stand_in

    def _rebuild(self) -> None:
        """Values found once are looked for everywhere from now on."""
        self._clean.clear()
        longest_first = sorted(self._anywhere, key=lambda value: (-len(value), value))
        self._anywhere_pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def _any_text_hits(self, view: View) -> Iterator[_Hit]:
        return self._text_hits(view, 0)

    def _any_json_hits(self, view: View) -> Iterator[_Hit]:
        return self._json_hits(view, 0)

    def _may_hold_any(self, text: str) -> bool:
        """False if a quick look shows that no rule can match, so that most bodies are never taken apart."""
        if self._anywhere_pattern is not None and self._anywhere_pattern.search(text):
            return True
        if any(literal in text for literal in self._literals) or _ESCAPED.search(text):
            return True
        lowered = text.lower()
        if any(word in lowered for word in self._words):
            return True
        return any(map(is_secret_field, set(_FIELD_NAME.findall(text))))

    def _text_hits(self, view: View, depth: int) -> Iterator[_Hit]:
        """Hits in a decoded text, which may itself be JSON."""
        # A history repeats its messages in every request: what was clean then is clean now.
        key = _cache_key(view.text)
        if key in self._clean:
            return
        is_clean = True
        if depth < _MAX_DEPTH and view.text[:1] in ("{", "[") and '"' in view.text:
            for hit in self._json_hits(view, depth + 1):
                is_clean = False
                yield hit
        for hit in self._plain_hits(view):
            is_clean = False
            yield hit
        if is_clean:
            if len(self._clean) >= _CACHE_ENTRIES:
                self._clean.clear()
            self._clean.add(key)

    def _plain_hits(self, view: View) -> Iterator[_Hit]:
        if self._anywhere_pattern is not None:
            for match in self._anywhere_pattern.finditer(view.text):
                yield _Hit(view, match.start(), match.end(), "value")
        shapes: Iterable[Found] = find_shapes(view.text, self._rules)
        for found in shapes:
            yield _Hit(view, found.start, found.end, found.kind, found.keeps)

    def _json_hits(self, view: View, depth: int) -> Iterator[_Hit]:
        for literal in json_strings(view.text):
            inner = view.inner(literal.start, literal.end, json_string)
            if not inner.text:
                continue
            yield from self._text_hits(inner, depth) if not literal.is_name else self._plain_hits(inner)
            if literal.field is not None and is_secret_field(literal.field):
                yield from self._named_hits(inner, "field")

    def _named_hits(self, view: View, kind: str) -> Iterator[_Hit]:
        """All of a value whose name announces a secret; an auth scheme before it stays."""
        scheme = _SCHEME.match(view.text)
        start = scheme.end() if scheme else 0
        value = view.text[start:]
        if len(value) >= _SHORTEST_NAMED and not is_placeholder(value):
            yield _Hit(view, start, len(view.text), kind)

    def _lines_hits(self, view: View) -> Iterator[_Hit]:
        """Text by lines; the data of a server-sent event is JSON more often than not."""
        for match in re.finditer(r"(?m)^data: ?([{\[].*)$", view.text):
            yield from self._json_hits(view.inner(match.start(1), match.end(1)), 0)
        yield from self._plain_hits(view)

    def _pair_hits(self, view: View) -> Iterator[_Hit]:
        for match in _PAIR.finditer(view.text):
            inner = view.inner(match.start(2), match.end(2), percent_encoded)
            yield from self._text_hits(inner, 0)
            if is_secret_query(match[1]):
                yield from self._named_hits(inner, "query")
        yield from self._plain_hits(view)

    def _url_hits(self, view: View) -> Iterator[_Hit]:
        userinfo = _USERINFO.match(view.text)
        if userinfo is not None:
            inner = view.inner(userinfo.start(1), userinfo.end(1), percent_encoded)
            colon = inner.text.find(":")
            yield _Hit(inner, colon + 1, len(inner.text), "url_password")
        query = max(view.text.find("?"), 0) or len(view.text)
        path = view.inner(0, query, percent_encoded)
        yield from self._plain_hits(path)
        yield from self._pair_hits(view.inner(query, len(view.text)))

    def _header(self, name: str, value: str) -> str:
        if not is_secret_header(name):
            return self.text(value)
        if name.lower() in ("cookie", "set-cookie"):
            return self._apply(value, self._cookie_hits)
        return self._apply(value, self._secret_header_hits)

    def _secret_header_hits(self, view: View) -> Iterator[_Hit]:
        yield from self._plain_hits(view)
        yield from self._named_hits(view, "header")

    def _cookie_hits(self, view: View) -> Iterator[_Hit]:
        for match in _COOKIE.finditer(view.text):
            if match[1].lower() not in _COOKIE_ATTRIBUTES and len(match[2]) >= _SHORTEST_NAMED:
                yield _Hit(view, match.start(2), match.end(2), "cookie")

    # masking

    def _markers(self) -> re.Pattern[str] | None:
        stand_ins = self._table.stand_ins
        count, pattern = self._marker_pattern
        if count != len(stand_ins):
            long = sorted(
                (s.stand_in for s in stand_ins if len(s.stand_in) >= _SHORTEST_ANYWHERE), key=len, reverse=True
            )
            pattern = re.compile("|".join(map(re.escape, long))) if long else None
            self._marker_pattern = (len(stand_ins), pattern)
        return pattern

    def _masked(self, value: Any, pattern: re.Pattern[str] | None, findings: list[Finding]) -> Any:
        if isinstance(value, str):
            return self._masked_text(value, pattern, findings)
        if isinstance(value, list | tuple):
            return [self._masked(item, pattern, findings) for item in value]
        if isinstance(value, dict):
            return {
                self._masked_text(key, pattern, findings): self._masked(item, pattern, findings)
                for key, item in value.items()
            }
        return value

    def _masked_text(self, text: str, pattern: re.Pattern[str] | None, findings: list[Finding]) -> str:
        whole = self._table.find_stand_in(text)
        if whole is not None:
            findings.append(Finding(whole.kind, text))
            return whole.marker
        if pattern is None:
            return text

        def mark(match: re.Match[str]) -> str:
            found = self._table.find_stand_in(match[0])
            assert found is not None
            findings.append(Finding(found.kind, match[0]))
            return found.marker

        return pattern.sub(mark, text)


def _rewritten(text: str, pieces: dict[int, tuple[int, str]]) -> str:
    if not pieces:
        return text
    result: list[str] = []
    last = 0
    for start in sorted(pieces):
        end, new = pieces[start]
        result += (text[last:start], new)
        last = end
    result.append(text[last:])
    return "".join(result)


def _cache_key(text: str) -> object:
    """The text itself where it is short; a long one is remembered by its digest, not kept alive."""
    if len(text) <= 256:
        return text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _literals_of(rules: Iterable[Rule], *, is_case_blind: bool) -> tuple[str, ...]:
    chosen = (rule for rule in rules if rule.is_case_blind is is_case_blind)
    return tuple(dict.fromkeys(literal for rule in chosen for literal in rule.literals))
