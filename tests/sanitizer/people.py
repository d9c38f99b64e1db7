"""Personal data made at random, with the check digits that it has to have, each in the midst of a text."""

from __future__ import annotations

import ipaddress
import string
from collections.abc import Iterator
from random import Random

from replaykit.sanitizer.checksums import digits_of, luhn, mod97
from tests.sanitizer.cases import Case, Make, filled, number, placed


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
    "+1 <2-9><d2> <2-9><d2> <d4>", "(<2-9><d2>) <2-9><d2>-<d4>", "<2-9><d2>-<2-9><d2>-<d4>", "<2-9><d2>.<2-9><d2>.<d4>",
    "+1<2-9><d2><2-9><d6>", "+44 20 7<d3> <d4>", "+49 30 <d6>", "+49151<d8>",
    "+33 6 <d2> <d2> <d2> <d2>", "+353 1 <d3> <d4>",
    "+47 2<d1> <d2> <d2> <d2>", "+91 98<d3> <d5>", "0044 20 7<d3> <d4>", "+81-3-<d4>-<d4>", "+61 2 9<d3> <d4>",
    "1-<2-9><d2>-<2-9><d2>-<d4>",
)  # fmt: skip
_NATIONAL_PHONES = ("020 7<d3> <d4>", "030 <d6>", "06 <d2> <d2> <d2> <d2>", "0151 <d8>")


def phone(random: Random) -> str:
    return filled(random, random.choice(_PHONES))


def national_phone(random: Random) -> str:
    return filled(random, random.choice(_NATIONAL_PHONES))


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
    name = random.choice(["maria.lopez", "bob", "j_smith", "ann-lee", "x.y+news"])
    return filled(random, f"{name}<1-999>@a<l6>b.{random.choice(['com', 'org', 'de', 'co.uk', 'io'])}")


def ssn(random: Random) -> str:
    return filled(random, "<1-5><d2>-<1-9><d1>-<1-9><d3>")


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


PERSONAL: dict[str, Make] = {
    "card": card,
    "iban": iban,
    "phone": phone,
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
    ("phone", "My phone number is {}.", national_phone),
    ("phone", "Tel: {}", national_phone),
    ("phone", '{{"phone": "{}"}}', lambda random: number(random, 8)),
    ("us ssn", "SSN {} on file", lambda random: ssn(random).replace("-", "")),
    ("passport", '{{"passport_number": "{}"}}', lambda random: filled(random, "X<d8>")),
    ("ip", "client ip: {}", lambda random: filled(random, "9.<1-9>.<1-9>.<1-9>")),
)


def personal_cases(random: Random) -> Iterator[Case]:
    """One of each kind."""
    for kind, make in PERSONAL.items():
        value = make(random)
        _, text = placed(random, value, _PERSONAL_PLACES)
        yield Case("pii", kind, text, value)
    kind, form, make = random.choice(_BEHIND_WORDS)
    value = make(random)
    yield Case("pii", f"{kind} behind a word", form.format(value), value)
