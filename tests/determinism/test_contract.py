"""Each call gets its own answer back, whatever finishes first: 100 of 100."""

from __future__ import annotations

import asyncio
import operator
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import anyio
import pytest
import uvloop

from replaykit.determinism import lineage, naming
from replaykit.integrations import langgraph
from tests.determinism import mix
from tests.determinism.tape import LOOPS, Tape, count_exact, run_of, run_on

POSITIONS = (Path(__file__).parent / "mix_positions.txt").read_text().split()


async def three_rounds(tape: Tape) -> Any:
    return [await asyncio.gather(*(tape.ask("identical") for _ in range(6))) for _ in range(3)]


@pytest.mark.parametrize("loop", LOOPS)
def test_identical_prompts_in_three_rounds_come_back_to_their_tasks(loop: str) -> None:
    assert count_exact(100, lambda tape: run_on(loop, three_rounds, tape)) == 100


@pytest.mark.parametrize("loop", LOOPS)
def test_every_way_to_spawn_at_once_replays_exactly(loop: str) -> None:
    assert count_exact(100, lambda tape: run_on(loop, mix.everything, tape)) == 100


@pytest.mark.parametrize("loop", LOOPS)
def test_positions_are_the_same_on_each_python_and_loop(loop: str) -> None:
    tape = Tape()
    run_on(loop, mix.everything, tape)

    assert sorted(tape.asked) == POSITIONS


def begin_inside(tape: Tape) -> None:
    async def main() -> None:
        with run_of(tape):
            await mix.everything(tape)

    asyncio.run(main())


def begin_around(run: Callable[[Any], Any]) -> Callable[[Tape], None]:
    def start(tape: Tape) -> None:
        with run_of(tape):
            run(tape)

    return start


def run_until_complete(tape: Tape, loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_until_complete(mix.everything(tape))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


STARTS: dict[str, Callable[[Tape], None]] = {
    "inside the task": begin_inside,
    "asyncio.run": begin_around(lambda tape: asyncio.run(mix.everything(tape))),
    "uvloop.run": begin_around(lambda tape: uvloop.run(mix.everything(tape))),
    "anyio.run": begin_around(lambda tape: anyio.run(mix.everything, tape)),
    "run_until_complete": begin_around(lambda tape: run_until_complete(tape, asyncio.new_event_loop())),
    "uvloop run_until_complete": begin_around(lambda tape: run_until_complete(tape, uvloop.new_event_loop())),
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_positions_do_not_depend_on_where_the_run_begins(start: Callable[[Tape], None]) -> None:
    tape = Tape()
    start(tape)

    assert sorted(tape.asked) == POSITIONS


def test_only_tasks_that_nobody_saw_are_flagged_as_adopted() -> None:
    tape = Tape()
    run_on("asyncio", mix.everything, tape)

    assert tape.adopted == {position for position in POSITIONS if position.startswith("adopted:")}
    assert len(tape.adopted) == 6


class State(TypedDict):
    found: Annotated[list[Any], operator.add]


def graph_of(tape: Tape, nodes: str) -> Any:
    pytest.importorskip("langgraph")
    from langgraph.graph import END, START, StateGraph

    def node(number: int) -> Any:
        def plain(state: State) -> State:
            time.sleep(random.random() * 0.001)
            return {"found": [(number, tape.ask_sync(), tape.ask_sync())]}

        async def waiting(state: State) -> State:
            await asyncio.sleep(random.random() * 0.001)
            return {"found": [(number, await tape.ask(), await asyncio.gather(tape.ask(), tape.ask()))]}

        return waiting if nodes == "async" else plain

    graph = StateGraph(State)
    for number in range(4):
        graph.add_node(f"expert{number}", node(number))
        graph.add_edge(START, f"expert{number}")
        graph.add_edge(f"expert{number}", "judge")
    graph.add_node("judge", node(9))
    graph.add_edge("judge", END)
    return graph.compile()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("nodes", "first"), [("async", "expert0[0]/ask[0]"), ("sync", "expert0[0]/plain[0]/ask[0]")])
def test_graph_fan_out_in_tasks_replays_exactly_under_node_names(loop: str, nodes: str, first: str) -> None:
    langgraph.install()

    async def main(tape: Tape) -> Any:
        return (await graph_of(tape, nodes).ainvoke({"found": []}))["found"]

    tape = Tape()
    run_on(loop, main, tape)

    assert first in tape.asked
    assert not tape.adopted
    assert count_exact(25, lambda tape: run_on(loop, main, tape)) == 25


def test_graph_fan_out_in_threads_replays_exactly_under_node_names() -> None:
    langgraph.install()

    def main(tape: Tape) -> Any:
        with run_of(tape):
            return graph_of(tape, "sync").invoke({"found": []})["found"]

    tape = Tape()
    main(tape)

    assert {f"expert{n}[0]/ask[1]" for n in range(4)} < set(tape.asked)
    assert count_exact(50, main) == 50


def test_a_namer_may_name_any_task() -> None:
    def namer(target: Any, args: tuple[Any, ...], kwargs: Any) -> str | None:
        return "judge/1" if getattr(target, "__name__", "") == "ask" else None

    naming.register(namer)
    try:
        tape = Tape()
        run_on("asyncio", three_rounds, tape)
    finally:
        naming.unregister(namer)

    assert "judge%2F1[17]/ask[0]" in tape.asked
    assert lineage.alive() == 0
