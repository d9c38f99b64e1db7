"""pydantic-ai tools that nobody decorated, of any toolset."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

import replaykit
from replaykit.serve.scripted import Prompt, Rule, Tool
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage, async_client, run_on

openai = pytest.importorskip("openai")
pydantic_ai = pytest.importorskip("pydantic_ai")

MODEL = "gpt-4o-mini"
ran: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


class Order(BaseModel):
    number: str
    look_up: int


def lookup_order(number: str) -> Order:
    ran["lookup_order"] += 1
    return Order(number=number, look_up=ran["lookup_order"])


async def send_mail(context: pydantic_ai.RunContext[Any], to: str, text: str = "hello") -> Any:
    ran["send_mail"] += 1
    await asyncio.sleep(0)
    return pydantic_ai.ToolReturn(f"sent {ran['send_mail']} to {to}", content="a receipt", metadata={"raw": b"\x00"})


CALLS = (
    Tool("lookup_order", {"number": "A-1"}),
    Tool("lookup_order", {"number": "A-2"}),
    Tool("send_mail", {"to": "Ann"}),
)


def asks(*calls: Tool) -> tuple[Rule, ...]:
    def has_result(prompt: Prompt) -> bool:
        return prompt.has_tool_result or prompt.last == "a receipt"

    return Rule(when=has_result, reply=lambda prompt: f"so: {prompt.last}"), Rule(tool_calls=list(calls))


def model_of(client: Any) -> Any:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))


def run_agent(
    loop: LoopFactory, tools: list[Any], *, make: Callable[[Any], Any] | None = None, **options: Any
) -> Callable[[], Any]:
    """An agent with these tools, or what `make` makes of a model, on a loop of its own."""

    async def act() -> Any:
        async with async_client() as client:
            agent = make(model_of(client)) if make else pydantic_ai.Agent(model_of(client), tools=tools, **options)
            result = await agent.run("go", deps=object())
            returned = [
                (part.content, getattr(part, "metadata", None))
                for message in result.all_messages()
                for part in message.parts
                if part.part_kind == "tool-return"
            ]
            return str(result.output), returned

    return run_on(loop, act)


def tools_of(play: Stage) -> list[str]:
    return sorted(item.name for item in play.packet.interactions if item.boundary == "tool")


def test_tools_do_not_run_again(stage: MakeStage, loop_factory: LoopFactory) -> None:
    play = stage(*asks(*CALLS))
    _, returned = play.both(run_agent(loop_factory, [lookup_order, send_mail]))

    assert returned[0][0] == Order(number="A-1", look_up=returned[0][0].look_up)
    assert returned[2] == ("sent 1 to Ann", {"raw": b"\x00"})
    assert ran == {"lookup_order": 2, "send_mail": 1}
    assert tools_of(play) == ["lookup_order", "lookup_order", "send_mail"]
    assert play.report.executed_for_real == ()


def test_a_synchronous_run_replays(stage: MakeStage) -> None:
    def act() -> str:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        client = async_client()
        try:
            agent = pydantic_ai.Agent(model_of(client), tools=[lookup_order, send_mail])
            return str(agent.run_sync("go").output)
        finally:
            loop.run_until_complete(client.close())
            loop.close()
            asyncio.set_event_loop(None)

    play = stage(*asks(*CALLS))
    play.both(act)
    assert ran == {"lookup_order": 2, "send_mail": 1}


def test_dependencies_are_no_part_of_the_call(stage: MakeStage, loop_factory: LoopFactory) -> None:
    play = stage(*asks(CALLS[2]))
    play.both(run_agent(loop_factory, [send_mail]))

    [call] = [item for item in play.packet.interactions if item.boundary == "tool"]
    assert call.call.function.arguments == {"to": "Ann", "text": "hello"}


def test_other_arguments_diverge_and_the_tool_does_not_run(stage: MakeStage, loop_factory: LoopFactory) -> None:
    numbers = iter(["A-1", "A-2"])

    def make(model: Any) -> Any:
        class Rewriting(pydantic_ai.capabilities.AbstractCapability):  # type: ignore[name-defined, misc]
            async def before_tool_execute(self, ctx: Any, *, args: dict[str, Any], **rest: Any) -> dict[str, Any]:
                return {"number": next(numbers)}

        return pydantic_ai.Agent(model, tools=[lookup_order], capabilities=[Rewriting()])

    play = stage(*asks(CALLS[0]))
    act = run_agent(loop_factory, [], make=make)
    play.record(act)

    with pytest.raises(replaykit.Divergence, match="tool lookup_order"):
        play.replay(act)
    assert ran == {"lookup_order": 1}


def test_a_retry_that_a_tool_asks_for_is_asked_for_again(stage: MakeStage, loop_factory: LoopFactory) -> None:
    def picky(number: str) -> str:
        ran["picky"] += 1
        if ran["picky"] % 2:
            raise pydantic_ai.ModelRetry(f"not {number}")
        return f"found on try {ran['picky']}"

    again = Rule(when="not A-1", tool_calls=[Tool("picky", {"number": "A-2"})])
    play = stage(again, *asks(Tool("picky", {"number": "A-1"})))
    output, _ = play.both(run_agent(loop_factory, [picky]))

    assert "found on try 2" in output
    assert ran == {"picky": 2}


def test_an_exception_that_ends_the_run_ends_it_again(stage: MakeStage, loop_factory: LoopFactory) -> None:
    def breaks(what: str) -> str:
        ran["breaks"] += 1
        raise KeyError(what, ran["breaks"])

    act = run_agent(loop_factory, [breaks])

    def caught() -> tuple[Any, ...]:
        with pytest.raises(KeyError) as error:
            act()
        return error.value.args

    assert stage(*asks(Tool("breaks", {"what": "x"}))).both(caught) == ("x", 1)
    assert ran == {"breaks": 1}


def test_tools_of_wrapped_toolsets_are_served_under_the_names_the_model_uses(
    stage: MakeStage, loop_factory: LoopFactory
) -> None:
    def make(model: Any) -> Any:
        return pydantic_ai.Agent(model, toolsets=[pydantic_ai.FunctionToolset([lookup_order]).prefixed("shop")])

    play = stage(*asks(Tool("shop_lookup_order", {"number": "A-1"})))
    play.both(run_agent(loop_factory, [], make=make))

    assert tools_of(play) == ["shop_lookup_order"]
    assert ran == {"lookup_order": 1}


def test_a_structured_output_is_no_tool(stage: MakeStage, loop_factory: LoopFactory) -> None:
    rules = asks(CALLS[0])
    answer = Rule(has_tool_result=True, tool_calls=[Tool("final_result", {"number": "A-1", "look_up": 1})])
    play = stage(answer, *rules)

    async def act() -> Any:
        async with async_client() as client:
            agent = pydantic_ai.Agent(model_of(client), tools=[lookup_order], output_type=Order)
            first = await agent.run("go")
            return (await agent.run("once more", message_history=first.all_messages())).output

    play.both(run_on(loop_factory, act))
    assert tools_of(play) == ["lookup_order", "lookup_order"]
    assert play.report.executed_for_real == ()


def test_a_decorated_function_is_the_one_interaction(stage: MakeStage, loop_factory: LoopFactory) -> None:
    @replaykit.tool(effect="read")
    def weather(city: str) -> str:
        ran["weather"] += 1
        return f"{city}: {ran['weather']} degrees"

    play = stage(*asks(Tool("weather", {"city": "Oslo"})))
    play.both(run_agent(loop_factory, [weather]))

    [call] = [item for item in play.packet.interactions if item.boundary == "tool"]
    assert call.call.function.effect == "read"
    assert ran == {"weather": 1}


def test_a_tool_that_runs_an_agent_runs_again_over_its_calls(stage: MakeStage, loop_factory: LoopFactory) -> None:
    def make(model: Any) -> Any:
        expert = pydantic_ai.Agent(model, tools=[lookup_order])

        async def ask_expert(question: str) -> str:
            ran["ask_expert"] += 1
            return str((await expert.run(question)).output)

        return pydantic_ai.Agent(model, tools=[ask_expert])

    play = stage(
        Rule(when=lambda prompt: "ask_expert" in prompt.tools and prompt.has_tool_result, reply="done {n}"),
        Rule(when=lambda prompt: "ask_expert" in prompt.tools, tool_calls=[Tool("ask_expert", {"question": "where?"})]),
        *asks(*CALLS[:2]),
    )
    play.both(run_agent(loop_factory, [], make=make))

    assert ran == {"ask_expert": 2, "lookup_order": 2}


def test_a_deferred_tool_is_deferred_again(stage: MakeStage, loop_factory: LoopFactory) -> None:
    def later(what: str) -> str:
        ran["later"] += 1
        raise pydantic_ai.CallDeferred(metadata={"job": ran["later"]})

    async def act() -> Any:
        async with async_client() as client:
            kinds = [str, pydantic_ai.DeferredToolRequests]
            agent = pydantic_ai.Agent(model_of(client), tools=[later], output_type=kinds)
            output = (await agent.run("go")).output
            return [call.tool_name for call in output.calls], list(output.metadata.values())

    assert stage(*asks(Tool("later", {"what": "x"}))).both(run_on(loop_factory, act)) == (["later"], [{"job": 1}])
    assert ran == {"later": 1}
