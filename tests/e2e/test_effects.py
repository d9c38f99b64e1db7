"""Agents on real SDKs that ask the clock and the dice: recorded on a leap day, replayed today."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import random
import secrets
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from random import choice
from typing import Any
from uuid import uuid4

import pytest
import time_machine

import replaykit
from replaykit.serve.scripted import Rule, Tool
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage, async_client, run_on, user

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")
pydantic = pytest.importorskip("pydantic")

MODEL = "gpt-4o-mini"
LEAP_DAY = datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.UTC)


@dataclasses.dataclass
class Ticket:
    id: uuid.UUID = dataclasses.field(default_factory=uuid4)
    at: float = dataclasses.field(default_factory=time.time)


class Order(pydantic.BaseModel):  # type: ignore[misc, name-defined]  # imported if it is there
    id: uuid.UUID = pydantic.Field(default_factory=uuid4)
    made_at: datetime.datetime = pydantic.Field(default_factory=datetime.datetime.now)
    day: datetime.date = pydantic.Field(default_factory=datetime.date.today)


def values() -> str:
    """All that an agent may put into a prompt, through names that were imported long before the run."""
    found = [datetime.datetime.now(), uuid4(), choice("abcdefghijkl"), secrets.token_hex(8), uuid.uuid1()]
    return f"{found} {Order()} {Ticket()} {random.gauss(0, 1)} {time.strftime('%Y-%m-%d')}"


def both_days(stage: Stage, act: Any) -> Any:
    """Recorded on one day with the model up, replayed on another one with the model gone."""
    stage._set_keys(True)
    with time_machine.travel(LEAP_DAY), replaykit.record("stage", store=stage.store, effects=True) as run:
        run.finish(output=repr(then := act()))
    assert run.packet_path is not None
    stage.path = run.packet_path
    count = stage.server.count
    stage.server.close()
    assert datetime.date.today().year > 2024

    now = stage.replay(act)

    assert repr(now) == repr(then)
    assert "2024-02-29" in repr(now) or "2024, 2, 29" in repr(now)
    stage.assert_nothing_went_out(count)
    assert stage.report.derived == ()
    return now


def test_an_openai_agent_replays_exact_on_another_day(stage: MakeStage) -> None:
    def act() -> list[str]:
        with openai.OpenAI() as client:
            asked = [values() for _ in range(3)]
            for text in asked:
                client.chat.completions.create(model=MODEL, messages=user(text))
            return asked

    both_days(stage(), act)


def test_a_stream_of_openai_replays_exact_on_another_day(stage: MakeStage) -> None:
    def act() -> tuple[str, str]:
        text = values()
        with openai.OpenAI() as client:
            chunks = client.chat.completions.create(model=MODEL, messages=user(text), stream=True)
            return text, "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    both_days(stage(), act)


def test_an_anthropic_agent_replays_exact_on_another_day(stage: MakeStage) -> None:
    def act() -> tuple[str, str]:
        text = values()
        with anthropic.Anthropic() as client:
            answer = client.messages.create(model="claude", max_tokens=9, system=values(), messages=user(text))
        return text, answer.content[0].text

    both_days(stage(), act)


def test_a_tool_that_asks_the_clock_is_served_and_its_reads_are_not_missed(stage: MakeStage) -> None:
    @replaykit.tool
    def stamp(city: str) -> str:
        return f"{city} at {datetime.datetime.now()} as {uuid4()}"

    def act() -> list[Any]:
        messages: list[Any] = user(values())
        with openai.OpenAI() as client:
            asked = client.chat.completions.create(model=MODEL, messages=messages).choices[0].message
            messages.append(asked.model_dump(exclude_none=True))
            messages += [{"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": stamp("Oslo")}]
            messages += user(values())
            return [*messages, client.chat.completions.create(model=MODEL, messages=messages).choices[0].message]

    made = stage(Rule(has_tool_result=False, tool_calls=[Tool("stamp", {"city": "Oslo"})]), Rule(reply="done"))
    both_days(made, act)

    assert made.report.not_executed == ("tool:stamp[0]",)


def test_tasks_in_any_order_get_their_own_values(stage: MakeStage, loop_factory: LoopFactory) -> None:
    """The order in which the tasks draw is another one in the replay: answers come at once there."""

    async def one(client: Any, number: int) -> str:
        text = values()
        for _ in range(number % 3):
            await asyncio.sleep(0)
        answer = await client.chat.completions.create(model=MODEL, messages=user(text))
        return f"{text} {values()} {len(answer.choices)}"

    async def act() -> list[str]:
        async with async_client() as client:
            return await asyncio.gather(*(one(client, number) for number in range(6)))

    both_days(stage(), run_on(loop_factory, act))


def test_threads_in_any_order_get_their_own_values(stage: MakeStage) -> None:
    """Two drawers that take turns while recording, and the other way round in the replay."""
    order = iter(["ab", "ba"])

    def act() -> list[str]:
        first, _ = turns = next(order)
        gates = {name: threading.Semaphore(int(name == first)) for name in turns}
        drawn: dict[str, list[str]] = {"a": [], "b": []}

        def draw(name: str, other: str) -> None:
            for _ in range(4):
                assert gates[name].acquire(timeout=20)
                drawn[name].append(values())
                gates[other].release()

        with ThreadPoolExecutor(2) as pool:
            for job in [pool.submit(draw, "a", "b"), pool.submit(draw, "b", "a")]:
                job.result()
        return [*drawn["a"], *drawn["b"]]

    both_days(stage(), act)


@pytest.mark.parametrize("runs", [2])
def test_two_replays_at_once_have_each_its_own_day(stage: MakeStage, runs: int) -> None:
    """And the thread beside them has today."""
    made = stage()
    paths = []
    for day in range(runs):
        with (
            time_machine.travel(LEAP_DAY + datetime.timedelta(days=day)),
            replaykit.record("stage", store=made.store, effects=True) as run,
        ):
            run.finish(output=repr((datetime.datetime.now(), uuid4())))
        paths.append(run.packet_path)
    met = threading.Barrier(runs + 1, timeout=20)

    def again(path: Any) -> bool:
        with replaykit.replay(path) as rerun:
            met.wait()
            rerun.finish(output=repr((datetime.datetime.now(), uuid4())))
            met.wait()
        return bool(rerun.report.ok)

    with ThreadPoolExecutor(runs) as pool:
        jobs = [pool.submit(again, path) for path in paths]
        met.wait()
        today = datetime.date.today()
        met.wait()

        assert [job.result(timeout=20) for job in jobs] == [True, True]
    assert today.year > 2024
