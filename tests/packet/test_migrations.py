"""Older formats are brought up to date, step by step, in memory."""

from __future__ import annotations

from typing import Any

import pytest

from replaykit.errors import PacketError
from replaykit.packet import Packet
from replaykit.packet.codec import dump_line
from replaykit.packet.migrations import STEPS, oldest_format
from replaykit.packet.model import Body
from tests.packet.building import example, http_call, run_line, seal_bytes


def rename_call(fields: dict[str, Any]) -> dict[str, Any]:
    """From a format that never was: there a call was a `request`, and its boundary stood in `type`."""
    if fields["kind"] == "request":
        boundary = fields.pop("type")
        fields = {**fields, "kind": "call", "boundary": boundary}
    return fields


def older_file() -> bytes:
    call = dump_line(http_call(0, Body(text="hi")))
    call = call.replace(b'"kind":"call"', b'"kind":"request"').replace(b'"boundary"', b'"type"')
    return seal_bytes(dump_line(run_line(format=0)) + call)


def test_step_is_applied_to_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, 0, rename_call)

    packet = Packet.loads(older_file())

    assert [item.boundary for item in packet.interactions] == ["llm"]
    assert packet.interactions[0].request_body == b"hi"


def test_older_file_keeps_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, 0, rename_call)

    assert Packet.loads(older_file()).recovered == ()


def test_present_format_needs_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, 0, rename_call)

    assert oldest_format() == 0
    assert Packet.loads(example()).recovered == ()


def test_older_format_without_steps_is_refused() -> None:
    with pytest.raises(PacketError, match="not one that this replaykit reads"):
        Packet.loads(older_file())


def test_line_that_a_step_does_not_know_is_a_packet_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, 0, lambda fields: {**fields, "kind": fields["missing"]})

    with pytest.raises(PacketError) as caught:
        Packet.loads(older_file())
    assert caught.value.line == 1
