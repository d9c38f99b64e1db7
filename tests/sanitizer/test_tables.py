"""Secrets in the columns of a table."""

from __future__ import annotations

import time

import pytest

from replaykit.sanitizer.tables import find_columns


def found(text: str) -> list[str]:
    return [text[item.start : item.end] for item in find_columns(text)]


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("name,password\nbob,Hunter2x\nann,Summer3y\n", ["Hunter2x", "Summer3y"]),
        ("name;API Key;active\r\nbob;Hunter2x;yes\r\n", ["Hunter2x"]),
        ("name\tpassword\nbob\tHunter2x", ["Hunter2x"]),
        ('"name","password"\n"Bob, A.","Hunter2x"\n', ["Hunter2x"]),
        ("see:\n\n| user | password |\n|---|---|\n| bob | Hunter2x |\n\nthat's all", ["Hunter2x"]),
        (" user | password \n------+----------\n bob  | Hunter2x\n(1 row)\n", ["Hunter2x"]),
        ("id,phone\n1,0171 2345678\n", ["0171 2345678"]),
        ("id,token\n1,aB3dE6gH9jK2mN5p\n2,none\n", ["aB3dE6gH9jK2mN5p"]),
    ],
)
def test_value_below_its_name_is_found(text: str, secrets: list[str]) -> None:
    assert found(text) == secrets


@pytest.mark.parametrize(
    "text",
    [
        "name,color\nbob,Hunter2x\n",
        "name,password\nbob,Hunter2x,yes\n",
        "connect(user, password)\nopen(x1, Hunter2x)\n",
        "Please enter your name, password\nand press the key, Hunter2x\n",
        "    user, password,\n    host, port,\n",
        "name,password\n\nbob,Hunter2x\n",
        "name,password\nbob,<hidden>\nann,********\n",
        "column,type\npassword,varchar255\n",
        "page,next_page_token\n1,aB3dE6gH9jK2mN5p\n",
    ],
)
def test_near_miss_stays(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("piece", ["name,password\n", "a,", "password,a\n1,2\n", "|", '"a","password'])
def test_long_repeats_cost_no_more_than_their_size(piece: str) -> None:
    start = time.process_time()
    found(piece * (60_000 // len(piece)))

    assert time.process_time() - start < 3
