"""Telemetry, auth and ambient calls: what is no part of the agent's own story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from replaykit.serve.scripted import Route, Rule, ScriptedServer
from tests.session.helpers import World, levels, user

OTLP = {"content-type": "application/x-protobuf"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    routes = [Route("POST", "/v1/traces", json={}), Route("POST", "/oauth2/token", json={"access_token": "t"})]
    with ScriptedServer([Rule(reply="answer {n}")], routes=routes, models=["m"]) as server:
        world = World(server, tmp_path / "packets")
        with world.client:
            yield world


def _trace(world: World) -> None:
    world.client.post("/v1/traces", content=b"\x0a\x00", headers=OTLP)


def _token(world: World, secret: str = "s") -> None:
    world.client.post("/oauth2/token", data={"grant_type": "client_credentials", "client_secret": secret})


def test_telemetry_is_counted_and_not_kept(world: World) -> None:
    def agent() -> None:
        _trace(world)
        _trace(world)

    packet = world.record(agent)

    assert packet.interactions == ()
    assert packet.outcome is not None
    assert packet.outcome.manifest.classes == {"telemetry": 2}
    assert world.server.count == 2


def test_telemetry_is_answered_with_an_empty_success_and_not_sent(world: World) -> None:
    """Also where the recording had none, and any number of times."""

    def agent(traces: int) -> None:
        for _ in range(traces):
            assert world.client.post("/v1/traces", content=b"\x0a\x00", headers=OTLP).status_code == 200
        world.chat(user("one"))

    world.record(lambda: agent(0))
    sent = world.server.count
    report = world.replay(lambda: agent(3))
    assert (report.ok, report.telemetry, world.server.count) == (True, 3, sent)


@pytest.mark.parametrize("times", [0, 1, 5])
def test_auth_is_served_any_number_of_times_and_never_left_over(world: World, times: int) -> None:
    def agent(count: int) -> None:
        for number in range(count):
            _token(world, f"another body {number}")
        world.chat(user("one"))

    world.record(lambda: agent(2))
    report = world.replay(lambda: agent(times))

    assert (report.ok, report.unused, levels(report)) == (True, (), [0])


def test_ambient_calls_consume_no_ordinals_of_the_agents_own(world: World) -> None:
    def agent(asks: bool) -> None:
        if asks:
            world.get("/v1/models")
        world.chat(user("one"))

    packet = world.record(lambda: agent(asks=True))

    assert [item.call.call_class for item in packet.interactions] == ["ambient", "agent"]
    assert world.replay(lambda: agent(asks=False)).ok


def test_an_ambient_call_that_was_never_recorded_is_a_divergence(world: World) -> None:
    world.record(lambda: world.chat(user("one")))

    assert "was never called while recording" in str(world.diverge(lambda: world.get("/v1/models")))


def test_auth_is_no_way_around_a_divergence(world: World) -> None:
    """After the first divergence it is not served any more either."""
    served = []

    def agent(text: str) -> None:
        try:
            world.chat(user(text))
        finally:
            _token(world)
            served.append(text)

    world.record(lambda: agent("one"))
    world.diverge(lambda: agent("two"))

    assert served == ["one"]
