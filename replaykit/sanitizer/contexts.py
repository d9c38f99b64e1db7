"""Values that are secrets by what stands before them in a plain text: a name, or the parts of a URL.

Texts hold JSON, Python dicts, lines of `.env` files and links; none of it is parsed by anybody before it comes here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from replaykit.sanitizer.assignments import find_assignments, find_elements
from replaykit.sanitizer.names import option_strength, query_strength
from replaykit.sanitizer.shapes import EMAIL, KEEP, Found, is_placeholder
from replaykit.sanitizer.shortoptions import find_short_options
from replaykit.sanitizer.values import has_both, is_credential, named_value
from replaykit.sanitizer.views import decode, raw_length


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
        yield from _curl_keys(text)
    if "asic " in text:
        yield from _basic_values(text)
    if "&" in text and _ENTITY_SIGN.search(text) is not None:
        yield from _entity_addresses(text)
    if " -" in text:
        yield from find_short_options(text)
    if "</" in text:
        yield from find_elements(text)
    yield from find_assignments(text)


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
        yield from named_value(pair, 2, query_strength(decode(pair[1], "percent")), "form")


_LINK_PAIR = re.compile(r"[?&](?:amp;)?(?P<name>[\w.%\[\]-]{2,40})=(?P<value>[^&#\s\"'<>`\\]{4,2048})")


def _link_values(text: str) -> Iterator[Found]:
    """Secret values in links without a scheme: `/callback?code=...`."""
    for pair in _LINK_PAIR.finditer(text):
        yield from named_value(pair, "value", query_strength(decode(pair["name"], "percent")), "form")


# pages

_ENTITY_SIGN = re.compile(r"&(?:#0{0,4}64|#[xX]0{0,4}40|commat);|@[\w.-]{1,200}&")
_ENTITY_WORD = re.compile(
    r"[\w.%+-]{1,64}(?:&[#\w]{2,8};[\w.%+-]{0,64}){1,8}(?:@[\w.-]{1,200}(?:&[#\w]{2,8};[\w.-]{1,64}){0,4})?"
)


def _entity_addresses(text: str) -> Iterator[Found]:
    """Addresses whose signs a page writes as entities: `me&#64;acme.com`."""
    for word in _ENTITY_WORD.finditer(text):
        said = decode(word[0], "entities")
        if said != word[0]:
            for match in EMAIL.pattern.finditer(said):
                start, end = (word.start() + raw_length(word[0], "entities", place) for place in match.span())
                yield Found(start, end, EMAIL.kind, form="entities")


# command lines and headers in a text

_OPTION = re.compile(
    r"--(?P<name>[A-Za-z][\w-]{1,40})(?:=|\s{1,3})(?P<quote>[\"']?)(?P<value>[^\s\"'`\\-][^\s\"'`\\]{3,400})"
)
_CURL_USER = re.compile(
    r"curl\s[^\n|;]{0,300}?(?:(?<=\s)-[uU]|--user|--proxy-user)(?:=|\s{0,3})"
    r"(?:\"[^\s:\"']{0,80}:(?!//)(?P<quoted>[^\s\"]{3,200})\"|'?[^\s:\"']{0,80}:(?!//)[\"']?(?P<value>[^\s\"']{3,200}))"
)
_CURL_KEY = re.compile(r"(?<=\s)(?:-u|--user)(?:=|\s{0,3})[\"']?(?P<value>[^\s:\"'$]{8,200}):[\"']?(?=\s|$)")
_BASIC = re.compile(r"\b[Bb]asic +(?P<value>[A-Za-z0-9+/]{8,400}={0,2})(?![\w+/=])")


def _option_values(text: str) -> Iterator[Found]:
    for match in _OPTION.finditer(text):
        value, strength = match["value"], option_strength(match["name"])
        if strength in ("strong", "loose") and not match["quote"] and not has_both(value):
            continue  # prose about the option: "--password is required"
        yield from named_value(match, "value", strength, "plain")


def _curl_values(text: str) -> Iterator[Found]:
    for match in _CURL_USER.finditer(text):
        group = "value" if match["quoted"] is None else "quoted"
        if not is_placeholder(match[group]):
            yield Found(*match.span(group), "secret")


def _curl_keys(text: str) -> Iterator[Found]:
    """A key in place of a user, with an empty password."""
    for match in _CURL_KEY.finditer(text):
        if is_credential(match["value"]):
            yield Found(*match.span("value"), "secret")


def _basic_values(text: str) -> Iterator[Found]:
    """`Basic` before `user:password` in base64; and not before words."""
    for match in _BASIC.finditer(text):
        try:
            said = base64.b64decode(match["value"], validate=True)
        except ValueError:
            continue
        if b":" in said and said.isascii():
            yield Found(*match.span("value"), "secret")
