"""Secrets, personal data and numbers that are neither, made at random by their shape, each in the midst of a text.

Everything comes from one seed, so that a test that fails fails again; `table.py` prints how much of it is found.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import string
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from replaykit.sanitizer.checksums import digits_of, luhn, mod97

HEX = "0123456789abcdef"
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
ALNUM = string.ascii_letters + string.digits
WORDY = ALNUM + "_-"
WORDS = (
    "please use it for the order of our customer and tell me what the agent said about weather in Oslo today".split()
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


def token(random: Random) -> tuple[str, str]:
    """A kind, and a token of it."""
    kind, prefix, alphabet, size = random.choice(_TOKENS)
    made = prefix + pick(random, alphabet, size).strip("-_").ljust(size, "a")
    if kind in _TAILS:
        sign, alphabet, size = _TAILS[kind]
        made += sign + pick(random, alphabet, size).strip("-").ljust(size, "b")
    return kind, made


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


_SECRET_PLACES: dict[str, str] = {
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


def placed(random: Random, value: str, places: dict[str, str] = _SECRET_PLACES) -> tuple[str, str]:
    """The name of a place, and a text that has the value there."""
    place, form = random.choice(list(places.items()))
    return place, form.format(value, prose=prose(random), quoted=urllib.parse.quote(value, safe=""))


# secrets that their name gives away


def password(random: Random) -> str:
    """As people and their tools make them: letters and digits, and often a sign."""
    made = pick(random, ALNUM, random.randint(9, 20))
    return made[:4] + random.choice(["", "", "!", "#", "$", "%", "*", "@"]) + made[4:]


_NAMES = (
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
    name = random.choice(_NAMES)
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
    kind, value = token(random)
    place, text = placed(random, value)
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
    place, text = placed(random, value)
    yield Case("secret", f"jwt in {place}", text, value.rpartition(".")[2])


# personal data


def card(random: Random) -> str:
    prefix, size = random.choice(
        [
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("36", 14),
            ("3530", 16),
        ]
    )
    body = prefix + "".join(random.choice(string.digits) for _ in range(size - len(prefix) - 1))
    number = next(body + digit for digit in string.digits if luhn(digits_of(body + digit)))
    sign = random.choice(["", " ", "-"])
    cuts = (4, 10) if size == 15 else (4, 8, 12)
    return (
        number
        if size == 14
        else sign.join(number[low:high] for low, high in zip((0, *cuts), (*cuts, size), strict=True))
    )


def iban(random: Random) -> str:
    country, size, bank = random.choice(
        [
            ("DE", 22, ""),
            ("GB", 22, "WEST"),
            ("FR", 27, ""),
            ("NL", 18, "ABNA"),
            ("ES", 24, ""),
            ("PL", 28, ""),
            ("IT", 27, "X"),
            ("CH", 21, ""),
            ("NO", 15, ""),
            ("SE", 24, ""),
        ]
    )
    body = bank + "".join(random.choice(string.digits) for _ in range(size - 4 - len(bank)))
    number = f"{country}{98 - mod97(body + country + '00'):02d}{body}"
    return number if random.random() < 0.5 else " ".join(number[low : low + 4] for low in range(0, size, 4))


_PHONES = (
    "+1 {2}{d}{d} {2}{d}{d} {d}{d}{d}{d}", "({2}{d}{d}) {2}{d}{d}-{d}{d}{d}{d}", "{2}{d}{d}-{2}{d}{d}-{d}{d}{d}{d}",
    "{2}{d}{d}.{2}{d}{d}.{d}{d}{d}{d}", "+1{2}{d}{d}{2}{d}{d}{d}{d}{d}{d}", "+44 20 7{d}{d}{d} {d}{d}{d}{d}",
    "+49 30 {d}{d}{d}{d}{d}{d}", "+49151{d}{d}{d}{d}{d}{d}{d}{d}", "+33 6 {d}{d} {d}{d} {d}{d} {d}{d}",
    "+47 {2}{d} {d}{d} {d}{d} {d}{d}", "+91 98{d}{d}{d} {d}{d}{d}{d}{d}", "0044 20 7{d}{d}{d} {d}{d}{d}{d}",
    "+81-3-{d}{d}{d}{d}-{d}{d}{d}{d}", "+61 2 9{d}{d}{d} {d}{d}{d}{d}", "1-{2}{d}{d}-{2}{d}{d}-{d}{d}{d}{d}",
    "+353 1 {d}{d}{d} {d}{d}{d}{d}",
)  # fmt: skip
_NATIONAL_PHONES = (
    "020 7{d}{d}{d} {d}{d}{d}{d}",
    "030 {d}{d}{d}{d}{d}{d}{d}",
    "06 {d}{d} {d}{d} {d}{d} {d}{d}",
    "0151 {d}{d}{d}{d}{d}{d}{d}{d}",
)


def _filled(random: Random, form: str) -> str:
    while "{" in form:
        form = form.replace("{d}", random.choice(string.digits), 1) if "{d}" in form else form
        form = form.replace("{2}", random.choice("23456789"), 1)
    return form


def address(random: Random) -> str:
    while True:
        if random.random() < 0.7:
            made = ".".join(str(random.randint(11, 254)) for _ in range(4))
            if sum(map(str.isdigit, made)) < 9:
                continue
        else:
            made = ":".join(["2a02", *(f"{random.randrange(1, 65536):x}" for _ in range(7))])
        if ipaddress.ip_address(made).is_global and not ipaddress.ip_address(made).is_multicast:
            return made


def email(random: Random) -> str:
    name = random.choice(["maria.lopez", "bob", "j_smith", "ann-lee", "x.y+news"]) + str(random.randint(1, 999))
    return (
        f"{name}@{pick(random, string.ascii_lowercase + '0', 8)}.{random.choice(['com', 'org', 'de', 'co.uk', 'io'])}"
    )


def ssn(random: Random) -> str:
    return f"{random.choice([*range(1, 666), *range(667, 900)]):03d}-{random.randint(1, 99):02d}-{random.randint(1, 9999):04d}"


def nric(random: Random) -> str:
    digits = [random.randrange(10) for _ in range(7)]
    total = sum(weight * digit for weight, digit in zip((2, 7, 6, 5, 4, 3, 2), digits, strict=True))
    return "S" + "".join(map(str, digits)) + "JZIHGFEDCBA"[total % 11]


def dni(random: Random) -> str:
    number = random.randrange(10_000_000, 99_999_999)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def cpf(random: Random) -> str:
    digits = [random.randrange(10) for _ in range(9)]
    for size in (9, 10):
        digits.append(sum(d * (size + 1 - i) for i, d in enumerate(digits)) * 10 % 11 % 10)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def pan(random: Random) -> str:
    letters = "".join(random.choice(string.ascii_uppercase) for _ in range(3))
    return f"{letters}P{random.choice('ABCDKLMS')}{random.randint(0, 9999):04d}{random.choice(string.ascii_uppercase)}"


_PERSONAL: dict[str, Make] = {
    "card": card,
    "iban": iban,
    "phone": lambda random: _filled(random, random.choice(_PHONES)),
    "email": email,
    "ip": address,
    "us ssn": ssn,
    "sg nric": nric,
    "es dni": dni,
    "br cpf": cpf,
    "in pan": pan,
}
_PERSONAL_PLACES: dict[str, str] = {
    "alone": "{}",
    "prose": "{prose} {} {prose}",
    "end of a sentence": "You can have it: {}.",
    "json": '{{"role": "user", "content": "{prose} {}, {prose}"}}',
    "field": '{{"note": "{}", "n": 12}}',
    "csv": "17,Maria Lopez,{},active",
    "log": "2025-11-19T10:20:30Z INFO customer={} ok",
    "tool arguments": '{{"arguments": "{{\\"value\\": \\"{}\\"}}"}}',
    "yaml": "contact: {}\ncity: Oslo\n",
}
_BEHIND_WORDS = (
    ("phone", "My phone number is {}.", lambda random: _filled(random, random.choice(_NATIONAL_PHONES))),
    ("phone", "Tel: {}", lambda random: _filled(random, random.choice(_NATIONAL_PHONES))),
    ("phone", '{{"phone": "{}"}}', lambda random: pick(random, string.digits, 8)),
    ("us ssn", "SSN {} on file", lambda random: ssn(random).replace("-", "")),
    ("passport", '{{"passport_number": "{}"}}', lambda random: "X" + pick(random, string.digits, 8)),
    ("ip", "client ip: {}", lambda random: "9." + ".".join(str(random.randint(1, 9)) for _ in range(3))),
)


def personal_cases(random: Random) -> Iterator[Case]:
    """One of each kind."""
    for kind, make in _PERSONAL.items():
        value = make(random)
        _, text = placed(random, value, _PERSONAL_PLACES)
        yield Case("pii", kind, text, value)
    kind, form, make = random.choice(_BEHIND_WORDS)
    value = make(random)
    yield Case("pii", f"{kind} behind a word", form.format(value), value)


# what must stay


def _number(random: Random, size: int) -> str:
    return random.choice("123456789") + "".join(random.choice(string.digits) for _ in range(size - 1))


_NEGATIVES: dict[str, Make] = {
    "order": lambda random: f"Order #{_number(random, random.choice([6, 7, 8, 9, 10, 12]))} has shipped",
    "order with groups": lambda random: f"order {_number(random, 3)}-{_number(random, 7)}-{_number(random, 7)}",
    "price": lambda random: f"${random.randint(1, 9_999_999):,}.{random.randint(0, 99):02d} of ${random.randint(1, 99_999):,}",
    "european price": lambda random: f"{random.randint(1, 999)}.{random.randint(100, 999)}.{random.randint(100, 999)},00 EUR",
    "unix time": lambda random: f'"created":{random.randint(1_600_000_000, 1_900_000_000)}',
    "unix milliseconds": lambda random: f"at {random.randint(1_600_000_000_000, 1_900_000_000_000)} ms",
    "iso time": lambda random: f"2025-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}T10:{random.randint(10, 59)}:00+02:00",
    "date": lambda random: f"{random.randint(1, 28):02d}.{random.randint(1, 12):02d}.{random.randint(1990, 2030)} 10:30",
    "american date": lambda random: f"{random.randint(1, 12)}/{random.randint(1, 28)}/{random.randint(1990, 2030)}",
    "range of years": lambda random: f"from {random.randint(1990, 2010)}-{random.randint(2011, 2030)}",
    "completion": lambda random: f"chatcmpl-{pick(random, ALNUM, 29)}",
    "tool call": lambda random: f"call_{pick(random, ALNUM, 24)}",
    "message": lambda random: f"msg_01{pick(random, ALNUM, 22)}",
    "response": lambda random: f"resp_{pick(random, HEX, 48)}",
    "request": lambda random: f"req_{pick(random, HEX, 32)}",
    "sha256": lambda random: pick(random, HEX, 64),
    "git": lambda random: f"commit {pick(random, HEX, 40)}",
    "md5": lambda random: f'ETag: W/"{pick(random, HEX, 32)}"',
    "uuid": lambda random: str(uuid.UUID(int=random.getrandbits(128), version=4)),
    "trace": lambda random: f"00-{pick(random, HEX, 32)}-{pick(random, HEX, 16)}-01",
    "version": lambda random: f"v{random.randint(0, 20)}.{random.randint(0, 30)}.{random.randint(0, 99)}.{random.randint(0, 200)}",
    "bare version": lambda random: f"{random.randint(0, 9)}.{random.randint(0, 30)}.{random.randint(0, 30)}.{random.randint(0, 9)}",
    "package": lambda random: f"pip install acme=={random.randint(10, 99)}.{random.randint(10, 99)}.{random.randint(100, 250)}.{random.randint(10, 99)}",
    "browser": lambda random: f"Mozilla/5.0 Chrome/{random.randint(100, 140)}.0.0.0 Safari/537.36",
    "coordinates": lambda random: f"{random.uniform(-90, 90):.6f}, {random.uniform(-180, 180):.6f}",
    "float": lambda random: f"score {random.random():.16f}",
    "private address": lambda random: f"10.{random.randint(0, 255)}.{random.randint(0, 255)}.{random.randint(1, 254)} 192.168.1.{random.randint(1, 254)}",
    "documentation address": lambda random: f"203.0.113.{random.randint(1, 254)} 2001:db8::{random.randint(1, 9999)} ::1 127.0.0.1",
    "documentation mail": lambda random: f"user{random.randint(1, 99)}@example.com",
    "time of day": lambda random: f"{random.randint(10, 23)}:{random.randint(10, 59)}:{random.randint(10, 59)}.{random.randint(100, 999)}",
    "table": lambda random: "\n".join(" ".join(_number(random, 3) for _ in range(8)) for _ in range(4)),
    "table of years": lambda random: " ".join(str(random.randint(1990, 2030)) for _ in range(6)),
    "csv row": lambda random: ",".join(_number(random, random.randint(1, 6)) for _ in range(8)),
    "code": lambda random: f"for i in range({_number(random, 4)}): x[{_number(random, 2)}] += {_number(random, 3)} - {_number(random, 4)}",
    "hex colour": lambda random: f"color: #{pick(random, HEX, 6)}; margin: {random.randint(1, 9)}px {random.randint(1, 9)}px",
    "isbn": lambda random: f"ISBN 978-{random.randint(0, 9)}-{random.randint(10, 99)}-{random.randint(100000, 999999)}-{random.randint(0, 9)}",
    "model": lambda random: f"gpt-4o-mini-2024-{random.randint(10, 12)}-{random.randint(10, 28)}",
    "usage": lambda random: f'"usage": {{"prompt_tokens": {_number(random, 5)}, "completion_tokens": {_number(random, 4)}}}',
    "picture": lambda random: "data:image/png;base64," + base64.b64encode(random.randbytes(300)).decode(),
    "diff": lambda random: f"@@ -{_number(random, 4)},{random.randint(1, 9)} +{_number(random, 4)},{random.randint(1, 9)} @@\n+{_number(random, 10)}",
    "placeholder": lambda random: f'{random.choice(_NAMES)}="{random.choice(["<your key>", "${TOKEN}", "xxxxxxxxxxxx", "YOUR_API_KEY", "********"])}"',
    "talk of secrets": lambda random: f"The {random.choice(['password', 'token', 'api key'])} is required: {prose(random)}",
    "getter": lambda random: f"password = settings.{random.choice(WORDS)}_password\ntoken = get_token({_number(random, 2)})",
    "prose": lambda random: f"{prose(random)} {_number(random, random.randint(1, 6))} {prose(random)}",
    "cache key": lambda random: f'"prompt_cache_key": "{pick(random, HEX, 32)}", "partition_key": "{pick(random, LOWER, 24)}"',
    "port": lambda random: f"http://localhost:{random.randint(1024, 65535)}/v1/{_number(random, 6)}",
    "article": lambda random: f"https://news.acme.org/2025/{random.randint(10, 12)}/{_number(random, 9)}-title-{_number(random, 8)}.html",
}  # fmt: skip
_NEGATIVE_PLACES = ("{}", "{prose}: {}", "{} {prose}")


def negative_cases(random: Random) -> Iterator[Case]:
    """One of each kind, some of them in JSON."""
    for kind, make in _NEGATIVES.items():
        text = random.choice(_NEGATIVE_PLACES).replace("{prose}", prose(random)).replace("{}", make(random))
        yield Case("negative", kind, json.dumps({"content": text}) if random.random() < 0.4 else text)


def cases(random: Random) -> Iterator[Case]:
    """One of every kind there is."""
    yield from secret_cases(random)
    yield from personal_cases(random)
    yield from negative_cases(random)
