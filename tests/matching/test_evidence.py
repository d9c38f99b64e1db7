"""What a difference of texts shows about where it comes from."""

from __future__ import annotations

from datetime import datetime

import pytest

from replaykit.matching.diff import ABSENT, FieldDiff
from replaykit.matching.evidence import Swap, differing_words, find_swap, is_another_text, is_by_chance
from replaykit.matching.volatile import holds_fresh

NOW = datetime(2026, 3, 9, 10, 30)
SWAP = Swap("a", "b", frozenset({"baker", "0"}), frozenset({"florist", "1"}))


@pytest.mark.parametrize(
    ("recorded", "now", "words"),
    [
        ("go to the baker first", "go to the florist first", (["baker"], ["florist"])),
        ("baker, florist", "florist, baker", (["baker", "florist"], ["florist", "baker"])),
        ("one two", "one two three", ([], ["three"])),
        ("a a", "a", (["a"], [])),
        (ABSENT, "new", ([], ["new"])),
    ],
)
def test_the_words_between_the_first_and_the_last_that_differ(
    recorded: object, now: object, words: tuple[list[str], list[str]]
) -> None:
    assert differing_words(FieldDiff("x", recorded, now)) == words


@pytest.mark.parametrize(
    ("recorded", "now", "is_swap"),
    [
        ("won: baker", "won: florist", True),
        ("won: 0", "won: 1", True),
        ("won: florist", "won: baker", False),
        ("The baker is open.", "The bakery is open.", False),
        ("Be careful.", "Be cautious.", False),
    ],
)
def test_a_swap_shows_where_one_answer_stands_for_the_other(recorded: str, now: str, is_swap: bool) -> None:
    assert (find_swap([FieldDiff("x", recorded, now)], [SWAP]) is SWAP) is is_swap


@pytest.mark.parametrize(
    ("text", "is_fresh"),
    [
        ("It is 2026-03-09T10:30:00Z", True),
        ("Monday, 9 March 2026", True),
        ("Mar 10, 2026", True),
        ("9.3.2026", True),
        ("1773052200.123", True),
        ("id 5af7624a-f5ac-4a4e-ab3b-ed228bcb8bc4", True),
        ("0.8444218515250481", True),
        ("trained until 2023-04-01", False),
        ("at most 250000", False),
        ("at 9:30", False),
        ("19 March 2020", False),
        ("nothing", False),
    ],
)
def test_what_no_program_has_as_a_constant(text: str, is_fresh: bool) -> None:
    assert holds_fresh(text, NOW) is is_fresh


@pytest.mark.parametrize(
    ("reads", "now", "is_chance"),
    [
        ((), "Be kind. It is 2026-03-09.", False),
        (("time",), "Be kind. It is 2026-03-09.", True),
        (("time",), "Be kind. Be brief.", False),
        (("random.getrandbits",), "Be kind. Be brief.", True),
        (("random.getrandbits",), "Be", False),
        (None, "Be kind. It is 2026-03-09.", True),
        (None, "Be kind. It was 2023-03-09.", False),
    ],
)
def test_chance_needs_a_read_or_a_time_that_is_now(reads: tuple[str, ...] | None, now: str, is_chance: bool) -> None:
    assert is_by_chance([FieldDiff("x", "Be kind.", now)], reads, NOW) is is_chance


@pytest.mark.parametrize(
    ("recorded", "now", "is_another"),
    [
        ("Name the three risks.", "Check whether museums close on Monday.", True),
        ("Name the three risks.", "Name the four risks.", False),
        ("hello", "goodbye", False),
    ],
)
def test_texts_with_nothing_in_common_are_two(recorded: str, now: str, is_another: bool) -> None:
    assert is_another_text(recorded, now) is is_another
