"""Which words of a command line are secrets: by the option, the variable or the header that stands before them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from replaykit.sanitizer.names import Strength, header_strength, is_plain_value, is_secret_variable, option_strength
from replaykit.sanitizer.shortoptions import short_option_starts
from replaykit.sanitizer.values import named_span

_OPTION = re.compile(r"--?([A-Za-z][\w.-]+)")
_ASSIGNED = re.compile(r"(-{0,2})([A-Za-z_][\w.-]*)=(?=.)", re.DOTALL)
_HEADER = re.compile(r"([A-Za-z][\w-]*):\s*(?=\S)")
_USER = re.compile(r"[^\s:]*:(?!//)(?=.)")
_IDS = re.compile(r"\d+:\d+")
_USER_OPTIONS = frozenset({"-u", "-U", "--user", "--proxy-user"})
_USER_PREFIXES = ("--user=", "--proxy-user=")
_HEADER_OPTIONS = frozenset({"-H", "--header"})


def secret_starts(words: Sequence[str]) -> Iterator[int | None]:
    """For each word where the secret in it begins; None if nothing around it says that it holds one."""
    before = ""
    for word, short in zip(words, short_option_starts(words), strict=True):
        yield short if short is not None else _start(word, before)
        before = word


def _start(word: str, before: str) -> int | None:
    option = _OPTION.fullmatch(before)
    if option is not None and not word.startswith("--"):
        start = _named(word, 0, option_strength(option[1]))
        if start is not None:
            return start
    for prefix in _USER_PREFIXES:
        if word.startswith(prefix):
            return _password(word, len(prefix))
    if before in _USER_OPTIONS:
        return _password(word, 0)
    if before in _HEADER_OPTIONS:
        header = _HEADER.match(word)
        return _named(word, header.end(), header_strength(header[1])) if header is not None else None
    assigned = _ASSIGNED.match(word)
    if assigned is None or "&" in word:
        return None
    is_variable = not assigned[1] and is_secret_variable(assigned[2])
    return _named(word, assigned.end(), "strong" if is_variable else option_strength(assigned[2]))


def _password(word: str, start: int) -> int | None:
    """Where the password begins in `user:password`."""
    user = _USER.match(word, start)
    is_ids = _IDS.fullmatch(word, start) is not None  # a container's user and group are numbers
    return user.end() if user is not None and not is_ids else None


def _named(word: str, start: int, strength: Strength | None) -> int | None:
    value = word[start:]
    if is_plain_value(value) and not value.isdigit():  # a file, an address: where the secret is, not what it is
        return None
    span = named_span(value, strength)
    return start + span[0] if span is not None else None
