"""Values that are secrets or personal by their shape, wherever they stand. Data; users add.

Each rule has a literal that every match contains, so a text without it is never searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


def _address(kind: str, prefix: str, rest: str, *literals: str) -> Rule:
    pattern = re.compile(rf"{prefix}(?P<secret>{rest})(?![\w-])")
    return Rule(kind, pattern, literals, reach=0)


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

_GITLAB = tuple(f"gl{owner}-" for owner in ("pat", "dt", "rt", "cbt", "soat", "ffct", "oas"))
_SLACK = ("/services/T", "/workflows/T", "/triggers/T")
_SHOPIFY = ("shpat_", "shpca_", "shppa_", "shpss_")

RULES: tuple[Rule, ...] = (
    _token("anthropic_key", r"sk-ant-(?:[a-z]+\d+-)?", r"[\w-]{20,}", "sk-ant-"),
    _token("openai_key", r"sk-(?:proj-|svcacct-|admin-|None-)?", r"[\w-]{20,}", "sk-"),
    _token("google_key", r"AIza", r"[\w-]{35}", "AIza"),
    _token("google_key", r"AQ\.", r"[\w-]{40,}", "AQ."),
    _token("google_oauth", r"ya29\.", r"[\w.-]{19,}[\w-]", "ya29."),
    _token("github_token", r"gh[oprsu]_", r"[A-Za-z0-9]{36,}", "ghp_", "gho_", "ghr_", "ghs_", "ghu_"),
    _token("github_token", r"github_pat_", r"\w{22,}", "github_pat_"),
    _token("gitlab_token", r"gl(?:pat|dt|rt|cbt|soat|ffct|oas)-", r"[\w-]{20,}", *_GITLAB),
    _token("gitlab_token", r"glimt-", r"[\w-]{25}", "glimt-"),
    _token("gitlab_token", r"glptt-", r"[0-9a-f]{40}", "glptt-"),
    _token("slack_token", r"xox(?:e\.xox)?[abceoprs]-", r"[\w-]{10,}", "xox"),
    _token("slack_token", r"xapp-\d-", r"[\w-]{20,}", "xapp-"),
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
    _token("shopify_token", r"shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}", *_SHOPIFY),
    _token("docker_token", r"dckr_[op]at_", r"[\w-]{20,}", "dckr_pat_", "dckr_oat_"),
    _token("doppler_token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]+\.)?", r"[A-Za-z0-9]{40,44}", "dp."),
    _token("vault_token", r"hv[bsr]\.", r"[\w-]{24,}", "hvs.", "hvb.", "hvr."),
    _token("sentry_token", r"sntry[su]_", r"[\w+/=-]{40,}", "sntrys_", "sntryu_"),
    _token("stripe_key", r"whsec_", r"[A-Za-z0-9+/]{24,}", "whsec_"),
    _token("linear_key", r"lin_(?:api|oauth)_", r"[A-Za-z0-9]{32,}", "lin_api_", "lin_oauth_"),
    _token("figma_token", r"figd_", r"[\w-]{36,}", "figd_"),
    _token("resend_key", r"re_", r"[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}", "re_"),
    _token("mailgun_key", r"key-", r"[0-9a-f]{32}", "key-"),
    _token("brevo_key", r"xkeysib-", r"[0-9a-f]{64}-\w{16}", "xkeysib-"),
    _token("twilio_key", r"SK", r"[0-9a-f]{32}", "SK"),
    _token("nvidia_key", r"nvapi-", r"[\w-]{40,}", "nvapi-"),
    _token("fireworks_key", r"fw_", r"[A-Za-z0-9]{22,}", "fw_"),
    _token("together_key", r"tgp_v\d_", r"[\w-]{32,}", "tgp_v"),
    _token("elevenlabs_key", r"sk_", r"[0-9a-f]{48}", "sk_"),
    _token("jina_key", r"jina_", r"[\w-]{40,}", "jina_"),
    _token("firecrawl_key", r"fc-", r"[0-9a-f]{32}", "fc-"),
    _token("pinecone_key", r"pcsk_", r"[\w-]{40,}", "pcsk_"),
    _token("posthog_key", r"phx_", r"[A-Za-z0-9]{32,}", "phx_"),
    _token("supabase_key", r"sb(?:p_|_secret_)", r"[\w-]{20,}", "sbp_", "sb_secret_"),
    _token("airtable_token", r"pat[A-Za-z0-9]{14}\.", r"[0-9a-f]{64}", "pat"),
    _token("atlassian_token", r"ATATT3", r"[\w=-]{100,}", "ATATT3"),
    _token("postman_key", r"PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}", "PMAK-"),
    _token("new_relic_key", r"NRAK-", r"[A-Z0-9]{27}", "NRAK-"),
    _token("grafana_token", r"gl(?:c_|sa_)", r"[\w+/=-]{32,}", "glc_", "glsa_"),
    _token("pulumi_token", r"pul-", r"[0-9a-f]{40}", "pul-"),
    _token("tailscale_key", r"tskey-[a-z]+-", r"[\w-]{20,}", "tskey-"),
    _token("netlify_token", r"nfp_", r"[A-Za-z0-9]{36,}", "nfp_"),
    _token("rubygems_key", r"rubygems_", r"[0-9a-f]{48}", "rubygems_"),
    _token("fly_token", r"f[mo][12][ar]?_", r"[\w+/=-]{40,}", "fm1a_", "fm1r_", "fm2_", "fo1_"),
    _token("aws_bedrock_key", r"ABSK", r"[A-Za-z0-9+/]{100,}={0,2}", "ABSK"),
    _token("google_oauth", r"1//0", r"[\w-]{40,}", "1//0"),
    Rule(
        "telegram_token",
        re.compile(r"(?<!\d)\d{8,10}:AA[\w-]{32,35}(?![\w-])"),
        (":AA",),
        re.compile(r"\d+:AA"),
        reach=10,
        lead=re.compile(r"\d{8,10}\Z"),
    ),
    Rule(
        "facebook_token",
        re.compile(r"(?<!\d)\d{13,17}\|[\w-]{27}(?![\w-])"),
        ("|",),
        re.compile(r"\d+\|"),
        reach=17,
        lead=re.compile(r"\d{13,17}\Z"),
    ),
    # Addresses that are secrets themselves: whoever has one may post.
    _address("slack_webhook", r"/(?:services|workflows|triggers)/T\w{6,14}/\w{6,14}/(?:\d+/)?", r"\w{18,48}", *_SLACK),
    _address("discord_webhook", r"/webhooks/\d{15,21}/", r"[\w-]{50,80}", "/webhooks/"),
    _address("teams_webhook", r"/IncomingWebhook/", r"[0-9a-f]{32}", "/IncomingWebhook/"),
    _address("rpc_key", r"(?:infura\.io|alchemy\.com)/(?:ws/)?v[23]/", r"[\w-]{32}", "infura.io/", "alchemy.com/"),
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


class Group(NamedTuple):
    """Rules that share a sign, which all of their literals have.

    Attributes:
        sign: A text without it is done with all of them at once. Empty: the rules have none in common.
        heads: How their literals begin, up to the first sign.
        rules: Each with its own heads.
    """

    sign: str
    heads: tuple[str, ...]
    rules: tuple[tuple[Rule, frozenset[str]], ...]


def grouped(rules: Iterable[Rule]) -> tuple[Group, ...]:
    """The rules, in their order within each group."""
    groups: dict[str, list[tuple[Rule, frozenset[str]]]] = {}
    for rule in rules:
        sign = next((sign for sign in ("_", "-", "/", ".") if all(sign in text for text in rule.literals)), "")
        heads = frozenset(text[: text.index(sign) + 1] if sign else text for text in rule.literals)
        groups.setdefault(sign, []).append((rule, heads))
    return tuple(
        Group(sign, tuple({head: None for _, heads in group for head in heads}), tuple(group))
        for sign, group in groups.items()
    )


TOKEN_GROUPS = grouped(rule for rule in RULES if rule.reach == 0)
"""Rules that noise does not match: the ones for bytes that are no text."""

_PLACEHOLDER = re.compile(
    r"^(?:[*x.•…-]+|<[^<>]*>|\{[^{}]*\}|\$\{?\w+\}?|\W*(?:redacted|filtered|removed|hidden|masked|scrubbed|placeholder)\W*"
    r"|[A-Z]+(?:[-_][A-Z]+)*-?X{3,}|(?:your|my)[-_ ].*|none|null|true|false|test|dummy|fake)$",
    re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    """True for what people and other tools write where a secret was: redacting it again only makes noise."""
    return _PLACEHOLDER.match(value) is not None


def find_shapes(text: str, groups: Iterable[Group]) -> Iterator[Found]:
    """Every match of every rule, in the order of the groups; matches of different rules may overlap."""
    for group in groups:
        if group.sign not in text:
            continue
        present = _heads_in(text, group)
        if present:
            for rule, heads in group.rules:
                if not heads.isdisjoint(present):
                    yield from _find_one(text, rule)


def _heads_in(text: str, group: Group) -> set[str]:
    """Which heads a text has. There are few signs in it and many heads: a look at each sign is the quicker search."""
    if not group.sign:
        return {head for head in group.heads if head in text}
    present: set[str] = set()
    absent = group.heads
    place = text.find(group.sign)
    while place >= 0 and absent:
        if text.endswith(absent, 0, place + 1):
            present.update(head for head in absent if text.endswith(head, 0, place + 1))
            absent = tuple(head for head in absent if head not in present)
        place = text.find(group.sign, place + 1)
    return present


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


def whole_shapes(rules: Iterable[Rule]) -> tuple[Group, ...]:
    """The rules that say all by themselves what a value is, whatever stands around it."""
    return grouped(rule for rule in rules if "secret" not in rule.pattern.groupindex)


def shape_of(value: str, groups: Iterable[Group]) -> Found | None:
    """The shape that is all of `value`; `groups` are `whole_shapes`."""
    return next((found for found in find_shapes(value, groups) if found.end - found.start == len(value)), None)
