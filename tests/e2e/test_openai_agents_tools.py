"""openai-agents function tools that nobody decorated, with tracing left on."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Rule, Tool
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage, async_client, run_on

httpx2 = pytest.importorskip("httpx2")
openai = pytest.importorskip("openai")
agents = pytest.importorskip("agents")

pytestmark = pytest.mark.usefixtures("vendor")

# Its exporter works on in the background; what it retries for seconds would reach into other tests.
agents.tracing.processors.default_exporter().max_retries = 1

MODEL = "gpt-4o-mini"
ran: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


@agents.function_tool
def lookup_order(number: str) -> str:
    ran["lookup_order"] += 1
    return f"order {number}: look-up {ran['lookup_order']}"


@dataclasses.dataclass
class Receipt:
    to: str
    number: int


@agents.function_tool
async def send_mail(context: agents.RunContextWrapper[Any], to: str, text: str = "hello") -> Receipt:
    ran["send_mail"] += 1
    await asyncio.sleep(0)
    return Receipt(to, ran["send_mail"])


@agents.function_tool(failure_error_function=lambda context, error: f"it said: {error}")
def fails(how: str) -> str:
    ran["fails"] += 1
    raise ValueError(f"no {how}, try {ran['fails']}")


class AtVendor(httpx2.AsyncBaseTransport):
    """Takes what is addressed to the vendor to the scripted model: the SDK does more for its vendor's own address."""

    def __init__(self, url: str) -> None:
        self._url = httpx2.URL(url)
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.host == "api.openai.com"
        request.url = request.url.copy_with(scheme="http", host=self._url.host, port=self._url.port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def test_cache_key_of_each_run_is_no_difference(stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    play = stage(Rule(reply="done"))
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)

    async def act() -> str:
        async with httpx2.AsyncClient(transport=AtVendor(play.server.url)) as client:
            model = agents.OpenAIChatCompletionsModel(MODEL, openai.AsyncOpenAI(http_client=client, api_key="x" * 20))
            agent = agents.Agent(name="a", instructions="Be careful.", tools=[lookup_order], model=model)
            return str((await agents.Runner.run(agent, "hello")).final_output)

    assert play.record(lambda: asyncio.run(act())) == "done"
    assert "prompt_cache_key" in json.loads(play.server.requests[0].body)
    play.server.close()

    assert play.replay(lambda: asyncio.run(act())) == "done"
    assert play.report.ok


CALLS = (
    Tool("lookup_order", {"number": "A-1"}),
    Tool("lookup_order", {"number": "A-2"}),
    Tool("send_mail", {"to": "Ann"}),
)


def asks(*calls: Tool) -> tuple[Rule, ...]:
    return Rule(has_tool_result=True, reply=lambda prompt: f"so: {prompt.last}"), Rule(tool_calls=list(calls))


def run_agent(
    loop: LoopFactory, tools: list[Any], *, api: str = "chat", make: Callable[[Any], Any] | None = None, **options: Any
) -> Callable[[], str]:
    """An agent with these tools, or what `make` makes of a model, on a loop of its own."""

    async def act() -> str:
        async with async_client() as client:
            kind = agents.OpenAIChatCompletionsModel if api == "chat" else agents.OpenAIResponsesModel
            model = kind(model=MODEL, openai_client=client)
            agent = make(model) if make else agents.Agent(name="a", tools=tools, model=model)
            result = await agents.Runner.run(agent, "go", **options)
            return str(result.final_output)

    return run_on(loop, act)


def tools_of(play: Stage) -> list[str]:
    return sorted(item.name for item in play.packet.interactions if item.boundary == "tool")


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_function_tools_do_not_run_again(stage: MakeStage, loop_factory: LoopFactory, api: str) -> None:
    play = stage(*asks(*CALLS))
    found = play.both(run_agent(loop_factory, [lookup_order, send_mail], api=api))

    assert "Receipt(to='Ann', number=1)" in found
    assert ran == {"lookup_order": 2, "send_mail": 1}
    assert tools_of(play) == ["lookup_order", "lookup_order", "send_mail"]
    assert play.report.executed_for_real == ()


def test_the_context_is_no_part_of_the_call(stage: MakeStage, loop_factory: LoopFactory) -> None:
    contexts = iter([object(), object()])

    async def act() -> str:
        async with async_client() as client:
            model = agents.OpenAIChatCompletionsModel(model=MODEL, openai_client=client)
            agent = agents.Agent(name="a", tools=[send_mail], model=model)
            return str((await agents.Runner.run(agent, "go", context=next(contexts))).final_output)

    play = stage(*asks(Tool("send_mail", {"to": "Ann"})))
    play.both(run_on(loop_factory, act))
    [call] = [item for item in play.packet.interactions if item.boundary == "tool"]
    assert call.call.function.arguments == {"to": "Ann"}


def test_what_a_failed_tool_tells_the_model_is_the_same(stage: MakeStage, loop_factory: LoopFactory) -> None:
    play = stage(*asks(Tool("fails", {"how": "luck"})))

    assert "no luck, try 1" in play.both(run_agent(loop_factory, [fails]))
    assert ran == {"fails": 1}


def test_an_exception_that_ends_the_run_ends_it_again(stage: MakeStage, loop_factory: LoopFactory) -> None:
    strict = agents.function_tool(failure_error_function=None, name_override="fails")(fails.__wrapped__)
    act = run_agent(loop_factory, [strict])

    def caught() -> str:
        with pytest.raises(Exception, match="no luck, try 1") as error:
            act()
        return f"{type(error.value).__name__} {error.value}"

    stage(*asks(Tool("fails", {"how": "luck"}))).both(caught)
    assert ran == {"fails": 1}


def test_a_tool_that_timed_out_times_out_again(stage: MakeStage, loop_factory: LoopFactory) -> None:
    @agents.function_tool(timeout=0.05)
    async def waits(what: str) -> str:
        ran["waits"] += 1
        await asyncio.Event().wait()
        return what

    assert "timed out" in stage(*asks(Tool("waits", {"what": "x"}))).both(run_agent(loop_factory, [waits]))
    assert ran == {"waits": 1}


def test_arguments_that_the_tool_refuses_are_refused_again(stage: MakeStage, loop_factory: LoopFactory) -> None:
    play = stage(*asks(Tool("lookup_order", "{not json")))
    play.both(run_agent(loop_factory, [lookup_order]))

    [call] = [item for item in play.packet.interactions if item.boundary == "tool"]
    assert call.done.failure.type == "agents.exceptions:ModelBehaviorError"
    assert ran == {}


def test_other_arguments_diverge_and_the_tool_does_not_run(stage: MakeStage) -> None:
    play = stage()
    play.record(lambda: invoke(lookup_order, '{"number": "A-1"}'))
    assert play.replay(lambda: invoke(lookup_order, '{ "number":"A-1" }')) == "order A-1: look-up 1"

    with pytest.raises(replaykit.Divergence, match="lookup_order"):
        play.replay(lambda: invoke(lookup_order, '{"number": "A-2"}'))
    assert ran == {"lookup_order": 1}


def invoke(tool: Any, arguments: str) -> Any:
    """A tool as the runner invokes it."""
    from agents.tool import invoke_function_tool
    from agents.tool_context import ToolContext

    context = ToolContext(context=None, tool_name=tool.name, tool_call_id="1", tool_arguments=arguments)
    made: Awaitable[Any] = invoke_function_tool(function_tool=tool, context=context, arguments=arguments)
    return asyncio.run(made)  # type: ignore[arg-type]  # it is a coroutine


def test_a_tool_made_by_hand_is_served(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def on_invoke(context: agents.RunContextWrapper[Any], text: str) -> str:
        ran["by hand"] += 1
        return f"{type(context).__name__} {text} {ran['by hand']}"

    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    tool = agents.FunctionTool("by_hand", "By hand.", schema, on_invoke)
    found = stage(*asks(Tool("by_hand", {"a": 1}))).both(run_agent(loop_factory, [tool]))

    assert found.startswith("so: RunContextWrapper")
    assert ran == {"by hand": 1}


def test_a_decorated_function_is_the_one_interaction(stage: MakeStage, loop_factory: LoopFactory) -> None:
    @agents.function_tool
    @replaykit.tool(effect="read")
    def weather(city: str) -> str:
        ran["weather"] += 1
        return f"{city}: {ran['weather']} degrees"

    play = stage(*asks(Tool("weather", {"city": "Oslo"})))
    play.both(run_agent(loop_factory, [weather]))

    [call] = [item for item in play.packet.interactions if item.boundary == "tool"]
    assert call.call.function.effect == "read"
    assert ran == {"weather": 1}


def test_an_agent_as_a_tool_runs_again_over_its_calls(stage: MakeStage, loop_factory: LoopFactory) -> None:
    def make(model: Any) -> Any:
        expert = agents.Agent(name="expert", tools=[lookup_order], model=model)
        tool = expert.as_tool(tool_name="ask_expert", tool_description="Asks.")
        return agents.Agent(name="boss", tools=[tool], model=model)

    play = stage(
        Rule(when=lambda prompt: "ask_expert" in prompt.tools and prompt.has_tool_result, reply="done {n}"),
        Rule(when=lambda prompt: "ask_expert" in prompt.tools, tool_calls=[Tool("ask_expert", {"input": "where?"})]),
        *asks(*CALLS[:2]),
    )
    play.both(run_agent(loop_factory, [], make=make))

    assert ran == {"lookup_order": 2}
    assert [name.rpartition("/")[2] for name in play.report.executed_for_real] == ["tool:ask_expert[0]"]


def test_a_handoff_is_no_tool_that_ran_for_real(stage: MakeStage, loop_factory: LoopFactory) -> None:
    def make(model: Any) -> Any:
        sales = agents.Agent(name="sales", tools=[lookup_order], model=model)
        return agents.Agent(name="desk", handoffs=[sales], model=model)

    play = stage(
        Rule(when=lambda prompt: "transfer_to_sales" in prompt.tools, tool_calls=[Tool("transfer_to_sales", {})]),
        Rule(reply="sold {n}"),
    )

    assert play.both(run_agent(loop_factory, [], make=make)) == "sold 2"
    assert (play.report.executed_for_real, play.report.notes) == ((), ())


def test_outside_a_run_a_tool_is_itself(stage: MakeStage) -> None:
    stage().both(lambda: invoke(lookup_order, '{"number": "A-1"}'))

    assert invoke(lookup_order, '{"number": "A-1"}') == "order A-1: look-up 2"
