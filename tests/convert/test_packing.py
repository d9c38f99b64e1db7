"""A packet says what its recording knew, and that it did not know the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from replaykit.convert.packing import Packed
from replaykit.convert.recording import RecordedCall, Recording
from replaykit.packet import Packet
from replaykit.packet.exchange import HttpRequest
from tests.convert.building import URL, packed

MAIL = "ola.nordmann@vaer-oslo.org"
SSE = b'data: {"choices":[]}\n\ndata: [DONE]\n\n'


def call(number: int = 1, *, url: str = URL, body: Any = None, answer: bytes = b"{}", **fields: Any) -> RecordedCall:
    sent = json.dumps(body or {"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    request = HttpRequest("POST", url, (("content-type", "application/json"),), sent)
    fields = {"status": 200, "headers": (("date", "Thu, 01 Jan 2026 10:00:00 GMT"),), **fields}
    return RecordedCall(number, request, body=answer, **fields)


def recording(*calls: RecordedCall, notes: tuple[str, ...] = ()) -> Recording:
    return Recording("vcr", "vcrpy, version 1", "no times", calls, notes)


def _packet(*calls: RecordedCall, **options: Any) -> Packet:
    return Packet.loads(packed(recording(*calls, **options)).data)


def test_a_packet_loads_whole_and_names_where_it_came_from() -> None:
    packet = _packet(call())

    assert packet.recovered == ()
    assert (packet.run.workflow, packet.entry.kind, packet.run.started_at) == (
        "demo",
        "none",
        "2026-01-01T10:00:00+00:00",
    )
    assert packet.run.tags == {"imported_from": "vcr", "layout": "vcrpy, version 1", "file": "x.yaml"}


def test_positions_times_and_the_end_are_said_to_be_unknown() -> None:
    packet = _packet(call(1), call(2), call(3, url="https://api.example.com/a"))

    assert [item.position for item in packet.interactions] == [
        "imported/llm:chat[0]",
        "imported/llm:chat[1]",
        "imported/http:POST api.example.com[0]",
    ]
    assert not any(item.is_placed for item in packet.interactions)
    assert {item.call.time_ns for item in packet.interactions} == {0}
    assert packet.outcome is not None
    assert (packet.outcome.status, packet.outcome.has_output) == ("unknown", False)
    assert packet.logs[0].message == "no times"


def test_a_stream_is_kept_in_one_piece() -> None:
    """Where its chunks ended nobody knows, so no borders are made up."""
    (item,) = _packet(call(answer=SSE, headers=(("content-type", "text/event-stream"),))).interactions

    assert [(chunk.offset_ns, chunk.data) for chunk in item.response_chunks] == [(0, SSE)]
    assert item.done is not None
    assert item.done.state == "complete"


def test_a_growing_history_is_written_once() -> None:
    history = [{"role": "user", "content": f"message {n} " * 50} for n in range(20)]
    calls = [call(n, body={"model": "m", "messages": history[: n + 1]}) for n in range(20)]
    data = packed(recording(*calls)).data

    assert data.count(b'"message 3 message') == 1
    assert json.loads(Packet.loads(data).interactions[-1].request_body)["messages"] == history


def test_tokens_are_counted() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    answer = {"id": "1", "object": "chat.completion", "model": "m", "choices": [], "usage": usage}
    packet = _packet(*(call(n, answer=json.dumps(answer).encode()) for n in range(2)))

    assert packet.outcome is not None
    assert (packet.outcome.usage.input_tokens, packet.outcome.usage.output_tokens) == (10, 14)


def test_telemetry_is_counted_and_named() -> None:
    made = packed(recording(call(1, url="https://api.openai.com/v1/traces/ingest"), call(2)))
    packet = Packet.loads(made.data)

    assert (made.telemetry, dict(made.calls)) == (1, {"llm": 1})
    assert packet.outcome is not None
    assert packet.outcome.manifest.classes == {"telemetry": 1, "agent": 1}
    assert any("1 telemetry calls were left out" in note for note in made.notes)


def test_every_note_stands_in_the_packet_too() -> None:
    packet = _packet(call(), notes=("a thing was not imported",))

    assert [line.message for line in packet.logs] == ["no times", "a thing was not imported"]


def test_an_empty_recording_says_so() -> None:
    assert packed(recording()).notes == ("the recording holds no interactions",)


def test_a_call_without_a_response_can_not_be_replayed() -> None:
    packet = _packet(call(status=None))

    assert packet.interactions[0].done is None
    assert packet.outcome is not None
    assert packet.outcome.replayable == "no"


def test_a_withheld_body_is_named_and_counted() -> None:
    made = packed(recording(call(answer=b"\x8b\x00\xff", headers=(("content-encoding", "unheard-of"),))))
    packet = Packet.loads(made.data)

    assert made.notes[0].startswith("interaction 1: the response body was withheld: its content-encoding")
    assert packet.interactions[0].is_withheld
    assert packet.outcome is not None
    assert (packet.outcome.manifest.withheld, packet.outcome.replayable) == (1, "no")


def test_no_secret_is_in_the_file() -> None:
    key = "sk-proj-Test4eYk7uWq2ZbT9xLm3RsV8cJh5NpA"
    body = {"model": "m", "messages": [{"role": "user", "content": f"I am {MAIL}"}]}
    made = packed(recording(call(body=body), notes=(f"about {key}",)), MY_SECRET_KEY="hunter2hunter2")

    assert MAIL.encode() not in made.data
    assert key.encode() not in made.data
    assert made.replaced == 2


def _mailing(mail: str) -> Packed:
    body = {"model": "m", "messages": [{"role": "user", "content": f"I am {mail}"}]}
    return packed(recording(call(body=body, headers=(("set-cookie", "id=Qz8x"),))))


def test_two_imports_of_one_recording_have_one_identity_whatever_their_stand_ins() -> None:
    first, again = _mailing(MAIL), _mailing(MAIL)

    assert first.data != again.data
    assert first.run_id == again.run_id


def test_another_recording_has_another_identity() -> None:
    ids = {
        packed(recording(*calls, notes=notes)).run_id
        for calls, notes in [
            ((call(),), ()),
            ((call(), call(2)), ()),
            ((call(answer=b"[]"),), ()),
            ((call(status=201),), ()),
            ((call(url=URL + "?a=b"),), ()),
            ((call(headers=()),), ()),
            ((call(),), ("a note",)),
        ]
    }

    assert len(ids) == 7


@pytest.mark.parametrize("date", ["", "REDACTED", "Thu, 99 Foo 2026"])
def test_a_recording_without_a_date_claims_none(date: str) -> None:
    assert _packet(call(headers=(("date", date),))).run.started_at == ""
