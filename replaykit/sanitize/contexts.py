"""Values that are secrets by what stands before them in a plain text: a name, or the parts of a URL.

Texts hold JSON, Python dicts, lines of `.env` files and links; none of it is parsed by anybody before it comes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from replaykit.sanitize.names import Strength, field_strength, is_secret_variable, query_strength
from replaykit.sanitize.shapes import KEEP, Found, is_placeholder
from replaykit.sanitize.views import Form, decode

SHORTEST = 4  # characters; what is shorter gives nothing away and can't be told from other text
_SHORTEST_CREDENTIAL = 16

_SCHEME = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Digest|Negotiate|AWS4-HMAC-SHA256)\s+", re.IGNORECASE)
_PATH = re.compile(r"(?:~|\.{1,2})?/")


def named_span(value: str, strength: Strength | None) -> tuple[int, int] | None:
    """Which part of a value is the secret that its name announces; an auth scheme before it stays."""
    if strength is None:
        return None
    scheme = _SCHEME.match(value)
    start = scheme.end() if scheme else 0
    secret = value[start:]
    if len(secret) < SHORTEST or is_placeholder(secret):
        return None
    if strength == "weak" and not is_credential(secret):
        return None
    return start, len(value)


def is_credential(value: str) -> bool:
    """True if a value looks like one that a machine made. Disguising it does not change the answer."""
    return (
        len(value) >= _SHORTEST_CREDENTIAL
        and any(char.isdigit() for char in value)
        and any(char.isalpha() for char in value)
        and not any(char.isspace() for char in value)
        and "://" not in value
        and _PATH.match(value) is None
    )


def find_contexts(text: str) -> Iterator[Found]:
    """Every such value of a text; the surer ones first, they may overlap."""
    if "://" in text:
        yield from _url_values(text)
    if "=" in text or ":" in text:
        hints = _hints(text)
        yield from _quoted_values(text, hints)
        yield from _assigned_values(text, hints)


# URLs

_SCHEME_CHARS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*$")
_URL_REST = re.compile(r"[^\s\"'<>`\\^]{1,2048}")
_AFTER_HOST = re.compile(r"[/?#]")
_BEFORE_QUERY = re.compile(r"[?#]")
_PAIR = re.compile(r"([^&;=?#\s]+)=([^&;#\s]*)")


def _url_values(text: str) -> Iterator[Found]:
    place = text.find("://")
    while place >= 0:
        rest = _URL_REST.match(text, place + 3)
        if rest is not None and _SCHEME_CHARS.search(text[max(0, place - 20) : place]):
            yield from _userinfo(text, rest.start(), rest.end())
            query = _BEFORE_QUERY.search(text, rest.start(), rest.end())
            if query is not None:
                yield from pair_values(text, query.end(), rest.end())
        place = text.find("://", place + 3)


def _userinfo(text: str, start: int, end: int) -> Iterator[Found]:
    slash = _AFTER_HOST.search(text, start, end)
    at = text.rfind("@", start, slash.start() if slash else end)
    if at < 0:
        return
    colon = text.find(":", start, at)
    if colon >= 0:
        if at - colon > 3 and not is_placeholder(text[colon + 1 : at]):
            yield Found(colon + 1, at, "secret", form="percent")
    elif is_credential(text[start:at]):
        yield Found(start, at, "secret", form="percent")
    yield Found(at, at + 1, KEEP)  # a user at a host is no address, and the host must stay


def pair_values(text: str, start: int, end: int) -> Iterator[Found]:
    """Secret values in a query string or a form."""
    for pair in _PAIR.finditer(text, start, end):
        yield from _value(pair, 2, query_strength(decode(pair[1], "percent")), "percent")


def _value(match: re.Match[str], group: int | str, strength: Strength | None, form: Form) -> Iterator[Found]:
    raw = match[group]
    if strength is None:
        return
    span = named_span(decode(raw, form), strength)
    if span is not None:
        yield Found(match.start(group) + span[0], match.end(group), "secret", form=form)


# names before values

_HINTS = ("key", "token", "secret", "pass", "pwd", "credential", "auth", "cookie", "appid")
_QUOTED = re.compile(r"""(["'])([\w.$ -]{2,60})\1\s{0,3}:\s{0,3}(["'])((?:\\.|(?!\3)[^\\])*+)\3""", re.DOTALL)
_ASSIGNED = re.compile(
    r"[\w-]{0,24}[\"'`]?\s{0,3}(?::=|=>|[:=])\s{0,3}[\"'`]?(?:(?:Bearer|Basic|Token)\s+)?"
    r"(?P<secret>[\w.~+/=!@#$%^*-]{8,400}(?<![.!]))(?!\()",
    re.IGNORECASE,
)
_NAME_END = re.compile(r"[\w-]*")
_NAME_START = re.compile(r"[A-Za-z_][\w-]*$")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def _quoted_values(text: str, hints: list[int]) -> Iterator[Found]:
    if not hints:
        return
    for match in _QUOTED.finditer(text):
        yield from _value(match, 4, field_strength(match[2]), "json")


def _hints(text: str) -> list[int]:
    """Where words begin that names of secrets have in them."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a capital letter that becomes two
        lowered = "".join(char.lower() if char.isascii() else char for char in text)
    places = []
    for hint in _HINTS:
        place = lowered.find(hint)
        while place >= 0:
            places.append(place)
            place = lowered.find(hint, place + 1)
    return places


def _assigned_values(text: str, hints: list[int]) -> Iterator[Found]:
    for start in hints:
        end = start + 3  # the shortest hint; the pattern takes the rest of the word
        match = _ASSIGNED.match(text, end)
        if match is None:
            continue
        before = _NAME_START.search(text[max(0, start - 40) : end])
        rest = _NAME_END.match(text, end)
        if before is None or rest is None:
            continue
        name, secret = before[0] + rest[0], match["secret"]
        is_strong = field_strength(name) == "strong" or (name.isupper() and is_secret_variable(name))
        has_both = any(char.isdigit() for char in secret) and any(char.isalpha() for char in secret)
        if not has_both or _DOTTED.fullmatch(secret) or is_placeholder(secret):
            continue
        if is_strong or (field_strength(name) == "weak" and is_credential(secret)):
            yield Found(match.start("secret"), match.end("secret"), "secret")
