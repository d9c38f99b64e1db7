"""`@tool`, `@retriever`, `@human`, `@agent` and `span`, in agents that call a model between them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Route
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import run_on, user

openai = pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")

MODEL = "gpt-4o-mini"


def ask(text: str) -> str:
    with openai.OpenAI() as client:
        return client.chat.completions.create(model=MODEL, messages=user(text)).choices[0].message.content


@dataclasses.dataclass
class Order:
    number: int
    items: list[str]


class Offer(pydantic.BaseModel):  # type: ignore[misc, name-defined]  # imported if it is there
    price: float
    order: Any = None


class StockError(Exception):
    def __init__(self, item: str, left: int) -> None:
        super().__init__(f"{left} {item} left")
        self.item, self.left = item, left


ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


@replaykit.tool
def find_order(number: int, *, eager: bool = False) -> Order:
    ran.append("find_order")
    return Order(number, ["apple"] * (1 + eager))


@replaykit.tool(name="price", effect="read")
async def price_of(order: Order) -> Any:
    ran.append("price")
    await asyncio.sleep(0)
    return Offer(price=2.5 * len(order.items), order=None)


@replaykit.tool
def take(item: str) -> None:
    ran.append("take")
    raise StockError(item, 3)


@replaykit.retriever
def search(query: str) -> list[tuple[dict[str, str], float]]:
    ran.append("search")
    return [({"text": f"about {query}"}, 0.9)]


@replaykit.human
def confirm(question: str) -> bool:
    ran.append("confirm")
    return True


class Shop:
    @replaykit.tool
    def open_at(self, hour: int) -> bool:
        ran.append("open_at")
        return hour > 8

    @staticmethod
    @replaykit.tool
    def name() -> str:
        ran.append("name")
        return "shop"


def test_results_come_from_the_packet_and_no_body_runs(stage: MakeStage) -> None:
    play = stage()

    def act() -> list[Any]:
        order = find_order(7, eager=True)
        offer = asyncio.run(price_of(order))
        try:
            take("pear")
        except StockError as error:
            caught = (error.item, error.left, str(error), type(error).__name__)
        documents = search(ask("what to look for?"))
        return [order, offer, caught, documents, confirm("sure?"), Shop().open_at(9), Shop.name()]

    found = play.both(act)
    assert found[0] == Order(7, ["apple", "apple"])
    assert found[2] == ("pear", 3, "3 pear left", "StockError")
    assert len(ran) == 7
    assert len(play.report.not_executed) == 7


def test_other_arguments_diverge_and_the_body_does_not_run(stage: MakeStage) -> None:
    play = stage()
    play.record(lambda: find_order(7))
    ran.clear()

    with pytest.raises(replaykit.Divergence):
        play.replay(lambda: find_order(8))
    assert ran == []


def test_tools_called_at_once_each_get_their_own_result(stage: MakeStage, loop_factory: LoopFactory) -> None:
    numbers = iter(range(100))

    @replaykit.tool
    async def draw() -> int:
        await asyncio.sleep(0)
        return next(numbers)

    async def act() -> list[int]:
        return await asyncio.gather(*(draw() for _ in range(5)))

    play = stage()
    assert play.both(run_on(loop_factory, act)) == [0, 1, 2, 3, 4]


def test_a_tool_that_asks_a_model_runs_again_over_the_recorded_answer(stage: MakeStage) -> None:
    @replaykit.tool
    def summarize(text: str) -> str:
        ran.append("summarize")
        return ask(f"summarize {text}").upper()

    play = stage()
    assert play.both(lambda: [summarize("a"), summarize("b")]) == ["ANSWER 1", "ANSWER 2"]
    assert len(ran) == 4
    assert play.report.not_executed == ()


def test_a_tool_declared_rerun_runs_again_and_its_http_is_replayed(stage: MakeStage) -> None:
    httpx = pytest.importorskip("httpx")
    play = stage(routes=[Route("GET", "/stock", json={"apples": "{n}"})])

    @replaykit.tool(replay="rerun")
    def stock() -> str:
        ran.append("stock")
        return httpx.get(play.server.url + "/stock").text

    play.both(stock)
    assert len(ran) == 2


def test_http_inside_a_served_tool_leaves_nothing_over(stage: MakeStage) -> None:
    httpx = pytest.importorskip("httpx")
    play = stage(routes=[Route("GET", "/stock", json={"apples": "{n}"})])

    @replaykit.tool
    def stock() -> str:
        ran.append("stock")
        return httpx.get(play.server.url + "/stock").text

    play.both(lambda: [stock(), stock(), ask("enough?")])
    assert len(ran) == 2
    assert len(play.report.not_executed) == 2


def test_an_undecorated_call_is_the_functions_own() -> None:
    assert find_order(1) == Order(1, ["apple"])
    with pytest.raises(TypeError):
        find_order()  # type: ignore[call-arg]  # on purpose


def test_spans_are_part_of_the_position(stage: MakeStage) -> None:
    def act() -> str:
        with replaykit.span("plan", kind="planner", token_budget=100) as span:
            first = ask("plan")
            span.set(cache_hit=False)
        with replaykit.span("verify", kind="verifier"):
            return first + ask("verify")

    play = stage()
    play.both(act)
    assert play.positions == ["plan[0]/llm:chat[0]", "verify[0]/llm:chat[0]"]


def test_a_run_inside_a_run_is_a_span(stage: MakeStage) -> None:
    play = stage()

    def act() -> str:
        with replaykit.record("inner", store=play.store):
            return ask("hi")

    play.record(act)
    assert [span.line.span_kind for span in play.packet.spans] == ["agent"]
    assert len(list(play.store.glob("*.packet.jsonl"))) == 1


def test_a_recording_inside_a_replay_is_a_usage_error(stage: MakeStage) -> None:
    play = stage()
    play.record(lambda: ask("hi"))

    for nested in (lambda: replaykit.record("inner", store=play.store), lambda: replaykit.replay(play.path)):
        with pytest.raises(replaykit.UsageError), replaykit.replay(play.path), nested():
            pass


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `@agent` writes; recording is on and the key is there."""
    monkeypatch.setenv("REPLAYKIT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("REPLAYKIT_MODE", "record")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    return tmp_path / "store"


@replaykit.agent("helper")
def helper(question: str, tries: int = 1) -> str:
    return " ".join(ask(question) for _ in range(tries))


@replaykit.agent("helper")
async def async_helper(question: str) -> str:
    return await asyncio.to_thread(ask, question)


@replaykit.agent("helper")
def streaming_helper(question: str) -> Iterator[str]:
    yield ask(question)
    yield ask(question + " more")


@replaykit.agent("helper")
async def async_streaming_helper(question: str) -> AsyncIterator[str]:
    yield await asyncio.to_thread(ask, question)
    yield await asyncio.to_thread(ask, question + " more")


async def collected(items: AsyncIterator[str]) -> list[str]:
    return [item async for item in items]


CALLS = {
    "sync": (lambda: helper("hi", tries=2), "answer 1 answer 2"),
    "async": (lambda: asyncio.run(async_helper("hi")), "answer 1"),
    "generator": (lambda: list(streaming_helper("hi")), ["answer 1", "answer 2"]),
    "async generator": (lambda: asyncio.run(collected(async_streaming_helper("hi"))), ["answer 1", "answer 2"]),
}


@pytest.mark.parametrize("kind", CALLS)
def test_each_call_of_an_agent_is_a_run_of_its_own(
    stage: MakeStage, store: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    call, expected = CALLS[kind]
    server = stage().server

    assert call() == expected
    call()
    [first, second] = sorted((load(path) for path in packets(store)), key=lambda packet: packet.run.started_at)
    assert first.outcome.output == expected
    assert first.entry.target.startswith("tests.e2e.test_functions:")
    assert len(first.interactions) == len(second.interactions)
    monkeypatch.delenv("REPLAYKIT_MODE")
    server.close()
    with replaykit.replay(first) as rerun:
        assert call() == expected
    assert rerun.report.ok
    assert rerun.report.output_compared


def packets(store: Path) -> list[Path]:
    from replaykit.session.writer import drain

    drain()
    return sorted(store.glob("*.packet.jsonl"))


def load(path: Path) -> replaykit.Packet:
    return replaykit.Packet.load(path)


def test_a_generator_agents_run_is_not_active_between_its_steps(stage: MakeStage, store: Path) -> None:
    stage()
    steps = streaming_helper("hi")
    next(steps)
    ask("this is nobody's business")
    assert list(steps) == ["answer 3"]

    [path] = packets(store)
    assert len(load(path).interactions) == 2


def test_a_generator_agent_left_early_ends_its_run(stage: MakeStage, store: Path) -> None:
    stage()
    steps = streaming_helper("hi")
    next(steps)
    steps.close()  # type: ignore[attr-defined]  # it is a generator

    [path] = packets(store)
    packet = load(path)
    assert packet.outcome is not None
    assert len(packet.interactions) == 1


def test_an_agent_inside_record_is_that_runs_entry(stage: MakeStage) -> None:
    play = stage()
    play.record(lambda: helper("hi"), declares_output=False)

    assert play.packet.entry.target == "tests.e2e.test_functions:helper"
    assert play.packet.entry.arguments == {"question": "hi"}
    assert play.packet.outcome.output == "answer 1"


def test_off_means_off(stage: MakeStage, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage()
    monkeypatch.setenv("REPLAYKIT_MODE", "off")
    with replaykit.record("x") as run:
        assert helper("hi") == "answer 1"
        assert find_order(1).number == 1
        run.finish(output=1)

    assert run.packet_path is None
    assert not store.exists()
