"""What is compressed is looked into before it is stored, or it is not stored."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

import replaykit
from tests.session.helpers import World

KEY = "tool-" + "a1B2c3D4" * 3


def _post_compressed(world: World, time: int) -> str:
    body = gzip.compress(json.dumps({"api_key": KEY, "q": "Oslo"}).encode(), mtime=time)
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    return world.client.post("/weather", content=body, headers=headers).text


def test_a_compressed_request_is_stored_plain_and_clean(world: World) -> None:
    """No sanitizer can see into compressed bytes."""
    packet = world.record(lambda: _post_compressed(world, 1))

    stored = json.loads(packet.interactions[0].request_body)
    assert stored["q"] == "Oslo"
    assert KEY not in world.path.read_text() and stored["api_key"] != KEY


def test_a_request_compressed_at_another_time_is_the_same_request(world: World) -> None:
    """A gzip header holds the time; the content is what counts."""
    world.record(lambda: _post_compressed(world, 1))

    with replaykit.replay(world.path) as rerun:
        _post_compressed(world, 2)

    assert rerun.report.ok


def _odd_server(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, headers={"content-encoding": "rot13"}, stream=httpx.ByteStream(KEY.encode()))


def _odd_answer() -> bytes:
    with httpx.Client(transport=httpx.MockTransport(_odd_server), verify=False) as client:
        return client.get("http://odd.example/").content


def test_an_answer_in_an_unknown_encoding_is_withheld_and_never_served(world: World) -> None:
    """What can't be looked into can't be proven clean; the replay says so instead of guessing."""
    packet = world.record(_odd_answer)

    assert packet.interactions[0].is_withheld
    assert packet.outcome is not None and packet.outcome.replayable == "no"
    with pytest.raises(replaykit.Divergence) as raised, replaykit.replay(world.path):
        _odd_answer()
    assert raised.value.root_cause == "recorder"


def test_a_secret_of_a_header_is_found_in_the_body_of_the_same_request(world: World) -> None:
    """Whatever order they are read in."""
    world.record(lambda: world.client.post("/weather", json={"note": f"uses {KEY}"}, headers={"x-api-key": KEY}).text)

    assert KEY not in world.path.read_text()
