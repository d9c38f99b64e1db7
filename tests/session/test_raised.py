"""What a tool raised is raised again, so that code that reads the error finds what it found then."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

import replaykit
from replaykit.serve.scripted import Fault, Route, Rule, ScriptedServer
from tests.session.helpers import World, user

TOKEN = "tok-9f8e7d6c5b4a39281706"  # a secret for the tests
KEY = "sk-proj-" + "a1B2c3D4" * 6


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    routes = [Route("GET", "/gone", status=404, json={"error": "no page", "access_token": TOKEN})]
    rules = [Rule(when="limit", fault=Fault.status(429)), Rule(reply="answer {n}")]
    with ScriptedServer(rules, routes=routes) as server:
        world = World(server, tmp_path / "packets")
        with world.client:
            yield world


def _fetch(world: World, module: ModuleType) -> Callable[[], Any]:
    @replaykit.tool
    def fetch() -> None:
        answer = module.get(f"{world.server.url}/gone", headers={"authorization": f"Bearer {TOKEN}"})
        answer.raise_for_status()

    def agent() -> Any:
        try:
            fetch()
        except Exception as error:
            response: Any = error.response  # type: ignore[attr-defined]  # HTTP status errors have one
            facts = (response.status_code, response.json()["error"], response.headers["content-type"])
            world.chat(user(f"tool failed: {error}"))
            return (*facts, str(response.url), response.request.method)
        return None

    return agent


@pytest.mark.parametrize("name", ["httpx", "httpx2", "requests"])
def test_an_http_status_error_has_its_response(world: World, name: str) -> None:
    world.record(agent := _fetch(world, pytest.importorskip(name)))
    count = world.server.count

    assert world.replay(agent).output_compared
    assert world.server.count == count
    assert TOKEN not in world.path.read_text()


def test_a_large_body_is_not_kept_with_an_exception(world: World) -> None:
    """What was not kept is not guessed: reading it is a divergence, and raising the error is none."""
    request = httpx.Request("GET", "http://a.test/")
    response = httpx.Response(500, content=b"x" * 2_000_000, request=request)

    @replaykit.tool
    def fail() -> None:
        raise httpx.HTTPStatusError("too large", request=request, response=response)

    def agent(reads: bool) -> Any:
        try:
            fail()
        except httpx.HTTPStatusError as error:
            return (str(error), error.request.method, error.response.status_code if reads else None)

    world.record(lambda: agent(reads=False))

    assert world.replay(lambda: agent(reads=False)).ok
    divergence = world.diverge(lambda: agent(reads=True))
    assert (divergence.root_cause, divergence.position) == ("recorder", "tool:fail[0]")
    assert "httpx:Response" in str(divergence) and 'replay="rerun"' in str(divergence)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_an_sdk_error_out_of_a_tool_that_is_served_can_be_read(
    world: World, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk: Any = pytest.importorskip(provider)
    options = {"api_key": KEY, "max_retries": 0}
    if provider == "openai":
        client = sdk.OpenAI(base_url=f"{world.server.url}/v1", **options)
        ask = client.chat.completions.create
    else:
        client = sdk.Anthropic(base_url=world.server.url, **options)
        ask = lambda **words: client.messages.create(max_tokens=9, **words)  # noqa: E731  # one call, either way

    @replaykit.tool(replay="result")
    def limited() -> None:
        ask(model="m", messages=[user("limit")])

    def agent() -> Any:
        try:
            limited()
        except sdk.RateLimitError as error:
            return (str(error), error.status_code, error.response.status_code, error.request.method, error.body)

    with client:
        world.record(agent)
        assert world.replay(agent).output_compared
    assert KEY not in world.path.read_text()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_what_a_body_raised_itself_was_no_cancellation(world: World, error: BaseException) -> None:
    @replaykit.tool
    def leave() -> None:
        raise error

    def agent() -> Any:
        try:
            leave()
        except BaseException as caught:
            return (type(caught).__name__, getattr(caught, "code", None))

    world.record(agent)

    assert world.replay(agent).output_compared


def test_the_error_keeps_its_context_where_the_agent_handles_another_one(world: World) -> None:
    @replaykit.tool
    def fail() -> None:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise RuntimeError("second") from error

    def agent() -> Any:
        try:
            raise OSError("the agent's own")
        except OSError:
            try:
                fail()
            except RuntimeError as error:
                return (repr(error.__cause__), repr(error.__context__))

    world.record(agent)

    assert world.replay(agent).output_compared


def test_an_async_tool_raises_the_same(world: World) -> None:
    @replaykit.tool
    async def read() -> str:
        return Path("/nonexistent/file").read_text()

    async def agent() -> str:
        try:
            return await read()
        except OSError as error:
            return f"{error} {error.filename}"

    world.record(lambda: asyncio.run(agent()))

    assert world.replay(lambda: asyncio.run(agent())).output_compared


def test_secrets_in_an_exception_never_reach_the_disk(world: World) -> None:
    """Its text gives a value away, which stands alone in its arguments and attributes."""
    error = ValueError("login failed", TOKEN, f"password={TOKEN}", f"hello {KEY}".encode())
    error.url = f"https://user:{TOKEN}@host.test/"  # type: ignore[attr-defined]  # as libraries do

    @replaykit.tool
    def fail() -> None:
        raise error

    def agent() -> int:
        try:
            fail()
        except ValueError as caught:
            return len(str(caught))
        return 0

    world.record(agent)
    text = world.path.read_text()

    assert TOKEN not in text and KEY not in text
    assert world.replay(agent).ok


class OpaqueError(Exception):
    def __str__(self) -> str:
        return f"failed at {self.args[0].place}"


class Place:
    place = "home"


def test_what_can_not_be_raised_again_is_the_recorders_divergence(world: World) -> None:
    """The call after it would differ, and is not blamed."""

    @replaykit.tool
    def fail() -> None:
        raise OpaqueError(Place())

    def agent() -> None:
        try:
            fail()
        except OpaqueError as error:
            world.chat(user(f"tool failed: {error}"))

    world.record(agent)
    divergence = world.diverge(agent)

    assert (divergence.root_cause, divergence.position) == ("recorder", "tool:fail[0]")
    assert "OpaqueError" in str(divergence) and 'replay="rerun"' in str(divergence)


def test_a_body_that_runs_again_raises_its_own_error(world: World) -> None:
    @replaykit.tool(replay="rerun")
    def fail() -> None:
        raise OpaqueError(Place())

    def agent() -> str:
        try:
            fail()
        except OpaqueError as error:
            return str(error)
        return ""

    world.record(agent)

    assert world.replay(agent).output_compared


def test_a_class_that_is_gone_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    @replaykit.tool
    def fail() -> None:
        raise OpaqueError(Place())

    def agent() -> None:
        with pytest.raises(OpaqueError):
            fail()

    world.record(agent)
    monkeypatch.delattr(sys.modules[__name__], "OpaqueError")

    assert "not imported" in str(world.diverge(fail))
