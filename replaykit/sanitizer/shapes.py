"""Values that are secrets or personal by their shape, wherever they stand. Data; users add.

Each rule has a literal that every match contains, so a text without it is never searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from replaykit.sanitizer.views import Form


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape.

    Attributes:
        kind: Name in the packet and in markers.
        pattern: Its group `secret` is what is replaced; without such a group, all of the match is.
        literals: One of them stands in every match.
        keeps: Characters at the start that say what it is and are no secret (`sk-proj-`); they stay.
        marks: Pieces further in that do the same (`-us12` at the end); they stay, too.
        reach: A match begins at most so many characters before its literal. None: anywhere in the text.
        lead: What may stand between the two. Given it, a match begins where that does.
        shortest: No match has fewer characters. 0: not known.
        probe: Finds the places of a literal at which a match is possible, where it stands in every other sentence.
    """

    kind: str
    pattern: re.Pattern[str]
    literals: tuple[str, ...]
    keeps: re.Pattern[str] | None = None
    marks: re.Pattern[str] | None = None
    reach: int | None = None
    lead: re.Pattern[str] | None = None
    shortest: int = 0
    probe: re.Pattern[str] | None = None


KEEP = ""
"""Kind of a piece that must stay as it is, whatever shape it has."""


@dataclass(frozen=True, slots=True)
class Found:
    """A sensitive piece of a text: `text[start:end]`, written in `form`.

    Attributes:
        keeps: Its first characters, so many, stay.
        marks: So do these pieces of it, from and to.
    """

    start: int
    end: int
    kind: str
    keeps: int = 0
    form: Form = "plain"
    marks: tuple[tuple[int, int], ...] = ()


# Nobody's: reserved for documentation and tests (RFC 2606), and names of picture files at twice the size.
_NO_DOMAIN = (
    r"(?!(?:[\w-]+\.)*example\.[a-z]{2,6}(?![\w-]))(?![\w.-]*\.(?:example|invalid|localhost|test)(?![\w.-]*\w))"
    r"(?!\d+x\.(?:gif|jpe?g|png|svg|webp)\b)"
)
EMAIL = Rule(
    "email",
    re.compile(
        rf"(?<![\w.%+-])(?!git@[\w.-]+:)[\w%+-][\w.%+-]{{0,63}}@{_NO_DOMAIN}"
        r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+(?:[^\W\d_]{2,24}|xn--[a-zA-Z0-9-]{2,59})(?![\w@-])"
    ),
    ("@",),
    reach=64,
    lead=re.compile(r"[\w.%+-]*\Z"),
)


_CAPITALS = re.compile("[A-Z][A-Z]")


class Group(NamedTuple):
    """Rules that share a sign, which all of their literals have.

    Attributes:
        sign: A text without it is done with all of them at once. Empty: the rules have none in common.
        shortest: So is a text with fewer characters.
        heads: How their literals begin, up to the first sign.
        small: Those of them that do not begin with two capital letters, which prose has not.
        tails: The last characters of the heads, all equally many: a look at a sign is a look into this set.
        rules: Each with its own heads.
    """

    sign: str
    shortest: int
    heads: tuple[str, ...]
    small: tuple[str, ...]
    tails: frozenset[str]
    rules: tuple[tuple[Rule, frozenset[str]], ...]


@lru_cache(maxsize=32)
def grouped(rules: tuple[Rule, ...]) -> tuple[Group, ...]:
    """The rules, in their order within each group."""
    groups: dict[tuple[str, int], list[tuple[Rule, frozenset[str]]]] = {}
    for rule in rules:
        sign = next((sign for sign in ("_", "-", "/", ".") if all(sign in text[1:] for text in rule.literals)), "")
        heads = frozenset(text[: text.index(sign, 1) + 1] if sign else text for text in rule.literals)
        groups.setdefault((sign, rule.shortest), []).append((rule, heads))
    return tuple(_group(sign, shortest, tuple(group)) for (sign, shortest), group in groups.items())


def _group(sign: str, shortest: int, rules: tuple[tuple[Rule, frozenset[str]], ...]) -> Group:
    heads = tuple({head: None for _, heads in rules for head in heads})
    size = min(map(len, heads))
    small = tuple(head for head in heads if _CAPITALS.match(head) is None)
    return Group(sign, shortest, heads, small, frozenset(head[-size:] for head in heads), rules)


_PLACEHOLDER = re.compile(
    r"^(?:[*x.•…-]+|<[^<>]*>|\{[^{}]*\}|\$\{?\w+\}?|\W*(?:redacted|filtered|removed|hidden|masked|scrubbed|placeholder)\W*"
    r"|[A-Z]+(?:[-_][A-Z]+)*-?X{3,}|[a-z_-]{0,12}[_-](?:\.{3,}|…|\*{3,})"
    r"|(?:your|my)[-_ ].*|none|null|true|false|test|dummy|fake)$",
    re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    """True for what people and other tools write where a secret was: redacting it again only makes noise."""
    return _PLACEHOLDER.match(value) is not None


def find_shapes(text: str, groups: Iterable[Group]) -> Iterator[Found]:
    """Every match of every rule, in the order of the groups; matches of different rules may overlap."""
    for group in groups:
        if len(text) < group.shortest or group.sign not in text:
            continue
        present = _heads_in(text, group)
        if present:
            for rule, heads in group.rules:
                if not heads.isdisjoint(present):
                    yield from _find_one(text, rule)


def _heads_in(text: str, group: Group) -> set[str]:
    """Which heads a text has. There are few signs in it and many heads: a look at each sign is the quicker search."""
    if not group.sign:
        heads = group.heads if _CAPITALS.search(text) is not None else group.small
        return {head for head in heads if head in text}
    present: set[str] = set()
    absent, tails = group.heads, group.tails
    size = len(next(iter(tails)))
    place = text.find(group.sign)
    while place >= 0 and absent:
        end = place + 1
        if text[end - size if end > size else 0 : end] in tails and text.endswith(absent, 0, end):
            present.update(head for head in absent if text.endswith(head, 0, end))
            absent = tuple(head for head in absent if head not in present)
        place = text.find(group.sign, end)
    return present


def _find_one(text: str, rule: Rule) -> Iterator[Found]:
    group = "secret" if "secret" in rule.pattern.groupindex else 0
    for match in _matches(text, rule):
        start, end = match.span(group)
        kept = rule.keeps.match(text, start, end) if rule.keeps is not None else None
        if rule.kind == EMAIL.kind or not is_placeholder(text[start:end]):  # my-team@acme.com is an address
            found = rule.marks.finditer(text, start, end) if rule.marks is not None else ()
            marks = tuple((mark.start() - start, mark.end() - start) for mark in found)
            yield Found(start, end, rule.kind, kept.end() - start if kept else 0, marks=marks)


def _matches(text: str, rule: Rule) -> Iterator[re.Match[str]]:
    if rule.reach is None:
        yield from rule.pattern.finditer(text)
        return
    for literal in rule.literals:
        after = 0  # where the last match ended
        place = _next(text, rule, literal, 0)
        while place >= 0:
            # Each start is tried on its own: the pattern must not run on through all of a long text.
            for start in _starts(text, rule, max(after, place - rule.reach), place):
                match = rule.pattern.match(text, start)
                if match is not None and match.end() > place:
                    yield match
                    after = match.end()
                    break
            place = _next(text, rule, literal, max(place + 1, after))


def _next(text: str, rule: Rule, literal: str, start: int) -> int:
    if rule.probe is None:
        return text.find(literal, start)
    match = rule.probe.search(text, start)
    return match.start() if match is not None else -1


def _starts(text: str, rule: Rule, low: int, place: int) -> Iterable[int]:
    if rule.lead is None:
        return range(low, place + 1)
    lead = rule.lead.search(text, low, place)
    return (lead.start(),) if lead is not None else ()


def whole_shapes(rules: tuple[Rule, ...]) -> tuple[Group, ...]:
    """The rules that say all by themselves what a value is, whatever stands around it."""
    return grouped(tuple(rule for rule in rules if "secret" not in rule.pattern.groupindex))


def shape_of(value: str, groups: Iterable[Group]) -> Found | None:
    """The shape that is all of `value`; `groups` are `whole_shapes`."""
    return next((found for found in find_shapes(value, groups) if found.end - found.start == len(value)), None)
