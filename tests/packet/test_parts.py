"""A growing history is written once, and comes back whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replaykit.errors import PacketError
from replaykit.packet import Packet, parts
from replaykit.packet.body import decode_body, encode_body
from replaykit.packet.codec import dump_line
from replaykit.packet.model import Body, Line, PartLine
from replaykit.packet.parts import PartReader, PartWriter
from tests.packet.building import http_call, sealed
from tests.packet.test_body import json_values

histories = st.lists(
    st.dictionaries(st.sampled_from(["messages", "tools", "system", "model", "$part"]), json_values, max_size=4),
    max_size=5,
)


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def split(requests: list[bytes]) -> tuple[list[PartLine], list[Body]]:
    lines: list[PartLine] = []
    writer = PartWriter(lines.append)
    return lines, [writer.split(encode_body(request)) for request in requests]


def reader(lines: list[PartLine]) -> PartReader:
    return PartReader({line.id: line for line in lines}.get)


def recorded_conversation(turns: int) -> tuple[bytes, list[bytes]]:
    """A packet in which each turn sends the whole history again, and the requests."""
    history: list[dict[str, str]] = [{"role": "system", "content": "You are careful. " * 20}]
    requests, lines = [], list[Line]()
    writer = PartWriter(lines.append)
    for turn in range(turns):
        history += [
            {"role": "user", "content": f"Question {turn}: " + "why? " * 20},
            {"role": "assistant", "content": f"Answer {turn}: " + "because. " * 20},
        ]
        requests.append(compact({"model": "m", "messages": history, "tools": [{"name": "search", "x": "y" * 300}]}))
        lines.append(http_call(turn, writer.split(encode_body(requests[-1]))))
    return sealed(lines), requests


@given(histories=histories)
@settings(max_examples=60)
def test_split_requests_join_to_the_same_bytes(histories: list[dict[str, Any]]) -> None:
    requests = [compact(history) for history in histories]

    lines, bodies = split(requests)

    assert [decode_body(reader(lines).join(body)) for body in bodies] == requests


def test_packet_grows_linearly_with_the_turns() -> None:
    short, _ = recorded_conversation(100)
    long, _ = recorded_conversation(200)

    assert len(long) / len(short) <= 2.2


def test_requests_of_a_long_conversation_come_back_exactly() -> None:
    data, requests = recorded_conversation(60)

    assert [interaction.request_body for interaction in Packet.loads(data).interactions] == requests


def test_new_message_adds_itself_and_one_short_list() -> None:
    messages = [{"role": "user", "content": f"message {number} " * 9} for number in range(50)]
    lines, _ = split([compact({"messages": messages[:49]}), compact({"messages": messages})])

    added = lines[50:]

    assert [line.value for line in added] == [messages[49], None]
    assert len(dump_line(added[1])) < 200


def test_list_of_plain_items_is_one_part() -> None:
    lines, _ = split([compact({"input": list(range(500))})])

    assert len(lines) == 1


def test_part_is_emitted_before_what_refers_to_it() -> None:
    lines, _ = split([compact({"messages": [{"content": "a" * 90}, {"content": "b" * 90}]})])
    seen: set[str] = set()

    for line in lines:
        assert set(line.items or ()) <= seen
        seen.add(line.id)


HOSTILE = {
    "missing part": ({"$part": "p9"}, []),
    "missing list": ({"$list": "l9"}, []),
    "name is no text": ({"$part": ["p1"]}, []),
    "list of missing": ({"$list": "l1"}, [PartLine(id="l1", seq=1, items=("p9",))]),
    "list in place of a value": ({"$part": "l1"}, [PartLine(id="l1", seq=1, items=())]),
    "value in place of a list": ({"$list": "p1"}, [PartLine(id="p1", seq=1, value=1)]),
    "list in itself": ({"$list": "l1"}, [PartLine(id="l1", seq=1, items=("l1",))]),
    "prefix of itself": ({"$list": "l1"}, [PartLine(id="l1", seq=1, items=(), prefix="l1")]),
    "cycle": (
        {"$list": "l1"},
        [PartLine(id="l1", seq=1, items=(), prefix="l2"), PartLine(id="l2", seq=1, items=(), prefix="l1")],
    ),
}


@pytest.mark.parametrize(("reference", "lines"), HOSTILE.values(), ids=HOSTILE.keys())
def test_reference_that_leads_nowhere_is_a_packet_error(reference: dict[str, Any], lines: list[PartLine]) -> None:
    body = Body(json={"messages": reference}, style="compact")

    with pytest.raises(PacketError) as caught:
        reader(lines).join(body)
    assert caught.value.field == "json.messages"


def test_short_file_can_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_JOINED_BYTES", 100_000)
    lines = [PartLine(id="p1", seq=1, value="x" * 1000), PartLine(id="l1", seq=1, items=("p1",) * 1000)]

    with pytest.raises(PacketError, match="together"):
        reader(lines).join(Body(json={"messages": {"$list": "l1"}}, style="compact"))
