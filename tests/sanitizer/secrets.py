"""Key-like strings for tests, put together here so that secret scanners stay quiet, and texts that hold them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from replaykit.sanitizer.sanitizer import Sanitizer

LETTERS = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA"
HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def sanitizer(**kwargs: Any) -> Sanitizer:
    """With a fixed key, so that a failing test fails again."""
    return Sanitizer(**{"key": b"fixed", **kwargs})


# By kind: one token of each shape.
TOKENS: dict[str, str] = {
    "anthropic_key": "sk-" + "ant-api03-" + LETTERS,
    "openai_key": "sk-" + "proj-" + LETTERS,
    "google_key": "AI" + "za" + (LETTERS + LETTERS)[:35],
    "google_oauth": "ya" + "29." + LETTERS,
    "github_token": "gh" + "p_" + (LETTERS + LETTERS)[:36],
    "gitlab_token": "gl" + "pat-" + LETTERS[:20],
    "slack_token": "xo" + "xb-" + "123456789012-" + LETTERS[:12],
    "aws_key_id": "AK" + "IA" + "ABCDEFGH23456723",
    "hugging_face_token": "hf" + "_" + (LETTERS + LETTERS)[:34],
    "groq_key": "gs" + "k_" + (LETTERS + LETTERS)[:52],
    "perplexity_key": "pp" + "lx-" + (LETTERS + LETTERS)[:48],
    "xai_key": "xa" + "i-" + (LETTERS + LETTERS)[:64],
    "replicate_token": "r8" + "_" + (LETTERS + LETTERS)[:37],
    "tavily_key": "tv" + "ly-" + LETTERS,
    "langsmith_key": "ls" + "v2_pt_" + HEX + "_" + HEX[:10],
    "stripe_key": "sk" + "_live_" + LETTERS[:24],
    "sendgrid_key": "SG" + "." + LETTERS[:22] + "." + LETTERS,
    "npm_token": "np" + "m_" + (LETTERS + LETTERS)[:36],
    "pypi_token": "py" + "pi-" + LETTERS * 2,
    "shopify_token": "sh" + "pat_" + HEX,
    "docker_token": "dc" + "kr_pat_" + LETTERS[:27],
    "doppler_token": "dp" + ".pt." + (LETTERS + LETTERS)[:43],
    "vault_token": "hv" + "s." + LETTERS,
    "linear_key": "li" + "n_api_" + (LETTERS + LETTERS)[:40],
    "resend_key": "re" + "_" + LETTERS[:8] + "_" + LETTERS[:24],
    "twilio_key": "S" + "K" + HEX,
    "nvidia_key": "nv" + "api-" + LETTERS * 2,
    "fly_token": "fm" + "2_" + LETTERS * 2,
    "telegram_token": "123456789:" + "A" + "A" + (LETTERS + LETTERS)[:33],
    "facebook_token": "1477036645700765" + "|" + LETTERS[:27],
    "jwt": "ey" + "JhbGciOiJIUzI1NiJ9." + "ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0." + LETTERS,
    "email": "bob.smith+news@mail.acme-corp.com",
}

# What a secret-named field may hold: long ones, short ones, ones with signs and letters of all sizes.
NAMED = ["hunter2hunter2", "Ab1!x", "pa/ss w\u00f6rd+1", "tr0ub4dor&3", "\u65e5\u672c\u8a9e\u30d1\u30b9", "1234567"]

WORDS = [
    "weather",
    "Oslo",
    "max_tokens",
    "x" * 30,
    "call_8fJ2kLm9QwErTy",
    "\u00e9t\u00e9",
    'say "hi"',
    "C:\\new",
    "50%",
]

secrets = st.sampled_from([*TOKENS.values(), "bob@acme.io", "\u00fcmit@f\u00f6\u00f6.de"])
prose = st.lists(st.sampled_from([*WORDS, *TOKENS.values(), "bob@acme.io"]) | st.text(max_size=6), max_size=6)
# Pieces of syntax and of secrets: joined at random they break every rule that looks at what stands around a value.
FRAGMENTS = [
    *TOKENS.values(),
    *NAMED,
    *("bob@acme.io", "@", "@db.io/", "https://", "postgres://me:", "://", "?", "&", "=", "#", ";", "%40", "%2F", "%"),
    *("api_key=", "token=", "password: ", "Bearer ", "Authorization: ", "key", "sk-", "AKIA", "eyJ", "=abc123def456"),
    *('"', "'", "\\", "\\n", "\\u0040", "\\/", "{", "}", "[", "]", ":", ",", " ", "\n", '"}', "data: {", "data: "),
    *('"password": "', '"api_key":"', "'secret': '", '{"a": "', "-----BEGIN " + "PRIVATE KEY-----", "-----END"),
    *("12345678", ".", "-", "_", "\u00e9", "\u65e5", "a", "B", "7", "x" * 9, "hunter2hunter2", "Oslo", "<", ">"),
]
fragments = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)
texts = prose.map(" ".join) | fragments
fields = st.sampled_from(
    ["password", "api_key", "Authorization", "token", "content", "id", "max_tokens", "note", "data"]
)
leaves = st.one_of(
    texts,
    st.sampled_from(NAMED),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none(),
    st.booleans(),
    st.text(max_size=12),
)
plain_values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(fields | secrets | st.text(max_size=5), inner, max_size=3),
        inner.map(json.dumps),
    ),
    max_leaves=8,
)
"""JSON values, with JSON in their strings, all in one style."""

json_values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(fields | secrets | st.text(max_size=5), inner, max_size=3),
        inner.map(json.dumps),
        inner.map(lambda value: json.dumps(value, ensure_ascii=False).replace("/", "\\/").replace("@", "\\u0040")),
        inner.map(lambda value: "Here it is:\n```json\n" + json.dumps(value, indent=2) + "\n```"),
    ),
    max_leaves=8,
)
"""JSON values, with JSON of many styles in their strings, and JSON in prose."""
