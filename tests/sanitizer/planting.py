"""Secrets made at random, and bodies in which each is planted in a random place, written in a random way.

What is made is realistic, and never something that stays by rule: no documentation address, no short or plain value of
a variable, no name that comes only after its secret.
"""

from __future__ import annotations

import base64
import json
import string
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from xml.sax.saxutils import escape

from tests.sanitizer.cases import ALNUM, NAMES, connection, jwt, password, pick, private_key, prose, token_parts
from tests.sanitizer.people import PERSONAL

NUMBER = frozenset(string.digits + " -.+()/")
"""Characters of a value that is a number of somebody."""

_ENV_NAMES = ("ACME_API_KEY", "SHOP_TOKEN", "DB_PASSWORD", "CRM_SECRET", "MAIL_PASSWD", "BILLING_AUTH_KEY")
_SIGNS = "/+=%&#$!@:~. "
_STYLES: tuple[dict[str, object], ...] = (
    {},
    {"separators": (",", ":")},
    {"ensure_ascii": False},
    {"ensure_ascii": False, "separators": (",", ":")},
    {"indent": 2},
)


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret.

    Attributes:
        value: As it is written.
        parts: What must not be stored: all of it that is not public, such as what says whose token it is.
        name: What announces it; without it nobody could tell.
        core: What is looked for everywhere once it was announced.
        variable: The environment variable that holds it.
    """

    kind: str
    value: str
    parts: tuple[str, ...]
    name: str | None = None
    core: str | None = None
    variable: str | None = field(default=None)

    @property
    def is_line(self) -> bool:
        """It can stand in a header or a line."""
        return "\n" not in self.value

    @property
    def known(self) -> str:
        """What of it is found without anything around it, once it was seen."""
        return self.core or self.value


def _token(random: Random) -> Secret:
    prefix, rest = token_parts(random)
    return Secret("token", prefix + rest, (rest,))


def _env(random: Random) -> Secret:
    value = pick(random, ALNUM, random.randint(12, 40))
    if random.random() < 0.4:
        place = random.randrange(2, len(value) - 2)
        value = value[:place] + random.choice(_SIGNS) + value[place:]
    name = random.choice(_ENV_NAMES)
    return Secret("env", value, (value,), variable=f"{name}_{random.randrange(1000)}")


def _named(random: Random) -> Secret:
    value = password(random)
    return Secret("named", value, (value,), name=random.choice(NAMES))


def _jwt(random: Random) -> Secret:
    value = jwt(random)
    payload = value.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return Secret("jwt", value, (value.rpartition(".")[2], claims["sub"], "maria@lopez-haus"))


def _private_key(random: Random) -> Secret:
    frame, inner = private_key(random)
    lines = tuple(line for line in inner.splitlines() if len(line) == 64)
    return Secret("private key", frame.format(inner), lines)


def _connection(random: Random) -> Secret:
    text, value = connection(random)
    return Secret("connection", text, (value,), core=value)


def _personal(random: Random) -> Secret:
    kind = random.choice(("email", "email", "card", "iban", "phone", "ip", "us ssn", "br cpf"))
    value = PERSONAL[kind](random)
    parts = {"email": value.rpartition(".")[0], "iban": value[4:].strip(), "card": value[4:]}
    if kind == "email" and value.endswith(".co.uk"):
        parts["email"] = value[: -len(".co.uk")]
    return Secret(kind, value, (parts.get(kind, value),))


_KINDS: tuple[tuple[Callable[[Random], Secret], int], ...] = (
    (_token, 5),
    (_env, 3),
    (_named, 4),
    (_jwt, 1),
    (_private_key, 1),
    (_connection, 2),
    (_personal, 6),
)


def make_secret(random: Random) -> Secret:
    """One of any kind."""
    makers, weights = zip(*_KINDS, strict=True)
    return random.choices(makers, weights)[0](random)  # type: ignore[no-any-return]


# texts


def dump(random: Random, value: object) -> str:
    """JSON in one of the usual styles."""
    text = json.dumps(value, **random.choice(_STYLES))  # type: ignore[arg-type]
    return text.replace("/", "\\/") if random.random() < 0.1 else text


def nested(random: Random, value: object) -> object:
    """JSON with the value at some depth."""
    for _ in range(random.choice((0, 0, 1, 1, 2, 4, 9))):
        name = random.choice(("note", "items", "content", "message", "result", "data", "meta", "user"))
        value = random.choice(
            (
                lambda inner, name=name: {name: inner},
                lambda inner, name=name: {"n": 3, name: inner, "ok": True},
                lambda inner, name=name: [inner],
                lambda inner, name=name: [prose(random), inner, None],
            )
        )(value)
    return value


def field_of(random: Random, secret: Secret) -> dict[str, object]:
    """An object that has it, under the name that announces it where it needs one."""
    name = secret.name or random.choice(("note", "value", "text", "who", "comment"))
    return {"id": random.randrange(100), name: secret.value, "city": "Oslo"}


def _quoted(value: str) -> str:
    return urllib.parse.quote(value, safe="")


def _in_url(random: Random, secret: Secret) -> str:
    name = secret.name or random.choice(("q", "next", "token", "to"))
    return f"https://api.acme.io/v1/items?limit=20&{name}={_quoted(secret.value)}"


def _in_json_text(random: Random, secret: Secret) -> str:
    return dump(random, {"name": "send", "arguments": dump(random, nested(random, field_of(random, secret)))})


def _in_xml(random: Random, secret: Secret) -> str:
    name = (secret.name or "note").replace(" ", "")
    return f"<order><id>7</id><{name}>{escape(secret.value)}</{name}></order>"


_TEXTS: dict[str, Callable[[Random, Secret], str]] = {
    "json": lambda random, secret: dump(random, nested(random, field_of(random, secret))),
    "json text": _in_json_text,
    "url": _in_url,
    "xml": _in_xml,
    "json in prose": lambda random, secret: f"{prose(random)}:\n{dump(random, field_of(random, secret))}\nThat is it.",
}
_TEXTS_OF_NAMED: dict[str, Callable[[Random, Secret], str]] = {
    "python": lambda random, secret: f'{secret.name} = "{secret.value}"',
    "repr": lambda random, secret: repr(field_of(random, secret)),
    "env line": lambda random, secret: f"PATH=/usr/bin\n{secret.name}={secret.value}\n",
}
_TEXTS_OF_SHAPES: dict[str, Callable[[Random, Secret], str]] = {
    "alone": lambda random, secret: secret.value,
    "prose": lambda random, secret: f"{prose(random)} {secret.value} {prose(random)}",
    "quoted": lambda random, secret: f'{prose(random)} "{secret.value}", {prose(random)}.',
    "line": lambda random, secret: f"2025-11-19 10:20:30,123 INFO using {secret.value} for acme",
}
_BASE64_ENDS = ("{}", "{}", "here it is: {}", '{{"blob": "{}"}}')


def _base64(random: Random, text: str) -> str:
    encode = random.choice((base64.b64encode, base64.urlsafe_b64encode))
    run = encode(text.encode()).decode()
    return random.choice(_BASE64_ENDS).format(run.rstrip("=") if random.random() < 0.2 else run)


_WRAPS: dict[str, Callable[[Random, str], str]] = {
    "json": lambda random, text: dump(random, nested(random, {"content": text})),
    "json text": lambda random, text: dump(random, {"arguments": dump(random, {"text": text})}),
    "base64": _base64,
    "query": lambda random, text: f"https://acme.io/find?page=2&q={_quoted(text)}",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A text that holds a secret, and in how it is written."""

    how: str
    text: str


def make_text(random: Random, secret: Secret, *, is_line: bool = False) -> Text:
    """A text with the secret in it."""
    forms = {**_TEXTS, **(_TEXTS_OF_NAMED if secret.name is not None else _TEXTS_OF_SHAPES)}
    while True:
        how, form = random.choice(list(forms.items()))
        text = form(random, secret)
        for _ in range(random.choice((0, 0, 0, 1, 1, 2))):
            wrap, made = random.choice(list(_WRAPS.items()))
            how, text = f"{how} in {wrap}", made(random, text)
        if not (is_line and "\n" in text) and len(text) < 8000:
            return Text(how, text)


def again(secret: Secret, *, is_whole: bool = False) -> Secret:
    """The same, where nothing announces it any more: it was seen before.

    Args:
        is_whole: It stood where all of it is one secret; then what is in it was not looked at.
    """
    value = secret.value if is_whole else secret.known
    return Secret(f"{secret.kind} again", value, secret.parts, variable=secret.variable)


def cut(random: Random, secret: Secret, *, is_whole: bool = False) -> str | None:
    """A text that ends in the midst of a value that was seen before; None if too little of it would be left."""
    known = secret.value if is_whole else secret.known
    secret_start = known.find(secret.parts[0])
    shortest = max(secret_start, 0) + 12
    if "\n" in known or shortest >= len(known) or known[:shortest].isalpha():
        return None
    return f"{prose(random)} {known[: random.randrange(shortest, len(known))]}{random.choice(('', '...', '…'))}"


def printable(text: str) -> bool:
    """True if a header can hold it."""
    return text.isascii() and text.isprintable() and text == text.strip()
