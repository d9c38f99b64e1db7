"""A call that was tried more than once, and replays that want its end alone."""

from __future__ import annotations

from typing import Any

import pytest

from replaykit.matching.attempts import Attempts, attempt_of, call_of
from replaykit.matching.index import Index
from replaykit.packet import Packet
from tests.matching.building import body_of, index_of, model_lines, packet_of, said

ANSWER: dict[str, Any] = {"choices": []}


def packet(*positions: str, flags: tuple[str, ...] = ()) -> Packet:
    return packet_of(model_lines(((position, body_of(said("hi")), ANSWER) for position in positions), flags))


def final(recorded: Packet) -> tuple[Attempts, Index]:
    attempts = Attempts(recorded.interactions, "final")
    index = Index(attempts.interactions, index_of(recorded)._content_of)
    attempts.begin(index)
    return attempts, index


@pytest.mark.parametrize(
    ("position", "call", "attempt"),
    [
        ("llm:chat[2]#1", "llm:chat[2]", 1),
        ("a[0]/llm:chat[2]", "a[0]/llm:chat[2]", 0),
        ("a#1[0]/http:GET h[0]#12", "a#1[0]/http:GET h[0]", 12),
        ("a[0]#1/llm:chat[0]", "a[0]#1/llm:chat[0]", 0),
    ],
)
def test_the_attempt_is_the_number_at_the_end(position: str, call: str, attempt: int) -> None:
    assert (call_of(position), attempt_of(position)) == (call, attempt)


def test_only_the_last_attempt_waits_and_at_the_place_of_the_first() -> None:
    recorded = packet("llm:chat[0]", "llm:chat[0]#1", "llm:chat[0]#2", "llm:chat[1]")
    attempts, index = final(recorded)

    waiting = [index.waiting_at(position) for position in ("llm:chat[0]", "llm:chat[1]")]
    assert waiting == [recorded.interactions[2], recorded.interactions[3]]
    assert (index.total, attempts.left_out) == (2, {"llm:chat[0]": 2})


def test_the_last_attempt_is_the_one_of_the_highest_number() -> None:
    """Lines may stand in another order: parallel calls of one lineage end when they end."""
    recorded = packet("llm:chat[0]#2", "llm:chat[0]#10", "llm:chat[0]")
    _, index = final(recorded)

    assert index.waiting_at("llm:chat[0]") is recorded.interactions[1]


def test_all_attempts_wait_where_all_count() -> None:
    recorded = packet("llm:chat[0]", "llm:chat[0]#1")
    attempts = Attempts(recorded.interactions, "all")

    assert attempts.interactions == tuple(recorded.interactions)
    assert list(attempts.sentences()) == []


def test_a_success_is_served_once() -> None:
    recorded = packet("llm:chat[0]", "llm:chat[0]#1")
    attempts, index = final(recorded)
    served = index.waiting_at("llm:chat[0]")
    assert served is not None
    index.use(served)
    attempts.serve("llm:chat[0]", served)

    attempts.ask("llm:chat[0]#1", index)
    assert index.waiting_at("llm:chat[0]#1") is None


def test_an_imported_recording_has_no_attempts() -> None:
    attempts, _ = final(packet("imported/llm:chat[0]", "imported/llm:chat[0]#1", flags=("unplaced",)))

    assert attempts.left_out == {}
    assert "an imported recording does not say" in next(attempts.sentences())
