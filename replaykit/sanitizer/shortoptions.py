"""Passwords behind options of one letter, which say so only together with their program: `sshpass -p`, `mysql -p`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from replaykit.sanitizer.shapes import Found, is_placeholder

# Programs, by the letter, and whether its value is glued to it, stands behind it, or both. Data.
_PROGRAMS: tuple[tuple[str, str, str], ...] = (
    (r"[\w.-]+ (?:[\w-]+ )?login", "p", "apart"),
    (r"sshpass", "p", "both"),
    (r"(?:mysql|mariadb)[\w-]*|mycli", "p", "glued"),
    (r"redis-cli", "a", "apart"),
    (r"sqlcmd|bcp|tsql|isql", "P", "both"),
    (r"ldap(?:search|add|modify|delete|passwd|whoami|compare)", "w", "apart"),
    (r"mongo(?:sh|dump|restore|import|export)?", "p", "both"),
    (r"(?:un)?zip", "P", "apart"),
)
_GAPS = {"glued": "", "apart": r"(?:\s{1,3}|=)", "both": r"(?:\s{1,3}|=)?"}
_VALUE = r"(?:\"(?P<{0}double>[^\"\n]{{3,200}})\"|'(?P<{0}single>[^'\n]{{3,200}})'|(?P<{0}bare>[^\s\"'`|;<>]{{3,200}}))"
_LETTERS = re.compile(r"\s-[" + "".join({letter for _, letter, _ in _PROGRAMS}) + "]")
_SEARCHED = tuple(
    re.compile(
        rf"(?<![\w.-])(?:{program})(?:\.exe)?\s(?:[^\n|;&]{{0,300}}?\s)??-{letter}{_GAPS[way]}" + _VALUE.format(""),
    )
    for program, letter, way in _PROGRAMS
)
_STARTS = tuple(
    (re.compile(rf"(?:.*[/\\])?(?:{program})(?:\.exe)?"), f"-{letter}", way) for program, letter, way in _PROGRAMS
)
_WORDS_OF_PROGRAM = 3


def find_short_options(text: str) -> Iterator[Found]:
    """Such passwords in a text."""
    if _LETTERS.search(text) is None:
        return
    for pattern in _SEARCHED:
        for match in pattern.finditer(text):
            value = match[match.lastgroup or 0]
            if is_password_there(value, is_quoted=match["bare"] is None):
                yield Found(*match.span(match.lastgroup or 0), "secret")


def short_option_starts(words: Sequence[str]) -> Iterator[int | None]:
    """For each word of a command line where such a password begins in it."""
    letter = way = ""
    for place, word in enumerate(words):
        start = None
        if letter and way != "glued" and words[place - 1] == letter:
            start = 0
        elif letter and way != "apart" and len(word) > len(letter) and word.startswith(letter):
            start = len(letter)
        yield start if start is not None and is_password_there(word[start:], is_quoted=True) else None
        found = _program_at(words, place)
        letter, way = found or (letter, way)


def _program_at(words: Sequence[str], place: int) -> tuple[str, str] | None:
    for count in range(1, _WORDS_OF_PROGRAM + 1):
        said = " ".join(words[max(0, place - count + 1) : place + 1])
        for pattern, letter, way in _STARTS:
            if pattern.fullmatch(said) is not None:
                return letter, way
    return None


def is_password_there(value: str, *, is_quoted: bool) -> bool:
    """True for a value that may be a password: no port, no variable, no other option."""
    if len(value) < 3 or value.isdigit() or value.startswith(("-", "$")) or is_placeholder(value):
        return False
    return is_quoted or any(char.isdigit() or not char.isalnum() for char in value) or not value.islower()
