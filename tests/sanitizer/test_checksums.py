"""Check digits, by published specimens."""

from __future__ import annotations

import pytest

from replaykit.sanitizer.checksums import digits_of, is_date, iso7064_mod11_10, luhn, mod97, verhoeff, weighted


@pytest.mark.parametrize(
    ("check", "number"),
    [
        (luhn, "4111111111111111"),
        (luhn, "378282246310005"),
        (verhoeff, "234123412346"),
        (iso7064_mod11_10, "36574261809"),
    ],
)
def test_specimen_passes_and_no_other_last_digit_does(check: object, number: str) -> None:
    passing = [digit for digit in "0123456789" if check(digits_of(number[:-1] + digit))]  # type: ignore[operator]

    assert passing == [number[-1]]


def test_account_with_its_check_digits_leaves_one() -> None:
    assert mod97("WEST12345698765432" + "GB82") == 1
    assert mod97("WEST12345698765432" + "GB83") != 1


def test_digits_are_those_of_ascii() -> None:
    assert digits_of("1-2 ٣4") == (1, 2, 4)


def test_further_digits_have_no_weight() -> None:
    assert weighted((1, 2, 3), (1, 1)) == 3


@pytest.mark.parametrize(
    ("date", "is_one"), [((0, 2, 29), True), ((99, 2, 30), False), ((1, 13, 1), False), ((1, 4, 31), False)]
)
def test_date_is_one_of_the_calendar(date: tuple[int, int, int], is_one: bool) -> None:
    assert is_date(*date) is is_one
