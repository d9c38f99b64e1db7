"""Numbers of persons are found by their form and check digits; plain digits only where nothing else stands."""

from __future__ import annotations

import pytest

from replaykit.sanitizer.national import find_grouped, find_lettered, is_national, is_national_alone

# Published specimens, most of them of people who never lived.
SPECIMENS = {
    "Singapore": "S2740116C",
    "India": "ABCPD1234Z",
    "Spain": "12345678Z",
    "Spain, foreigners": "X1234567L",
    "Italy": "RSSMRA85T10A562S",
    "Mexico": "BOXW310820HNERXN09",
    "United Kingdom": "AB123456C",
    "United Kingdom, spaced": "AB 12 34 56 C",
    "Finland": "131052-308T",
    "Hong Kong": "A123456(3)",
    "Taiwan": "A123456789",
    "China": "11010519491231002X",
    "United States": "078-05-1120",
    "United States, taxpayers": "911-70-1234",
    "Brazil": "529.982.247-25",
    "Chile": "12.531.909-2",
    "Korea": "971013-9019902",
    "Sweden": "811228-9874",
    "Switzerland": "756.9217.0769.85",
    "Belgium": "85.07.30-033.28",
    "France": "2 95 10 99 126 111 93",
}
DIGITS = {
    "Australia": "876 543 210",
    "Canada": "046 454 286",
    "England": "943 476 5919",
    "Aadhaar": "2341 2341 2346",
    "Germany": "36 574 261 809",
    "Poland": "44051401359",
    "taxpayers": "911701234",
    "Turkey": "10000000146",
}


def found(text: str) -> list[str]:
    items = (*find_lettered(text), *find_grouped(text, 0, len(text)))
    return sorted({text[item.start : item.end] for item in items})


@pytest.mark.parametrize("number", [number for name, number in SPECIMENS.items() if name not in ("Korea",)])
@pytest.mark.parametrize("around", ["{}", "it is {}.", "id={}", "a,{},b", "({})", "{}: me"])
def test_specimen_is_found(number: str, around: str) -> None:
    assert is_national(number)
    assert number in found(around.format(number))


@pytest.mark.parametrize("number", DIGITS.values(), ids=DIGITS.keys())
def test_plain_digits_count_only_alone(number: str) -> None:
    assert is_national_alone(number)
    assert not is_national(number)
    assert found(f"there are {number} of them") == []


@pytest.mark.parametrize(
    "text",
    [
        *("S2740116D", "12345678A", "RSSMRA85T10A562T", "131052-308A", "000-12-3456", "666-12-3456", "529.982.247-26"),
        *("693-09.4444", "51 824 753 5564", "123 456\n789", "QQ123456C", "ISBNX1234Z", "111.111.111-11"),
        *("xS2740116C", "S2740116Cx", "abc/12345678Z", "12345678Z=", "1978-05-1120", "078-05-11203"),
    ],
)
def test_what_fails_its_check_or_is_part_of_something_stays(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["1770853433", "1770853433000", "876543211", "12", ""])
def test_times_and_other_digits_are_nobodys(text: str) -> None:
    assert not is_national_alone(text)


def test_groups_in_a_table_are_no_number_of_a_person() -> None:
    assert found("100 078 05 1120 200") == []
