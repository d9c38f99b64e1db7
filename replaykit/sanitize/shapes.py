"""Values that are secrets or personal by their shape, wherever they stand. Data; users add.

Each rule has a literal that every match contains, so a text without it is never searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape.

    Attributes:
        kind: Name in the packet and in markers.
        pattern: Its group `secret` is what is replaced; without such a group, all of the match is.
        literals: One of them stands in every match.
        keeps: Characters at the start that say what it is and are no secret (`sk-proj-`); they stay.
        is_case_blind: The literals are in lower case and stand in the text in any case.
    """

    kind: str
    pattern: re.Pattern[str]
    literals: tuple[str, ...]
    keeps: re.Pattern[str] | None = None
    is_case_blind: bool = False


def _token(kind: str, prefix: str, rest: str, *literals: str) -> Rule:
    # Not inside a longer word: `task-` is no `sk-`, and base64 is full of short prefixes.
    pattern = re.compile(rf"(?<![A-Za-z0-9_/+=.-]){prefix}{rest}(?![A-Za-z0-9_])")
    return Rule(kind, pattern, literals, re.compile(prefix))


EMAIL = Rule(
    "email",
    re.compile(
        r"(?<![\w.%+-])[\w%+-][\w.%+-]{0,63}@"
        r"(?!example\.|(?:[\w-]+\.)+example\b|localhost\b)"
        r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w@-])"
    ),
    ("@",),
)

_ASSIGNED_PAIRS = (("api", "key"), ("secret", "key"), ("access", "token"), ("client", "secret"))
ASSIGNED_WORDS = (
    *(f"{first}{joint}{second}" for first, second in _ASSIGNED_PAIRS for joint in ("", "_", "-")),
    "password",
    "passwd",
)
"""Names, in lower case, one of which stands in every match of `assigned_secret`; its own literals are everywhere."""

RULES: tuple[Rule, ...] = (
    _token("anthropic_key", r"sk-ant-(?:[a-z]+\d+-)?", r"[\w-]{20,}", "sk-ant-"),
    _token("openai_key", r"sk-(?:proj-|svcacct-|admin-|None-)?", r"[\w-]{20,}", "sk-"),
    _token("google_key", r"AIza", r"[\w-]{35}", "AIza"),
    _token("google_key", r"AQ\.", r"[\w-]{40,}", "AQ."),
    _token("google_oauth", r"ya29\.", r"[\w.-]{20,}", "ya29."),
    _token("github_token", r"gh[oprsu]_", r"[A-Za-z0-9]{36,}", "ghp_", "gho_", "ghr_", "ghs_", "ghu_"),
    _token("github_token", r"github_pat_", r"\w{22,}", "github_pat_"),
    _token("gitlab_token", r"gl(?:pat|dt|rt|cbt|ptt)-", r"[\w-]{20,}", "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-"),
    _token("slack_token", r"xox[abeoprs]-", r"[\w-]{10,}", "xox"),
    _token("aws_key_id", r"A(?:KIA|SIA)", r"[A-Z2-7]{16}", "AKIA", "ASIA"),
    _token("hugging_face_token", r"hf_", r"[A-Za-z0-9]{30,}", "hf_"),
    _token("groq_key", r"gsk_", r"[A-Za-z0-9]{40,}", "gsk_"),
    _token("perplexity_key", r"pplx-", r"[A-Za-z0-9]{40,}", "pplx-"),
    _token("xai_key", r"xai-", r"[A-Za-z0-9]{40,}", "xai-"),
    _token("replicate_token", r"r8_", r"[A-Za-z0-9]{30,}", "r8_"),
    _token("tavily_key", r"tvly-", r"[\w-]{20,}", "tvly-"),
    _token("langsmith_key", r"lsv2_(?:pt|sk)_", r"\w{30,}", "lsv2_"),
    _token("stripe_key", r"[rsp]k_(?:live|test)_", r"[A-Za-z0-9]{16,}", "k_live_", "k_test_"),
    _token("sendgrid_key", r"SG\.", r"[\w-]{16,}\.[\w-]{16,}", "SG."),
    _token("npm_token", r"npm_", r"[A-Za-z0-9]{36}", "npm_"),
    _token("pypi_token", r"pypi-", r"[\w-]{50,}", "pypi-"),
    Rule("jwt", re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"), ("eyJ",), re.compile("eyJ")),
    Rule(
        "private_key",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?P<secret>[^-]+)-----END [A-Z ]*PRIVATE KEY-----"),
        ("PRIVATE KEY-----",),
    ),
    Rule("url_password", re.compile(r"\b[a-zA-Z][\w+.-]*://[^\s:/@]*:(?P<secret>[^\s/@]{3,})@"), ("://",)),
    Rule("bearer_token", re.compile(r"\b[Bb]earer +(?P<secret>[\w.~+/=-]{16,})"), ("earer ",)),
    Rule(
        "assigned_secret",
        re.compile(
            r"\b(?:api[_-]?key|secret[_-]?key|access[_-]?token|client[_-]?secret|password|passwd)[\"']?\s{0,3}[:=]\s{0,3}"
            r"[\"']?(?P<secret>(?=[\w.~+/=!@#$%^&*-]*\d)(?=[\w.~+/=!@#$%^&*-]*[A-Za-z])[\w.~+/=!@#$%^&*-]{8,})",
            re.IGNORECASE,
        ),
        ASSIGNED_WORDS,
        is_case_blind=True,
    ),
    EMAIL,
)

_PLACEHOLDER = re.compile(
    r"^(?:[*x.•…-]+|<[^<>]*>|\{[^{}]*\}|\$\{?\w+\}?|\W*(?:redacted|filtered|removed|hidden|masked|scrubbed|placeholder)\W*"
    r"|[A-Z]+(?:[-_][A-Z]+)*-?X{3,}|(?:your|my)[-_ ].*|none|null|true|false|test|dummy|fake)$",
    re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    """True for what people and other tools write where a secret was: redacting it again only makes noise."""
    return _PLACEHOLDER.match(value) is not None


@dataclass(frozen=True, slots=True)
class Found:
    """A sensitive piece of a text: `text[start:end]`; its first `keeps` characters stay."""

    start: int
    end: int
    kind: str
    keeps: int = 0


def find_shapes(text: str, rules: Iterable[Rule]) -> Iterator[Found]:
    """Every match of every rule, in the order of the rules; matches may overlap."""
    for rule in rules:
        if not _may_match(rule, text):
            continue
        group = "secret" if "secret" in rule.pattern.groupindex else 0
        for match in rule.pattern.finditer(text):
            start, end = match.span(group)
            kept = rule.keeps.match(text, start, end) if rule.keeps is not None else None
            if not is_placeholder(text[start:end]):
                yield Found(start, end, rule.kind, kept.end() - start if kept else 0)


def _may_match(rule: Rule, text: str) -> bool:
    """A plain loop: this runs for every rule on every text, and a generator would cost more than the look itself."""
    if rule.is_case_blind:
        text = text.lower()
    for literal in rule.literals:  # noqa: SIM110
        if literal in text:
            return True
    return False
