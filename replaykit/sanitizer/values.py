"""Which values under a name that may announce a secret are one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replaykit.sanitizer.machines import is_public_address
from replaykit.sanitizer.names import Strength, split_name
from replaykit.sanitizer.shapes import Found, is_placeholder
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
_VAGUE = re.compile(r"(?=(?:[^0-9]*[0-9]){2})[A-Za-z0-9+/=_.~-]{20,400}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"[+(]{0,2}[0-9A-Z][0-9A-Z .()/\u00a0-]{4,38}")
_IP = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
_FEWEST_DIGITS, _MOST_DIGITS = 6, 30
_WAY = re.compile(r"[a-z]+(?:[ _-][a-z]+)*")  # words: disguised they are still words
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
    if strength == "personal":
        return is_somebodys(value)
    if strength == "loose":
        return _WAY.fullmatch(value) is None
    if strength == "weak":
        return is_credential(value)
    if strength == "vague":
        return _VAGUE.fullmatch(value) is not None and _UUID.fullmatch(value) is None and is_credential(value)
    return strength == "strong" or (strength == "faint" and is_random(value))


def is_somebodys(value: str) -> bool:
    """True for what may stand under a personal name: a number with its signs, no date and no number of few digits."""
    if _IP.fullmatch(value) is not None or ":" in value:
        return is_public_address(value)
    return (
        _NUMBER.fullmatch(value) is not None
        and _DATE.match(value) is None
        and _FEWEST_DIGITS <= sum("0" <= char <= "9" for char in value) <= _MOST_DIGITS
    )


def is_credential(value: str) -> bool:
    """True if a value looks like one that a machine made. Disguising it does not change the answer."""
    if len(value) < _SHORTEST_CREDENTIAL or "://" in value or any(char.isspace() for char in value):
        return False
    if not any(char.isdigit() for char in value):
        return len(value) >= _SHORTEST_RANDOM and is_mixed(value) and _CAMEL_WORDS.fullmatch(value) is None
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
        and is_mixed(value)
        and is_credential(value)
    )


def is_mixed(value: str) -> bool:
    """True if there are letters of both sizes in it."""
    return any(char.islower() for char in value) and any(char.isupper() for char in value)


def is_password(value: str) -> bool:
    """True if a value behind a password's name is more than a word of what is said about it."""
    if has_both(value):
        return True
    return value.isalpha() and is_mixed(value) and len(value) < _SHORT_WORDS * len(split_name(value))


def has_both(value: str) -> bool:
    """True if there are digits and letters in it."""
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value)


def named_value(match: re.Match[str], group: int | str, strength: Strength | None, form: Form) -> Iterator[Found]:
    """The group of a match, if its name says that it is a secret."""
    raw = match[group]
    if strength is None:
        return
    if "</" in raw:  # what closes the element around it
        raw = raw[: raw.index("</")]
    span = named_span(decode(raw, form), strength)
    if span is not None:
        yield Found(match.start(group) + span[0], match.start(group) + len(raw), "secret", form=form)
