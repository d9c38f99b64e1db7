"""Which names announce a secret: of headers, fields, query keys and environment variables. Data; users add."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

SECRET_HEADERS = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "ocp-apim-subscription-key",
        "proxy-authorization",
        "set-cookie",
        "x-amz-security-token",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-goog-api-key",
        "x-subscription-token",
    }
)

# Whole words of a name, as it is split below: `apiKey`, `api_key` and `API-KEY` are all ("api", "key").
_SECRET_WORDS = frozenset(
    {
        "apikey",
        "appid",
        "authorization",
        "credential",
        "credentials",
        "passphrase",
        "passwd",
        "password",
        "pwd",
        "secret",
        "signature",
    }
)
_SECRET_PAIRS = frozenset(
    {
        ("access", "key"),
        ("api", "key"),
        ("app", "id"),
        ("app", "key"),
        ("auth", "key"),
        ("account", "key"),
        ("encryption", "key"),
        ("private", "key"),
        ("secret", "key"),
        ("service", "key"),
        ("shared", "key"),
        ("signing", "key"),
        ("subscription", "key"),
        ("webhook", "key"),
    }
)
# `token` alone is a secret, but models count tokens and pages have cursors.
_TOKEN_WORDS = frozenset({"access", "api", "app", "auth", "bearer", "bot", "csrf", "deploy", "id", "jwt", "oauth"}) | {
    "personal",
    "refresh",
    "security",
    "session",
    "user",
    "x",
    "xsrf",
}

QUERY_KEYS = frozenset({"key", "sig", "signature", "token", "code", "x-amz-credential", "x-goog-credential"})
"""Keys that are secrets in a query string, where a bare `key` is one; in JSON a bare `key` is anything."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def split_name(name: str) -> tuple[str, ...]:
    """The words of a name in any of the usual spellings, in lower case."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=4096)
def is_secret_field(name: str) -> bool:
    """True if a field of this name holds a secret."""
    words = split_name(name)
    if not words or len(words) > 8:
        return False
    if words[-1] in _SECRET_WORDS or any(pair in _SECRET_PAIRS for pair in pairwise(words)):
        return True
    if words[-1] == "token":
        return len(words) == 1 or any(word in _TOKEN_WORDS for word in words[:-1])
    return "secret" in words and words[-1] in ("value", "key")


@lru_cache(maxsize=4096)
def is_secret_header(name: str) -> bool:
    lowered = name.lower()
    return lowered in SECRET_HEADERS or (is_secret_field(name) and not lowered.startswith("access-control-"))


@lru_cache(maxsize=4096)
def is_secret_query(name: str) -> bool:
    return name.lower() in QUERY_KEYS or is_secret_field(name)


_SECRET_VARIABLE = re.compile(
    r"(?:^|_)(?:KEY|APIKEY|TOKEN|SECRET|PASSWORD|PASSWD|PWD|PASSPHRASE|CREDENTIALS?|DSN|PAT|AUTH)(?:$|_)"
    r"|^DATABASE_URL$|_DATABASE_URL$|CONNECTION_STRING|^REDIS_URL$|^MONGO(?:DB)?_URI$|APPID$",
    re.IGNORECASE,
)
_NO_SECRET_VALUE = re.compile(
    r"^(?:true|false|yes|no|none|null|on|off)$|^[~./\\]|^[a-zA-Z]:\\|^https?://[^@]*$|^localhost", re.IGNORECASE
)


def is_secret_variable(name: str) -> bool:
    """True if an environment variable of this name holds a secret."""
    return name not in ("PWD", "OLDPWD") and _SECRET_VARIABLE.search(name) is not None


def is_secret_value(value: str) -> bool:
    """True if a value is long and varied enough to be a secret, and to be replaced wherever it appears.

    A short or plain one would erase words of the prompt: `DEBUG_TOKEN=true` must not take every "true" away.
    """
    if len(value) < 8 or len(set(value)) < 5 or _NO_SECRET_VALUE.search(value):
        return False
    kinds = [any(test(char) for char in value) for test in (str.islower, str.isupper, str.isdigit)]
    kinds.append(any(not char.isalnum() for char in value))
    return sum(kinds) >= 2 or (len(value) >= 20 and not value.isspace())


def secret_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Values by the names of secret-looking variables; values too plain to be secrets are left out."""
    return {name: value for name, value in environ.items() if is_secret_variable(name) and is_secret_value(value)}
