"""A text is taken apart the way it was put together: JSON in strings, URLs, forms, events, base64.

Each level is decoded, searched and written back, so that everything that is not sensitive keeps its very bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from replaykit.errors import SanitizeError
from replaykit.sanitizer.base64text import bytes_of, rewrite_runs, text_of, written
from replaykit.sanitizer.compressed import archived, packing_of, unpack
from replaykit.sanitizer.contexts import pair_values
from replaykit.sanitizer.fragments import Fragments
from replaykit.sanitizer.multipart import find_parts
from replaykit.sanitizer.names import Strength, inner_strength, query_strength
from replaykit.sanitizer.personal import is_card_number, personal_kind
from replaykit.sanitizer.providers import TOKEN_GROUPS
from replaykit.sanitizer.search import Search
from replaykit.sanitizer.shapes import Found, Group
from replaykit.sanitizer.streams import DATA, Track, event_spans, find_lines, find_tracks
from replaykit.sanitizer.values import SHORTEST, is_secret_under, named_span
from replaykit.sanitizer.views import (
    FORM_WORD,
    MAX_DEPTH,
    PERCENT_WORD,
    Form,
    decode,
    json_literals,
    may_hold_json,
    raw_length,
    rewrite,
)

_CACHED_CHARS = 8_000_000
_PASSES = 8
_COOKIE = re.compile(r"([^=;\s]+)=([^;]*)")
_COOKIE_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "version", "priority"})
_QUERY = re.compile(r"[?#]")
_HOST = re.compile(r"[a-zA-Z][\w+.-]*://[^/]*")
_PAIR = re.compile(r"[^&;?#]+")
_EVENTS = re.compile(r"(?m)^data: ?\S")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^\s\"'<>`\\^]{4,}")
_CHARACTER = re.compile(r"\\u00[2-7][0-9a-fA-F]")

_WRITTEN: tuple[tuple[re.Pattern[str], Form], ...] = ((PERCENT_WORD, "percent"), (FORM_WORD, "form"))

_give_way = time.sleep  # as it is before any run begins
_TURN_S = 0.0001
"""Of this thread's time; a caller whose answer has come would wait for the interpreter ten times as long."""

CacheKey = tuple[str, Strength | None, int]


class Edge(NamedTuple):
    """What is settled already of a string that is a piece of a longer text.

    Attributes:
        lead: Characters at its start that belong to a stand-in that began before.
        tail: Characters at its end that belong to one that goes on.
        is_text: The whole text was searched by all rules.
    """

    lead: int
    tail: int
    is_text: bool


Edges = dict[int, Edge]
"""By where the inside of the string begins."""

NO_EDGES: Edges = {}


class Texts:
    """Cleans texts of every structure.

    Args:
        budget_s: Seconds that one value may take.
    """

    def __init__(self, search: Search, budget_s: float) -> None:
        self.search = search
        self.fragments = Fragments()
        self._budget_s = budget_s
        self._deadline = 0.0
        self._gave_way = 0.0
        self._cache: dict[CacheKey, str] = {}
        self._cached_chars = 0
        search.on_learned = self._cache.clear

    def __repr__(self) -> str:
        return f"<Texts: {len(self._cache)} remembered>"

    def settled(self, text: str, change: Callable[[str], str]) -> str:
        """`change` until it finds nothing more, so that a stored text passes through untouched ever after.

        A value that its name gave away may have stood before that name; and a stand-in may complete a shape by chance.

        Raises:
            SanitizeError: It never ends, takes too long, or would change the length.
        """
        self._deadline = time.thread_time() + self._budget_s
        changed = text
        for _ in range(_PASSES):
            before, changed = changed, change(self.search.without_known(changed))
            if changed == before:
                break
        else:
            raise SanitizeError("its stand-ins look like secrets again and again")
        if len(changed.encode("utf-8", "surrogatepass")) != len(text.encode("utf-8", "surrogatepass")):
            raise SanitizeError("a stand-in of another length")
        return changed

    def check_time(self) -> None:
        """Raises SanitizeError if the value that is under way has taken too long; lets others have a turn meanwhile."""
        now = time.thread_time()
        if now - self._gave_way > _TURN_S:
            self._gave_way = now
            _give_way(0)
        if now > self._deadline:
            raise SanitizeError(f"it took more than {self._budget_s:g} seconds")

    # values

    def content(self, text: str) -> str:
        """A body that is text, or bytes that are none."""
        return self._shaped(text, TOKEN_GROUPS) if is_noise(text) else self.value(self.search.without_lone(text), 0)

    def value(self, text: str, depth: int) -> str:
        """A decoded text, which may be JSON, hold some, be events with JSON in them, or hold base64 of such a text."""
        if depth < MAX_DEPTH:
            if "data:" in text and _EVENTS.search(text) is not None:
                return self.events(text, depth + 1)
            if may_hold_json(text):
                return self.json(text, depth + 1)
            text = self._inner(text, depth)
        return self.plain(text, depth)

    def _inner(self, text: str, depth: int) -> str:
        """What base64 and links in a text say, clean; a link that is in a value that is known goes with that."""
        text = rewrite_runs(text, lambda run: self._base64(run, depth + 1))
        if "://" not in text:
            return text
        known = self.search.known_in(text)

        def clean(url: re.Match[str]) -> str:
            is_part = any(start < url.start() < end for start, end in known)
            return url[0] if is_part else self.url(url[0], depth + 1)

        return _URL.sub(clean, text)

    def plain(self, text: str, depth: int = 0, *, has_literals: bool = False) -> str:
        """A text that is searched as it stands; words in it may be written for a URL, or with escapes.

        Args:
            has_literals: Its strings were searched on their own before, decoded.
        """
        self.check_time()
        spans = self.search.spans(text, has_literals=has_literals)
        changed = self.search.spliced(text, spans)
        if depth < MAX_DEPTH and ("%" in text or ("+" in text and "=" in text)):
            taken = [(span.found.start, span.found.end) for span in spans]
            for pattern, form in _WRITTEN:
                changed = self._read_words(changed, pattern, form, taken, depth + 1)
        if not has_literals and "\\u00" in text and _CHARACTER.search(text) is not None:
            changed = self._inside(changed, "json", self._shaped)
        return changed

    def _read_words(
        self, text: str, pattern: re.Pattern[str], form: Form, taken: list[tuple[int, int]], depth: int
    ) -> str:
        """Words that are written for a URL or a form, by what they say; not where something was found already."""

        def read(word: re.Match[str]) -> str:
            is_taken = any(start < word.end() and word.start() < end for start, end in taken)
            if is_taken or "://" in word[0]:  # a link is read by its parts
                return word[0]
            return self._inside(word[0], form, lambda text: self.value(text, depth))

        return pattern.sub(read, text)

    def _shaped(self, text: str, shapes: tuple[Group, ...] | None = None) -> str:
        """A text that is searched for shapes and for known values alone."""
        self.check_time()
        return self.search.spliced(text, self.search.spans(text, shapes=shapes or self.search.groups))

    def named(self, text: str, strength: Strength | None, depth: int) -> str:
        """The value of a field whose name may announce a secret."""
        span = named_span(text, strength)
        if span is None:
            return self.value(text, depth)
        return self.search.spliced(text, [self.search.span(text, Found(*span, "secret"))])

    def one(self, raw: str, form: Form = "plain") -> str:
        """A piece of text that is a secret, all of it."""
        return self.search.spliced(raw, [self.search.span(raw, Found(0, len(raw), "secret", form=form))])

    def word(self, start: int | None, text: str) -> str:
        """A word of a command line; `start` is where the value of an option with a secret's name begins."""
        if start is not None:
            return text[:start] + self.one(text[start:])
        if "://" in text:
            return self.url(text)
        return self.pairs(text) if "&" in text and "=" in text else self.value(text, 0)

    # structures

    def json(self, text: str, depth: int, edges: Edges = NO_EDGES, offset: int = 0) -> str:
        """JSON, or a text that only begins like it: what is no JSON in it is searched as plain text.

        Args:
            edges: What is settled of its strings, by their places in a text in which this one begins at `offset`.
        """
        self.check_time()
        parts: list[str] = []
        last, is_damaged = 0, False
        cache = self._cache
        quoted = [(item.found.start, item.found.end) for item in self.search.quoted_stand_ins(text)]
        for start, end, kind, name, owner in json_literals(text):
            if kind == "junk":
                is_damaged = True
                continue
            edge = edges.get(offset + start) if edges else None
            if (edge is None and end - start < SHORTEST) or any(low < start and end < high for low, high in quoted):
                continue
            raw = text[start:end]
            strength = inner_strength(name, owner)
            if edge is not None:
                new = self._piece(raw, edge, strength, depth)
            elif kind == "number":
                is_named = strength in ("strong", "personal") and is_secret_under(raw, strength)
                is_secret = is_named or is_card_number(raw, name) or self.search.is_known(raw)
                new = self.one(raw) if is_secret else raw
            else:  # histories repeat their strings, so what came of each is remembered
                new = cache.get((raw, strength, depth)) or self._literal(raw, strength, depth)
            if new != raw:
                parts += (text[last:start], new)
                last = end
        if parts:
            text = "".join((*parts, text[last:]))
        if is_damaged:
            return self.plain(self._inner(text, depth), depth, has_literals=True)
        return text

    def _literal(self, raw: str, strength: Strength | None, depth: int) -> str:
        """The inside of a string of a JSON text."""
        learned = self.search.learned
        text = decode(raw, "json")
        made = rewrite(raw, "json", text, self.named(self.search.without_known(text), strength, depth))
        if self.search.learned == learned:  # else a value in it may have stood before the place that gave it away
            self._remember((raw, strength, depth), made)
        return made

    def _remember(self, key: CacheKey, made: str) -> None:
        self._cached_chars += len(made)
        if self._cached_chars > _CACHED_CHARS:
            self._cache.clear()
            self._cached_chars = len(made)
        self._cache[key] = made

    def _piece(self, raw: str, edge: Edge, strength: Strength | None, depth: int) -> str:
        """A string that is one piece of a longer text: between its settled ends it is searched on its own, too.

        A key that begins a piece has a letter before it in the whole text, and would be no key there.
        """
        last = len(raw) - edge.tail
        middle = raw[edge.lead : last]
        if edge.is_text:
            made = self._inside(middle, "json", self._shaped)
        else:
            made = self._literal(middle, strength, depth) if len(middle) >= SHORTEST else middle
        return raw[: edge.lead] + made + raw[last:]

    def events(self, text: str, depth: int) -> str:
        """Server-sent events: their data is JSON more often than not."""
        spans = event_spans(text)
        text, edges = self.joined(text, [*find_tracks(text, spans), *find_lines(text, spans)], depth)
        starts = {start for start, _ in spans}
        parts: list[str] = []
        last = 0
        for match in DATA.finditer(text):
            start, end = match.span(1)
            if start in starts:
                made = self.json(match[1], depth, edges, start)
            elif start in edges:
                lead, tail, _ = edges[start]
                made = match[1][:lead] + self.value(text[start + lead : end - tail], depth) + text[end - tail : end]
            else:
                made = self.value(match[1], depth)
            parts += (self.plain(text[last:start]), made)
            last = end
        return "".join((*parts, self.plain(text[last:])))

    def joined(self, text: str, tracks: Iterable[Track], depth: int) -> tuple[str, Edges]:
        """A stream in which the texts that are said in pieces are clean, each as a whole; and what that settles."""
        edits: list[tuple[int, int, str]] = []
        edges: Edges = {}
        for track in tracks:
            whole = track.text
            clean = self.value(self.search.without_known(whole), depth) if track.is_text else self._shaped(whole)
            stand_ins = [item.found for item in self.search.spans(clean) if item.stand_in is not None]
            covered = track.covered((found.start, found.end) for found in stand_ins)
            if clean != whole:
                said = [piece.text for piece in track.pieces]
                self.fragments.add(said, track.split(clean), [(found.start, found.end) for found in stand_ins])
            for piece, new, (lead, tail) in zip(track.pieces, track.split(clean), covered, strict=True):
                raw = text[piece.start : piece.end]
                if new != piece.text:
                    edits.append((piece.start, piece.end, rewrite(raw, track.form, piece.text, new)))
                head = raw_length(raw, track.form, lead)
                rest = len(raw) - raw_length(raw, track.form, len(piece.text) - tail) if tail else 0
                edges[piece.start] = Edge(head, min(rest, len(raw) - head), track.is_text)
        parts: list[str] = []
        last = 0
        for start, end, made in sorted(edits):
            parts += (text[last:start], made)
            last = end
        return "".join((*parts, text[last:])), edges

    def parts(self, text: str, content_type: str) -> str:
        """A multipart body: each field by its name, each file by what is in it."""
        parts: list[str] = []
        last = 0
        for part in find_parts(text, content_type):
            strength = None if part.is_file else query_strength(part.name)
            content = text[part.body : part.end]
            span = named_span(content, strength)
            clean = content[: span[0]] + self.one(content[span[0] :]) if span is not None else self._part(content)
            parts += (text[last : part.start], self.plain(text[part.start : part.body]), clean)
            last = part.end
        return "".join((*parts, text[last:])) if parts else self.content(text)

    def _part(self, text: str) -> str:
        self._check_packed(text.encode("utf-8", "surrogateescape"), 0)
        return self.content(text)

    def url(self, url: str, depth: int = 0) -> str:
        """A URL: user and password, the path, secret-named query keys, and shapes anywhere."""
        query = _QUERY.search(url)
        end = query.start() if query else len(url)
        host = _HOST.match(url, 0, end)
        path = host.end() if host else 0
        # The host as it stands: decoded, a password may look like the end of it.
        middle = "/".join(self._segment(piece, depth) for piece in url[path:end].split("/"))
        middle = self._inside(middle, "percent", self._shaped)  # some shapes are several segments
        return self.plain(url[:path], depth) + middle + self.pairs(url[end:], depth)

    def _segment(self, raw: str, depth: int) -> str:
        """A piece of a path; it may be a person's number, all of it."""
        said = decode(raw, "percent")
        kind = personal_kind(said)
        if kind is None:
            return self._inside(raw, "percent", lambda text: self.value(text, depth + 1))
        made = self.search.spliced(said, [self.search.span(said, Found(0, len(said), kind))])
        return rewrite(raw, "percent", said, made)

    def pairs(self, text: str, depth: int = 0) -> str:
        """A query string or a form."""
        parts: list[str] = []
        last = 0
        for found in pair_values(text, 0, len(text)):
            between = self._open_pairs(text[last : found.start], depth)
            parts += (between, self.one(text[found.start : found.end], found.form))
            last = found.end
        return "".join((*parts, self._open_pairs(text[last:], depth)))

    def _open_pairs(self, text: str, depth: int) -> str:
        """The part of a query between two values whose names announce a secret."""

        def clean(match: re.Match[str]) -> str:
            name, equals, value = match[0].rpartition("=")
            form: Form = "form" if "+" in value else "percent"
            said = self._inside(value, form, lambda text: self.value(text, depth + 1))
            if form == "form" and said == value and not self.search.spans(decode(value, form)):
                # Not every client writes a plus as it should.
                said = self._inside(value, "percent", lambda text: self.value(text, depth + 1))
            return self._inside(name, "percent", self.plain) + equals + said

        return _PAIR.sub(clean, text)

    def cookies(self, text: str) -> str:
        """The value of a cookie header."""
        found = (
            Found(match.start(2), match.end(2), "secret", form="percent")
            for match in _COOKIE.finditer(text)
            if match[1].lower() not in _COOKIE_ATTRIBUTES and len(match[2]) >= SHORTEST
        )
        return self.search.spliced(text, [self.search.span(text, item) for item in found])

    def _inside(self, raw: str, form: Form, change: Callable[[str], str]) -> str:
        text = decode(raw, form)
        return rewrite(raw, form, text, change(self.search.without_known(text)))

    # base64

    def _base64(self, run: str, depth: int) -> str:
        data = bytes_of(run)
        if data is None or self.search.knows(run):
            return run
        self._check_packed(data, depth)
        said = text_of(data)
        if said is None:
            return run
        made = self.value(self.search.without_known(said), depth)
        return run if made == said else written(made, run)

    def _check_packed(self, data: bytes, depth: int) -> None:
        """Raises SanitizeError if data is compressed and holds a secret: its length could not be kept."""
        packing = packing_of(data)
        inner = unpack(data, packing) if packing is not None else None
        if inner is not None:
            text = inner.decode("utf-8", "surrogateescape")
            clean = self.content(text) if depth < MAX_DEPTH else ""
            if clean != text:
                raise SanitizeError("a secret in compressed data in a text")
        for inner in archived(data) if depth < MAX_DEPTH else ():
            text = inner.decode("utf-8", "surrogateescape")
            self._check_packed(inner, depth + 1)
            if self.content(text) != text:
                raise SanitizeError("a secret in an archive in a text")


def is_noise(text: str) -> bool:
    """True for pictures, sound and compressed bytes: what looks like an address in them is chance."""
    sample = text[:4096]
    return not sample.isascii() and sum("\udc80" <= char <= "\udcff" for char in sample) * 10 > len(sample)
