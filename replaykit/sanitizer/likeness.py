"""What a stand-in has to have beyond the looks of its value, so that a program that checks it takes it.

A card has a check digit, an account and a person's number too; an address of a machine has a range; a token has claims.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable

from replaykit.sanitizer.checksums import digits_of, luhn, mod97
from replaykit.sanitizer.machines import IP
from replaykit.sanitizer.national import KIND as NATIONAL_ID
from replaykit.sanitizer.national import is_national_alone
from replaykit.sanitizer.personal import CARD, IBAN, PHONE, country_code_size, personal_kind
from replaykit.sanitizer.views import decode, json_literals, rewrite

Likeness = Callable[[str, str], str | None]
"""Makes of a value and of its disguise a stand-in that passes for one; None if another disguise must be tried."""

_ISSUER = 4  # digits of a card that say whose it is

# Claims that say what a token is for; programs compare them with what they expect, and they are nobody's secret.
_PLAIN_CLAIMS = frozenset(
    {
        *("acr", "alg", "amr", "aud", "azp", "client_id", "crv", "cty", "iss", "kty", "locale", "permissions", "role"),
        *("roles", "scope", "scp", "token_type", "token_use", "typ", "ver", "zoneinfo"),
    }
)
# Claims that say who it is for; any words may stand there.
_IDENTITIES = frozenset(
    {
        *("address", "birthdate", "email", "family_name", "given_name", "login", "middle_name", "name", "nickname"),
        *("phone_number", "picture", "preferred_username", "profile", "sub", "unique_name", "upn", "user", "username"),
    }
)


def likeness_of(kind: str, raw: str) -> Likeness | None:
    """How stand-ins of a kind are made; None if the looks are enough."""
    if kind not in _LIKENESSES:
        return None
    # A number that only its name gave away need not have check digits: then its stand-in has none either.
    is_checked = personal_kind(raw) == kind or kind == CARD or (kind == NATIONAL_ID and is_national_alone(raw))
    return _LIKENESSES[kind] if is_checked else None


def _card(raw: str, made: str) -> str | None:
    made = _with_kept_digits(raw, made, _ISSUER)
    last = made[-1]
    for digit in "0123456789":
        if luhn(digits_of(made[:-1] + digit)):
            last = digit
            break
    return made[:-1] + last


def _iban(raw: str, made: str) -> str | None:
    signs = "".join(char for char in raw if not char.isalnum())
    account = raw[:2] + "00" + "".join(char for char in made if char.isalnum())[4:]
    check = 98 - mod97(account[4:] + account[:4])
    account = f"{account[:2]}{check:02d}{account[4:]}"
    chars = iter(account)
    return "".join(char if char in signs else next(chars) for char in raw)


def _phone(raw: str, made: str) -> str | None:
    number = "".join(map(str, digits_of(raw)))
    if "+" in raw:
        kept = country_code_size(number)
    elif number.startswith("00"):
        kept = 2 + country_code_size(number[2:])
    else:
        kept = int(number[0] in "01")  # the digit before the area's: a trunk's, or a country's
    made = _with_kept_digits(raw, made, kept)
    return made if personal_kind(made) == PHONE else None


def _ip(raw: str, made: str) -> str | None:
    # The first group of the longer ones says that they are in use.
    made = raw[:4] + "".join(map(_hex, made[4:])) if ":" in raw else ".".join(map(_octet, made.split(".")))
    return made if personal_kind(made) == personal_kind(raw) else None


def _hex(char: str) -> str:
    if not char.isalpha():
        return char
    digit = "abcdef"[ord(char.lower()) % 6]
    return digit if char.islower() else digit.upper()


def _octet(made: str) -> str:
    number = int(made)
    return str({1: number, 2: max(10, number), 3: 100 + number % 156}[len(made)])


def _national(raw: str, made: str) -> str | None:
    kind = personal_kind(raw)
    is_one = personal_kind(made) == kind if kind is not None else is_national_alone(made)
    return made if is_one else None


def _with_kept_digits(raw: str, made: str, count: int) -> str:
    """`made` with the first digits of `raw`."""
    end = 0
    while count:
        count -= raw[end].isdigit()
        end += 1
    return raw[:end] + made[end:]


_LIKENESSES: dict[str, Likeness] = {CARD: _card, IBAN: _iban, PHONE: _phone, IP: _ip, NATIONAL_ID: _national}


# tokens

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_WORTH = re.compile(r"\d{8,}")


def with_claims(token: str, replace: Callable[[str, bool], str]) -> str:
    """A signed token (JWT) whose claims are replaced; its header and its signature stay.

    What is no JSON in base64 is given back as it is. Claims that say what the token is for stay, unless they are of
    somebody; so do numbers, which say until when it holds.

    Args:
        replace: Is given a claim, and whether it says who the token is for.
    """
    header, payload, signature = token.split(".", 2)
    text = _decoded(payload)
    if text is None:
        return token
    parts: list[str] = []
    last = 0
    for literal in json_literals(text):
        raw = text[literal.start : literal.end]
        said = decode(raw, "json")
        if literal.kind == "text" and not (literal.name in _PLAIN_CLAIMS and "@" not in said):
            parts += (
                text[last : literal.start],
                rewrite(raw, "json", said, replace(said, literal.name in _IDENTITIES)),
            )
            last = literal.end
    claims = "".join((*parts, text[last:])).encode("utf-8", "surrogatepass")
    return f"{header}.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{signature}"


def signature_start(token: str) -> int:
    """Where the signature of a token begins."""
    return token.rindex(".") + 1


def with_ended_signature(token: str) -> str:
    """A token whose signature is base64 of whole bytes: the bits of its last character that say nothing are zero."""
    spare = {2: 16, 3: 4}.get((len(token) - signature_start(token)) % 4)
    if spare is None or token[-1:] not in _BASE64:
        return token
    return token[:-1] + _BASE64[_BASE64.index(token[-1]) // spare * spare]


def is_worth(value: str) -> bool:
    """True for a claim of nothing but digits that is long enough to be somebody's."""
    return _WORTH.fullmatch(value) is not None


def _decoded(payload: str) -> str | None:
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
        json.loads(text)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return text
