"""What a divergence says, and what a report holds."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypedDict

import pytest

import replaykit
from tests.session.helpers import World, levels, system, user

CAREFUL, CAUTIOUS = "You are a careful assistant.", "You are a cautious assistant."
SECRET = "sk-proj-" + "a1B2c3D4" * 6


def _five(world: World, prompt: str) -> None:
    for number in range(5):
        world.chat(system(prompt), user(f"question {number}"))


def test_the_text_is_short_and_begins_with_the_cause(world: World) -> None:
    world.record(lambda: _five(world, CAREFUL))
    lines = str(world.diverge(lambda: _five(world, CAUTIOUS))).splitlines()

    assert lines[0] == "1 of 5 calls changed: the system prompt (root cause: prompt); 4 after it not reached"
    assert lines[1].split("   ")[0].strip().startswith("helpers.py:")
    assert [line.strip() for line in lines[2:4]] == [f"- {CAREFUL}", f"+ {CAUTIOUS}"]
    assert lines[4].strip() == "tools, model, user message: same.   0 live calls were made."
    assert [line.split()[2] for line in lines if "replaykit " in line] == ["replaykit", "replaykit"]
    assert len(lines) <= 12


@pytest.mark.parametrize("text", ["x" * 5000 + " end", "line\n" * 400], ids=["long line", "many lines"])
def test_the_text_stays_short_whatever_changed(world: World, text: str) -> None:
    world.record(lambda: world.chat(user("short")))
    lines = str(world.diverge(lambda: world.chat(system(text), user(text), temperature=1, seed=4))).splitlines()

    assert len(lines) <= 12
    assert max(map(len, lines)) < 220


def test_only_commands_that_exist_are_named(world: World) -> None:
    world.record(lambda: _five(world, CAREFUL))
    text = str(world.diverge(lambda: world.get("/page")))

    commands = {line.split("replaykit ")[1].split()[0] for line in text.splitlines() if "replaykit " in line}
    assert commands <= {"show", "replay", "record"}


def test_neither_locals_nor_library_frames_nor_secrets_are_shown(world: World) -> None:
    def agent(prompt: str) -> None:
        password = "correct horse battery staple"
        world.chat(system(f"{prompt} Key {SECRET}, mail bob@acme.com"), user(password[:7]))

    world.record(lambda: agent(CAREFUL))
    world.diverge(lambda: agent(CAUTIOUS))

    told = world.report.to_json()
    assert "cautious" in told
    assert not any(text in told for text in (SECRET, "bob@acme.com", "battery", "site-packages", "_client.py"))


def test_differences_are_given_field_by_field(world: World) -> None:
    world.record(lambda: world.chat(user("one"), temperature=0))
    world.diverge(lambda: world.chat(user("two"), temperature=1))

    assert world.report.divergences[0].differences == (
        {"path": "messages[0].content[0].text", "recorded": "one", "now": "two"},
        {"path": "sampling.temperature", "recorded": 0, "now": 1},
    )


def _place(divergence: replaykit.Divergence) -> str:
    return str(divergence).splitlines()[1].split("   ")[0].strip()


@replaykit.tool
def told(text: str) -> str:
    return text


def ask(text: str) -> None:
    told(text)


async def ask_async(text: str) -> None:
    told(text)


def test_the_caller_is_the_agents_own_line(world: World) -> None:
    world.record(lambda: ask("one"))

    assert _place(world.diverge(lambda: ask("two"))) == f"test_report.py:{ask.__code__.co_firstlineno + 1} ask"


def test_the_caller_is_found_in_coroutines_and_threads(world: World) -> None:
    def in_thread(text: str) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(ask, text).result()

    world.record(lambda: asyncio.run(ask_async("one")))
    assert _place(world.diverge(lambda: asyncio.run(ask_async("two")))).endswith(" ask_async")
    world.record(lambda: in_thread("one"))
    assert _place(world.diverge(lambda: in_thread("two"))).endswith(" ask")


def test_the_caller_is_found_in_a_graph_node(world: World) -> None:
    graph_module = pytest.importorskip("langgraph.graph")

    class State(TypedDict):
        text: str

    def node(state: State) -> State:
        told(state["text"])
        return state

    def agent(text: str) -> Any:
        graph = graph_module.StateGraph(State)
        graph.add_node("node", node)
        graph.set_entry_point("node")
        return graph.compile().invoke({"text": text})

    world.record(lambda: agent("one"))

    assert _place(world.diverge(lambda: agent("two"))).endswith(" node")


def test_ok_is_a_bool_and_the_report_is_json(world: World) -> None:
    world.record(lambda: world.chat(user("one")))
    report = world.replay(lambda: world.chat(user("one")))

    assert report.ok is True
    assert json.loads(report.to_json())["interactions"][0]["level"] == 0
    assert report.summary() == "1 of 1 exact, nothing left over, 0 live calls"


def test_before_the_close_a_report_claims_nothing(world: World) -> None:
    world.record(lambda: world.chat(user("one")))

    with replaykit.replay(world.path) as rerun:
        world.chat(user("one"))
        assert rerun.report.ok is False
    assert rerun.report.ok


def test_wiring_serves_the_old_answers_marked_as_stale(world: World) -> None:
    def agent(prompt: str, city: str) -> None:
        world.chat(system(prompt), user("go"))
        told(city)

    world.record(lambda: agent(CAREFUL, "Oslo"))
    report = world.replay(lambda: agent(CAUTIOUS, "Oslo"), "wiring")

    assert [(item.level, item.is_stale) for item in report.interactions] == [(2, True), (0, False)]
    assert (report.ok, report.verdict) == (True, "wiring ok")
    assert world.diverge(lambda: agent(CAUTIOUS, "Rome"), "wiring").position == "tool:told[0]"


def test_wiring_finds_a_tool_by_its_name_and_arguments(world: World) -> None:
    def agent(cities: list[str]) -> None:
        for city in cities:
            told(city)

    world.record(lambda: agent(["Oslo", "Rome"]))

    assert levels(world.replay(lambda: agent(["Rome"]), "wiring")) == [3]


def test_wiring_is_not_ok_where_the_run_breaks_off(world: World) -> None:
    world.record(lambda: world.chat(user("one")))

    def agent() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        world.replay(agent, "wiring")
    assert (world.report.ok, world.report.verdict) == (False, "unproven")


def test_refactor_accepts_moved_calls_and_lists_them(world: World) -> None:
    def agent(is_moved: bool) -> None:
        if is_moved:
            with replaykit.span("step"):
                world.chat(user("one"))
        else:
            world.chat(user("one"))

    world.record(lambda: agent(is_moved=False))
    report = world.replay(lambda: agent(is_moved=True), "refactor")

    assert levels(report) == [4]
    assert report.notes == ("moved: step[0]/llm:chat[0] was recorded as llm:chat[0]",)
    assert world.diverge(lambda: agent(is_moved=True)).level == 4


def test_exact_on_another_python_accepts_a_unique_moved_call(world: World) -> None:
    def other_python(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        lines[0]["run"]["python"] = "2.7.18"
        return lines

    def agent(is_moved: bool) -> None:
        with replaykit.span("step" if is_moved else "other"):
            told("one")

    world.record(lambda: agent(is_moved=False))
    outcome = world.path.read_text().splitlines()[-1]
    path = world.rewrite(other_python)
    path.write_text(path.read_text() + outcome + "\n")
    world.replay(lambda: agent(is_moved=True), "refactor", packet=path)
    assert levels(world.report) == [4]

    packet = replaykit.Packet.load(path)
    packet.recovered = ()
    report = world.replay(lambda: agent(is_moved=True), packet=packet)
    assert report.notes == ("moved (runtime differs): step[0]/tool:told[0] was recorded as other[0]/tool:told[0]",)


def test_a_declared_change_is_expected(world: World) -> None:
    world.record(lambda: world.chat(system(CAREFUL), user("one")))

    assert levels(world.replay(lambda: world.chat(system(CAUTIOUS), user("one")), changed="system")) == [1]


def test_what_was_not_asked_for_any_more_is_a_divergence(world: World) -> None:
    world.record(lambda: _five(world, CAREFUL))
    divergence = world.diverge(lambda: world.chat(system(CAREFUL), user("question 0")))

    assert str(divergence).startswith("4 of 5 recorded calls were not made (root cause: code)")
    assert world.report.unused == tuple(f"llm:chat[{number}]" for number in range(1, 5))


def test_what_was_served_and_what_ran_is_listed(world: World) -> None:
    def agent() -> None:
        told("x")
        answer = world.chat(user("weather"))
        calls = answer["tool_calls"]
        world.chat(user("weather"), answer, {"role": "tool", "tool_call_id": calls[0]["id"], "content": "sunny"})

    world.record(agent)
    report = world.replay(agent)

    assert (report.not_executed, report.executed_for_real) == (("tool:told[0]",), ("forecast",))
    assert report.notes == ("1 tool ran for real: forecast; add @replaykit.tool to freeze it",)
