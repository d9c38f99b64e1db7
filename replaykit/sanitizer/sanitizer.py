"""The one place through which everything goes before it is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from replaykit.errors import SanitizeError
from replaykit.packet.exchange import Headers
from replaykit.packet.values import TAG
from replaykit.sanitizer.commandline import secret_starts
from replaykit.sanitizer.contexts import pair_values
from replaykit.sanitizer.masking import Finding, Masker
from replaykit.sanitizer.multipart import find_parts
from replaykit.sanitizer.names import Strength, header_strength, inner_strength, query_strength, secret_variables
from replaykit.sanitizer.packed import with_bytes
from replaykit.sanitizer.providers import RULES, TOKEN_GROUPS
from replaykit.sanitizer.search import Search
from replaykit.sanitizer.shapes import Found, Group, Rule
from replaykit.sanitizer.standins import StandIn, Table
from replaykit.sanitizer.values import SHORTEST, is_secret_under, named_span
from replaykit.sanitizer.views import EVENT_DATA, MAX_DEPTH, Form, decode, json_literals, may_hold_json, rewrite

RULESET = "4"

_CACHED_CHARS = 8_000_000
_PASSES = 8
_ADDRESSES = frozenset({"content-location", "location", "referer"})
_COOKIE = re.compile(r"([^=;\s]+)=([^;]*)")
_COOKIE_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "version", "priority"})
_QUERY = re.compile(r"[?#]")
_HOST = re.compile(r"[a-zA-Z][\w+.-]*://[^/]*")
_PAIR = re.compile(r"[^&;?#]+")

T = TypeVar("T")
CacheKey = tuple[str, Strength | None, int]


class Sanitizer:
    """Replaces sensitive values by stand-ins, the same value by the same one all through a run.

    Used from one thread at a time. What it returns has, byte for byte, the length of what it was given, and everything
    that is not sensitive is untouched.

    A text is taken apart the way it was put together: JSON in strings, URLs, forms, server-sent events. Each level is
    decoded, searched and written back.

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
        self._table = Table(key, known)
        self._search = Search(self._table, (*extra_rules, *RULES))
        self._masker = Masker(self._search, self._table)
        self._cache: dict[CacheKey, str] = {}
        self._cached_chars = 0
        self._search.on_learned = self._cache.clear
        self.learn(environ or {})

    def __repr__(self) -> str:
        return f"<Sanitizer ruleset={self.ruleset} issued={len(self._table.issued)}>"

    @property
    def issued(self) -> tuple[StandIn, ...]:
        """Stand-ins issued so far, in order; known ones are not among them."""
        return tuple(self._table.issued)

    def learn(self, environ: Mapping[str, str]) -> None:
        """Further variables: what they hold is replaced from here on."""
        secrets = secret_variables(environ)
        if secrets:
            self._search.learn({secrets[name]: name for name in sorted(secrets, reverse=True)})

    # what callers have

    def text(self, text: str) -> str:
        """Plain text, or text that is JSON."""
        return self._settled(text, lambda text: self._value(self._search.without_lone(text), 0))

    def json(self, value: Any) -> Any:
        """A JSON value at any depth; the names of fields count."""
        if isinstance(value, str):
            return self.text(value)
        return _safely(lambda: self._json_value(value))

    def secret(self, text: str) -> str:
        """The stand-in of a text that is a secret, all of it: a password that a person typed."""
        return _safely(lambda: self._search.learn_typed(text))

    def url(self, url: str) -> str:
        """A URL: user and password, the path, secret-named query keys, and shapes anywhere."""
        return self._settled(url, self._url)

    def headers(self, headers: Headers) -> Headers:
        """Header pairs; an auth scheme and a cookie's name stay."""
        return tuple((name, self._header(name, value)) for name, value in headers)

    def command(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words of a command line; what stands behind `--password` is one."""
        return tuple(
            self._settled(word, partial(self._word, start))
            for word, start in zip(words, secret_starts(words), strict=True)
        )

    def body(self, data: bytes, content_type: str = "") -> bytes:
        """A body of any type, with everything else in it exactly as it was."""
        text = data.decode("utf-8", "surrogateescape")
        kind = content_type.partition(";")[0].strip().lower()
        if kind.startswith("multipart/"):
            clean = self._settled(text, lambda text: self._parts(text, content_type))
        elif kind == "application/x-www-form-urlencoded" and not _is_noise(text):
            clean = self._settled(text, self._pairs)
        else:
            clean = self._settled(text, self._content)
        return clean.encode("utf-8", "surrogateescape")

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
        return _safely(lambda: self._masker.mask(value))

    # one call

    def _settled(self, text: str, change: Callable[[str], str]) -> str:
        return _safely(lambda: self._until_stable(text, change))

    def _until_stable(self, text: str, change: Callable[[str], str]) -> str:
        """`change` until it finds nothing more, so that a stored text passes through untouched ever after.

        A value that its name gave away may have stood before that name; and a stand-in may complete a shape by chance.
        """
        changed = text
        for _ in range(_PASSES):
            before, changed = changed, change(self._search.without_known(changed))
            if changed == before:
                break
        else:
            raise SanitizeError("its stand-ins look like secrets again and again")
        if len(changed.encode("utf-8", "surrogatepass")) != len(text.encode("utf-8", "surrogatepass")):
            raise SanitizeError("a stand-in of another length")
        return changed

    def _json_value(self, value: Any) -> Any:
        text = json.dumps(value, ensure_ascii=False)
        if TAG in text:
            value = with_bytes(value, self.body)
            text = json.dumps(value, ensure_ascii=False)
        clean = self._until_stable(text, lambda text: self._json(text, 0))
        return value if clean == text else json.loads(clean)

    def _header(self, name: str, value: str) -> str:
        if name.lower() in ("cookie", "set-cookie"):
            return self._settled(value, self._cookies)
        if name.lower() in _ADDRESSES:
            return self._settled(value, self._url)
        return self._settled(value, lambda text: self._named(text, header_strength(name), 0))

    def _word(self, start: int | None, text: str) -> str:
        if start is not None:
            return text[:start] + self._one(text[start:])
        if "://" in text:
            return self._url(text)
        return self._pairs(text) if "&" in text and "=" in text else self._value(text, 0)

    # by structure

    def _content(self, text: str) -> str:
        return self._plain(text, TOKEN_GROUPS) if _is_noise(text) else self._value(self._search.without_lone(text), 0)

    def _parts(self, text: str, content_type: str) -> str:
        """A multipart body: each field by its name, each file by what is in it."""
        parts: list[str] = []
        last = 0
        for part in find_parts(text, content_type):
            strength = None if part.is_file else query_strength(part.name)
            content = text[part.body : part.end]
            span = named_span(content, strength)
            clean = content[: span[0]] + self._one(content[span[0] :]) if span is not None else self._content(content)
            parts += (text[last : part.start], self._plain(text[part.start : part.body]), clean)
            last = part.end
        return "".join((*parts, text[last:])) if parts else self._content(text)

    def _value(self, text: str, depth: int) -> str:
        """A decoded text, which may be JSON, hold some, or be events with JSON in them."""
        if depth < MAX_DEPTH and may_hold_json(text):
            return self._json(text, depth + 1)
        if depth < MAX_DEPTH and "data:" in text:
            return self._events(text, depth + 1)
        return self._plain(text)

    def _events(self, text: str, depth: int) -> str:
        """Server-sent events: their data is JSON more often than not."""
        parts: list[str] = []
        last = 0
        for match in EVENT_DATA.finditer(text):
            parts += (self._plain(text[last : match.start(1)]), self._json(match[1], depth))
            last = match.end()
        return "".join((*parts, self._plain(text[last:])))

    def _json(self, text: str, depth: int) -> str:
        """JSON, or a text that only begins like it: what is no JSON in it is searched as plain text."""
        parts: list[str] = []
        last, is_damaged = 0, False
        cache = self._cache
        settled = [(item.found.start, item.found.end) for item in self._search.quoted_stand_ins(text)]
        for start, end, kind, name, owner in json_literals(text):
            if kind == "junk":
                is_damaged = True
                continue
            if end - start < SHORTEST or any(low < start and end < high for low, high in settled):
                continue
            raw = text[start:end]
            strength = inner_strength(name, owner)
            if kind == "number":
                new = self._one(raw) if strength in ("strong", "personal") and is_secret_under(raw, strength) else raw
            else:  # histories repeat their strings, so what came of each is remembered
                new = cache.get((raw, strength, depth)) or self._literal(raw, strength, depth)
            if new != raw:
                parts += (text[last:start], new)
                last = end
        if parts:
            text = "".join((*parts, text[last:]))
        if is_damaged:
            return self._search.spliced(text, self._search.spans(text, has_literals=True))
        return text

    def _literal(self, raw: str, strength: Strength | None, depth: int) -> str:
        """The inside of a string of a JSON text."""
        learned = self._search.learned
        text = decode(raw, "json")
        made = rewrite(raw, "json", text, self._named(self._search.without_known(text), strength, depth))
        if self._search.learned == learned:  # else a value in it may have stood before the place that gave it away
            self._remember((raw, strength, depth), made)
        return made

    def _remember(self, key: CacheKey, made: str) -> None:
        self._cached_chars += len(made)
        if self._cached_chars > _CACHED_CHARS:
            self._cache.clear()
            self._cached_chars = len(made)
        self._cache[key] = made

    def _named(self, text: str, strength: Strength | None, depth: int) -> str:
        span = named_span(text, strength)
        if span is None:
            return self._value(text, depth)
        return self._search.spliced(text, [self._search.span(text, Found(*span, "secret"))])

    def _url(self, url: str) -> str:
        query = _QUERY.search(url)
        end = query.start() if query else len(url)
        host = _HOST.match(url, 0, end)
        path = host.end() if host else 0
        # The host as it stands: decoded, a password may look like the end of it.
        return self._plain(url[:path]) + self._inside(url[path:end], "percent", self._plain) + self._pairs(url[end:])

    def _pairs(self, text: str) -> str:
        """A query string or a form."""
        parts: list[str] = []
        last = 0
        for found in pair_values(text, 0, len(text)):
            parts += (self._open_pairs(text[last : found.start]), self._one(text[found.start : found.end], found.form))
            last = found.end
        return "".join((*parts, self._open_pairs(text[last:])))

    def _open_pairs(self, text: str) -> str:
        """The part of a query between two values whose names announce a secret."""

        def clean(match: re.Match[str]) -> str:
            name, equals, value = match[0].rpartition("=")
            said = self._inside(value, "percent", lambda text: self._value(text, 0))
            if "+" in said:
                said = self._inside(said, "form", lambda text: self._value(text, 0))
            return self._inside(name, "percent", self._plain) + equals + said

        return _PAIR.sub(clean, text)

    def _one(self, raw: str, form: Form = "plain") -> str:
        """A piece of text that is a secret, all of it."""
        return self._search.spliced(raw, [self._search.span(raw, Found(0, len(raw), "secret", form=form))])

    def _inside(self, raw: str, form: Form, change: Callable[[str], str]) -> str:
        text = decode(raw, form)
        return rewrite(raw, form, text, change(self._search.without_known(text)))

    def _cookies(self, text: str) -> str:
        found = (
            Found(match.start(2), match.end(2), "secret")
            for match in _COOKIE.finditer(text)
            if match[1].lower() not in _COOKIE_ATTRIBUTES and len(match[2]) >= SHORTEST
        )
        return self._search.spliced(text, [self._search.span(text, item) for item in found])

    def _plain(self, text: str, shapes: tuple[Group, ...] | None = None) -> str:
        return self._search.spliced(text, self._search.spans(text, shapes=shapes))


def _safely(call: Callable[[], T]) -> T:
    """What `call` gives. Whatever goes wrong, the error and what led to it hold no value: only its type goes on."""
    try:
        return call()
    except Exception as error:  # any: nothing may be stored that was not sanitized, and the message may hold the value
        reason = str(error) if isinstance(error, SanitizeError) else f"sanitizing failed: {type(error).__name__}"
    raise SanitizeError(reason)


def _is_noise(text: str) -> bool:
    """True for pictures, sound and compressed bytes: what looks like an address in them is chance."""
    sample = text[:4096]
    return not sample.isascii() and sum("\udc80" <= char <= "\udcff" for char in sample) * 10 > len(sample)
