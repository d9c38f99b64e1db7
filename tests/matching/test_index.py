"""The ladder from exact to missing."""

from __future__ import annotations

import timeit
from typing import Any

import pytest

from replaykit.errors import UsageError
from replaykit.matching.index import Index, Match
from replaykit.matching.policy import find_policy
from tests.e2e.helpers import IS_SOAK
from tests.matching.building import (
    answer_with_calls,
    body_of,
    content_of,
    index_of,
    model_lines,
    packet_of,
    said,
    tool_content,
    tool_lines,
)

EXACT = find_policy("exact")
REFACTOR = find_policy("refactor")


def _tools(*calls: tuple[str, Any]) -> Index:
    return index_of(packet_of(tool_lines(calls)))


def _find(index: Index, position: str, arguments: Any, policy: Any = EXACT) -> Match:
    name = position.rpartition("tool:")[2].partition("[")[0]
    return index.find(position, tool_content(name, arguments), policy)


def _id(match: Match) -> str | None:
    return match.interaction.id if match.interaction is not None else None


def test_level_0_is_the_same_content_at_the_same_position() -> None:
    match = _find(_tools(("tool:a[0]", 1), ("tool:a[1]", 1)), "tool:a[1]", 1)

    assert (match.level, _id(match), match.differing) == (0, "c1", ())


def test_level_1_is_a_difference_in_declared_segments_only() -> None:
    request = body_of({"role": "system", "content": "old"}, said("hi"))
    changed = body_of({"role": "system", "content": "new"}, said("hi"))
    index = index_of(packet_of(model_lines([("llm:chat[0]", request, answer_with_calls())])))

    assert index.find("llm:chat[0]", content_of(changed), find_policy("exact", "system")).level == 1
    assert index.find("llm:chat[0]", content_of({**changed, "n": 2}), find_policy("exact", "system")).level == 2


def test_one_numbered_message_can_be_declared() -> None:
    index = index_of(packet_of(model_lines([("llm:chat[0]", body_of(said("a"), said("b")), answer_with_calls())])))
    policy = find_policy("exact", ["messages[1]"])

    assert index.find("llm:chat[0]", content_of(body_of(said("a"), said("x"))), policy).level == 1
    assert index.find("llm:chat[0]", content_of(body_of(said("x"), said("b"))), policy).level == 2


def test_level_2_is_other_content_at_the_same_position() -> None:
    match = _find(_tools(("tool:a[0]", 1)), "tool:a[0]", 2)

    assert (match.level, _id(match), match.differing) == (2, "c0", ("arguments",))


def test_level_3_after_an_inserted_call() -> None:
    match = _find(_tools(("tool:a[0]", 1), ("tool:a[1]", 2)), "tool:a[2]", 2, REFACTOR)

    assert (match.level, _id(match)) == (3, "c1")


def test_level_3_after_a_removed_call() -> None:
    match = _find(_tools(("tool:a[0]", 1), ("tool:a[1]", 2)), "tool:a[0]", 2, REFACTOR)

    assert (match.level, _id(match)) == (3, "c1")


def test_equal_calls_are_shifted_in_their_recorded_order() -> None:
    """With the first of four calls removed, the rest line up one after the other."""
    index = _tools(("tool:a[0]", 0), ("tool:a[1]", 7), ("tool:a[2]", 7), ("tool:a[3]", 9))
    found = []
    for position, value in (("tool:a[0]", 7), ("tool:a[1]", 7), ("tool:a[2]", 9)):
        match = _find(index, position, value, REFACTOR)
        assert match.interaction is not None
        index.use(match.interaction)
        found.append(match.interaction.id)

    assert found == ["c1", "c2", "c3"]


def test_a_call_is_looked_for_ahead_of_what_was_reached_first() -> None:
    """An earlier equal call was passed over; the one that comes next is meant."""
    index = _tools(("tool:a[0]", 7), ("tool:a[1]", 5), ("tool:a[2]", 7))
    shifted = _find(index, "tool:a[0]", 5, REFACTOR)
    assert shifted.interaction is not None
    index.use(shifted.interaction)

    assert _id(_find(index, "tool:a[1]", 7, REFACTOR)) == "c2"


def test_level_4_is_the_same_content_in_another_lineage() -> None:
    match = _find(_tools(("one/tool:a[0]", 1)), "two/tool:a[0]", 1, REFACTOR)

    assert (match.level, _id(match)) == (4, "c0")


def test_level_5_where_nothing_has_this_content() -> None:
    assert _find(_tools(("one/tool:a[0]", 1)), "two/tool:a[0]", 2, REFACTOR) == Match(5, None)


def test_level_5_where_several_candidates_have_it_and_none_is_chosen() -> None:
    match = _find(_tools(("one/tool:a[0]", 1), ("two/tool:a[0]", 1)), "three/tool:a[0]", 1, REFACTOR)

    assert (match.level, _id(match)) == (5, "c0")


def test_several_that_were_passed_over_are_not_chosen_between() -> None:
    index = _tools(("tool:a[0]", 7), ("tool:a[1]", 7), ("tool:a[2]", 5))
    last = index.at("tool:a[2]")
    assert last is not None
    index.use(last)

    assert _find(index, "tool:a[3]", 7, REFACTOR).level == 5


def test_a_result_is_served_once() -> None:
    index = _tools(("tool:a[0]", 1))
    first = _find(index, "tool:a[0]", 1)
    assert first.interaction is not None
    index.use(first.interaction)

    assert _find(index, "tool:a[0]", 1).level == 5
    assert index.unused == ()


def test_exact_prefers_to_say_that_a_call_has_moved_over_that_it_differs() -> None:
    match = _find(_tools(("tool:a[0]", 1), ("tool:a[1]", 2)), "tool:a[0]", 2, EXACT)

    assert match.level == 3


def test_keys_in_the_file_are_not_believed() -> None:
    """A packet of an older key version has other keys; content is made again from what it holds."""
    request = body_of(said("hi"))
    packet = packet_of(model_lines([("a/llm:chat[0]", request, answer_with_calls())]))

    assert packet.interactions[0].key == "stale"
    assert index_of(packet).find("a/llm:chat[0]", content_of(request), EXACT).level == 0
    assert index_of(packet).find("b/llm:chat[0]", content_of(request), REFACTOR).level == 4


def _cost(count: int) -> float:
    """Seconds for a lookup of each rung in an index of `count` interactions, all of them equal but one."""
    calls = [(f"tool:a[{number}]", 0) for number in range(count - 1)]
    index = _tools(*calls, ("other/tool:a[0]", 1))
    wanted = [("tool:a[3]", 0, EXACT), ("tool:a[3]", 1, REFACTOR), ("new/tool:a[0]", 0, REFACTOR)]

    def look() -> None:
        for position, value, policy in wanted:
            _find(index, position, value, policy)

    look()  # the first one makes the keys
    return min(timeit.repeat(look, number=20, repeat=7))


def test_a_lookup_costs_the_same_in_10_and_in_thousands() -> None:
    assert _cost(10_000 if IS_SOAK else 3_000) < 5 * _cost(10)


@pytest.mark.parametrize(("policy", "changed"), [("exakt", ()), ("exact", "sytem"), ("exact", ("system", "tool"))])
def test_a_typing_mistake_in_a_policy_is_a_usage_error(policy: str, changed: Any) -> None:
    with pytest.raises(UsageError):
        find_policy(policy, changed)


def _imported(*texts: str) -> Index:
    """Model calls without positions."""
    calls = [(f"imported/llm:chat[{n}]", body_of(said(text)), answer_with_calls()) for n, text in enumerate(texts)]
    return index_of(packet_of(model_lines(calls, flags=("unplaced",))))


def test_without_positions_equal_requests_are_served_in_recorded_order_from_anywhere() -> None:
    index, found = _imported("a", "b", "a"), []
    for position in ("llm:chat[7]", "task[1]/llm:chat[0]"):
        match = index.find(position, content_of(body_of(said("a"))), EXACT)
        found.append((match.level, _id(match)))
        assert match.interaction is not None
        index.use(match.interaction)

    assert found == [(0, "c0"), (0, "c2")]


def test_without_positions_the_next_of_its_kind_is_only_the_nearest() -> None:
    index = _imported("a", "b")
    changed = content_of(body_of(said("A")))

    drift = index.find("llm:chat[5]", changed, EXACT)
    assert (drift.level, _id(drift), drift.differing) == (2, "c0", ("messages[0]",))
    assert index.find("llm:chat[5]", changed, find_policy("exact", "messages")).level == 1
    assert index.find("http:GET x[0]", changed, EXACT) == Match(5, None)


def test_a_position_that_is_only_a_number_is_never_waited_for() -> None:
    index = _imported("a")

    assert index.at("imported/llm:chat[0]") is not None
    assert index.waiting_at("imported/llm:chat[0]") is None
