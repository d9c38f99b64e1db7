"""Which names announce a secret: of headers, fields, query keys and environment variables. Data; users add.

A name is *strong* if whatever stands there is a secret (`password`, `api_key`), *loose* if there may be the name of a
way instead (`credentials: include`), *weak* if it often is something else
(`token` is a word of a model's answer too), *vague* if some service may call its key so (`acme_key`), and *faint* if it
mostly is something else (`key`, `code`). Under a weak name only what looks like a credential counts, under a vague one
only a long one, under a faint one only what nobody but a random generator writes. Under a *personal* name (`phone`)
stands the number of somebody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from replaykit.sanitizer.vocabulary import (
    ALGORITHMS,
    CODE_OWNERS,
    CURSORS,
    FAINT_WORDS,
    HEADER_WORDS,
    KEY_OWNERS,
    KINDS_OF_KEY,
    KINDS_OF_PASS,
    LOOSE_WORDS,
    OWNERS,
    PASS_OWNERS,
    PERSONAL_PAIRS,
    PERSONAL_WORDS,
    QUALIFIERS,
    STRONG_WORDS,
    TOKEN_OWNERS,
    VALUE_FIELDS,
    WEAK_WORDS,
)

Strength = Literal["strong", "loose", "weak", "vague", "faint", "personal"]

SECRET_HEADERS = frozenset(
    {
        "api-key",
        "authentication",
        "authorization",
        "cookie",
        "ocp-apim-subscription-key",
        "proxy-authorization",
        "set-cookie",
        "signature",
        "x-amz-security-token",
        "x-api-key",
        "x-auth",
        "x-auth-token",
        "x-csrf-token",
        "x-functions-key",
        "x-goog-api-key",
        "x-hub-signature",
        "x-hub-signature-256",
        "x-jwt-assertion",
        "x-session",
        "x-subscription-token",
        "x-token",
    }
)

QUERY_KEYS: Mapping[str, Strength] = {
    "credential": "strong",
    "hmac": "strong",
    "pass": "strong",
    "passcode": "strong",
    "sig": "strong",
    "signature": "strong",
    "x-amz-credential": "strong",
    "x-amz-signature": "strong",
    "x-goog-credential": "strong",
    "x-goog-signature": "strong",
    "assertion": "weak",
    "auth": "weak",
    "client_assertion": "weak",
    "code": "weak",
    "code_verifier": "weak",
    "jwt": "weak",
    "key": "weak",
    "session": "weak",
    "session_id": "weak",
    "sessionid": "weak",
    "sid": "weak",
    "ticket": "weak",
    "token": "weak",
}
"""Keys that are secrets in a query string or a form; in JSON a `signature` is no secret, and a `key` is anything."""

# Written without a sign between: `dbpassword`, `secretkey`.
_STRONG_ENDS = ("password", "passwd", "passphrase", "apikey", "secretkey", "accesskey", "authtoken", "accesstoken")
_HEADER_FIELDS = frozenset({"cookie", "cookies", "set-cookie", "set_cookie"})

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def split_name(name: str) -> tuple[str, ...]:
    """The words of a name in any of the usual spellings, in lower case."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=4096)
def field_strength(name: str) -> Strength | None:
    """How surely a field of this name holds a secret; None if it holds none."""
    if len(name) > 40:  # a text, or a name with a secret in it: its words must not count, a stand-in has others
        return None
    if name.lower() in _HEADER_FIELDS:
        return "strong"
    words = list(split_name(name))
    if words[:1] == ["x"] and len(words) > 1:  # a header's name
        del words[0]
    while len(words) > 1 and (words[-1] in QUALIFIERS or words[-1].isdigit()):
        words.pop()
    if not words:
        return None
    last, before = words[-1], words[:-1]
    if (
        last in STRONG_WORDS
        or last.endswith(_STRONG_ENDS)
        or (last == "pw" and before)
        or (last in ("key", "keys") and before and before[-1] in KEY_OWNERS)
    ):
        return "strong"
    if last in LOOSE_WORDS:
        return "loose"
    if (last == "token" and not TOKEN_OWNERS.isdisjoint(before)) or (
        last == "pass" and not PASS_OWNERS.isdisjoint(before)
    ):
        return "strong"
    if last == "token":
        return "weak" if CURSORS.isdisjoint(before) else None
    if last in WEAK_WORDS and not before:
        return "weak"
    if last == "code" and before and before[-1] in CODE_OWNERS:
        return "weak"
    if split_name(name) == ("app", "id") or (name.isupper() and is_secret_variable(name)):
        return "weak"  # the environment, printed
    if last in FAINT_WORDS and not before:
        return "faint"
    if last in ("key", "keys") and before and KINDS_OF_KEY.isdisjoint(before):
        return "vague"
    if last == "pass" and before and KINDS_OF_PASS.isdisjoint(before):
        return "vague"
    return "personal" if is_personal_name(name) else None


@lru_cache(maxsize=4096)
def is_personal_name(name: str) -> bool:
    """True for the name of a field that holds the number of somebody, or of somebody's machine."""
    words = list(split_name(name))
    if " ".join(words[-2:]) in PERSONAL_PAIRS:
        return True
    while len(words) > 1 and (words[-1] in ("number", "no", "num", "nr", "e", "raw") or words[-1].isdigit()):
        words.pop()
    return bool(words) and (words[-1] in PERSONAL_WORDS or " ".join(words[-2:]) in PERSONAL_PAIRS)


@lru_cache(maxsize=4096)
def is_owner(name: str) -> bool:
    """True for the name of an object that is made of secrets: `credentials`, `auth`, `password`."""
    return field_strength(name) in ("strong", "loose") or name.lower() in OWNERS


@lru_cache(maxsize=4096)
def inner_strength(name: str | None, owner: str | None) -> Strength | None:
    """How surely a field holds a secret, given the name of the object around it that is made of secrets."""
    strength = field_strength(name) if name is not None else None
    if owner is None or strength in ("strong", "loose", "personal"):
        return strength
    if name is not None and name.lower() in VALUE_FIELDS and field_strength(owner) in ("strong", "loose"):
        return "strong"  # but not a schema's `type` or `description`: those stay under `password`, too
    return "strong" if strength == "weak" and name is not None and name.lower() == "pass" else "weak"


@lru_cache(maxsize=4096)
def header_strength(name: str) -> Strength | None:
    """The same for a header."""
    lowered = name.lower()
    words = split_name(name)
    if lowered in SECRET_HEADERS or (words[-1:] == ("token",) and CURSORS.isdisjoint(words)):
        return "strong"
    if lowered.startswith("access-control-"):
        return None
    while len(words) > 1 and (words[-1] in ALGORITHMS or words[-1].isdigit()):
        words = words[:-1]
    return "loose" if words[-1:] and words[-1] in HEADER_WORDS else field_strength(name)


@lru_cache(maxsize=4096)
def query_strength(name: str) -> Strength | None:
    """The same for a key of a query string or a form."""
    return QUERY_KEYS.get(name.lower()) or field_strength(name)


@lru_cache(maxsize=4096)
def option_strength(name: str) -> Strength | None:
    """The same for an option of a command line: `--token` takes nothing but one."""
    words = split_name(name)
    if words[-1:] in (("token",), ("pass",), ("auth",)) and (len(words) == 1 or field_strength(name) == "strong"):
        return "strong"
    return query_strength(name)


# environment variables

_SECRET_VARIABLE = re.compile(
    r"(?:^|_)(?:KEY|PWD|PASS|PASSPHRASE|CREDENTIALS?|DSN|PAT|AUTH)(?:$|_)|(?:APIKEY|APPID)$"
    r"|(?:TOKEN|SECRET|PASSWORD|PASSWD)(?:$|_)"
    r"|(?:^|_)DATABASE_URL$|CONNECTION_STRING|^REDIS_URL$|^MONGO(?:DB)?_URI$",
    re.IGNORECASE,
)
# A variable that says something about a secret holds none.
_ABOUT = re.compile(
    r"_(?:ALGORITHM|BUDGET|CACHE|COUNT|DIR|ENABLED|ENDPOINT|EXPIRES|EXPIRY|FIELD|FILE|HEADER|HOST|LENGTH|LIMIT|METHOD"
    r"|MODE|NAME|PATH|PORT|PREFIX|PROVIDER|REGION|REQUIRED|ROTATION|SCOPES?|SIZE|SOCK|TIMEOUT|TTL|TYPE|VERSION)$",
    re.IGNORECASE,
)
_NO_SECRET_VALUE = re.compile(
    r"^(?:true|false|yes|no|none|null|on|off)$|^https?://[^@]*$|^localhost|^[a-zA-Z]:\\"
    r"|^(?:~|\.{1,2})?/(?:[\w.@-]+/)*[\w.@-]*$",
    re.IGNORECASE,
)
_LONG_RANDOM = re.compile(r"[A-Za-z0-9+/=_-]{32,}")


def is_secret_variable(name: str) -> bool:
    """True if an environment variable of this name holds a secret."""
    if name in ("PWD", "OLDPWD") or _ABOUT.search(name) is not None:
        return False
    return _SECRET_VARIABLE.search(name) is not None


def is_secret_value(value: str) -> bool:
    """True if a value is long and varied enough to be a secret, and to be replaced wherever it appears.

    A short or plain one would erase words of the prompt: `DEBUG_TOKEN=true` must not take every "true" away.
    """
    if len(value) < 8 or len(set(value)) < 5:
        return False
    # A secret in base64 may begin with a slash, as a path does; but no folder is called like that.
    if _NO_SECRET_VALUE.search(value) and not (_LONG_RANDOM.fullmatch(value) and value.count("/") < 3):
        return False
    kinds = [any(test(char) for char in value) for test in (str.islower, str.isupper, str.isdigit)]
    kinds.append(any(not char.isalnum() for char in value))
    return sum(kinds) >= 2 or (len(value) >= 20 and not value.isspace())


def is_plain_value(value: str) -> bool:
    """True if a value says by itself that it is no secret: nothing, a switch, a number, an address, a path."""
    return not value or value.isdigit() or (_NO_SECRET_VALUE.search(value) is not None and not is_secret_value(value))


def may_hold_secret(name: str, value: str) -> bool:
    """True for a variable that a replay has to have, if only with a stand-in: SDKs do not start without their key.

    Its value may be too short to be looked for elsewhere. `DEBUG_TOKEN=true` is none: a replay must not change it.
    """
    return is_secret_variable(name) and not is_plain_value(value)


def secret_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Values by the names of secret-looking variables; values too plain to be secrets are left out."""
    return {name: value for name, value in environ.items() if is_secret_variable(name) and is_secret_value(value)}
