"""One change to an agent at a time: where the replay leaves the recording first, and the cause that it names."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import random
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Rule, ScriptedServer, Tool
from replaykit.session.report import Report, ReportedDivergence

openai = pytest.importorskip("openai")

RATE = {"NOK": "11.38 crowns"}
SHELF = {"Bergen": "The funicular runs until eleven."}


@replaykit.tool
async def look_up(place: str) -> str:
    return f"{place} has 285000 people"


@replaykit.tool(replay="rerun")
def exchange(currency: str) -> str:
    if currency not in RATE:
        raise LookupError(f"nobody trades {currency}")
    return RATE[currency]


@replaykit.retriever
def search(query: str) -> list[str]:
    return [f"Found under {query}: rain on 239 days."]


@replaykit.human
def approve(plan: str) -> str:
    return "yes, go ahead"


@replaykit.tool
def book(what: str) -> str:
    return f"booked {what}"


def distance_of(place: str) -> str:
    return f"{place} is 460 km away"


SCHEMA = {"type": "function", "function": {"name": "distance_of", "description": "Kilometres.", "parameters": {}}}


@dataclass(frozen=True)
class Code:
    """What a change of the agent's code or settings looks like."""

    system: str = "You are a careful travel assistant."
    question: str = "Plan two days in Bergen for me."
    schema: dict[str, Any] = field(default_factory=lambda: SCHEMA)
    model: str = "gpt-4o-mini"
    temperature: float = 0.0
    query: str = "weather in Bergen"
    asks: str = "Bergen"
    currency: str = "NOK"
    context: str = "Bryggen is a row of wooden houses."
    distance: Callable[[str], str] = distance_of
    before: tuple[str, ...] = ()
    topics: tuple[str, ...] = ("food", "music", "walks")
    bookings: tuple[str, ...] = ("a hotel", "a train")
    steps: tuple[str, ...] = ("Write down the costs.", "Name the risks.")
    is_awaited: bool = True
    is_looked_up: bool = True
    is_approved: bool = True
    is_swapped: bool = False
    stamp: Callable[[], str] = lambda: ""
    end: Callable[[str], str] = lambda text: text


class Agent:
    """A travel planner without a framework."""

    def __init__(self, client: Any, code: Code) -> None:
        self.client, self.code = client, code

    async def chat(self, *messages: Any, **options: Any) -> Any:
        options = {"model": self.code.model, "temperature": self.code.temperature} | options
        completion = await self.client.chat.completions.create(messages=list(messages), **options)
        return completion.choices[0].message

    async def ask(self, text: str, system: str = "You are brief.") -> str:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        return str((await self.chat(*messages)).content)

    async def run(self) -> str:
        code = self.code
        for text in code.before:
            await self.ask(text, "You sort requests by how urgent they are.")
        await self.ask(code.question, code.system + code.stamp())
        found = [*search(code.query), *await self.shelf("Bergen")]
        await self.ask(f"Use this.\nContext:\n{code.context} {' '.join(found)}")
        await self.ask(f"One euro is {exchange(code.currency)}.")
        await self.use_tools()
        people = ""
        if code.is_looked_up:
            people = await self.people()
        await self.ask(f"How crowded is it, if {people}?")
        await asyncio.gather(*(self.ask(f"Tell me about {topic}.") for topic in code.topics))
        for step in code.steps:
            await self.ask(step)
        done = [book(what) for what in code.bookings]
        answer = approve(f"All of it: {done}") if code.is_approved else "yes, go ahead"
        return code.end(await self.ask(f"They said: {answer}"))

    async def shelf(self, place: str) -> list[str]:
        @replaykit.retriever
        async def shelf(place: str) -> list[str]:
            await self.client.embeddings.create(model="text-embedding-3-small", input=place)
            return [SHELF[place]]

        return await shelf(place)

    async def people(self) -> str:
        asked = look_up(self.code.asks)
        if self.code.is_awaited:
            return str(await asked)
        asked.close()
        return str(asked)

    async def use_tools(self) -> None:
        asked = [{"role": "user", "content": "How far are they?"}]
        answer = await self.chat(*asked, tools=[self.code.schema])
        texts = [self.code.distance(place) for place in ("Voss", "Flam")][:: -1 if self.code.is_swapped else 1]
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": text}
            for call, text in zip(answer.tool_calls, texts, strict=True)
        ]
        await self.chat(*asked, answer.model_dump(exclude_none=True), *results, tools=[self.code.schema])


RULES = (
    Rule("How far", tool_calls=[Tool("distance_of", {"place": "Voss"}), Tool("distance_of", {"place": "Flam"})]),
    Rule(path="/embeddings", embedding=[0.5, 0.25]),
    Rule(reply="answer {n}"),
)


class Trips:
    """Recordings of agents against one server."""

    def __init__(self, server: ScriptedServer, store: Path) -> None:
        self.server, self.store = server, store

    def play(self, act: Callable[[Any], Any]) -> Any:
        """What an agent gives that is handed an openai client."""

        async def main() -> Any:
            options = {"base_url": f"{self.server.url}/v1", "api_key": "sk-none"}
            async with openai.AsyncOpenAI(
                **options, http_client=openai.DefaultAsyncHttpxClient(verify=False)
            ) as client:
                return await act(client)

        return asyncio.run(main())

    def record(self, act: Callable[[Any], Any], **options: Any) -> Path:
        with replaykit.record("trip", store=self.store, **options) as run:
            run.finish(output=self.play(act))
        assert run.packet_path is not None
        return run.packet_path

    def replay(self, path: Path, act: Callable[[Any], Any], **options: Any) -> Report:
        sent, rerun = self.server.count, None
        try:
            with replaykit.replay(path, **options) as rerun:
                rerun.finish(output=self.play(act))
        except (replaykit.Divergence, LookupError):
            assert rerun is not None
        assert self.server.count == sent
        report: Report = rerun.report
        return report

    def first(self, path: Path, act: Callable[[Any], Any], **options: Any) -> ReportedDivergence:
        report = self.replay(path, act, **options)
        assert not report.ok
        return report.divergences[0]


def planner(code: Code) -> Callable[[Any], Any]:
    return lambda client: Agent(client, code).run()


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trips]:
    with ScriptedServer(RULES) as server:
        yield Trips(server, tmp_path_factory.mktemp("trips"))


@pytest.fixture(scope="module")
def plain(trips: Trips) -> Path:
    return trips.record(planner(Code()))


@pytest.fixture(scope="module")
def logged(trips: Trips) -> Path:
    return trips.record(planner(Code()), effects=True)


def test_the_unchanged_agent_is_the_same(trips: Trips, plain: Path, logged: Path) -> None:
    for path in (plain, logged):
        report = trips.replay(path, planner(Code()))

        assert report.ok, report.divergences[0].message
        assert {item.level for item in report.interactions} == {0}


def fail(text: str) -> str:
    raise LookupError(text)


OTHER_SCHEMA = {"type": "function", "function": SCHEMA["function"] | {"description": "How many kilometres."}}
CHANGES = [
    pytest.param({"system": "You are a cautious travel assistant."}, "llm:chat[0]", "prompt", id="system prompt"),
    pytest.param({"question": "Plan three days in Bergen for me."}, "llm:chat[0]", "prompt", id="user message"),
    pytest.param({"steps": ("Write down all costs.", "Name the risks.")}, "llm:chat[6]", "prompt", id="late prompt"),
    pytest.param({"schema": OTHER_SCHEMA}, "llm:chat[3]", "prompt", id="tool description"),
    pytest.param({"model": "gpt-4o"}, "llm:chat[0]", "model", id="model name"),
    pytest.param({"temperature": 0.7}, "llm:chat[0]", "model", id="temperature"),
    pytest.param({"asks": "Oslo"}, "tool:look_up[0]", "code", id="tool argument"),
    pytest.param({"query": "rain in Bergen"}, "retrieval:search[0]", "code", id="retrieval query"),
    pytest.param({"context": "Bryggen burned down."}, "llm:chat[1]", "retrieval", id="text below a line of context"),
    pytest.param({"currency": "SEK"}, "tool:exchange[0]", "code", id="argument of a tool that runs again"),
    pytest.param(
        {"distance": lambda place: f"{place} is far"}, "llm:chat[4]", "tool ran for real", id="undecorated tool"
    ),
    pytest.param({"is_swapped": True}, "llm:chat[4]", "order", id="swapped results"),
    pytest.param({"is_awaited": False}, "tool:look_up[0]", "code", id="dropped await"),
    pytest.param({"is_looked_up": False}, "tool:look_up[0]", "code", id="removed tool call"),
    pytest.param({"is_approved": False}, "human:approve[0]", "code", id="removed question to a person"),
    pytest.param({"before": ("Is it urgent?",)}, "llm:chat[0]", "code", id="added call"),
    pytest.param(
        {"steps": ("Write down the costs.", "Check whether museums close on Monday.", "Name the risks.")},
        "llm:chat[7]",
        "code",
        id="added call in the middle",
    ),
    pytest.param({"steps": ("Name the risks.",)}, "llm:chat[6]", "code", id="removed call"),
    pytest.param({"steps": ("Name the risks.", "Write down the costs.")}, "llm:chat[6]", "code", id="reordered calls"),
    pytest.param({"bookings": ("a train", "a hotel")}, "tool:book[0]", "code", id="reordered writes"),
    pytest.param({"topics": ("food", "walks")}, "Agent.ask[1]/llm:chat[0]", "code", id="one task less"),
    pytest.param({"topics": ("food", "music", "walks", "art")}, "Agent.ask[3]/llm:chat[0]", "code", id="one task more"),
    pytest.param({"topics": ("food", "music")}, "Agent.ask[2]/llm:chat[0]", "code", id="the last task less"),
    pytest.param({"end": str.upper}, "the end", "code", id="output alone"),
    pytest.param({"end": fail}, "the end", "code", id="another exception"),
]


@pytest.mark.parametrize(("change", "position", "cause"), CHANGES)
def test_one_change(trips: Trips, plain: Path, change: dict[str, Any], position: str, cause: str) -> None:
    divergence = trips.first(plain, planner(replace(Code(), **change)))

    assert (divergence.position, divergence.root_cause) == (position, cause), divergence.message


def test_a_tool_that_runs_again_and_gives_something_else(
    trips: Trips, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RATE, "NOK", "12.01 crowns")
    divergence = trips.first(plain, planner(Code()))

    assert (divergence.position, divergence.root_cause) == ("llm:chat[2]", "tool ran for real")
    assert "it comes from tool:exchange[0]" in divergence.message


def test_a_tool_that_runs_again_and_fails(trips: Trips, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RATE, "NOK")
    divergence = trips.first(plain, planner(Code()))

    assert (divergence.position, divergence.root_cause) == ("the end", "tool ran for real")


def test_a_retriever_that_runs_again_and_finds_something_else(
    trips: Trips, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SHELF, "Bergen", "The funicular is closed.")
    divergence = trips.first(plain, planner(Code()))

    assert (divergence.position, divergence.root_cause) == ("llm:chat[1]", "retrieval")


CHANCE = [
    pytest.param(lambda: f" It is {datetime.datetime.now()}.", id="datetime"),
    pytest.param(lambda: f" Today is {datetime.date.today():%A, %d %B %Y}.", id="date in words"),
    pytest.param(lambda: f" Now: {time.time()}", id="epoch"),
    pytest.param(lambda: f" Request {uuid.uuid4()}.", id="uuid"),
    pytest.param(lambda: f" Token {secrets.token_hex(8)}.", id="token"),
]


@pytest.mark.parametrize("has_log", [True, False], ids=["logged", "not logged"])
@pytest.mark.parametrize("stamp", CHANCE)
def test_the_clock_or_chance_put_into_a_prompt(
    trips: Trips, plain: Path, logged: Path, has_log: bool, stamp: Callable[[], str]
) -> None:
    divergence = trips.first(logged if has_log else plain, planner(Code(stamp=stamp)))

    assert (divergence.position, divergence.root_cause) == ("llm:chat[0]", "clock or random"), divergence.message


def test_a_random_choice_put_into_a_prompt(trips: Trips, logged: Path) -> None:
    divergence = trips.first(logged, planner(Code(stamp=lambda: random.choice((" Be kind.", " Be curt.")))))

    assert (divergence.position, divergence.root_cause) == ("llm:chat[0]", "clock or random"), divergence.message


# races, replayed without the recorded order


@replaykit.tool
async def visit(shop: str, for_s: float) -> str:
    await asyncio.sleep(for_s)
    return f"{shop} is open"


async def walk_to(shop: str, works_s: float, for_s: float) -> str:
    """The program works before it calls: of that no recording knows, so its durations alone give another order."""
    until = time.perf_counter() + works_s
    while time.perf_counter() < until:
        pass
    return await visit(shop, for_s)


def race() -> tuple[asyncio.Task[str], ...]:
    return (asyncio.create_task(walk_to("baker", 0, 0.1)), asyncio.create_task(walk_to("florist", 0.15, 0.005)))


async def note_order(agent: Agent) -> Any:
    log = [await task for task in asyncio.as_completed(race())]
    return await agent.ask(f"Seen: {'; '.join(log)}")


async def name_winner(agent: Agent) -> Any:
    tasks = race()
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await agent.ask(f"Begin with this: {done.pop().result()}")
    await asyncio.gather(*tasks)


async def number_winner(agent: Agent) -> Any:
    tasks = race()
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await agent.ask(f"Begin with number {tasks.index(done.pop())}.")
    await asyncio.gather(*tasks)


async def ask_in_turn(agent: Agent) -> Any:
    for task in asyncio.as_completed(race()):
        await agent.ask(f"What is sold there? {await task}")


async def give_order(agent: Agent) -> Any:
    await agent.ask("Where shall I go?")
    return [await task for task in asyncio.as_completed(race())]


@pytest.mark.parametrize(
    ("act", "position"),
    [
        pytest.param(note_order, "llm:chat[0]", id="order of a list"),
        pytest.param(name_winner, "llm:chat[0]", id="text of the winner"),
        pytest.param(number_winner, "llm:chat[0]", id="number of the winner"),
        pytest.param(ask_in_turn, "llm:chat[0]", id="calls in another order"),
        pytest.param(give_order, "the end", id="order of the output"),
    ],
)
def test_answers_that_came_in_another_order_are_the_schedule(
    trips: Trips, act: Callable[[Agent], Any], position: str
) -> None:
    def run(client: Any) -> Any:
        return act(Agent(client, Code()))

    path = trips.record(run)
    divergence = trips.first(path, run, schedule="natural")

    assert trips.replay(path, run).ok
    assert (divergence.position, divergence.root_cause) == (position, "schedule"), divergence.message


def test_a_packet_without_the_order_of_events_says_so(trips: Trips) -> None:
    def run(client: Any) -> Any:
        return name_winner(Agent(client, Code()))

    path = rewrite(trips.record(run), lambda line: None if line["kind"] == "schedule" else line)
    divergence = trips.first(path, run)

    assert (divergence.position, divergence.root_cause) == ("llm:chat[0]", "schedule")
    assert "walk_to[1]/tool:visit[0] was answered before walk_to[0]/tool:visit[0]" in divergence.message
    assert "the recording does not say in which order its events came" in divergence.message


def test_another_prompt_after_a_race_is_not_blamed_on_the_race(trips: Trips) -> None:
    async def act(client: Any, text: str) -> None:
        await asyncio.gather(*race())
        await Agent(client, Code()).ask(text)

    path = trips.record(lambda client: act(client, "Which of them is the nearest one?"))
    divergence = trips.first(path, lambda client: act(client, "Which of them is the cheapest one?"), schedule="natural")

    assert (divergence.position, divergence.root_cause) == ("llm:chat[0]", "prompt")


# what is no clock and no chance


@pytest.mark.parametrize(
    "text",
    [" You were trained until 2023-04-01.", " Never spend more than 250000.", " The shop opens at 9:30."],
    ids=["date", "number", "time of day"],
)
@pytest.mark.parametrize("has_log", [True, False], ids=["logged", "not logged"])
def test_a_constant_in_a_prompt_is_the_prompt(
    trips: Trips, plain: Path, logged: Path, has_log: bool, text: str
) -> None:
    divergence = trips.first(logged if has_log else plain, planner(Code(stamp=lambda: text)))

    assert (divergence.position, divergence.root_cause) == ("llm:chat[0]", "prompt")


def test_a_clock_that_is_only_looked_at_is_not_blamed_for_a_word(trips: Trips, logged: Path) -> None:
    def stamp() -> str:
        return " Be kind." if time.time() else ""

    divergence = trips.first(logged, planner(Code(stamp=stamp)))

    assert (divergence.position, divergence.root_cause) == ("llm:chat[0]", "prompt")


def test_an_id_of_each_run_in_a_prompt(trips: Trips) -> None:
    """In the recording, too; nobody wrote down what chance gave."""
    agent = planner(Code(stamp=lambda: f" Request {uuid.uuid4()}."))
    divergence = trips.first(trips.record(agent), agent)

    assert (divergence.position, divergence.root_cause) == ("llm:chat[0]", "clock or random")


# sets, the end of the recording, the recorder

SET_AGENT = """
import sys
import openai, replaykit
tags = {"quiet", "cheap", "central", "modern", "green", "old"}
def act():
    with openai.OpenAI(base_url=sys.argv[2], api_key="sk-none", max_retries=0) as client:
        for text in ("Where?", f"Find a room that is {', '.join(tags)}."):
            messages = [{"role": "user", "content": text}]
            client.chat.completions.create(model="gpt-4o-mini", messages=messages)
if sys.argv[1] == "record":
    with replaykit.record("set", store=sys.argv[3]) as run:
        act()
    print(run.packet_path)
else:
    try:
        with replaykit.replay(sys.argv[3]) as rerun:
            act()
    except replaykit.Divergence:
        first = rerun.report.divergences[0]
        print(first.position, first.root_cause)
"""


def test_a_set_in_a_prompt_under_another_hash_seed(trips: Trips) -> None:
    def run(seed: str, *arguments: str) -> str:
        command = [sys.executable, "-c", SET_AGENT, arguments[0], f"{trips.server.url}/v1", arguments[1]]
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    path = run("1", "record", str(trips.store))

    assert run("2", "replay", path) == "llm:chat[1] order"
    assert run("1", "replay", path) == ""


def test_a_call_behind_the_end_of_a_failed_run(trips: Trips) -> None:
    async def act(client: Any, is_fixed: bool) -> None:
        await Agent(client, Code()).ask("How long does it take?")
        if not is_fixed:
            raise LookupError("no time is known")
        await Agent(client, Code()).ask("And back?")

    with pytest.raises(LookupError), replaykit.record("trip", store=trips.store) as run:
        trips.play(lambda client: act(client, is_fixed=False))
    assert run.packet_path is not None
    divergence = trips.first(run.packet_path, lambda client: act(client, is_fixed=True))

    assert (divergence.position, divergence.root_cause) == ("llm:chat[1]", "recording ends")


def test_an_answer_that_was_not_kept(trips: Trips, plain: Path) -> None:
    calls = {line["id"]: line for line in lines_of(plain) if line["kind"] == "call"}

    def withhold(line: dict[str, Any]) -> dict[str, Any]:
        is_it = line["kind"] == "done" and calls.get(line["id"], {}).get("position") == "llm:chat[2]"
        return line | {"body": {"withheld": "it could not be sanitized", "length": 9}} if is_it else line

    divergence = trips.first(rewrite(plain, withhold), planner(Code()))

    assert (divergence.position, divergence.root_cause) == ("llm:chat[2]", "recorder")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Path:
    """The packet with its lines changed, or left out where there is nothing for them; as of a run that was killed."""
    changed = path.with_name(f"changed-{path.name}")
    lines = (line for line in lines_of(path) if line["kind"] != "outcome")
    kept = [line for line in map(change, lines) if line is not None]
    changed.write_text("".join(json.dumps(line) + "\n" for line in kept))
    return changed
