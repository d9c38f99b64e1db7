"""What is other than recorded and no difference by design: the run is the same, and the report says what was not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Route, Rule, ScriptedServer
from tests.session.helpers import World, user

openai = pytest.importorskip("openai")

KEY = "sk-proj-" + "a1B2c3D4" * 6


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    routes = [Route("POST", "/page", text="a page")]
    with ScriptedServer([Rule(reply="answer")], routes=routes, models=["m"]) as server:
        world = World(server, tmp_path / "packets")
        with world.client:
            yield world


def _notes(world: World, agent: Callable[[], Any], changed: Callable[[], Any]) -> tuple[str, ...]:
    """Of a replay that holds."""
    world.record(lambda: bool(agent()))
    return world.replay(lambda: bool(changed())).notes


def _openai(base_url: str, **options: Any) -> Callable[[], Any]:
    def ask() -> Any:
        with openai.OpenAI(base_url=base_url, api_key=KEY) as client:
            for _ in range(2):
                client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], **options)
            return client

    return ask


def test_another_address_of_the_model_is_said_once(world: World) -> None:
    """Both operations of the API move together: one sentence."""

    def ask(base_url: str) -> None:
        with openai.OpenAI(base_url=base_url, api_key=KEY) as client:
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
            client.embeddings.create(model="m", input="x")

    there, here = "http://elsewhere.invalid/v1", f"{world.server.url}/v1"
    host = world.server.url.removeprefix("http://")

    notes = _notes(world, lambda: ask(here), lambda: ask(there))
    assert notes == (f"model calls are addressed to elsewhere.invalid, in the recording to {host}",)


def test_the_same_address_is_not_worth_a_word(world: World) -> None:
    ask = _openai(f"{world.server.url}/v1")

    assert _notes(world, ask, ask) == ()


def test_another_query_is_said(world: World) -> None:
    base = f"{world.server.url}/v1"
    old, new = (_openai(base, extra_query={"api-version": version}) for version in ("1", "2"))

    assert _notes(world, old, new) == ("model calls have the query api-version=2, in the recording api-version=1",)


def test_a_key_in_the_query_is_not_shown(world: World) -> None:
    base = f"{world.server.url}/v1"
    old, new = (_openai(base, extra_query={"v": v, "api_key": KEY + v}) for v in ("1", "2"))

    (note,) = _notes(world, old, new)
    assert "v=2" in note
    assert KEY not in note


def test_a_header_that_changes_what_the_model_does_is_said(world: World) -> None:
    anthropic = pytest.importorskip("anthropic")

    def ask(beta: str) -> None:
        with anthropic.Anthropic(base_url=world.server.url, api_key=KEY) as client:
            client.beta.messages.create(
                model="m", max_tokens=5, betas=[beta], messages=[{"role": "user", "content": "x"}]
            )

    notes = _notes(world, lambda: ask("one-2025"), lambda: ask("two-2025"))
    assert notes == ("header anthropic-beta is two-2025, in the recording one-2025",)


@pytest.mark.parametrize("name", ["openai-organization", "openai-project", "openai-beta"])
def test_a_header_that_is_gone_is_said(world: World, name: str) -> None:
    base = f"{world.server.url}/v1"
    old, new = _openai(base, extra_headers={name: "one"}), _openai(base)

    assert _notes(world, old, new) == (f"header {name} is (none), in the recording one",)


def test_another_content_type_of_plain_http_is_said(world: World) -> None:
    def post(kind: str) -> None:
        world.client.post("/page", content=b"{}", headers={"content-type": kind})

    notes = _notes(world, lambda: post("text/plain"), lambda: post("text/plain; charset=utf-8"))
    assert notes == ()
    notes = _notes(world, lambda: post("application/json"), lambda: post("text/json"))
    assert notes == ("header content-type is text/json, in the recording application/json",)


@pytest.mark.parametrize(("now", "summary"), [(3, "1 of 1 exact, 3 ambient, "), (0, "1 of 1 exact, nothing ")])
def test_how_often_models_were_listed_is_said(world: World, now: int, summary: str) -> None:
    def agent(times: int) -> bool:
        for _ in range(times):
            world.get("/v1/models")
        return bool(world.chat(user("x")))

    host = world.server.url.removeprefix("http://")
    assert _notes(world, lambda: agent(1), lambda: agent(now)) == (f"GET {host}/v1/models: 1 recorded, {now} now",)
    assert world.report.ambient == now
    assert world.report.summary().startswith(summary)


def test_ambient_calls_alone_are_not_no_calls(world: World) -> None:
    world.record(lambda: world.get("/v1/models"))

    summary = world.replay(lambda: world.get("/v1/models")).summary()
    assert summary == "1 ambient, nothing left over, 0 live calls"


def test_a_run_that_diverged_is_not_counted(world: World) -> None:
    def agent(text: str) -> None:
        world.get("/v1/models")
        world.chat(user(text))
        world.get("/v1/models")

    world.record(lambda: agent("x"))
    world.diverge(lambda: agent("y"))

    assert not any("recorded, " in note for note in world.report.notes)


def test_values_taken_on_trust_stand_in_the_summary(world: World) -> None:
    world.record(lambda: bool(world.chat(user("mail ada@shop.net and bob@shop.net"))))

    report = world.replay(lambda: bool(world.chat(user("mail eve@evil.com and joe@evil.com"))))
    assert report.summary().endswith(", 2 values taken on trust")


def test_a_stub_for_nothing_is_said(world: World) -> None:
    @replaykit.tool
    def look_up(city: str) -> str:
        return city

    world.record(lambda: look_up("Oslo"))

    report = world.replay(lambda: look_up("Oslo"), stubs={"lookup": "x", "look_up": "y"})
    assert report.notes == ("stubs of nothing that was recorded or asked for: lookup",)
