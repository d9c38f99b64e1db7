"""Check digits: what tells the number of a card or of a person from any other number.

Written down here and not taken from a library: the ones there are weigh more than the rest of this package together
(python-stdnum 6 MB and about a tenth of a second at its first import, phonenumbers 48 MB).
"""

from __future__ import annotations

from collections.abc import Sequence

_VERHOEFF_PRODUCT = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_VERHOEFF_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def digits_of(text: str) -> tuple[int, ...]:
    """The decimal digits of a text."""
    return tuple(ord(char) - 48 for char in text if "0" <= char <= "9")


def luhn(digits: Sequence[int]) -> bool:
    """ISO/IEC 7812, for cards and many others."""
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + doubled) % 10 == 0


def weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    """The sum of digits, each by its weight; further digits do not count."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def verhoeff(digits: Sequence[int]) -> bool:
    """The dihedral group's check, which India uses."""
    check = 0
    for index, digit in enumerate(reversed(digits)):
        for _ in range(index % 8):
            digit = _VERHOEFF_TURN[digit]
        check = _VERHOEFF_PRODUCT[check][digit]
    return check == 0


def iso7064_mod11_10(digits: Sequence[int]) -> bool:
    """ISO/IEC 7064, the hybrid one: Germany, Croatia."""
    check = 10
    for digit in digits[:-1]:
        check = ((check + digit) % 10 or 10) * 2 % 11
    return (check + digits[-1]) % 10 == 1


def mod97(text: str) -> int:
    """What is left of an IBAN that begins with its bank, letters counted from ten: ISO 13616."""
    return int("".join(str(int(char, 36)) for char in text)) % 97


def is_date(year: int, month: int, day: int) -> bool:
    """True for a day of the calendar, with leap days in every year: its century is often not known."""
    return year >= 0 and 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)
