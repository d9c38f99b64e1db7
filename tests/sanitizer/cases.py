"""Secrets made at random by their shape, each in the midst of a text; and what all such cases are made with."""

from __future__ import annotations

import base64
import json
import re
import string
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

HEX = "0123456789abcdef"
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
ALNUM = string.ascii_letters + string.digits
WORDY = ALNUM + "_-"
WORDS = (
    *("please", "use", "it", "for", "the", "parcel", "of", "our", "customer", "and", "tell", "me", "what", "agent"),
    *("said", "about", "weather", "in", "Oslo", "today"),
)

Make = Callable[[Random], str]


@dataclass(frozen=True, slots=True)
class Case:
    """One text.

    Attributes:
        group: `secret`, `pii` or `negative`.
        kind: What it shows.
        value: What must not be stored; empty for a negative.
    """

    group: str
    kind: str
    text: str
    value: str = ""


def pick(random: Random, alphabet: str, size: int) -> str:
    """Random characters; the first is a letter and the second a digit, where the alphabet has such."""
    made = [random.choice(alphabet) for _ in range(size)]
    for place, kind in enumerate((str.isalpha, str.isdigit)):
        made[place] = random.choice([char for char in alphabet if kind(char)] or alphabet)
    return "".join(made)


def number(random: Random, size: int) -> str:
    """A number of so many digits."""
    return random.choice("123456789") + "".join(random.choice(string.digits) for _ in range(size - 1))


_BLANK = re.compile(r"<(?:(\d+)-(\d+)|([dxaln])(\d+))>")


def filled(random: Random, form: str) -> str:
    """A form with its blanks filled in.

    `<1-254>` is a number of that range, `<d6>` so many digits, `<n6>` the same without a zero before them, `<x8>` so
    many hexadecimal ones, `<l4>` small letters and digits, `<a4>` letters of both sizes and digits.
    """

    def fill(blank: re.Match[str]) -> str:
        low, high, kind, size = blank.groups()
        if low is not None:
            return str(random.randint(int(low), int(high)))
        if kind == "n":
            return number(random, int(size))
        return "".join(
            random.choice({"d": string.digits, "x": HEX, "a": ALNUM, "l": LOWER}[kind]) for _ in range(int(size))
        )

    return _BLANK.sub(fill, form)


def prose(random: Random) -> str:
    return " ".join(random.choice(WORDS) for _ in range(random.randint(2, 8)))


# secrets that say what they are: prefix, alphabet, length of the rest

_TOKENS: tuple[tuple[str, str, str, int], ...] = (
    ("anthropic", "sk-ant-" + "api03-", WORDY, 93),
    ("anthropic_oauth", "sk-ant-" + "oat01-", WORDY, 93),
    ("openai_project", "sk-" + "proj-", WORDY, 120),
    ("openai_old", "sk-", ALNUM, 48),
    ("openrouter", "sk-or-" + "v1-", HEX, 64),
    ("google_api", "AI" + "za", WORDY, 35),
    ("google_oauth_access", "ya29" + ".", WORDY, 90),
    ("google_client", "GOC" + "SPX-", WORDY, 28),
    ("github_classic", "gh" + "p_", ALNUM, 36),
    ("github_server", "gh" + "s_", ALNUM, 36),
    ("github_fine", "github" + "_pat_", ALNUM + "_", 82),
    ("gitlab", "gl" + "pat-", WORDY, 20),
    ("gitlab_runner", "gl" + "rt-", WORDY, 20),
    ("slack_bot", "xo" + "xb-", string.digits, 12),
    ("slack_app", "xa" + "pp-1-", UPPER, 40),
    ("aws_id", "AK" + "IA", string.ascii_uppercase + "234567", 16),
    ("hugging_face", "hf" + "_", string.ascii_letters, 34),
    ("groq", "gs" + "k_", ALNUM, 52),
    ("perplexity", "pp" + "lx-", ALNUM, 48),
    ("xai", "xa" + "i-", ALNUM, 80),
    ("replicate", "r8" + "_", ALNUM, 37),
    ("tavily", "tv" + "ly-", WORDY, 32),
    ("stripe_live", "sk" + "_live_", ALNUM, 24),
    ("stripe_restricted", "rk" + "_test_", ALNUM, 24),
    ("sendgrid", "SG" + ".", ALNUM, 22),
    ("npm", "np" + "m_", LOWER, 36),
    ("pypi", "py" + "pi-AgEIcHlwaS5vcmc", WORDY, 90),
    ("digitalocean", "do" + "p_v1_", HEX, 64),
    ("databricks", "da" + "pi", HEX, 32),
    ("doppler", "dp" + ".pt.", ALNUM, 43),
    ("vault", "hv" + "s.", WORDY, 90),
    ("linear", "lin" + "_api_", ALNUM, 40),
    ("notion", "nt" + "n_", ALNUM, 46),
    ("shopify", "sh" + "pat_", HEX, 32),
    ("twilio", "S" + "K", HEX, 32),
    ("mailgun", "ke" + "y-", HEX, 32),
    ("new_relic", "NR" + "AK-", UPPER, 27),
    ("square", "sq0" + "csp-", WORDY, 43),
    ("telegram", "1234567890:" + "AA", WORDY, 33),
    ("planetscale", "pscale" + "_tkn_", WORDY, 43),
    ("pulumi", "pu" + "l-", HEX, 40),
    ("postman", "PM" + "AK-", HEX, 24),
    ("terraform", "aB3dE6gH9jK2mN" + ".atlasv1.", WORDY, 64),
    ("langsmith", "ls" + "v2_pt_", HEX, 32),
    ("cerebras", "cs" + "k-", LOWER, 48),
    ("voyage", "pa" + "-", WORDY, 43),
    ("jina", "ji" + "na_", ALNUM, 60),
    ("airtable", "pat" + "aB3dE6gH9jK2mN.", HEX, 64),
    ("easypost", "EZ" + "AK", ALNUM, 54),
    ("sourcegraph", "sg" + "p_", HEX, 40),
)  # fmt: skip
_TAILS: dict[str, tuple[str, str, int]] = {
    "slack_bot": ("-", ALNUM, 24),
    "sendgrid": (".", WORDY, 43),
    "postman": ("-", HEX, 34),
    "langsmith": ("_", HEX, 10),
}


def token(random: Random) -> str:
    """The token of some provider."""
    return "".join(token_parts(random))


def token_parts(random: Random) -> tuple[str, str]:
    """The same: what says whose it is, and the secret."""
    kind, prefix, alphabet, size = random.choice(_TOKENS)
    made = pick(random, alphabet, size).strip("-_").ljust(size, "a")
    if kind in _TAILS:
        sign, alphabet, size = _TAILS[kind]
        made += sign + pick(random, alphabet, size).strip("-").ljust(size, "b")
    return prefix, made


def jwt(random: Random) -> str:
    claims = {"sub": pick(random, HEX, 12), "name": "Maria Lopez", "email": "maria@lopez-haus.org", "exp": 1893456000}
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join((*encoded, pick(random, WORDY, 43)))


def private_key(random: Random) -> tuple[str, str]:
    """A key, and what stands between its lines."""
    kind = random.choice(["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "])
    lines = [pick(random, ALNUM + "+/", 64) for _ in range(3)]
    if random.random() < 0.2:
        lines[:0] = ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0F1E2D3C4B5A", ""]
    return f"-----BEGIN {kind}PRIVATE " + "KEY-----\n{}\n" + f"-----END {kind}PRIVATE " + "KEY-----", "\n".join(lines)


SECRET_PLACES: dict[str, str] = {
    "alone": "{}",
    "prose": "{prose} {} {prose}.",
    "json": '{{"role": "user", "content": "{prose} {} {prose}"}}',
    "tool arguments": '{{"arguments": "{{\\"value\\": \\"{}\\"}}"}}',
    "env line": "export TOKEN={}\nPATH=/usr/bin",
    "yaml": "service:\n  token: {}\n  replicas: 3\n",
    "code": "client = Client(api_key='{}', timeout=30)",
    "url": "https://api.acme.io/v1/items?limit=20&api_key={quoted}",
    "header": "Authorization: Bearer {}",
    "shell": "curl -H 'Authorization: Bearer {}' https://api.acme.io/v1",
    "log": "2025-11-19 10:20:30,123 INFO using {} for acme",
    "csv": "1,acme,{},2025-11-19",
}


def placed(random: Random, value: str, places: Mapping[str, str]) -> tuple[str, str]:
    """The name of a place, and a text that has the value there."""
    place, form = random.choice(list(places.items()))
    return place, form.format(value, prose=prose(random), quoted=urllib.parse.quote(value, safe=""))


# secrets that their name gives away


def password(random: Random) -> str:
    """As people and their tools make them: letters and digits, and often a sign."""
    made = pick(random, ALNUM, random.randint(9, 20))
    return made[:4] + random.choice(["", "", "!", "#", "$", "%", "*", "@"]) + made[4:]


NAMES = (
    "password",
    "api_key",
    "apiKey",
    "API-KEY",
    "client_secret",
    "secretKey",
    "DB_PASSWORD",
    "auth_token",
    "access_token",
)
_NAMED: dict[str, str] = {
    "python": '{name} = "{}"',
    "keyword": "connect(host='db', {name}='{}')",
    "json": '{{"{name}": "{}", "n": 1}}',
    "json text": '{{"content": "set {{\\"{name}\\": \\"{}\\"}} there"}}',
    "yaml": "settings:\n  {name}: {}\n  debug: true",
    "ini": "[db]\nhost=db.acme.io\n{name}={}\n",
    "env": "export {name}={}",
    "shell": "deploy --{name} {} --force",
    "go": '{name} := "{}"',
    "ruby": 'config["{name}"] => "{}"',
    "dict": "config['{name}'] = '{}'",
    "xml": "<{name}>{}</{name}>",
    "form": "user=me&{name}={quoted}&x=1",
    "header": "X-{name}: {}",
}


def named(random: Random) -> tuple[str, str, str]:
    """A place, a text and the secret in it."""
    value = password(random)
    place, form = random.choice(list(_NAMED.items()))
    name = random.choice(NAMES)
    if place in ("shell", "header", "xml", "form"):
        name = name.lower().replace("_", "-") if place == "header" else name
    if place in ("xml", "form", "yaml", "ini", "env", "shell", "header"):
        value = "".join(char for char in value if char.isalnum())
    return place, form.format(value, name=name, quoted=urllib.parse.quote(value, safe="")), value


_CONNECTIONS = (
    "postgresql://app:{}@db.acme.io:5432/main",
    "mongodb+srv://app:{}@cluster0.acme.mongodb.net/?retryWrites=true",
    "redis://:{}@cache.acme.io:6379/0",
    "amqps://app:{}@mq.acme.io/vhost",
    "Server=db.acme.io;Database=main;User Id=app;Password={};Encrypt=true",
    "Data Source=db;Initial Catalog=x;Uid=app;Pwd={};",
    "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={};EndpointSuffix=core.windows.net",
    "Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey={}",
    "curl -u app:{} https://api.acme.io",
    "curl --user 'app:{}' https://api.acme.io",
    "machine api.acme.io login app password {}",
    "CREATE USER app IDENTIFIED BY '{}'",
)


def connection(random: Random) -> tuple[str, str]:
    value = pick(random, ALNUM, random.randint(10, 24))
    return random.choice(_CONNECTIONS).format(value), value


def secret_cases(random: Random) -> Iterator[Case]:
    """One of each kind."""
    value = token(random)
    place, text = placed(random, value, SECRET_PLACES)
    yield Case("secret", f"token in {place}", text, value)
    place, text, value = named(random)
    yield Case("secret", f"named in {place}", text, value)
    text, value = connection(random)
    yield Case("secret", "connection", text, value)
    frame, inner = private_key(random)
    text = frame.format(inner)
    text = random.choice([text, json.dumps({"private_key": text}), f"{prose(random)}:\n{text}\n{prose(random)}"])
    yield Case("secret", "private key", text, inner.splitlines()[-1])
    value = jwt(random)
    place, text = placed(random, value, SECRET_PLACES)
    yield Case("secret", f"jwt in {place}", text, value.rpartition(".")[2])
