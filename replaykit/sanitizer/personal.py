"""Personal data by its shape: cards, accounts, phone numbers, addresses of machines, numbers of people.

A rule acts only where check digits, the form or the words before it make it nearly certain: orders, prices, times,
versions and identifiers are numbers, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from replaykit.sanitizer.checksums import digits_of, luhn, mod97
from replaykit.sanitizer.machines import IP, find_machines, is_ip
from replaykit.sanitizer.names import split_name
from replaykit.sanitizer.national import KIND as NATIONAL_ID
from replaykit.sanitizer.national import find_grouped, find_lettered, is_national, is_national_alone
from replaykit.sanitizer.shapes import Found
from replaykit.sanitizer.vocabulary import NUMBERED_THINGS

CARD, IBAN, PHONE = "card", "iban", "phone"

_FEWEST = 7  # characters: the shortest address of a machine that is taken
# A number with signs between its digits, all of it; dates and times are none.
# Each pattern begins with what is rare in prose, and looks back from there: so most of a text is skipped at once.
_MAY_BE = re.compile(r"[0-9][0-9.]")
_MAY_BE_LETTERED = re.compile(r"[0-9](?:(?<=[A-Z][0-9])|(?<=[A-Z] [0-9])|-?[A-Z]|[0-9]{5}[-+][0-9]|[0-9]{17})")
_RUN = re.compile(r"[0-9](?:[ ().\u00a0\u2009\u202f/-]{0,3}[0-9]){6}(?:[ ().\u00a0\u2009\u202f/-]{0,3}[0-9])*+")
_DATE = re.compile(
    r"(?:19|20)\d\d([-/.])[01]\d\1[0-3]\d(?:[ -]\d{1,2})?\Z"
    r"|[0-3]?\d([-/.])[0-3]?\d\2(?:19|20)\d\d(?: \d{1,2})?\Z"
)
_SINGLE_DIGITS = 8  # characters: a number may begin with digits that stand alone, `1-415-`
_LONGEST_LONE = 40
_LONGEST_RUN = 60  # characters; what is longer is a table


def find_personal(text: str) -> Iterator[Found]:
    """Every personal value of a text but e-mail addresses; they may overlap."""
    if len(text) < _FEWEST:
        return
    digit = _MAY_BE.search(text)
    if digit is not None:
        first = max(0, digit.start() - _SINGLE_DIGITS)
        for match in _RUN.finditer(text, first):
            start, end = match.span()
            if end - start <= _LONGEST_RUN and _DATE.match(match[0]) is None:
                while text[start - 1 : start] in ("+", "("):
                    start -= 1
                yield from _in_run(text, start, end)
        if _MAY_BE_LETTERED.search(text, first) is not None:
            yield from find_lettered(text)
            yield from _ibans(text)
    if "/" in text:
        yield from _segments(text)
    yield from find_machines(text, digit.start() if digit is not None else len(text))


def personal_kind(value: str) -> str | None:
    """Which kind a value is that says by itself that it is personal, whatever stands around it."""
    if not 6 <= len(value) <= 64 or not any("0" <= char <= "9" for char in value):
        return None
    if _is_card(value):
        return CARD
    if _is_iban(value):
        return IBAN
    if is_ip(value):
        return IP
    if _PHONE.fullmatch(value) is not None and is_phone(value):
        return PHONE
    return NATIONAL_ID if is_national(value) else None


def find_lone(text: str) -> Iterator[Found]:
    """The number that all of a text is, if it can be a person's: all that was said or sent needs no words before it."""
    if len(text) > _LONGEST_LONE:
        return
    value = text.strip(" \t\r\n\"'")
    is_card = _is_card(value, is_sure=True)
    if is_card or is_national_alone(value):
        start = text.index(value)
        yield Found(start, start + len(value), CARD if is_card else NATIONAL_ID)


_SEGMENT = re.compile(r"(?<=[A-Za-z]/)(?=[^/\s\d]*\d)[^/\s\"'<>?#&|,;`\\]{6,40}(?=/|[\s\"'?#]|\Z)")


def _segments(text: str) -> Iterator[Found]:
    """The pieces of a path that are somebody's, all of it: `/users/4111111111111111/inbox`."""
    for match in _SEGMENT.finditer(text):
        kind = personal_kind(match[0])
        # What ends in an address may be a program and its version.
        if kind is not None and (kind != IP or text[match.end() : match.end() + 1] == "/"):
            yield Found(*match.span(), kind)


def _in_run(text: str, start: int, end: int) -> Iterator[Found]:
    before = text[max(0, start - 48) : start]
    found = [*_cards(text, start, end, before)] if end - start >= _FEWEST_OF_CARD else []
    if not text[start:end].isdigit():
        found += (*find_grouped(text, start, end), *_phones(text, start, end, before))
    yield from found
    if not found and _has_stem(before):
        named = _NAMED.search(before)
        digits = len(digits_of(text[start:end]))
        if named is not None and digits <= 16 and not _is_part(text, start, end):
            yield Found(start, end, PHONE if named["phone"] else NATIONAL_ID)


def _is_part(text: str, start: int, end: int) -> bool:
    """True if what stands around a number makes it a part of something longer."""
    return (
        (text[start - 1 : start] or " ") in _JOINS or text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()
    )


def _has_stem(before: str) -> bool:
    """A quick look whether a search for the words of `_NAMED` is worth its time."""
    lowered = before.lower()
    return any(stem in lowered for stem in _STEMS)


_STEMS = (
    *(
        "tel",
        "fon",
        "mob",
        "hand",
        "cell",
        "fax",
        "sms",
        "whats",
        "ph",
        "me",
        "us",
        "dial",
        "line",
        "port",
        "rufn",
        "tél",
    ),
    *("ssn", "secur", "tin", "tfn", "tax", "steuer", "nhs", "aad", "uidai", "pesel", "cpf", "bsn", "person", "cpr"),
    *("ident", "nino", "insur", "licen", "curp", "nif", "dni", "nric", "sin", "celu", "móv"),
)
_JOINS = frozenset("_-./@#$€£%&\\")
_NAMED = re.compile(
    r"(?:(?P<phone>(?<![A-Za-z])(?:tele)?(?:phone|fon|fone|mobile|mobil|handy|cell|fax|whats ?app|sms"
    r"|t[eé]l[eé]phone|tel[eé]fono|m[oó]vil|portable|rufnummer"
    r"|telefoon|telefone|celular|tel|mob|ph|call me|call us|text me|reach me|ring me"
    r"|dial|hotline|landline))"
    r"|(?<![A-Za-z])(?:ssn|social security|itin|tfn|tax file|tax ?id|taxpayer|steuer-?id|nhs|aadhaar|aadhar|uidai"
    r"|pesel|cpf|bsn|personnummer|cpr|national id(?:entity)?|identity card|nino|national insurance|passport"
    r"|driver'?s? licen[cs]e|licen[cs]e no|medicare|curp|nif|dni|nric|social insurance|sin))"
    r"(?:[ .]?(?:number|num|no|nr|code|#|id|card|is|at|on|under|me|us))*+[\s.:=#(*\"'`>-]{0,6}\Z",
    re.IGNORECASE,
)


# cards

_FEWEST_OF_CARD = 12
_GAPS = r"[ \u00a0\u2009\u202f-]"
_CARD = re.compile(
    rf"(?<![\w.+/$-])(?:\d{{4}}({_GAPS})\d{{4}}\1\d{{4}}\1\d{{1,7}}|3\d{{3}}({_GAPS})\d{{6}}\2\d{{4,5}}|\d{{13,19}})"
    r"(?![\w/=]|[.-]\d)"
)
# A row of numbers as long as groups of a card are is a table; what is beside a card is short: when it ends, its code.
_EXPIRY = re.compile(r"[ \u00a0](?:0[1-9]|1[0-2])/\d{2}(?:\d{2})?(?![\w/])")
_GROUP_BEFORE = re.compile(r"(?<!\d)(\d+)([ \u00a0\u2009\u202f])\Z")
_GROUP_BEHIND = re.compile(r"([ \u00a0\u2009\u202f])(\d+)")
_MOST_BESIDE = 4  # digits of a number beside one without gaps
_CARD_BEFORE = re.compile(
    r"(?:card|visa|master ?card|amex|american express|maestro|discover|diners|uatp|pan|cc)"
    r"(?: ?(?:number|num|no|nr|#|is))*+[\s.:=#\"'`-]{0,5}\Z",
    re.IGNORECASE,
)


def _cards(text: str, start: int, end: int, before: str) -> Iterator[Found]:
    for match in _CARD.finditer(text, start, end + 2):
        if not _is_in_table(text, match):
            is_sure = match.start() == start and _CARD_BEFORE.search(before) is not None
            if _is_card(match[0], is_sure=is_sure):
                yield Found(*match.span(), CARD)


def _is_in_table(text: str, match: re.Match[str]) -> bool:
    """True if the numbers beside one make it a part of a table, and no card."""
    low, high = match.span()
    gap = match[1] or match[2]
    if gap is not None and gap != "-" and _EXPIRY.match(text, high) is not None:
        return _GROUP_BEFORE.search(text, max(0, low - 24), low) is not None
    beside = (_GROUP_BEFORE.search(text, max(0, low - 24), low), _GROUP_BEHIND.match(text, high))
    digits = [found[1] if found[1].isdigit() else found[2] for found in beside if found is not None]
    return any(len(number) > _MOST_BESIDE for number in digits) if gap in (None, "-") else bool(digits)


def is_card_number(digits: str, name: str | None) -> bool:
    """True for a card's number written as a number, unless its field says that it is one of something else."""
    return not (name is not None and NUMBERED_THINGS.intersection(split_name(name)[-1:])) and _is_card(digits)


def _is_card(value: str, *, is_sure: bool = False) -> bool:
    """True for the number of a payment card: an issuer's prefix, its length and check digit.

    Args:
        is_sure: Words say so. Then it may be of an issuer whose numbers begin like those of anything else.
    """
    if _CARD.fullmatch(value) is None:
        return False
    digits = digits_of(value)
    return _is_issued("".join(map(str, digits)), is_sure) and luhn(digits) and len(set(digits)) > 1


def _is_issued(number: str, is_sure: bool) -> bool:
    """ISO/IEC 7812 prefixes of the networks, and how long their numbers are."""
    size, two, four = len(number), int(number[:2]), int(number[:4])
    if size == 16:
        return (
            number[0] == "4"
            or 51 <= two <= 55
            or 2221 <= four <= 2720
            or four == 6011
            or two == 65
            or 644 <= int(number[:3]) <= 649
            or 3528 <= four <= 3589
            or two in (62, 81)
            or (is_sure and (2200 <= four <= 2204 or 56 <= two <= 69))
        )
    if size == 15:
        return two in (34, 37) or (is_sure and number[0] == "1")
    if size == 14:
        return two in (36, 38, 39) or 300 <= int(number[:3]) <= 305
    return is_sure and number[0] in "456" if size in (13, 19) else is_sure and number[0] in "56"


# accounts

_IBAN = re.compile(
    r"[A-Z]{2}(?<![\w+/.-]..)\d{2}(?:([ -]?)[A-Z0-9]{4}(?:\1[A-Z0-9]{4}){1,6}(?:\1[A-Z0-9]{1,3})?)(?![\w+/=])"
)
# ISO 13616 registry: how long an account number of each country is.
_IBAN_LENGTHS = {
    country: size
    for size, countries in {
        15: "NO", 16: "BE", 18: "DK FO FI GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ XK LT LU MN",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL OM SO",
        24: "AD CZ DZ MD PK RO SA SE SK ES TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ CY DO GT HN HU LB PL SV NI", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def _ibans(text: str) -> Iterator[Found]:
    for match in _IBAN.finditer(text):
        value = match[0]
        if _is_iban(value):
            yield Found(*match.span(), IBAN)
        elif " " in value and _is_iban(value.rpartition(" ")[0]):  # the word behind it is short, and in capitals
            yield Found(match.start(), match.start() + value.rindex(" "), IBAN)


def _is_iban(value: str) -> bool:
    if _IBAN.fullmatch(value) is None:
        return False
    account = value.replace(" ", "").replace("-", "")
    return _IBAN_LENGTHS.get(account[:2]) == len(account) and mod97(account[4:] + account[:4]) == 1


# phones

_GAP = r"[ .\u00a0-]"
_PHONE = re.compile(
    r"(?<![\w+/.$€£%&-])(?:"
    rf"(?:\(\+[1-9]\d{{0,2}}\)|(?:\+|00(?=[1-9]\d?{_GAP}|[1-9]\d\d{_GAP}))[1-9]\d{{0,2}})(?:{_GAP}?(?:\(\d{{1,5}}\)|\d+)){{1,6}}"
    rf"|(?:1{_GAP})?\([2-9]\d\d\){_GAP}?[2-9]\d\d{_GAP}\d{{4}}"
    rf"|(?:1{_GAP})?[2-9]\d\d([-.])[2-9]\d\d\1\d{{4}}"
    r"|9\d-[2-9]\d\d-[2-9]\d\d-\d{4}"
    r"|\(0\d{1,4}\)[ -]?\d{3,4}[ -]?\d{3,5}"
    r")(?![\w/=@%]|[.:-]\d)"
)
_NO_PHONE_BEFORE = re.compile(
    r"(?<![A-Za-z])"  # `said` is no `id`
    r"(?:order|invoice|ticket|sku|part|model|serial|tracking|shipment|case|isbn|issn|version|build|ref(?:erence)?|po|id)"
    r"(?:[ _]?(?:number|num|no|nr|id|#|is))*+[\s.:=#\"'`]{0,4}\Z",
    re.IGNORECASE,
)
# ITU-T E.164, the codes that are assigned.
_COUNTRY_CODE = re.compile(
    r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|(?:2[1-69]|3[578]|42|5[09]|6[789]|8[05789]|9[679])\d"
)


def _phones(text: str, start: int, end: int, before: str) -> Iterator[Found]:
    for match in _PHONE.finditer(text, start, end + 2):
        is_sure = match[0].startswith(("+", "("))
        if is_sure and _is_added(text, match.start()):
            continue
        if is_phone(match[0]) and (is_sure or match.start() > start or not _NO_PHONE_BEFORE.search(before)):
            yield Found(*match.span(), PHONE)


def _is_added(text: str, start: int) -> bool:
    """True for a number on a line that a patch adds."""
    return text.startswith("+", start) and text[start - 1 : start] == "\n" and "@@ -" in text


def country_code_size(number: str) -> int:
    """How many digits of an international number are its country's; 0 if no country has such numbers."""
    code = _COUNTRY_CODE.match(number)
    return code.end() if code is not None else 0


def is_phone(value: str) -> bool:
    """True for what has the form of a phone number, if its country and its length are possible."""
    number = "".join(map(str, digits_of(value)))
    if "+" not in value and not number.startswith("00"):
        return True
    number = number[2:] if "+" not in value else number
    if not 9 <= len(number) <= 15 or (number.isdigit() and len(set(number)) < 3):
        return False
    if number[0] == "1":
        return len(number) == 11 and number[1] >= "2" and number[4] >= "2"
    return country_code_size(number) > 0 and (len(number) >= 10 or not value[1:].isdigit())
