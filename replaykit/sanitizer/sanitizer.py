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
from replaykit.sanitizer.bodies import Bodies
from replaykit.sanitizer.commandline import secret_starts
from replaykit.sanitizer.masking import Finding, Masker
from replaykit.sanitizer.names import header_strength, secret_variables
from replaykit.sanitizer.packed import with_bytes
from replaykit.sanitizer.providers import RULES, TOKEN_GROUPS
from replaykit.sanitizer.search import Search
from replaykit.sanitizer.shapes import Rule
from replaykit.sanitizer.standins import StandIn, Table
from replaykit.sanitizer.texts import Texts

RULESET = "4"

BUDGET_S = 20.0

_DATA_CHARS = 200
_DATA_BEFORE = re.compile(rf"[A-Za-z0-9+/]{{{_DATA_CHARS}}}\Z")
_ADDRESSES = frozenset({"content-location", "location", "referer"})

T = TypeVar("T")


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
        budget_s: Seconds of this thread's time that one value may take; beyond it nothing of the value is kept.
    """

    ruleset = RULESET

    def __init__(
        self,
        *,
        key: bytes | None = None,
        environ: Mapping[str, str] | None = None,
        known: Iterable[StandIn] = (),
        extra_rules: Iterable[Rule] = (),
        budget_s: float = BUDGET_S,
    ) -> None:
        self._table = Table(key, known)
        self._search = Search(self._table, (*extra_rules, *RULES))
        self._masker = Masker(self._search, self._table)
        self._texts = Texts(self._search, budget_s)
        self._bodies = Bodies(self._texts)
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
        return self._settled(text, lambda text: self._texts.value(self._search.without_lone(text), 0))

    def json(self, value: Any) -> Any:
        """A JSON value at any depth; the names of fields count."""
        if isinstance(value, str):
            return self.text(value)
        return _safely(lambda: self._json_value(value))

    def output(self, value: Any) -> Any:
        """What a run gave, as JSON; it may have printed piece by piece what a stream spelled.

        Raises:
            SanitizeError: It can't be sanitized.
        """
        fragments = self._texts.fragments
        return self.json(_safely(lambda: fragments.replaced(value)) if isinstance(value, str) else value)

    def secret(self, text: str) -> str:
        """The stand-in of a text that is a secret, all of it: a password that a person typed."""
        return _safely(lambda: self._search.learn_typed(text))

    def url(self, url: str) -> str:
        """A URL: user and password, the path, secret-named query keys, and shapes anywhere."""
        return self._settled(url, self._texts.url)

    def headers(self, headers: Headers) -> Headers:
        """Header pairs; an auth scheme and a cookie's name stay."""
        return tuple((name, self._header(name, value)) for name, value in headers)

    def command(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words of a command line; what stands behind `--password` is one."""
        return tuple(
            self._settled(word, partial(self._texts.word, start))
            for word, start in zip(words, secret_starts(words), strict=True)
        )

    def body(self, data: bytes, content_type: str = "") -> bytes:
        """A body of any type, with everything else in it exactly as it was.

        Only data that is compressed by itself may come out in another length.
        """
        return _safely(lambda: self._bodies.clean(data, content_type))

    def chunks(self, chunks: Sequence[bytes], content_type: str = "") -> tuple[bytes, ...]:
        """A body in chunks, cut at the same places; a value split over a border is found all the same."""
        clean = _safely(lambda: self._bodies.clean(b"".join(chunks), content_type, is_stream=len(chunks) > 1))
        cut, start = [], 0
        for chunk in chunks:
            cut.append(clean[start : start + len(chunk)])
            start += len(chunk)
        if chunks:
            cut[-1] += clean[start:]
        return tuple(cut)

    def left_in(self, line: bytes) -> str | None:
        """Kind of a secret that stands in finished bytes all the same; None if there is none.

        This looks at the bytes as they are, and asks nothing about how they were put together.
        """
        text = line.decode("utf-8", "surrogateescape")
        for span in self._search.spans(text, shapes=TOKEN_GROUPS):
            if span.stand_in is None and not _is_in_data(text, span.found.start):
                return span.found.kind
        return None

    def digest(self, data: bytes) -> str:
        """A keyed hash of data that is not kept: equal data is known again, and nothing can be computed back."""
        return self._table.digest(data)

    def mask(self, value: Any) -> tuple[Any, tuple[Finding, ...]]:
        """A copy of sanitized JSON with a marker by kind for every stand-in, and the stand-ins in order.

        Two requests that differ only in which address or key they hold have equal copies.
        """
        return _safely(lambda: self._masker.mask(value))

    # one value

    def _json_value(self, value: Any) -> Any:
        text = json.dumps(value, ensure_ascii=False)
        if TAG in text:
            value = with_bytes(value, self.body)
            text = json.dumps(value, ensure_ascii=False)
        clean = self._texts.settled(text, lambda text: self._texts.json(text, 0))
        return value if clean == text else json.loads(clean)

    def _header(self, name: str, value: str) -> str:
        if name.lower() in ("cookie", "set-cookie"):
            return self._settled(value, self._texts.cookies)
        if name.lower() in _ADDRESSES:
            return self._settled(value, self._texts.url)
        return self._settled(value, lambda text: self._texts.named(text, header_strength(name), 0))

    def _settled(self, text: str, change: Callable[[str], str]) -> str:
        return _safely(lambda: self._texts.settled(text, change))


def _is_in_data(text: str, place: int) -> bool:
    """True in the middle of a picture or a sound in base64, where every shape comes up by chance."""
    return _DATA_BEFORE.search(text, max(0, place - _DATA_CHARS), place) is not None


def _safely(call: Callable[[], T]) -> T:
    """What `call` gives. Whatever goes wrong, the error and what led to it hold no value: only its type goes on."""
    try:
        return call()
    except Exception as error:  # any: nothing may be stored that was not sanitized, and the message may hold the value
        reason = str(error) if isinstance(error, SanitizeError) else f"sanitizing failed: {type(error).__name__}"
    raise SanitizeError(reason)
