"""A table of what can change in an agent, and the cause that a replay names for it."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import replaykit
from replaykit.packet import Packet
from tests.session.helpers import World, result, system, user

SCHEMA = {"type": "function", "function": {"name": "forecast", "parameters": {"type": "object", "properties": {}}}}
INSIDE: dict[str, str] = {"shelf": "Oslo lies at a fjord."}


@dataclass(frozen=True)
class Code:
    """An agent's code and settings: what a change of it looks like."""

    system: str = "You are a careful weather assistant."
    question: str = "How is the weather?"
    tools: tuple[dict[str, Any], ...] = (SCHEMA,)
    model: str = "gpt-4o-mini"
    temperature: float = 0.0
    prompts: tuple[str, ...] = ("first", "second", "third")
    local: str = "sunny"
    shown: str = "{}"
    shelf: str = INSIDE["shelf"]
    is_swapped: bool = False
    asks: str = "Oslo"
    output: Callable[[str], str] = field(default=lambda text: text)


@replaykit.tool
def lookup(city: str) -> str:
    return f"{city} is far"


def run(world: World, code: Code) -> str:
    """One agent with everything that the table changes."""

    @replaykit.retriever
    def search(query: str) -> list[str]:
        world.client.post("/v1/embeddings", json={"model": "e", "input": query})
        return [code.shelf]

    for prompt in code.prompts:
        world.chat(user(prompt))
    world.chat(user("Answer from these notes. " + "".join(search("where is Oslo"))))
    lookup(code.asks)
    asked = [system(code.system), user(code.question)]
    options = {"model": code.model, "temperature": code.temperature, "tools": list(code.tools)}
    answer = world.chat(*asked, **options)
    results = [result(call["id"], code.local) for call in answer["tool_calls"]]
    final = world.chat(*asked, answer, *results, **options)
    answer = world.chat(user("compare"))
    page = code.shown.format(world.get("/page"))
    texts = [page, "other"][:: -1 if code.is_swapped else 1]
    pairs = zip(answer["tool_calls"], texts, strict=True)
    world.chat(user("compare"), answer, *(result(call["id"], text) for call, text in pairs))
    return code.output(final["content"])


OTHER_SCHEMA = {"type": "function", "function": {"name": "forecast", "description": "new", "parameters": {}}}
CHANGES = [
    pytest.param({"system": "You are a cautious weather assistant."}, "prompt", id="system prompt"),
    pytest.param({"question": "How is the weather now?"}, "prompt", id="user message"),
    pytest.param({"tools": (OTHER_SCHEMA,)}, "prompt", id="tool schema"),
    pytest.param({"model": "gpt-4o"}, "model", id="model name"),
    pytest.param({"temperature": 0.7}, "model", id="temperature"),
    pytest.param({"asks": "Rome"}, "code", id="tool argument"),
    pytest.param({"prompts": ("new", "first", "second", "third")}, "prompt", id="added call, first seen as a change"),
    pytest.param({"prompts": ("first", "third")}, "code", id="removed call"),
    pytest.param({"prompts": ("second", "first", "third")}, "code", id="reordered calls"),
    pytest.param({"shown": "page: {}"}, "tool output", id="tool output, with HTTP inside the tool"),
    pytest.param({"local": "rainy"}, "tool ran for real", id="tool ran for real"),
    pytest.param({"shelf": "Oslo lies at a lake."}, "retrieval", id="a retriever that ran again found something else"),
    pytest.param({"is_swapped": True}, "order", id="order of parallel results"),
    pytest.param({"output": str.upper}, "code", id="output changed after the last call"),
]


@pytest.mark.parametrize(("change", "cause"), CHANGES)
def test_the_cause_of_a_change(world: World, change: dict[str, Any], cause: str) -> None:
    world.record(lambda: run(world, Code()))

    divergence = world.diverge(lambda: run(world, replace(Code(), **change)))

    assert divergence.root_cause == cause
    assert world.report.divergences[0].root_cause == cause


@pytest.mark.parametrize(
    "fresh",
    [
        lambda: str(uuid.uuid4()),
        lambda: uuid.uuid4().hex[:8] + "0a",
        lambda: (datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=next(SECONDS))).isoformat(),
        lambda: f"{datetime.datetime(2026, 1, 1) + datetime.timedelta(days=next(SECONDS)):%A, %B %d, %Y}",
    ],
    ids=["uuid", "short hex", "timestamp", "date in words"],
)
def test_a_time_or_an_id_in_a_prompt_is_clock_or_random(world: World, fresh: Callable[[], str]) -> None:
    def agent() -> None:
        world.chat(system(f"You help. Request {fresh()}."), user("hello"))

    world.record(agent)

    assert world.diverge(agent).root_cause == "clock or random"


SECONDS = iter(range(1, 1000))


def test_text_below_a_line_that_announces_retrieved_text_is_retrieval(world: World) -> None:
    world.record(lambda: world.chat(user("Question: why?\nContext:\nBecause it rains.")))

    divergence = world.diverge(lambda: world.chat(user("Question: why?\nContext:\nBecause it snows.")))

    assert divergence.root_cause == "retrieval"


def test_a_call_after_the_end_of_a_failed_run_is_where_the_recording_ends(world: World) -> None:
    """The failure was fixed, so the agent goes on where the recorded one broke off."""

    def agent(is_fixed: bool) -> None:
        world.chat(user("one"))
        if not is_fixed:
            raise ValueError("no")
        world.chat(user("two"))

    with pytest.raises(ValueError, match="no"), replaykit.record("demo", store=world.store) as run:
        agent(is_fixed=False)
    assert run.packet_path is not None

    assert world.diverge(lambda: agent(is_fixed=True), packet=run.packet_path).root_cause == "recording ends"


def test_a_call_that_was_open_when_the_run_was_killed_is_where_the_recording_ends(world: World) -> None:
    world.record(lambda: world.chat(user("one")))
    path = world.rewrite(lambda lines: [line for line in lines if line["kind"] != "done"])

    divergence = world.diverge(lambda: world.chat(user("one")), packet=path)

    assert divergence.root_cause == "recording ends"
    assert Packet.load(path).outcome is None


def test_reading_past_the_end_of_a_stream_that_was_left_early_is_where_the_recording_ends(world: World) -> None:
    def agent(is_whole: bool) -> None:
        body = {"model": "m", "messages": [user("one")], "stream": True}
        with world.client.stream("POST", "/v1/chat/completions", json=body) as response:
            for _ in response.iter_raw():
                if not is_whole:
                    break

    world.record(lambda: agent(is_whole=False))

    assert world.diverge(lambda: agent(is_whole=True)).root_cause == "recording ends"


def test_a_body_that_was_withheld_is_the_recorders_doing(world: World) -> None:
    def withhold(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for line in lines:
            if line["kind"] == "done":
                line["body"] = {"withheld": "it could not be sanitized", "length": 9}
        return lines

    world.record(lambda: world.chat(user("one")))
    path = world.rewrite(withhold)

    divergence = world.diverge(lambda: world.chat(user("one")), packet=path)

    assert divergence.root_cause == "recorder"
    assert "could not be sanitized" in str(divergence)


def test_a_request_that_was_withheld_is_the_recorders_doing(world: World) -> None:
    def withhold(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for line in lines:
            if line["kind"] == "call":
                line["http"]["body"] = {"withheld": "it was too large", "length": 9}
                line.pop("raw")
        return lines

    world.record(lambda: world.chat(user("one")))

    assert world.diverge(lambda: world.chat(user("one")), packet=world.rewrite(withhold)).root_cause == "recorder"
