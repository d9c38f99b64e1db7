"""Bytes in the values of tools: what is in them is searched, and compares in a replay."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

import replaykit
from replaykit.packet import values
from replaykit.sanitizer.sanitizer import Sanitizer

SECRET = "sk-proj-Test4eYk7uWq2ZbT9xLm3RsV8cJh5NpA"


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_secret_in_bytes_is_replaced_and_all_else_stays(kind: type) -> None:
    data = b"\x00\xff the key is " + SECRET.encode() + b" \xfe"

    clean = values.decode(Sanitizer().json({"file": values.encode(kind(data))})["file"])

    assert type(clean) is kind
    assert SECRET.encode() not in clean
    assert len(clean) == len(data)
    assert (clean[:16], clean[-2:]) == (data[:16], data[-2:])


def test_what_only_looks_like_packed_bytes_stays() -> None:
    value = {"$type": "bytes", "value": "no base64!"}

    assert Sanitizer().json(value) == value


@pytest.mark.parametrize("data", [f"mail ada@shop.net, key {SECRET}".encode(), b"\xff\xfe " + SECRET.encode()])
def test_tool_that_takes_and_returns_bytes_replays(tmp_path: Path, data: bytes) -> None:
    @replaykit.tool
    def fetch(blob: bytes) -> bytes:
        return blob

    with replaykit.record(store=tmp_path) as run:
        fetch(data)
    assert run.packet_path is not None
    stored = run.packet_path.read_text()
    with replaykit.replay(run.packet_path) as rerun:
        fetch(data)

    assert rerun.report.ok
    assert base64.b64encode(data).decode() not in stored
    with pytest.raises(replaykit.Divergence), replaykit.replay(run.packet_path):
        fetch(data + b"!")
