"""Cards, accounts and phone numbers are found; orders, prices, times and tables are not."""

from __future__ import annotations

import json
import time

import pytest

from replaykit.sanitizer.personal import country_code_size, find_lone, find_personal, personal_kind
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.secrets import sanitizer

VALUES = {
    "card": ["4111 1111 1111 1111", "4111111111111111", "3782 822463 10005", "5555-5555-5555-4444", "30569309025904"],
    "iban": ["GB82 WEST 1234 5698 7654 32", "PL61109010140000071219812874", "NO93 8601 1117 947"],
    "phone": [
        "(415) 555-0132",
        "415-555-0132",
        "+1 415 555 0132",
        "+14155550132",
        "+49 (0)30 901820",
        "0044 20 7946 0958",
    ],
    "ip": ["93.184.216.34"],
    "national_id": ["078-05-1120"],
}
CASES = [(kind, value) for kind, values in VALUES.items() for value in values]


def found(text: str) -> set[tuple[str, str]]:
    return {(item.kind, text[item.start : item.end]) for item in find_personal(text)}


@pytest.mark.parametrize(("kind", "value"), CASES, ids=[value for _, value in CASES])
@pytest.mark.parametrize(
    "around", ["{}", "it is {}.", "a={}, b", "1,{},x", "<{}>", "({})", "Maria\n{}\nOslo"], ids=repr
)
def test_value_is_found_wherever_it_stands(kind: str, value: str, around: str) -> None:
    assert (kind, value) in found(around.format(value))
    assert personal_kind(value) == kind


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("phone: 555-0132", "phone", "555-0132"),
        ("Tel. 030 901820", "phone", "030 901820"),
        ("call me at 0171 1234567", "phone", "0171 1234567"),
        ("SSN 078051120", "national_id", "078051120"),
        ("passport no. 123456789", "national_id", "123456789"),
        ("my credit card: 122000000000003", "card", "122000000000003"),
    ],
)
def test_number_behind_a_word_is_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        *("4111111111111112", "1234567812345670", "order 4111 1111 1111", "0.4111111111111111", "a4111111111111111"),
        *(
            "GB83 WEST 1234 5698 7654 32",
            "HU42 A177 3016 1111 1018 0000 0000",
            "GB82WEST1234569876543",
            "xPL61109010140000071219812874",
        ),
        *("+1770853433", "1770853433", "1770853433000", "order 415-555-0132", "invoice #415-555-0132", "115-555-0132"),
        *(
            "2025-11-19 10:20",
            "19.11.2025 10",
            "100 200 300 400",
            "$1,234,567.89",
            "1.234.567,89",
            "2019-2024",
            "call_12345678",
        ),
        *(
            "@@ -12,3 +14,3 @@\n+4915112345678",
            "+0000",
            "(1) 2345678",
            "tel_id=12345678",
            "10-20-30-40-50",
            "12345 67890 12345",
        ),
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert found(text) == set()


CARD_NUMBER = "4556737586899855"


@pytest.mark.parametrize(
    "text",
    [
        f"{CARD_NUMBER} 12/28 837",
        f"42 {CARD_NUMBER}",
        f"{CARD_NUMBER} 1234",
        f"2025-11-22 {CARD_NUMBER} 2025",
        f"10:20:30 {CARD_NUMBER}",
        f"pay\u00a0{CARD_NUMBER}\u00a01",
    ],
)
def test_card_beside_short_numbers_is_found(text: str) -> None:
    assert found(text) == {("card", CARD_NUMBER)}


@pytest.mark.parametrize("gap", ["\u00a0", "\u202f", "\u2009", " ", "-"], ids=ascii)
@pytest.mark.parametrize("behind", ["", " 12/28 837", ", 12/28"])
def test_card_in_groups_is_found(gap: str, behind: str) -> None:
    card = gap.join(("4556", "7375", "8689", "9855"))

    assert ("card", card) in found(f"on {card}{behind}")


@pytest.mark.parametrize(("kind", "value"), [case for case in CASES if not set(case[1]) & set(" ()")])
@pytest.mark.parametrize(
    "around", ["/u/{}/inbox", "see /v1/users/{}/inbox?a=1", "GET /u/{}/", "https://x.io/u/{}/inbox"]
)
def test_segment_of_a_path_is_found(kind: str, value: str, around: str) -> None:
    assert (kind, value) in found(around.format(value))


def test_address_that_names_a_file_is_found() -> None:
    assert found("see 93.184.216.34.json and 185.199.108.153.txt") == {
        ("ip", "93.184.216.34"),
        ("ip", "185.199.108.153"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "Chrome/140.100.200.150 Safari",
        "/orders/4556737586899856/items",
        "/v1/20251122103009/a",
        "/a/b4556737586899855/c",
        "93.184.216.34.dev1",
        "93.184.216.34.5",
        "12/28/4556737586899855/1",
    ],
)
def test_other_segment_stays(text: str) -> None:
    assert found(text) == set()


@pytest.mark.parametrize(
    "text",
    [
        f"1700000000000 {CARD_NUMBER} 99812",
        f"{CARD_NUMBER} 1700000000",
        f"90{CARD_NUMBER}",
        f"{CARD_NUMBER}31",
        f"0.{CARD_NUMBER} 12/28",
        "1 4556 7375 8689 9855",
        "4556 7375 8689 9855 1200",
        "4556 7375 8689 9855 12",
        "2024 4556 7375 8689 9855 12/28",
    ],
)
def test_number_in_a_row_of_numbers_is_no_card(text: str) -> None:
    assert found(text) == set()


@pytest.mark.parametrize(
    "value",
    [
        {"card": int(CARD_NUMBER)},
        [int(CARD_NUMBER)],
        {"a": [1, 2, int(CARD_NUMBER)], "b": int(CARD_NUMBER)},
        {"text": f'{{"card": {CARD_NUMBER}}}'},
    ],
    ids=str,
)
def test_card_that_is_a_number_in_json_is_replaced_by_one(value: object) -> None:
    one = sanitizer()
    stored = json.dumps(one.json(value))

    assert CARD_NUMBER not in stored
    assert len(stored) == len(json.dumps(value))
    assert Sanitizer(known=one.issued).text(stored) == stored


@pytest.mark.parametrize("name", ["id", "tweet_id", "createdAt", "order", "ids", "timestamp"])
def test_long_number_of_something_else_in_json_stays(name: str) -> None:
    value = {name: [1, int(CARD_NUMBER)]}

    assert sanitizer().json(value) == value


def test_lone_number_is_found_with_what_stands_around_it_left() -> None:
    assert [(item.start, item.end) for item in find_lone(' "876 543 210"\n')] == [(2, 13)]
    assert list(find_lone("876 543 211")) == []


@pytest.mark.parametrize(("number", "size"), [("1415", 1), ("4930", 2), ("35312", 3), ("2801", 0), ("0", 0)])
def test_country_of_a_number_is_known(number: str, size: int) -> None:
    assert country_code_size(number) == size


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone", "12345678"),
        ("mobile_number", 4915112345678),
        ("cardNumber", 4111111111111111),
        ("passport_no", "X1234567"),
        ("ssn", 78051120),
        ("client_ip", "8.8.4.4"),
    ],
)
def test_value_under_a_personal_name_is_replaced(name: str, value: str | int) -> None:
    stored = Sanitizer().json({name: value})[name]

    assert stored != value
    assert type(stored) is type(value)
    assert len(str(stored)) == len(str(value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("phone", "iPhone 15 Pro"), ("mobile", True), ("phone", None), ("fax", "2025-11-19"), ("ip", "127.0.0.1")),
        *(("ip", "10.0.0.1"), ("phone_number_id", "106540352242922"), ("phone_count", 12345678), ("ssn", "required")),
    ],
)
def test_what_only_stands_under_such_a_name_stays(name: str, value: object) -> None:
    assert Sanitizer().json({name: value}) == {name: value}


PIECES = [
    "1 ",
    "1-",
    "+1 (",
    "12 34 ",
    "1.1.1.1.",
    ":::",
    "a:b:",
    "AB12 ",
    "AB 12 34 ",
    "123456-",
    "4111 1111 ",
    "tel 1",
    "(0)",
    "00 1",
]


@pytest.mark.parametrize("piece", PIECES)
def test_long_repeats_cost_no_more_than_their_size(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    start = time.process_time()
    list(find_personal(text))

    assert time.process_time() - start < 3


@pytest.mark.parametrize("word", ["said", "paid", "depo", "forbid"])
def test_number_behind_a_word_that_ends_like_a_label_is_a_phone(word: str) -> None:
    assert "415-672" not in Sanitizer().text(f"she {word} 415-672-0193 twice")
    assert "415-672" in Sanitizer().text("order id 415-672-0193 twice")
