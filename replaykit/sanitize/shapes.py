"""Values that are secrets or personal by their shape, wherever they stand. Data; users add.

Each rule has a literal that every match contains, so a text without it is never searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from replaykit.sanitize.views import Form


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape.

    Attributes:
        kind: Name in the packet and in markers.
        pattern: Its group `secret` is what is replaced; without such a group, all of the match is.
        literals: One of them stands in every match.
        keeps: Characters at the start that say what it is and are no secret (`sk-proj-`); they stay.
        reach: A match begins at most so many characters before its literal. None: anywhere in the text.
        lead: What may stand between the two. Given it, a match begins where that does.
    """

    kind: str
    pattern: re.Pattern[str]
    literals: tuple[str, ...]
    keeps: re.Pattern[str] | None = None
    reach: int | None = None
    lead: re.Pattern[str] | None = None


PERSONAL = frozenset({"email"})
"""Kinds that are somebody's personal data, and not a credential."""

KEEP = ""
"""Kind of a piece that must stay as it is, whatever shape it has."""


@dataclass(frozen=True, slots=True)
class Found:
    """A sensitive piece of a text: `text[start:end]`, written in `form`; its first `keeps` characters stay."""

    start: int
    end: int
    kind: str
    keeps: int = 0
    form: Form = "plain"


def _token(kind: str, prefix: str, rest: str, *literals: str) -> Rule:
    # Not inside a longer word: `task-` is no `sk-`, and base64 is full of short prefixes.
    pattern = re.compile(rf"(?<![A-Za-z0-9_-]){prefix}{rest}(?![A-Za-z0-9_])")
    return Rule(kind, pattern, literals, re.compile(prefix), reach=0)


# Nobody's: reserved for documentation and tests (RFC 2606), and names of picture files at twice the size.
_NO_DOMAIN = (
    r"(?!(?:[\w-]+\.)*example\.[a-z]{2,6}(?![\w-]))(?![\w.-]*\.(?:example|invalid|localhost|test)(?![\w.-]*\w))"
    r"(?!\d+x\.(?:gif|jpe?g|png|svg|webp)\b)"
)
EMAIL = Rule(
    "email",
    re.compile(
        rf"(?<![\w.%+-])(?!git@[\w.-]+:)[\w%+-][\w.%+-]{{0,63}}@{_NO_DOMAIN}"
        r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w@-])"
    ),
    ("@",),
    reach=64,
    lead=re.compile(r"[\w.%+-]*\Z"),
)

_STRIPE = tuple(f"{owner}k_{mode}_" for owner in "rsp" for mode in ("live", "test"))

RULES: tuple[Rule, ...] = (
    _token("anthropic_key", r"sk-ant-(?:[a-z]+\d+-)?", r"[\w-]{20,}", "sk-ant-"),
    _token("openai_key", r"sk-(?:proj-|svcacct-|admin-|None-)?", r"[\w-]{20,}", "sk-"),
    _token("google_key", r"AIza", r"[\w-]{35}", "AIza"),
    _token("google_key", r"AQ\.", r"[\w-]{40,}", "AQ."),
    _token("google_oauth", r"ya29\.", r"[\w.-]{19,}[\w-]", "ya29."),
    _token("github_token", r"gh[oprsu]_", r"[A-Za-z0-9]{36,}", "ghp_", "gho_", "ghr_", "ghs_", "ghu_"),
    _token("github_token", r"github_pat_", r"\w{22,}", "github_pat_"),
    _token("gitlab_token", r"gl(?:pat|dt|rt|cbt)-", r"[\w-]{20,}", "glpat-", "gldt-", "glrt-", "glcbt-"),
    _token("gitlab_token", r"glptt-", r"[0-9a-f]{40}", "glptt-"),
    _token("slack_token", r"xox[abeoprs]-", r"[\w-]{10,}", "xox"),
    _token("aws_key_id", r"A(?:KIA|SIA)", r"[A-Z2-7]{16}", "AKIA", "ASIA"),
    _token("hugging_face_token", r"hf_", r"[A-Za-z0-9]{30,40}", "hf_"),
    _token("groq_key", r"gsk_", r"[A-Za-z0-9]{40,}", "gsk_"),
    _token("perplexity_key", r"pplx-", r"[A-Za-z0-9]{40,}", "pplx-"),
    _token("xai_key", r"xai-", r"[A-Za-z0-9]{40,}", "xai-"),
    _token("replicate_token", r"r8_", r"[A-Za-z0-9]{30,}", "r8_"),
    _token("tavily_key", r"tvly-", r"[\w-]{20,}", "tvly-"),
    _token("langsmith_key", r"lsv2_(?:pt|sk)_", r"\w{30,}", "lsv2_"),
    _token("stripe_key", r"[rsp]k_(?:live|test)_", r"[A-Za-z0-9]{16,}", *_STRIPE),
    _token("sendgrid_key", r"SG\.", r"[\w-]{16,}\.[\w-]{16,}", "SG."),
    _token("google_oauth", r"GOCSPX-", r"[\w-]{28}", "GOCSPX-"),
    _token("digitalocean_token", r"do[opr]_v1_", r"[0-9a-f]{64}", "doo_v1_", "dop_v1_", "dor_v1_"),
    _token("databricks_token", r"dapi", r"[0-9a-f]{32}(?:-\d)?", "dapi"),
    _token("notion_token", r"ntn_", r"[A-Za-z0-9]{40,}", "ntn_"),
    _token("npm_token", r"npm_", r"[A-Za-z0-9]{36}", "npm_"),
    _token("pypi_token", r"pypi-", r"[\w-]{50,}", "pypi-"),
    Rule("jwt", re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"), ("eyJ",), re.compile("eyJ"), reach=0),
    Rule(
        "private_key",
        re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?P<secret>[^-]{16,})(?:-----END|\Z)"),
        ("PRIVATE KEY-----", "PRIVATE KEY BLOCK-----"),
        reach=42,
    ),
    Rule("secret", re.compile(r"\b[Bb]earer +(?P<secret>[\w.~+/=-]{16,})"), ("earer ",), reach=1),
    EMAIL,
)

TOKEN_RULES = tuple(rule for rule in RULES if rule.reach == 0)
"""Rules that noise does not match: the ones for bytes that are no text."""

_PLACEHOLDER = re.compile(
    r"^(?:[*x.•…-]+|<[^<>]*>|\{[^{}]*\}|\$\{?\w+\}?|\W*(?:redacted|filtered|removed|hidden|masked|scrubbed|placeholder)\W*"
    r"|[A-Z]+(?:[-_][A-Z]+)*-?X{3,}|(?:your|my)[-_ ].*|none|null|true|false|test|dummy|fake)$",
    re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    """True for what people and other tools write where a secret was: redacting it again only makes noise."""
    return _PLACEHOLDER.match(value) is not None


def find_shapes(text: str, rules: Iterable[Rule]) -> Iterator[Found]:
    """Every match of every rule, in the order of the rules; matches of different rules may overlap."""
    for rule in rules:
        for literal in rule.literals:
            if literal in text:
                yield from _find_one(text, rule)
                break


def _find_one(text: str, rule: Rule) -> Iterator[Found]:
    group = "secret" if "secret" in rule.pattern.groupindex else 0
    for match in _matches(text, rule):
        start, end = match.span(group)
        kept = rule.keeps.match(text, start, end) if rule.keeps is not None else None
        if rule.kind == EMAIL.kind or not is_placeholder(text[start:end]):  # my-team@acme.com is an address
            yield Found(start, end, rule.kind, kept.end() - start if kept else 0)


def _matches(text: str, rule: Rule) -> Iterator[re.Match[str]]:
    if rule.reach is None:
        yield from rule.pattern.finditer(text)
        return
    for literal in rule.literals:
        after = 0  # where the last match ended
        place = text.find(literal)
        while place >= 0:
            # Each start is tried on its own: the pattern must not run on through all of a long text.
            for start in _starts(text, rule, max(after, place - rule.reach), place):
                match = rule.pattern.match(text, start)
                if match is not None and match.end() > place:
                    yield match
                    after = match.end()
                    break
            place = text.find(literal, max(place + 1, after))


def _starts(text: str, rule: Rule, low: int, place: int) -> Iterable[int]:
    if rule.lead is None:
        return range(low, place + 1)
    lead = rule.lead.search(text, low, place)
    return (lead.start(),) if lead is not None else ()


def shape_of(value: str, rules: Iterable[Rule]) -> Found | None:
    """The shape that is all of `value`, whatever stands around it."""
    whole = (rule for rule in rules if "secret" not in rule.pattern.groupindex)
    return next((found for found in find_shapes(value, whole) if found.end - found.start == len(value)), None)
