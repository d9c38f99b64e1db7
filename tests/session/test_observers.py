"""Answers that are still open when the run ends: what the agent had of them is kept."""

from __future__ import annotations

import gc
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import replaykit
from replaykit.packet import Packet
from tests.session.helpers import World, user


class Reader:
    """An agent that begins to read a streamed answer; `held` is what it keeps open."""

    def __init__(self, world: World, count: int) -> None:
        self._world, self.count = world, count
        self.held: list[Any] = []

    def __call__(self) -> list[str]:
        body = {"model": "gpt-4o-mini", "stream": True, "messages": [user("hello")]}
        client = self._world.client
        response = client.send(client.build_request("POST", "/v1/chat/completions", json=body), stream=True)
        lines = (line for line in response.iter_lines() if line)
        self.held.append((response, lines))
        return [next(lines) for _ in range(self.count)]


@pytest.fixture
def reader(world: World) -> Iterator[Reader]:
    reader = Reader(world, 2)
    yield reader
    for response, lines in reader.held:
        lines.close()
        response.close()


def _end_of_call(packet: Packet) -> tuple[str, int]:
    done = packet.interactions[0].done
    assert done is not None
    return done.state, len(packet.interactions[0].response_body)


def test_what_was_read_of_an_answer_that_is_held_open_is_kept(world: World, reader: Reader) -> None:
    packet = world.record(reader)

    state, size = _end_of_call(packet)
    assert (state, size > 0) == ("closed_early", True)
    assert world.replay(reader).ok


def test_reading_on_diverges(world: World, reader: Reader) -> None:
    world.record(reader)
    reader.count = 1000

    assert world.diverge(reader).root_cause == "recording ends"


def test_an_answer_that_was_dropped_is_kept(world: World, reader: Reader) -> None:
    def drop() -> list[str]:
        read = reader()
        response, lines = reader.held.pop()
        del response, lines
        gc.collect()
        return read

    packet = world.record(drop)

    assert _end_of_call(packet)[0] == "closed_early"
    assert world.replay(drop).ok


def test_a_dropped_answer_does_not_stay_in_memory(world: World, reader: Reader) -> None:
    with replaykit.record("demo", store=world.store) as run:
        reader()
        reader.held.clear()
        gc.collect()
        world.get("/page")

        assert run._recorder is not None
        assert not run._recorder._open and not run._recorder._left


def test_a_request_without_an_answer_is_no_recording_of_all(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, httpx.Client(trust_env=False, timeout=10) as client:

        def ask() -> None:
            with pytest.raises(httpx.HTTPError):
                client.get(f"http://127.0.0.1:{silent.getsockname()[1]}/")

        def agent() -> None:
            asking.start()
            connections.append(silent.accept()[0])

        connections: list[socket.socket] = []
        asking = threading.Thread(target=ask)
        packet = world.record(agent)
        connections[0].close()
        asking.join(10)

    assert packet.outcome is not None
    assert (packet.outcome.manifest.unanswered, packet.outcome.replayable) == (1, "no")
    assert _end_of_call(packet) == ("cancelled", 0)


def test_a_tool_that_goes_on_when_the_run_ends_is_no_recording_of_all(tmp_path: Path) -> None:
    is_called, goes_on = threading.Event(), threading.Event()

    @replaykit.tool
    def slow() -> str:
        is_called.set()
        goes_on.wait(10)
        return "late"

    with replaykit.record("demo", store=tmp_path) as run:
        threading.Thread(target=slow, daemon=True).start()
        is_called.wait(10)
    goes_on.set()
    assert run.packet_path is not None
    outcome = Packet.load(run.packet_path).outcome

    assert outcome is not None
    assert (outcome.manifest.unanswered, outcome.replayable) == (1, "no")


def test_a_request_body_that_streams_is_kept_with_its_open_answer(world: World) -> None:
    held = []

    def agent() -> None:
        request = world.client.build_request("POST", "/v1/chat/completions", content=iter([json.dumps(BODY).encode()]))
        held.append(world.client.send(request, stream=True))

    packet = world.record(agent)
    held[0].close()

    assert _end_of_call(packet)[0] == "closed_early"
    assert b"hello" in packet.interactions[0].request_body


BODY = {"model": "gpt-4o-mini", "stream": True, "messages": [user("hello")]}
