"""Numbers that states give to people, by their form and their check digits.

Some have a form that nothing else has; others are a few digits like any, and count only behind a word that names them,
or where a text is nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from replaykit.sanitizer.checksums import digits_of, is_date, iso7064_mod11_10, luhn, verhoeff, weighted
from replaykit.sanitizer.shapes import Found

KIND = "national_id"

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Form:
    """How a number is written.

    Attributes:
        pattern: All of it, with the usual signs between its groups.
        check: Whether its characters, without these signs, are one.
        is_plain: Nothing but its check digits tells it from other numbers.
    """

    pattern: str
    check: Check
    is_plain: bool = False


def _mod11(weights: tuple[int, ...], *, residue: int = 0) -> Check:
    return lambda text: weighted(digits_of(text), weights) % 11 == residue


def _dated(year: slice, month: slice, day: slice, check: Check = lambda text: True) -> Check:
    def is_one(text: str) -> bool:
        return is_date(int(text[year]), int(text[month]), int(text[day])) and check(text)

    return is_one


def _letter_after(letters: str, digits: slice, place: int = -1) -> Check:
    return lambda text: letters[int(text[digits]) % len(letters)] == text[place]


_YMD = (slice(0, 2), slice(2, 4), slice(4, 6))
_DMY = (slice(4, 6), slice(2, 4), slice(0, 2))
_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def _ssn(text: str) -> bool:
    return text[:3] not in ("000", "666") and text[0] != "9" and text[3:5] != "00" and text[5:] != "0000"


def _itin(text: str) -> bool:
    group = int(text[3:5])
    return text[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99)


def _nric(text: str) -> bool:
    total = weighted(digits_of(text), (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(text[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(text[0], "XWUTRQPNMLK")
    place = 10 - total % 11 if text[0] == "M" else total % 11
    return letters[place] == text[-1]


def _nie(text: str) -> bool:
    return _DNI[int(str("XYZ".index(text[0])) + text[1:8]) % 23] == text[-1]


def _codice_fiscale(text: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    values = [int(char) if char.isdigit() else ord(char) - 65 for char in text]
    total = sum(odd[value] for value in values[:15:2]) + sum(values[1:15:2])
    return total % 26 == values[15] and 1 <= int(text[9:11]) % 40 <= 31


def _cpf(text: str) -> bool:
    digits = digits_of(text)
    first = weighted(digits, range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits, range(11, 1, -1)) * 10 % 11 % 10
    return len(set(digits)) > 1 and digits[9:11] == (first, second)


def _curp(text: str) -> bool:
    total = weighted(["0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ".index(char) for char in text], range(18, 1, -1))
    return is_date(int(text[4:6]), int(text[6:8]), int(text[8:10])) and -total % 10 == int(text[-1])


def _rut(text: str) -> bool:
    total = weighted(digits_of(text[:-1])[::-1], (2, 3, 4, 5, 6, 7, 2, 3))
    return "0123456789K0"[-total % 11] == text[-1].upper()


def _chinese(text: str) -> bool:
    total = weighted(digits_of(text[:17]), (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    century = text[6:8] in ("18", "19", "20")
    return (
        century
        and is_date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
        and "10X98765432"[total % 11] == text[-1]
    )


def _nir(text: str) -> bool:
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return text[0] in "12" and (97 - int(number) % 97) == int(text[13:]) and 1 <= int(text[3:5]) <= 99


def _belgian(text: str) -> bool:
    number, check = text[:9], int(text[9:])
    dated = is_date(int(text[:2]), int(text[2:4]) % 20, int(text[4:6]))
    return dated and check in (97 - int(number) % 97, 97 - int("2" + number) % 97)


def _ahv(text: str) -> bool:
    digits = digits_of(text)
    return (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def _hong_kong(text: str) -> bool:
    values = [36, *(ord(char) - 55 for char in text if char.isalpha())][-2:] if text[1].isdigit() else []
    values = values or [ord(char) - 55 for char in text[:2]]
    check = 10 if text[-1] == "A" else int(text[-1])
    return (weighted([*values, *digits_of(text[:-1])[-6:]], range(9, 1, -1)) + check) % 11 == 0


def _taiwanese(text: str) -> bool:
    first = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(text[0]) + 10
    return (first // 10 + first % 10 * 9 + weighted(digits_of(text), (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def _korean(text: str) -> bool:
    total = weighted(digits_of(text), (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    is_recent = text[6] in "3478" and text[:2] >= "20"  # those have no check digit any more
    return text[6] in "12345678" and (is_recent or (11 - total % 11) % 10 == int(text[12]))


def _pesel(text: str) -> bool:
    total = weighted(digits_of(text), (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1))
    return is_date(int(text[:2]), int(text[2:4]) % 20, int(text[4:6])) and total % 10 == 0


def _steuer_id(text: str) -> bool:
    repeated = [text[:10].count(digit) for digit in set(text[:10]) if text[:10].count(digit) > 1]
    return text[0] != "0" and len(repeated) == 1 and repeated[0] <= 3 and iso7064_mod11_10(digits_of(text))


def _nhs(text: str) -> bool:
    return weighted(digits_of(text), range(10, 1, -1)) % 11 == -digits_of(text)[9] % 11


def _insurance(text: str) -> bool:
    return (
        text[0] not in "DFIQUV"
        and text[1] not in "DFIOQUV"
        and text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
    )


def _hetu(text: str) -> bool:
    return _HETU[int(text[:6] + text[-4:-1]) % 31] == text[-1]


def _thai(text: str) -> bool:
    digits = digits_of(text)
    return (11 - weighted(digits, range(13, 1, -1)) % 11) % 10 == digits[12]


def _abn(text: str) -> bool:
    digits = digits_of(text)
    return weighted((digits[0] - 1, *digits[1:]), (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0


def _turkish(text: str) -> bool:
    digits = digits_of(text)
    tenth = (7 * sum(digits[:9:2]) - sum(digits[1:8:2])) % 10
    return digits[0] > 0 and digits[9] == tenth and sum(digits[:10]) % 10 == digits[10]


# The ones with letters, and then the ones that the signs between their digits give away.
LETTERED = (
    Form(r"[STFGM]\d{7}[A-Z]", _nric),
    Form(r"[A-Z]{5}\d{4}[A-Z]", lambda text: text[:5] not in ("ISBNX", "MODEL", "ORDER", "ERROR", "PHASE", "STAGE")),
    Form(r"[XYZ]-?\d{7}-?[A-Z]", _nie),
    Form(r"\d{8}-?[A-HJ-NP-TV-Z]", _letter_after(_DNI, slice(0, 8))),
    Form(r"[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", _codice_fiscale),
    Form(r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", _curp),
    Form(r"[A-Z]{2}\d{6}[A-D]", _insurance),
    Form(r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", lambda text: is_date(0, int(text[2:4]), int(text[:2])) and _hetu(text)),
    Form(r"[A-Z]{1,2}\d{6}\([0-9A]\)", _hong_kong),
    Form(r"[A-Z][1289]\d{8}", _taiwanese),
    Form(r"\d{17}[\dX]", _chinese),
)


GROUPED = (
    Form(r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}", lambda text: _ssn(text) or _itin(text)),
    Form(r"9\d{2}-\d{6}|9\d{4}-\d{4}", _itin),
    Form(r"\d{3}\.\d{3}\.\d{3}-\d{2}", _cpf),
    Form(r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", _rut),
    Form(r"\d{6}-\d{7}", _dated(*_YMD, check=_korean)),
    Form(r"\d{6}[-+]\d{4}", _dated(*_YMD, check=lambda text: luhn(digits_of(text)))),
    Form(r"(?:19|20)\d{6}-\d{4}", lambda text: _dated(*_YMD)(text[2:]) and luhn(digits_of(text[2:]))),
    Form(r"756\.\d{4}\.\d{4}\.\d{2}", _ahv),
    Form(r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", _belgian),
    Form(r"[12] \d\d [0-9]\d \d[\dAB] \d{3} \d{3} \d\d", _nir),
    Form(r"\d{6}/\d{4}", lambda text: is_date(0, int(text[2:4]) % 50 % 20, int(text[4:6])) and int(text) % 11 == 0),
    Form(r"\d \d{4} \d{5} \d\d \d|\d-\d{4}-\d{5}-\d\d-\d", _thai),
    # A few digits like any other.
    Form(r"\d{3} \d{3} \d{3}", _mod11((1, 4, 3, 7, 5, 8, 6, 9, 10)), is_plain=True),
    Form(r"\d{3}[ -]\d{3}[ -]\d{3}", lambda text: luhn(digits_of(text)), is_plain=True),
    Form(r"\d{3}[ -]\d{3}[ -]\d{4}", _nhs, is_plain=True),
    Form(r"[2-9]\d{3} \d{4} \d{4}|[2-9]\d{3}-\d{4}-\d{4}", lambda text: verhoeff(digits_of(text)), is_plain=True),
    Form(r"\d{2} \d{3} \d{3} \d{3}", lambda text: iso7064_mod11_10(digits_of(text)) or _abn(text), is_plain=True),
    Form(r"[2-9]\d{3} \d{5} \d", _mod11((1, 3, 7, 9, 1, 3, 7, 9)), is_plain=True),
)

BARE: dict[int, tuple[Check, ...]] = {
    9: (_itin, _mod11((1, 4, 3, 7, 5, 8, 6, 9, 10))),
    10: (_nhs,),
    11: (_pesel, _cpf, _steuer_id, _abn, _turkish),
    12: (lambda text: text[0] in "23456789" and verhoeff(digits_of(text)),),
    13: (lambda text: text[0] in "12345678" and _thai(text), _dated(*_YMD, check=lambda text: luhn(digits_of(text)))),
    15: (_nir,),
}
"""Digits in one piece, by how many there are."""


_SPACES = frozenset(" \t")
_SIGNS = str.maketrans("", "", " .-/()+")
_EDGE = r"(?<![\w+/.$€£#%&@-])"
_END = r"(?![\w+/=@%-])(?![.:]\d)"


def _any_of(forms: tuple[Form, ...]) -> re.Pattern[str]:
    body = "|".join(f"(?P<f{index}>{form.pattern})" for index, form in enumerate(forms))
    return re.compile(f"{_EDGE}(?:{body}){_END}")


_DIGITS = re.compile(r"\d{3,}")  # every number with letters has so many in a row
_LEAD = re.compile(r"[A-Z0-9-]+\Z")
_LONGEST_LEAD = 12
_SPACED = re.compile(r"[A-Z]{2}(?<![\w-]..)(?: \d\d){3} [A-D](?!\w)")
_LETTERED = _any_of(LETTERED)
_GROUPED = _any_of(GROUPED)


def is_national(text: str) -> bool:
    """True if all of `text` is the number of a person whose form nothing else has."""
    return any(
        match is not None and match.span() == (0, len(text)) and _checked(match, forms, is_alone=False)
        for pattern, forms in ((_LETTERED, LETTERED), (_GROUPED, GROUPED))
        for match in (pattern.match(text),)
    ) or (_SPACED.fullmatch(text) is not None and _insurance(text))


def is_national_alone(text: str) -> bool:
    """True if `text` is such a number, if there is nothing around it."""
    if text.isdigit() and text.isascii():
        return not _is_time(text) and any(check(text) for check in BARE.get(len(text), ()))
    match = _GROUPED.match(text)
    return is_national(text) or (
        match is not None and match.end() == len(text) and _checked(match, GROUPED, is_alone=True)
    )


def find_lettered(text: str) -> Iterator[Found]:
    """Numbers with letters in them."""
    last = 0
    for digits in _DIGITS.finditer(text):
        if digits.start() >= last:
            if not _may_be_lettered(text, *digits.span()):
                continue
            low = max(last, digits.start() - _LONGEST_LEAD)
            lead = _LEAD.search(text, low, digits.start())
            match = _LETTERED.match(text, lead.start() if lead is not None else digits.start())
            if match is not None and _checked(match, LETTERED, is_alone=False):
                last = match.end()
                yield Found(*match.span(), KIND)
    for match in _SPACED.finditer(text):
        if _insurance(match[0]):
            yield Found(*match.span(), KIND)


def _may_be_lettered(text: str, start: int, end: int) -> bool:
    """A quick look at what stands around digits."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return (
        "A" <= before <= "Z" or "A" <= after <= "Z" or (after in ("-", "+") and end - start >= 6) or end - start == 18
    )


def find_grouped(text: str, start: int, end: int) -> Iterator[Found]:
    """Numbers with signs between their groups, in a piece of a text."""
    for match in _GROUPED.finditer(text, start, end + 2):
        if _checked(match, GROUPED, is_alone=False) and not (" " in match[0] and is_in_row(text, *match.span())):
            yield Found(*match.span(), KIND)


def is_in_row(text: str, start: int, end: int) -> bool:
    """True if there are digits before or behind a number, one sign away: it is a part of a table."""
    return (text[start - 1 : start] in _SPACES and text[max(0, start - 2) : max(0, start - 1)].isdigit()) or (
        text[end : end + 1] in _SPACES and text[end + 1 : end + 2].isdigit()
    )


def _checked(match: re.Match[str], forms: tuple[Form, ...], *, is_alone: bool) -> bool:
    """Whether some form of all that was matched agrees: several may have the same look."""
    whole = match[0]
    for form in forms:
        if (is_alone or not form.is_plain) and re.fullmatch(form.pattern, whole) is not None:
            number = whole if "[-+A-F" in form.pattern else whole.translate(_SIGNS)
            if form.check(number):
                return True
    return False


def _is_time(text: str) -> bool:
    """True for seconds and milliseconds since 1970, from 2001 to 2033."""
    return len(text) in (10, 13) and text[0] == "1"
