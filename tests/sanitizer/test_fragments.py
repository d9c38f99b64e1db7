"""What a stream spelled, printed piece by piece."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from replaykit.sanitizer.fragments import Fragments
from tests.sanitizer.secrets import TOKENS, sanitizer

KEY, ADDRESS = TOKENS["github_token"], "alice.johnson@acme.com"
TEXT = f"The key is {KEY}, and it is {ADDRESS}\nwho knows it. Bye."

Printer = Callable[[int, str], str]
PRINTERS: dict[str, Printer] = {
    "a line each": lambda number, piece: f"{piece}\n",
    "events": lambda number, piece: f"Delta(number={number}, text={piece!r}, padding='x{number * 7919}')\n",
    "end with a star": lambda number, piece: f"{piece}*",
}


def pieces(text: str, size: int) -> list[str]:
    return [text[place : place + size] for place in range(0, len(text), size)]


def printed(texts: list[str], printer: Printer) -> str:
    return "started\n" + "".join(printer(number, text) for number, text in enumerate(texts)) + "done\n"


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("printer", PRINTERS.values(), ids=PRINTERS)
def test_what_is_printed_apart_is_what_the_stand_ins_would_print(printer: Printer, size: int) -> None:
    clean = sanitizer()
    deltas = [f"data: {json.dumps({'delta': piece})}\n\n".encode() for piece in pieces(TEXT, size)]
    stored = [json.loads(chunk[6:])["delta"] for chunk in clean.chunks(deltas, "text/event-stream")]

    assert clean.output(printed(pieces(TEXT, size), printer)) == printed(stored, printer)
    assert "".join(stored) != TEXT


def test_pieces_with_other_signs_between_them_are_other_words() -> None:
    fragments = Fragments()
    fragments.add(["sk", "ab", "cd"], ["sk", "xy", "zw"], [(0, 6)])

    assert fragments.replaced("sk, ab; cd") == "sk, ab; cd"
    assert fragments.replaced("sk and ab or cd") == "sk and xy or zw"
    assert fragments.replaced("skabcd") == "skabcd"


def test_two_pieces_are_told_by_a_line_each() -> None:
    fragments = Fragments()
    fragments.add(["ab", "cd"], ["xy", "zw"], [(1, 3)])

    assert fragments.replaced("ab\ncd, ab - cd") == "xy\nzw, ab - cd"


@pytest.mark.timeout(30)
def test_a_long_text_that_begins_alike_again_and_again_comes_to_an_end() -> None:
    fragments = Fragments()
    fragments.add(["a", "b", "c"], ["x", "y", "z"], [(0, 3)])

    assert fragments.replaced("a b, " * 10_000) == "a b, " * 10_000
