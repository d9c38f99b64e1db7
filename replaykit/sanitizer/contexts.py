"""Values that are secrets by what stands before them in a plain text: a name, or the parts of a URL.

Texts hold JSON, Python dicts, lines of `.env` files and links; none of it is parsed by anybody before it comes here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from replaykit.sanitizer.names import (
    Strength,
    field_strength,
    is_secret_variable,
    option_strength,
    query_strength,
    split_name,
)
from replaykit.sanitizer.shapes import KEEP, Found, is_placeholder
from replaykit.sanitizer.views import Form, decode

SHORTEST = 4  # characters; what is shorter gives nothing away and can't be told from other text
_SHORTEST_CREDENTIAL = 8
_SHORTEST_RANDOM = 20

_SCHEME = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Digest|Negotiate|AWS4-HMAC-SHA256)\s+", re.IGNORECASE)
_PATH = re.compile(r"(?:~|\.{1,2})?/|(?:[\w.@-]+/)+[\w.@-]*\.[a-z]{2,5}$")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]|$)")
# What a person writes: words, each with a number behind it at most. Disguising keeps every class, and so this.
_WORDS = re.compile(r"(?:{0})(?:[^A-Za-z0-9]++(?:{0}))*+".format(r"(?:[A-Z]?[a-z]*|[A-Z]+)\d{0,4}|\d+"))
_CAMEL_WORDS = re.compile(r"(?:[A-Z]?[a-z]{2,}+|[A-Z]{2,}+|[^A-Za-z0-9])++")
_SHORT_WORDS = 3.2  # letters a word: read as words in camel case, random letters have fewer on average
_RANDOM = re.compile(r"[A-Za-z0-9_~+=-]+")


def named_span(value: str, strength: Strength | None) -> tuple[int, int] | None:
    """Which part of a value is the secret that its name announces; an auth scheme before it stays."""
    if strength is None:
        return None
    scheme = _SCHEME.match(value)
    start = scheme.end() if scheme else 0
    secret = value[start:]
    if len(secret) < SHORTEST or is_placeholder(secret):
        return None
    return (start, len(value)) if is_secret_under(secret, strength) else None


def is_secret_under(value: str, strength: Strength | None) -> bool:
    """True if a value under a name of that strength is a secret."""
    if strength == "weak":
        return is_credential(value)
    return strength == "strong" or (strength == "faint" and is_random(value))


def is_credential(value: str) -> bool:
    """True if a value looks like one that a machine made. Disguising it does not change the answer."""
    if len(value) < _SHORTEST_CREDENTIAL or "://" in value or any(char.isspace() for char in value):
        return False
    if not any(char.isdigit() for char in value):
        return len(value) >= _SHORTEST_RANDOM and _is_mixed(value) and _CAMEL_WORDS.fullmatch(value) is None
    return (
        any(char.isalpha() for char in value)
        and _WORDS.fullmatch(value) is None
        and _PATH.match(value) is None
        and _DATE.match(value) is None
    )


def is_random(value: str) -> bool:
    """True if only a random generator writes such a value: long, of one piece, of all classes of characters."""
    return (
        len(value) >= _SHORTEST_RANDOM
        and _RANDOM.fullmatch(value) is not None
        and any(char.isdigit() for char in value)
        and _is_mixed(value)
        and is_credential(value)
    )


def _is_mixed(value: str) -> bool:
    return any(char.islower() for char in value) and any(char.isupper() for char in value)


def _is_password(value: str) -> bool:
    """True if a value behind a password's name is more than a word of what is said about it."""
    if _has_both(value):
        return True
    return value.isalpha() and _is_mixed(value) and len(value) < _SHORT_WORDS * len(split_name(value))


def find_contexts(text: str) -> Iterator[Found]:
    """Every such value of a text; the surer ones first, they may overlap."""
    if "://" in text:
        yield from _url_values(text)
    if "=" in text and ("?" in text or "&" in text):
        yield from _link_values(text)
    if "--" in text:
        yield from _option_values(text)
    if "curl " in text:
        yield from _curl_values(text)
    if "asic " in text:
        yield from _basic_values(text)
    if "</" in text:
        yield from _element_values(text)
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
        yield from _value(pair, 2, query_strength(decode(pair[1], "percent")), "form")


_LINK_PAIR = re.compile(r"[?&](?:amp;)?(?P<name>[\w.%\[\]-]{2,40})=(?P<value>[^&#\s\"'<>`\\]{4,2048})")


def _link_values(text: str) -> Iterator[Found]:
    """Secret values in links without a scheme: `/callback?code=...`."""
    for pair in _LINK_PAIR.finditer(text):
        yield from _value(pair, "value", query_strength(decode(pair["name"], "percent")), "form")


def _value(match: re.Match[str], group: int | str, strength: Strength | None, form: Form) -> Iterator[Found]:
    raw = match[group]
    if strength is None:
        return
    span = named_span(decode(raw, form), strength)
    if span is not None:
        yield Found(match.start(group) + span[0], match.end(group), "secret", form=form)


# command lines and headers in a text

_OPTION = re.compile(
    r"--(?P<name>[A-Za-z][\w-]{1,40})(?:=|\s{1,3})(?P<quote>[\"']?)(?P<value>[^\s\"'`\\-][^\s\"'`\\]{3,400})"
)
_CURL_USER = re.compile(
    r"curl\s[^\n|;]{0,300}?(?:(?<=\s)-[uU]|--user|--proxy-user)(?:=|\s{0,3})"
    r"(?:\"[^\s:\"']{0,80}:(?!//)(?P<quoted>[^\s\"]{3,200})\"|'?[^\s:\"']{0,80}:(?!//)[\"']?(?P<value>[^\s\"']{3,200}))"
)
_BASIC = re.compile(r"\b[Bb]asic +(?P<value>[A-Za-z0-9+/]{8,400}={0,2})(?![\w+/=])")


def _option_values(text: str) -> Iterator[Found]:
    for match in _OPTION.finditer(text):
        value, strength = match["value"], option_strength(match["name"])
        if strength == "strong" and not match["quote"] and not _has_both(value):
            continue  # prose about the option: "--password is required"
        yield from _value(match, "value", strength, "plain")


def _curl_values(text: str) -> Iterator[Found]:
    for match in _CURL_USER.finditer(text):
        group = "value" if match["quoted"] is None else "quoted"
        if not is_placeholder(match[group]):
            yield Found(*match.span(group), "secret")


def _basic_values(text: str) -> Iterator[Found]:
    """`Basic` before `user:password` in base64; and not before words."""
    for match in _BASIC.finditer(text):
        try:
            said = base64.b64decode(match["value"], validate=True)
        except ValueError:
            continue
        if b":" in said and said.isascii():
            yield Found(*match.span("value"), "secret")


def _has_both(value: str) -> bool:
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value)


# names before values

_HINTS = ("key", "token", "secret", "pass", "pwd", "credential", "auth", "cookie", "appid")
_QUOTED = re.compile(r"""(["'])([\w.$ -]{2,60})\1\s{0,3}:\s{0,3}(["'])((?:\\.|(?!\3)[^\\])*+)\3""", re.DOTALL)
_ELEMENT = re.compile(
    r"<(?:\w{1,20}:)?(?P<name>[\w.-]{2,40})(?:\s[^<>]{0,200})?>\s{0,20}(?P<value>[^<>\s]{4,2048})\s{0,20}</"
)
_ASSIGNED = re.compile(
    r"[\w-]{0,24}[\"'`]?\s{0,3}(?::=|=>|[:=])\s{0,3}[\"'`]?(?:(?:Bearer|Basic|Token)\s+)?"
    r"(?P<secret>[\w.~+/=!@#$%^*-]{8,400}(?<![.!]))(?!\()",
    re.IGNORECASE,
)
_NAME_END = re.compile(r"[\w-]*")
_NAME_START = re.compile(r"[A-Za-z_][\w-]*$")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def _element_values(text: str) -> Iterator[Found]:
    """Secret values in XML: `<password>...</password>`. One with a space in it is prose, or more XML."""
    for match in _ELEMENT.finditer(text):
        yield from _value(match, "value", field_strength(match["name"]), "plain")


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
        if _DOTTED.fullmatch(secret) or is_placeholder(secret):
            continue
        if is_secret_under(secret, field_strength(name)) if not is_strong else _is_password(secret):
            yield Found(match.start("secret"), match.end("secret"), "secret")
