"""`@agent`, `span` and `disable`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import replaykit
from replaykit.packet import Packet
from replaykit.session import writer
from tests.session.helpers import World, user


@replaykit.tool
def note(value: Any) -> Any:
    return value


@replaykit.agent("support")
def sync_agent(question: str, limit: int = 3) -> str:
    return f"{note(question)}!"


@replaykit.agent("support")
async def async_agent(question: str, limit: int = 3) -> str:
    return f"{note(question)}!"


@replaykit.agent("support")
def streaming_agent(question: str, limit: int = 3) -> Iterator[str]:
    yield note(question)
    yield note("!")


@replaykit.agent("support")
async def async_streaming_agent(question: str, limit: int = 3) -> AsyncIterator[str]:
    yield note(question)
    yield note("!")


async def _collect(items: AsyncIterator[str]) -> list[str]:
    return [item async for item in items]


def _packets(world: World) -> list[Packet]:
    writer.drain()
    return [Packet.load(path) for path in world.store.glob("*.packet.jsonl")]


AGENTS: dict[str, tuple[Callable[[], Any], Any]] = {
    "function": (lambda: sync_agent("why"), "why!"),
    "coroutine": (lambda: asyncio.run(async_agent("why")), "why!"),  # type: ignore[arg-type]
    "generator": (lambda: list(streaming_agent("why")), ["why", "!"]),
    "async generator": (lambda: asyncio.run(_collect(async_streaming_agent("why"))), ["why", "!"]),
}
EVERY_KIND = pytest.mark.parametrize(("call", "output"), AGENTS.values(), ids=AGENTS)


@EVERY_KIND
def test_an_entry_point_inside_record_gives_the_run_its_entry_and_output(
    world: World, call: Callable[[], Any], output: Any
) -> None:
    with replaykit.record("demo", store=world.store) as run:
        assert call() == output

    packet = Packet.load(run.packet_path or "")
    assert packet.entry.kind == "callable"
    assert packet.entry.arguments == {"question": "why"}
    assert packet.outcome is not None
    assert packet.outcome.output == output
    assert [span.line.span_kind for span in packet.spans] == ["agent"]


@EVERY_KIND
def test_in_record_mode_each_call_is_a_run(
    world: World, call: Callable[[], Any], output: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLAYKIT_MODE", "record")
    monkeypatch.setenv("REPLAYKIT_STORE", str(world.store))
    assert [call(), call()] == [output, output]

    packets = _packets(world)
    assert len(packets) == 2
    assert all(item.position.startswith("support[0]/") for packet in packets for item in packet.interactions)


@EVERY_KIND
def test_without_a_run_an_entry_point_is_inert(world: World, call: Callable[[], Any], output: Any) -> None:
    assert call() == output
    assert not world.store.exists()


@EVERY_KIND
def test_an_entry_point_replays(world: World, call: Callable[[], Any], output: Any) -> None:
    with replaykit.record("demo", store=world.store) as run:
        call()
    with replaykit.replay(run.packet_path or "") as rerun:
        assert call() == output

    assert (rerun.report.ok, rerun.report.output_compared) == (True, True)


def test_the_run_of_a_generator_is_active_in_its_steps_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_MODE", "record")
    monkeypatch.setenv("REPLAYKIT_STORE", str(world.store))
    for item in streaming_agent("why"):
        note(f"the consumer's {item}")

    (packet,) = _packets(world)
    assert [item.arguments for item in packet.interactions] == [{"value": "why"}, {"value": "!"}]


def test_a_consumer_that_goes_away_early_is_no_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_MODE", "record")
    monkeypatch.setenv("REPLAYKIT_STORE", str(world.store))
    stream = streaming_agent("why")
    assert next(stream) == "why"
    stream.close()  # type: ignore[attr-defined]  # it is a generator

    outcome = _packets(world)[0].outcome
    assert outcome is not None
    assert outcome.status == "ok"


def test_the_outermost_entry_point_is_the_runs(world: World) -> None:
    @replaykit.agent("outer")
    def outer(name: str) -> str:
        return sync_agent(name)

    with replaykit.record("demo", store=world.store) as run:
        outer("why")

    packet = Packet.load(run.packet_path or "")
    assert (packet.entry.target or "").endswith("outer")
    assert packet.interactions[0].position == "outer[0]/support[0]/tool:note[0]"


def _plan() -> None:
    with pytest.raises(ValueError, match="no"), replaykit.span("plan", kind="planner", cache_hit=True) as span:
        span.set(retrieved_count=3)
        raise ValueError("no")


def test_a_span_has_its_facts_and_its_end(world: World) -> None:
    with replaykit.record("demo", store=world.store) as run:
        _plan()

    (found,) = Packet.load(run.packet_path or "").spans
    assert (found.line.span_kind, found.line.attributes) == ("planner", {"cache_hit": True})
    assert found.done is not None
    assert (found.done.state, found.done.attributes) == ("error", {"retrieved_count": 3})


def test_what_is_disabled_is_not_recorded(world: World) -> None:
    @replaykit.disable()
    async def apart() -> None:
        note("apart")
        await asyncio.create_task(asyncio.to_thread(world.get, "/page"))

    def agent() -> None:
        with replaykit.disable(), replaykit.span("unseen"):
            world.chat(user("unseen"))
            sync_agent("unseen")
        asyncio.run(apart())
        note("seen")

    packet = world.record(agent)

    assert [item.arguments for item in packet.interactions] == [{"value": "seen"}]
    assert (packet.spans, packet.entry.kind) == ((), "none")
    assert world.server.count == 2


def test_what_is_disabled_is_refused_in_a_replay(world: World) -> None:
    """The recording can't have it, and nothing goes out."""

    def agent() -> None:
        with replaykit.disable():
            world.chat(user("apart"))

    world.record(agent)
    sent = world.server.count

    assert isinstance(world.diverge(agent), replaykit.EgressRefused)
    assert world.server.count == sent


def test_a_disabled_part_that_stays_at_home_runs_in_a_replay(world: World) -> None:
    def agent() -> None:
        with replaykit.disable():
            note("apart")
        note("seen")

    world.record(agent)

    assert world.replay(agent).ok


def test_outside_a_run_disable_does_nothing() -> None:
    with replaykit.disable():
        assert note(1) == 1


def test_a_bare_agent_has_the_name_of_its_function(world: World) -> None:
    @replaykit.agent
    def bare(question: str) -> str:
        return sync_agent(question)

    @replaykit.agent()
    def empty(question: str) -> str:
        return bare(question)

    packet = world.record(lambda: empty("why"))

    assert [span.line.position for span in packet.spans] == [
        "empty[0]",
        "empty[0]/bare[0]",
        "empty[0]/bare[0]/support[0]",
    ]
    assert world.replay(lambda: empty("why")).ok
