"""Retry storms: the SDKs' own retry code runs again, over the same failures at the same attempts."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Fault, Route, Rule
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage, user

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")

TIMEOUT_S = 0.3
FINE = Rule(reply="at last")
LIMITED = Fault.rate_limited(0.05)
BROKEN = Fault.status(500, headers={"retry-after-ms": "50"})

Attempt = tuple[str, str]
"""What a client says of an attempt: its number in the header, and the status or the exception's class."""


@dataclass
class Sdk:
    """One SDK, sync or async, whose attempts are seen from above the hook.

    Attributes:
        attempts: Of all calls so far.
    """

    module: Any
    is_async: bool
    attempts: list[Attempt]

    def call(self, *, is_stream: bool = False, **options: Any) -> str:
        """The answer, or the class of the error."""
        options = {"timeout": TIMEOUT_S, "max_retries": 3} | options
        try:
            if self.is_async:
                return asyncio.run(self._ask_async(options, is_stream=is_stream))
            return self._ask(options, is_stream=is_stream)
        except Exception as error:
            return type(error).__name__

    def _request(self) -> dict[str, Any]:
        return {"model": "m", "messages": user("hi")} | ({"max_tokens": 9} if self.module is anthropic else {})

    def _ask(self, options: dict[str, Any], *, is_stream: bool) -> str:
        http = _watched(self.module.DefaultHttpxClient, self.attempts)
        maker = self.module.OpenAI if self.module is openai else self.module.Anthropic
        with maker(http_client=http, **options) as client:
            if is_stream:
                return "".join(event.to_json() for event in self._create(client)(**self._request(), stream=True))
            return self._create(client)(**self._request()).to_json()

    async def _ask_async(self, options: dict[str, Any], *, is_stream: bool) -> str:
        http = _watched_async(self.module.DefaultAsyncHttpxClient, self.attempts)
        maker = self.module.AsyncOpenAI if self.module is openai else self.module.AsyncAnthropic
        async with maker(http_client=http, **options) as client:
            if is_stream:
                stream = await self._create(client)(**self._request(), stream=True)
                return "".join([event.to_json() async for event in stream])
            return (await self._create(client)(**self._request())).to_json()

    def _create(self, client: Any) -> Any:
        return client.chat.completions.create if self.module is openai else client.messages.create


def _watched(base: type, attempts: list[Attempt]) -> Any:
    class Watched(base):
        def send(self, request: Any, **options: Any) -> Any:
            try:
                response = super().send(request, **options)
            except Exception as error:
                attempts.append((request.headers["x-stainless-retry-count"], type(error).__name__))
                raise
            attempts.append((request.headers["x-stainless-retry-count"], str(response.status_code)))
            return response

    return Watched(verify=False)


def _watched_async(base: type, attempts: list[Attempt]) -> Any:
    class Watched(base):
        async def send(self, request: Any, **options: Any) -> Any:
            try:
                response = await super().send(request, **options)
            except Exception as error:
                attempts.append((request.headers["x-stainless-retry-count"], type(error).__name__))
                raise
            attempts.append((request.headers["x-stainless-retry-count"], str(response.status_code)))
            return response

    return Watched(verify=False)


@pytest.fixture(params=["openai", "openai async", "anthropic", "anthropic async"])
def sdk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sdk:
    """Every SDK; where no server says how long to wait, they wait only a little."""
    module = openai if request.param.startswith("openai") else anthropic
    monkeypatch.setattr(module._base_client, "INITIAL_RETRY_DELAY", 0.02)
    return Sdk(module, request.param.endswith("async"), [])


def both(play: Stage, sdk: Sdk, **options: Any) -> tuple[str, list[Attempt]]:
    """What a call gave and its attempts, the same in the recording and in the replay without a server."""
    seen: list[list[Attempt]] = []

    def act() -> str:
        sdk.attempts.clear()
        result = sdk.call(**options)
        seen.append([*sdk.attempts])
        return result

    result = play.both(act)
    assert seen[0] == seen[1]
    return result, seen[0]


STORMS = {
    "rate limits": ([LIMITED] * 3, ["429", "429", "429", "200"]),
    "server errors": ([BROKEN] * 2, ["500", "500", "200"]),
    "reset before the head": ([Fault.reset()] * 2, ["ReadError", "ReadError", "200"]),
    "reset in the head": ([Fault.reset_in_head()], ["ReadError", "200"]),
    "reset in the body": ([Fault.reset(after_chunks=1)], ["ReadError", "200"]),
    "cut off in the body": ([Fault.close(after_bytes=9)], ["RemoteProtocolError", "200"]),
    "no answer": ([Fault.timeout()], ["ReadTimeout", "200"]),
    "all": ([LIMITED, BROKEN, Fault.reset()], ["429", "500", "ReadError", "200"]),
}


@pytest.mark.parametrize("storm", STORMS)
def test_a_storm_that_ends_well_comes_back_attempt_by_attempt(stage: MakeStage, sdk: Sdk, storm: str) -> None:
    faults, expected = STORMS[storm]
    play = stage(*(Rule(fault=fault, times=1) for fault in faults), FINE)

    result, attempts = both(play, sdk)

    assert "at last" in result
    assert attempts == [(str(number), what) for number, what in enumerate(expected)]
    assert play.positions == ["llm:chat[0]", *(f"llm:chat[0]#{number}" for number in range(1, len(expected)))]


ENDS = {
    "rate limits": (LIMITED, "RateLimitError"),
    "server errors": (BROKEN, "InternalServerError"),
    "resets": (Fault.reset(), "APIConnectionError"),
    "no answers": (Fault.timeout(), "APITimeoutError"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_storm_that_ends_badly_raises_the_same_error(stage: MakeStage, sdk: Sdk, end: str) -> None:
    fault, expected = ENDS[end]

    result, attempts = both(stage(Rule(fault=fault)), sdk, max_retries=2)

    assert result == expected
    assert len(attempts) == 3


def test_a_refused_connection_is_refused_again(stage: MakeStage, sdk: Sdk) -> None:
    with socket.socket() as nobody:  # bound and not listening: every connect is refused
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        result, attempts = both(stage(), sdk, base_url=address, max_retries=2)

    assert result == "APIConnectionError"
    assert [what for _, what in attempts] == ["ConnectError"] * 3


def test_a_stream_that_breaks_off_breaks_off_again(stage: MakeStage, sdk: Sdk) -> None:
    """No SDK tries a stream again that has begun."""
    rule = Rule(reply="long enough to be cut", fault=Fault.reset(after_chunks=3))
    result, attempts = both(stage(Rule(fault=LIMITED, times=1), rule), sdk, is_stream=True)

    assert result in ("ReadError", "APIConnectionError")
    assert [what for _, what in attempts] == ["429", "200"]


# attempts="final"


@pytest.fixture
def storm(stage: MakeStage, sdk: Sdk) -> Stage:
    """Recorded with retries: two calls, the first one after three attempts that failed. The server is gone."""
    play = stage(Rule(fault=LIMITED, times=2), Rule(fault=BROKEN, times=1), Rule(reply="answer {n}"))
    play.record(lambda: twice(sdk))
    play.server.close()
    return play


def twice(sdk: Sdk, **options: Any) -> list[str]:
    sdk.attempts.clear()
    return [sdk.call(**options), sdk.call(**options)]


def test_another_retry_setting_is_a_divergence_where_every_attempt_counts(storm: Stage, sdk: Sdk) -> None:
    with pytest.raises(replaykit.Divergence):
        storm.replay(lambda: twice(sdk, max_retries=0))


@pytest.mark.parametrize("max_retries", [0, 1, 8])
def test_final_attempts_are_served_whatever_the_retry_setting(storm: Stage, sdk: Sdk, max_retries: int) -> None:
    count = storm.server.count
    result = storm.replay(lambda: twice(sdk, max_retries=max_retries), attempts="final")

    assert "answer 1" in result[0]
    assert "answer 2" in result[1]
    assert sdk.attempts == [("0", "200"), ("0", "200")]
    storm.assert_nothing_went_out(count)
    assert storm.report.left_out_attempts == {"llm:chat[0]": 3}
    assert storm.report.notes == (
        "attempts=final: only the last recorded attempt was served at llm:chat[0] (4 attempts)",
    )


@pytest.mark.parametrize(("max_retries", "attempts"), [(0, 1), (2, 3), (4, 5)])
def test_a_final_failure_is_served_to_every_attempt(
    stage: MakeStage, sdk: Sdk, max_retries: int, attempts: int
) -> None:
    play = stage(Rule(fault=BROKEN, times=2), Rule(fault=LIMITED))
    then = play.record(lambda: sdk.call(max_retries=2))
    sdk.attempts.clear()

    assert play.replay(lambda: sdk.call(max_retries=max_retries), attempts="final") == then
    assert [what for _, what in sdk.attempts] == ["429"] * attempts
    assert play.report.ok
    again = f"attempts=final: a failure was served to every attempt at llm:chat[0] ({attempts - 1} more)"
    assert (again in play.report.notes) == (attempts > 1)


def test_a_changed_prompt_is_still_a_divergence(storm: Stage, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    request = sdk._request() | {"messages": user("hello")}
    monkeypatch.setattr(sdk, "_request", lambda: request)

    with pytest.raises(replaykit.Divergence) as caught:
        storm.replay(lambda: twice(sdk), attempts="final")
    assert caught.value.root_cause == "prompt"


def test_a_call_that_is_not_made_any_more_is_left_over_once(storm: Stage, sdk: Sdk) -> None:
    with pytest.raises(replaykit.Divergence, match="1 of 2 recorded calls were not made"):
        storm.replay(sdk.call, attempts="final", declares_output=False)
    assert storm.report.unused == ("llm:chat[1]",)


def test_a_recording_without_retries_says_so(stage: MakeStage, sdk: Sdk) -> None:
    play = stage(FINE)
    play.record(sdk.call)

    play.replay(sdk.call, attempts="final")
    assert play.report.notes == ("attempts=final: no recorded call was tried more than once",)


def test_an_ambient_call_that_was_tried_again_succeeds_in_the_replay(stage: MakeStage, sdk: Sdk) -> None:
    """Such calls have no place in the run, and still each attempt its own answer."""
    models = Route("GET", "/v1/models", json={}, fault=LIMITED, times=2)
    play = stage(FINE, routes=[models])
    maker = openai.OpenAI if sdk.module is openai else anthropic.Anthropic

    def act() -> int:
        with maker(http_client=_watched(sdk.module.DefaultHttpxClient, sdk.attempts)) as client:
            return len(list(client.models.list()))

    assert play.both(act) > 0
    assert [what for _, what in sdk.attempts] == ["429", "429", "200"] * 2


# time


def timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def test_a_replayed_storm_waits_for_nothing(stage: MakeStage, sdk: Sdk) -> None:
    """Each of its three waits is two thirds of a second in the recording."""
    play = stage(Rule(fault=Fault.rate_limited(0.66), times=3), FINE)
    recorded_s = timed(lambda: play.record(sdk.call))
    play.server.close()

    assert recorded_s > 1.9
    assert min(timed(lambda: play.replay(sdk.call)) for _ in range(2)) < 1
