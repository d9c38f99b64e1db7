"""Streamed answers that spell an address and a key token by token: the caller sees them, the packet does not."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2
import pytest

from replaykit.serve.scripted import Rule, Tool
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage, run_on, user
from tests.sanitizer.leaks import all_texts, pieces

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")

EMAIL = "maria.lopez77@haus-lopez.org"
KEY = "sk-proj-" + "Zp7QmXx2Lk9Vd4Bn8Cr3Tf6Hw1Js5Yg0UaEo2Ii4Pq"
SECRET_PARTS = ("maria.lopez77@haus-lopez", KEY.removeprefix("sk-proj-"))
SENTENCE = f"Write to {EMAIL} and hand over the key {KEY}, please."
ARGUMENTS = {"to": EMAIL, "note": [f"the key is {KEY}"], "n": 2}
EMAIL_FORM = re.compile(r"[a-z]+\.[a-z]+\d\d@[a-z]+-[a-z]+\.org")
KEY_FORM = re.compile(r"sk-proj-[A-Za-z0-9]{42}")
MODEL = "scripted-model"
T = TypeVar("T")
FUNCTION = {"name": "send", "parameters": {"type": "object", "properties": {"to": {"type": "string"}}}}


@dataclass
class Heard:
    """What one client heard of one answer.

    Attributes:
        said: The text that the SDK puts together.
        events: How many the SDK gave.
        sizes: Of the chunks of the wire.
    """

    said: str = ""
    events: int = 0
    sizes: list[int] = field(default_factory=list)


class _Counted(httpx2.SyncByteStream, httpx2.AsyncByteStream):  # type: ignore[misc]
    """The stream of an answer, with the size of each of its chunks noted."""

    def __init__(self, stream: Any, sizes: list[int]) -> None:
        self._stream, self._sizes = stream, sizes

    def __iter__(self) -> Any:
        for chunk in self._stream:
            self._sizes.append(len(chunk))
            yield chunk

    async def __aiter__(self) -> Any:
        async for chunk in self._stream:
            self._sizes.append(len(chunk))
            yield chunk

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


def counting(base: Any, sizes: list[int]) -> Any:
    """A client of that class that notes what comes over the wire."""

    class Sync(base):  # type: ignore[misc]
        def send(self, *args: Any, **kwargs: Any) -> Any:
            response = super().send(*args, **kwargs)
            response.stream = _Counted(response.stream, sizes)
            return response

    class Async(base):  # type: ignore[misc]
        async def send(self, *args: Any, **kwargs: Any) -> Any:
            response = await super().send(*args, **kwargs)
            response.stream = _Counted(response.stream, sizes)
            return response

    return (Async if "Async" in base.__name__ else Sync)(verify=False)


# one call of each kind


def _chat_text(events: Iterable[Any]) -> str:
    return "".join(event.choices[0].delta.content or "" for event in events if event.choices)


def _chat_arguments(events: Iterable[Any]) -> str:
    calls = [event.choices[0].delta.tool_calls for event in events if event.choices]
    return "".join(call[0].function.arguments or "" for call in calls if call)


def _responses(kind: str) -> Callable[[Iterable[Any]], str]:
    return lambda events: "".join(event.delta for event in events if event.type == kind)


def _blocks(name: str) -> Callable[[Iterable[Any]], str]:
    return lambda events: "".join(getattr(event.delta, name) for event in events if event.type == "content_block_delta")


@dataclass(frozen=True)
class Way:
    """An SDK, an API of it, and how its events make a text."""

    sdk: Any
    api: str
    options: dict[str, Any]
    said: Callable[[Iterable[Any]], str]

    def create(self, client: Any) -> Any:
        method = client
        for name in self.api.split("."):
            method = getattr(method, name)
        return method(model=MODEL, stream=True, **self.options)

    def client(self, sizes: list[int], *, is_async: bool) -> Any:
        prefix = "Async" if is_async else ""
        http = counting(getattr(self.sdk, f"Default{prefix}HttpxClient"), sizes)
        return getattr(self.sdk, f"{prefix}{'OpenAI' if self.sdk is openai else 'Anthropic'}")(http_client=http)


ASK = {"messages": user("go on")}
WAYS = {
    "chat text": Way(openai, "chat.completions.create", ASK, _chat_text),
    "chat arguments": Way(
        openai,
        "chat.completions.create",
        {**ASK, "tools": [{"type": "function", "function": FUNCTION}]},
        _chat_arguments,
    ),
    "responses text": Way(openai, "responses.create", {"input": "go on"}, _responses("response.output_text.delta")),
    "responses arguments": Way(
        openai,
        "responses.create",
        {"input": "go on", "tools": [{"type": "function", **FUNCTION}]},
        _responses("response.function_call_arguments.delta"),
    ),
    "anthropic text": Way(anthropic, "messages.create", {**ASK, "max_tokens": 100}, _blocks("text")),
    "anthropic arguments": Way(
        anthropic,
        "messages.create",
        {**ASK, "max_tokens": 100, "tools": [{"name": "send", "input_schema": FUNCTION["parameters"]}]},
        _blocks("partial_json"),
    ),
}


def agent(way: Way, *, is_async: bool, factory: LoopFactory) -> Callable[[], Heard]:
    """One streamed call."""

    def heard_of(events: list[Any], sizes: list[int]) -> Heard:
        return Heard(way.said(events), len(events), sizes)

    def act() -> Heard:
        sizes: list[int] = []
        with way.client(sizes, is_async=False) as client:
            return heard_of(list(way.create(client)), sizes)

    async def act_async() -> Heard:
        sizes: list[int] = []
        async with way.client(sizes, is_async=True) as client:
            return heard_of([event async for event in await way.create(client)], sizes)

    return run_on(factory, act_async) if is_async else act


def both(play: Stage, act: Callable[[], T]) -> tuple[T, T]:
    """What was heard when it was recorded, and in the replay with the server gone."""
    then = play.record(act, declares_output=False)
    asked = play.server.count
    play.server.close()
    now = play.replay(act, declares_output=False)
    play.assert_nothing_went_out(asked)
    return then, now


def assert_absent(play: Stage) -> None:
    stored = all_texts([play.path.read_bytes(), play.report.to_json().encode()])
    assert [piece for part in SECRET_PARTS for piece in pieces(part) if piece in stored] == []


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("characters", "wire_bytes"), [(1, None), (2, 23), (3, 700)])
@pytest.mark.parametrize("name", list(WAYS))
def test_secrets_spelled_token_by_token(
    stage: MakeStage, name: str, characters: int, wire_bytes: int | None, is_async: bool
) -> None:
    """Whatever the events and the chunks of the wire cut apart; their counts and sizes are those of the recording."""
    is_text = name.endswith("text")
    says: dict[str, Any] = {"reply": SENTENCE} if is_text else {"tool_calls": [Tool("send", ARGUMENTS)]}
    play = stage(Rule(chunk_size=characters, wire_chunk_bytes=wire_bytes, **says))
    then, now = both(play, agent(WAYS[name], is_async=is_async, factory=asyncio.new_event_loop))

    assert_absent(play)
    assert (then.said == SENTENCE) if is_text else (json.loads(then.said) == ARGUMENTS)
    assert EMAIL_FORM.search(now.said) and KEY_FORM.search(now.said)
    assert EMAIL not in now.said and KEY not in now.said
    assert len(now.said) == len(then.said)
    assert (now.events, now.sizes) == (then.events, then.sizes)
    chunks = play.packet.interactions[0].response_chunks
    assert [len(chunk.data) for chunk in chunks] == then.sizes


def test_stand_ins_of_a_stream_are_those_of_the_next_request(stage: MakeStage) -> None:
    """The agent goes on with what it heard: raw when recorded, the stand-in in the replay."""
    play = stage(Rule(when="go on", reply=SENTENCE, chunk_size=2), Rule(reply="done"))

    def act() -> Heard:
        with openai.OpenAI(http_client=openai.DefaultHttpxClient(verify=False)) as client:
            said = _chat_text(client.chat.completions.create(model=MODEL, stream=True, **ASK))
            answer = client.chat.completions.create(model=MODEL, messages=user(f"You said: {said}"))
            return Heard(said, events=len(answer.choices))

    then, now = both(play, act)

    assert_absent(play)
    assert now.said in play.packet.interactions[1].request_body.decode()
    assert then.said == SENTENCE


def test_offsets_in_time_of_a_stream_are_kept(stage: MakeStage) -> None:
    play = stage(Rule(reply=SENTENCE[:60], chunk_size=3, chunk_delay_s=0.002))
    then, _ = both(play, agent(WAYS["chat text"], is_async=False, factory=asyncio.new_event_loop))
    offsets_ns = [chunk.offset_ns for chunk in play.packet.interactions[0].response_chunks]

    assert len(offsets_ns) == len(then.sizes) > 20
    assert offsets_ns == sorted(offsets_ns)
    assert offsets_ns[-1] - offsets_ns[0] >= 0.002e9 * (len(offsets_ns) // 2)


def test_streams_at_once_spell_into_one_packet(stage: MakeStage, loop_factory: LoopFactory) -> None:
    play = stage(Rule(reply=SENTENCE, chunk_size=2, wire_chunk_bytes=31))

    async def act() -> list[str]:
        async def one() -> str:
            events = await client.chat.completions.create(model=MODEL, stream=True, **ASK)
            return _chat_text([event async for event in events])

        async with openai.AsyncOpenAI(http_client=openai.DefaultAsyncHttpxClient(verify=False)) as client:
            return await asyncio.gather(*(one() for _ in range(4)))

    then, now = both(play, run_on(loop_factory, act))

    assert_absent(play)
    assert set(then) == {SENTENCE}
    assert len(set(now)) == 1  # the same stand-ins throughout the packet
