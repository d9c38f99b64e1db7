"""Every recorded request, taken for a live one, finds its own answer."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import httpx
import pytest

import replaykit
from replaykit.audit.replaying import SelfReplay
from replaykit.packet import Packet
from replaykit.packet.codec import dump_line
from replaykit.packet.model import CallLine, DoneLine, FunctionCall
from replaykit.serve.scripted import Route
from tests.conftest import Serve
from tests.packet.building import run_line, seal_bytes

ROOT = Path(__file__).parent.parent.parent


def _tool(name: str, position: str, city: str, seq: int) -> list[CallLine | DoneLine]:
    call = CallLine(
        id=name,
        key="k",
        position=position,
        boundary="tool",
        name="look_up",
        seq=seq,
        time_ns=seq,
        function=FunctionCall(arguments={"city": city}),
    )
    return [call, DoneLine(id=name, seq=seq + 1, time_ns=seq, state="complete", value=1, has_value=True)]


def _problems(*lines: CallLine | DoneLine) -> dict[str, str | None]:
    packet = Packet.loads(seal_bytes(dump_line(run_line()) + b"".join(map(dump_line, lines))))
    return {item.id: problem for item, problem in SelfReplay(packet)}


def test_calls_that_are_alike_are_told_apart_by_their_place() -> None:
    found = _problems(*_tool("a", "tool:look_up[0]", "Oslo", 1), *_tool("b", "tool:look_up[1]", "Oslo", 3))

    assert found == {"a": None, "b": None}


def test_two_calls_at_one_place_are_a_problem_of_the_second() -> None:
    found = _problems(*_tool("a", "tool:look_up[0]", "Oslo", 1), *_tool("b", "tool:look_up[0]", "Rome", 3))

    assert found["a"] is None
    assert found["b"] is not None
    assert found["b"].startswith("its own request is ")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_a_request_that_was_compressed_answers_itself(serve: Serve, tmp_path: Path, encoding: str) -> None:
    server = serve(routes=[Route("POST", "/send", json={"ok": True})])
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[encoding]
    with replaykit.record("packed", store=tmp_path) as run:
        httpx.post(f"{server.url}/send", content=pack(b'{"n": 1}'), headers={"content-encoding": encoding})

    problems = [problem for _, problem in SelfReplay(Packet.load(run.packet_path))]

    assert problems == [None]


@pytest.mark.parametrize("path", sorted((ROOT / "cassettes").iterdir()), ids=lambda path: path.name.partition(".")[0])
def test_the_cassettes_of_this_repository_answer_themselves(path: Path) -> None:
    found = list(SelfReplay(Packet.load(path)))

    assert found
    assert [problem for _, problem in found if problem is not None] == []


def test_tools_and_their_failures_answer_themselves(tmp_path: Path) -> None:
    @replaykit.tool
    def divide(number: int, by: int) -> float:
        return number / by

    with replaykit.record("sums", store=tmp_path) as run:
        divide(4, 2)
        with pytest.raises(ZeroDivisionError):
            divide(4, 0)
    assert run.packet_path is not None

    assert [problem for _, problem in SelfReplay(Packet.load(run.packet_path))] == [None, None]
