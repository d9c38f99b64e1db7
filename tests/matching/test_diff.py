"""Field-level differences."""

from __future__ import annotations

from replaykit.matching.diff import ABSENT, FieldDiff, changed_lines, diff_json


def test_each_leaf_that_differs_is_named_by_its_path() -> None:
    old, new = {"a": [1, {"b": "x"}], "c": 1}, {"a": [1, {"b": "y"}, 3], "d": 1}

    assert list(diff_json(old, new, "body")) == [
        FieldDiff("body.a[1].b", "x", "y"),
        FieldDiff("body.a[2]", ABSENT, 3),
        FieldDiff("body.c", 1, ABSENT),
        FieldDiff("body.d", ABSENT, 1),
    ]


def test_equal_numbers_of_other_types_differ() -> None:
    assert [field.path for field in diff_json([1, 1, 1], [1, 1.0, True])] == ["[1]", "[2]"]


def test_numbers_are_compared_as_they_are_written() -> None:
    nan = float("nan")

    assert [field.path for field in diff_json([0.0, nan, 0.1], [-0.0, nan, 0.1])] == ["[0]"]


def test_a_long_line_is_cut_around_its_first_difference() -> None:
    old, new = changed_lines("same\n" + "x" * 500 + "careful" + "y" * 500, "same\n" + "x" * 500 + "cautious", width=60)

    assert "careful" in old
    assert "cautious" in new
    assert len(old) <= 62


def test_a_line_more_on_one_side_is_the_difference() -> None:
    assert changed_lines("a\nb", "a\nb\nc") == ("", "c")
