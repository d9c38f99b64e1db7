"""LangChain and LangGraph tools and retrievers that nobody decorated: recorded, and served in a replay."""

# ruff: noqa: E402  the frameworks are imported if they are there

from __future__ import annotations

import asyncio
import operator
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypedDict

import pytest

import replaykit
from replaykit.serve.scripted import Prompt, Rule, Tool
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage, run_on

openai = pytest.importorskip("openai")
pytest.importorskip("langgraph.prebuilt")
ChatOpenAI = pytest.importorskip("langchain_openai").ChatOpenAI

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import BaseTool, InjectedToolCallId, StructuredTool, ToolException, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode, tools_condition
from langgraph.types import Command, interrupt

MODEL = "gpt-4o-mini"
ran: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


@tool
def lookup_order(number: str) -> str:
    """Finds an order."""
    ran["lookup_order"] += 1
    return f"order {number}: shipped, look-up {ran['lookup_order']}"


@tool
async def send_mail(to: str, text: str = "hello") -> dict[str, Any]:
    """Sends a mail."""
    ran["send_mail"] += 1
    await asyncio.sleep(0)
    return {"to": to, "sent": ran["send_mail"]}


@tool
def send_letter(to: str) -> str:
    """Sends a letter."""
    ran["send_letter"] += 1
    return f"letter {ran['send_letter']} to {to}"


CALLS = [Tool("lookup_order", {"number": "A-1"}), Tool("lookup_order", {"number": "A-2"})]


def asks(*calls: Tool) -> tuple[Rule, ...]:
    """A model that calls these tools at once and then answers with what they said."""
    return Rule(has_tool_result=True, reply=lambda prompt: f"so: {prompt.last}"), Rule(tool_calls=list(calls))


class Http:
    """Clients of one act, closed with it."""

    def __init__(self) -> None:
        self.sync = openai.DefaultHttpxClient(verify=False)

    def __enter__(self) -> Any:
        return ChatOpenAI(model=MODEL, http_client=self.sync)

    def __exit__(self, *details: object) -> None:
        self.sync.close()


def graph_of(model: Any, tools: list[Any], **options: Any) -> Any:
    """A graph of a model and a node that runs all tools that it asks for at once."""
    bound = model.bind_tools(tools)

    def ask(state: MessagesState) -> Any:
        return {"messages": [bound.invoke(state["messages"])]}

    async def ask_async(state: MessagesState) -> Any:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", RunnableLambda(ask, afunc=ask_async))
    graph.add_node("tools", ToolNode(tools, **options))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile()


def said(state: dict[str, Any]) -> list[Any]:
    return [(type(message).__name__, message.content, getattr(message, "status", "")) for message in state["messages"]]


def run_graph(tools: list[Any], **options: Any) -> Callable[[], Any]:
    def act() -> Any:
        with Http() as model:
            return said(graph_of(model, tools, **options).invoke({"messages": [("user", "go")]}))

    return act


def run_graph_async(loop: LoopFactory, tools: list[Any], **options: Any) -> Callable[[], Any]:
    async def act() -> Any:
        async with openai.DefaultAsyncHttpxClient(verify=False) as http:
            graph = graph_of(ChatOpenAI(model=MODEL, http_async_client=http), tools, **options)
            return said(await graph.ainvoke({"messages": [("user", "go")]}))

    return run_on(loop, act)


def tools_of(play: Stage) -> list[str]:
    return [item.name for item in play.packet.interactions if item.boundary == "tool"]


def test_a_graphs_tools_in_threads_do_not_run_again(stage: MakeStage) -> None:
    play = stage(*asks(*CALLS, Tool("send_letter", {"to": "Ann"})))
    play.both(run_graph([lookup_order, send_letter]))

    assert ran == {"lookup_order": 2, "send_letter": 1}
    assert sorted(tools_of(play)) == ["lookup_order", "lookup_order", "send_letter"]
    assert len(play.report.not_executed) == 3
    assert play.report.executed_for_real == ()


def test_a_graphs_tools_in_tasks_do_not_run_again(stage: MakeStage, loop_factory: LoopFactory) -> None:
    play = stage(*asks(*CALLS, Tool("send_mail", {"to": "Ann"})))
    play.both(run_graph_async(loop_factory, [lookup_order, send_mail]))

    assert ran == {"lookup_order": 2, "send_mail": 1}
    [mail] = [item for item in play.packet.interactions if item.name == "send_mail"]
    assert mail.call.function.arguments == {"to": "Ann", "text": "hello"}


def test_a_prebuilt_agent_replays(stage: MakeStage, loop_factory: LoopFactory) -> None:
    from langgraph.prebuilt import create_react_agent

    async def act() -> Any:
        async with openai.DefaultAsyncHttpxClient(verify=False) as http:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it has moved to another package, which is not installed here
                agent = create_react_agent(ChatOpenAI(model=MODEL, http_async_client=http), [lookup_order, send_mail])
            return said(await agent.ainvoke({"messages": [("user", "go")]}))

    play = stage(*asks(*CALLS, Tool("send_mail", {"to": "Ann"})))
    play.both(run_on(loop_factory, act))

    assert ran == {"lookup_order": 2, "send_mail": 1}


def tool_loop(model: Any, tools: list[Any]) -> list[Any]:
    """An agent without a graph."""
    by_name = {item.name: item for item in tools}
    messages: list[Any] = [HumanMessage("go")]
    while True:
        answer = model.bind_tools(tools).invoke(messages)
        messages.append(answer)
        if not answer.tool_calls:
            return said({"messages": messages})
        messages += [by_name[call["name"]].invoke(call) for call in answer.tool_calls]


def run_loop(*tools: Any) -> Callable[[], Any]:
    def act() -> Any:
        with Http() as model:
            return tool_loop(model, list(tools))

    return act


def test_a_loop_of_invocations_replays(stage: MakeStage) -> None:
    play = stage(*asks(*CALLS, Tool("send_letter", {"to": "Ann"})))
    play.both(run_loop(lookup_order, send_letter))

    assert ran == {"lookup_order": 2, "send_letter": 1}
    assert play.positions[1:4] == ["tool:lookup_order[0]", "tool:lookup_order[1]", "tool:send_letter[0]"]


def test_an_async_invocation_of_a_sync_tool_is_one_call(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> list[Any]:
        return [await lookup_order.ainvoke({"number": "A-1"}), await send_mail.ainvoke({"to": "Ann"})]

    play = stage()
    play.both(run_on(loop_factory, act))

    assert ran == {"lookup_order": 1, "send_mail": 1}
    assert tools_of(play) == ["lookup_order", "send_mail"]


def test_other_arguments_diverge_and_the_tool_does_not_run(stage: MakeStage) -> None:
    play = stage()
    play.record(lambda: lookup_order.invoke({"number": "A-1"}))

    with pytest.raises(replaykit.Divergence, match="lookup_order"):
        play.replay(lambda: lookup_order.invoke({"number": "A-2"}))
    assert ran == {"lookup_order": 1}


def test_a_tool_that_the_recording_did_not_see_runs_for_real_and_is_named(stage: MakeStage) -> None:
    def act(ask_tool: Callable[[Any], Any]) -> list[Any]:
        with Http() as model:
            answer = model.bind_tools([lookup_order]).invoke([HumanMessage("go")])
            [call] = answer.tool_calls
            result = ToolMessage(ask_tool(call), tool_call_id=call["id"])
            return said({"messages": [model.invoke([HumanMessage("go"), answer, result])]})

    play = stage(*asks(CALLS[0]))
    play.record(lambda: act(lambda call: lookup_order.func("A-1").partition(",")[0]))
    play.server.close()

    play.replay(lambda: act(lambda call: lookup_order.invoke(call).content.partition(",")[0]))
    assert play.report.ok
    assert play.report.notes == ("1 tool ran for real: lookup_order; add @replaykit.tool to freeze it",)
    assert ran == {"lookup_order": 2}


def test_outside_a_run_a_tool_is_itself(stage: MakeStage) -> None:
    play = stage()
    play.both(lambda: lookup_order.invoke({"number": "A-1"}))

    assert lookup_order.invoke({"number": "A-1"}) == "order A-1: shipped, look-up 2"


def test_a_disabled_tool_call_is_not_recorded(stage: MakeStage) -> None:
    def act() -> Any:
        with replaykit.disable():
            return lookup_order.invoke({"number": "A-1"})

    play = stage()
    play.record(act)

    assert play.packet.interactions == ()


# results


class Picture(BaseTool):
    """A tool as a class, whose result has two parts."""

    name: str = "picture"
    description: str = "Draws."
    response_format: str = "content_and_artifact"

    def _run(self, of: str) -> tuple[str, dict[str, Any]]:
        ran["picture"] += 1
        return f"a picture of {of}", {"pixels": b"\x00\x01", "number": ran["picture"]}


@tool
def hand_over(
    to: str, state: Annotated[dict[str, Any], InjectedState], call_id: Annotated[str, InjectedToolCallId]
) -> Any:
    """Hands over."""
    ran["hand_over"] += 1
    message = ToolMessage(f"handed to {to} after {len(state['messages'])} messages", tool_call_id=call_id)
    return Command(update={"messages": [message]})


@tool
def configured(city: str, config: RunnableConfig) -> str:
    """Uses its configuration."""
    ran["configured"] += 1
    return f"{city} {config['configurable']['thread_id']}"


def test_content_and_artifact_come_back(stage: MakeStage) -> None:
    def act() -> Any:
        message = Picture().invoke({"type": "tool_call", "name": "picture", "args": {"of": "a cat"}, "id": "1"})
        return type(message), message.content, message.artifact, message.tool_call_id

    assert stage().both(act)[2] == {"pixels": b"\x00\x01", "number": 1}
    assert ran == {"picture": 1}


def test_commands_come_back_and_injected_arguments_are_no_part_of_the_call(stage: MakeStage) -> None:
    play = stage(*asks(Tool("hand_over", {"to": "sales"})))
    play.both(run_graph([hand_over]))

    assert ran == {"hand_over": 1}
    [call] = [item for item in play.packet.interactions if item.boundary == "tool"]
    assert call.call.function.arguments == {"to": "sales"}


def test_a_configuration_is_no_part_of_the_call(stage: MakeStage) -> None:
    threads = iter(["a", "b"])

    def act() -> Any:
        return configured.invoke({"city": "Oslo"}, {"configurable": {"thread_id": next(threads)}})

    stage().both(act)
    assert ran == {"configured": 1}


class Handle:
    """A value that no file can hold."""

    def __str__(self) -> str:
        return "a handle"


@tool
def open_handle(name: str) -> Any:
    """Opens."""
    ran["open_handle"] += 1
    return Handle()


def test_a_result_that_cannot_be_kept_is_made_again_and_listed(stage: MakeStage) -> None:
    play = stage(*asks(Tool("open_handle", {"name": "x"})))
    play.both(run_loop(open_handle))

    assert ran == {"open_handle": 2}
    assert play.report.executed_for_real == ("tool:open_handle[0]",)
    assert "Handle can't be written as JSON and given back" in play.report.notes[0]
    assert play.packet.outcome.replayable == "full"


# exceptions


@tool
def fails(how: str) -> str:
    """Fails."""
    ran["fails"] += 1
    raise {"tool": ToolException, "value": ValueError}[how](f"no {how}, try {ran['fails']}")


def test_a_tool_exception_is_handled_as_the_tool_says(stage: MakeStage) -> None:
    forgiving = StructuredTool.from_function(fails.func, name="fails", handle_tool_error=True)

    def act() -> Any:
        message = forgiving.invoke({"type": "tool_call", "name": "fails", "args": {"how": "tool"}, "id": "1"})
        return message.content, message.status

    assert stage().both(act) == ("no tool, try 1", "error")
    assert ran == {"fails": 1}


def test_an_error_becomes_the_graphs_message_again(stage: MakeStage) -> None:
    play = stage(*asks(Tool("fails", {"how": "value"})))
    found = play.both(run_graph([fails], handle_tool_errors=True))

    assert (found[2][0], found[2][2]) == ("ToolMessage", "error")
    assert ran == {"fails": 1}


def test_an_exception_leaves_the_tool_again(stage: MakeStage) -> None:
    def act() -> str:
        with pytest.raises(ValueError, match="try 1") as caught:
            fails.invoke({"how": "value"})
        return str(caught.value)

    stage().both(act)
    assert ran == {"fails": 1}


def test_arguments_that_the_tool_refuses_reach_no_boundary(stage: MakeStage) -> None:
    play = stage(*asks(Tool("lookup_order", {"wrong": 1})))
    play.both(run_graph([lookup_order]))

    assert tools_of(play) == []
    assert (play.report.executed_for_real, play.report.notes) == ((), ())


def test_callbacks_fire_in_a_replay_too(stage: MakeStage, loop_factory: LoopFactory) -> None:
    async def act() -> list[str]:
        events = lookup_order.astream_events({"number": "A-1"}, version="v2")
        return [f"{item['event']} {item['data'].get('output')}" async for item in events]

    found = stage().both(run_on(loop_factory, act))
    assert found[-1] == "on_tool_end order A-1: shipped, look-up 1"
    assert ran == {"lookup_order": 1}


def test_an_interrupt_inside_a_tool_belongs_to_the_graph(stage: MakeStage) -> None:
    from langgraph.checkpoint.memory import MemorySaver

    @tool
    def approve(what: str) -> str:
        """Asks a person."""
        ran["approve"] += 1
        return f"{what}: {interrupt('sure?')}"

    def act() -> Any:
        node = ToolNode([approve])
        graph = StateGraph(MessagesState).add_node("tools", node).add_edge(START, "tools").add_edge("tools", END)
        compiled = graph.compile(checkpointer=MemorySaver())
        config = {"configurable": {"thread_id": "1"}}
        call = {"name": "approve", "args": {"what": "mail"}, "id": "1"}
        compiled.invoke({"messages": [AIMessage("", tool_calls=[call])]}, config)
        return said(compiled.invoke(Command(resume="yes"), config))

    assert stage().both(act)[-1] == ("ToolMessage", "mail: yes", "success")


# with decorators and with models inside


def test_a_decorated_function_inside_a_tool_is_the_one_interaction(stage: MakeStage) -> None:
    @tool
    @replaykit.tool(effect="read", normalize=lambda arguments: {"city": arguments["city"].lower()})
    def weather(city: str) -> str:
        """Tells the weather."""
        ran["weather"] += 1
        return f"{city}: {ran['weather']} degrees"

    cities = iter(["Oslo", "OSLO"])
    play = stage()
    play.record(lambda: weather.invoke({"city": next(cities)}))

    assert play.replay(lambda: weather.invoke({"city": next(cities)})) == "Oslo: 1 degrees"
    assert play.report.ok
    assert play.positions == ["tool:weather[0]"]
    assert ran == {"weather": 1}


def test_a_tool_that_runs_an_agent_runs_again_over_its_calls(stage: MakeStage) -> None:
    @tool
    def expert(question: str) -> str:
        """Asks another agent."""
        ran["expert"] += 1
        with Http() as model:
            inner = graph_of(model, [lookup_order])
            return str(inner.invoke({"messages": [("user", question)]})["messages"][-1].content)

    def is_outer(prompt: Prompt) -> bool:
        return "expert" in prompt.tools

    play = stage(
        Rule(when=lambda prompt: is_outer(prompt) and prompt.has_tool_result, reply="done {n}"),
        Rule(when=is_outer, tool_calls=[Tool("expert", {"question": "where?"})]),
        *asks(*CALLS),
    )
    play.both(run_graph([expert]))

    assert ran == {"expert": 2, "lookup_order": 2}
    assert [name.rpartition("/")[2] for name in play.report.executed_for_real] == ["tool:expert[0]"]


# retrievers


class Shelf(BaseRetriever):
    """Finds documents; a class as users write them."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        ran["shelf"] += 1
        return [Document(f"{query} is book {ran['shelf']}", metadata={"score": 0.5}, id="b1")]


class AsyncShelf(Shelf):
    async def _aget_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        ran["async shelf"] += 1
        return [Document(f"{query} is book {ran['async shelf']}")]


def chain_of(retriever: Any, model: Any) -> Any:
    gathered = RunnableParallel(context=retriever, question=RunnablePassthrough())
    prompt = RunnableLambda(lambda found: f"{found['question']} {found['context'][0].page_content}")
    return gathered | prompt | model


def test_a_retriever_in_a_chain_is_served(stage: MakeStage) -> None:
    def act() -> str:
        with Http() as model:
            return str(chain_of(Shelf(), model).invoke("the sea").content)

    play = stage(Rule(reply=lambda prompt: f"said {prompt.last}"))

    assert play.both(act) == "said the sea the sea is book 1"
    assert ran == {"shelf": 1}
    assert [item.boundary for item in play.packet.interactions] == ["retrieval", "llm"]


@pytest.mark.parametrize("kind", [Shelf, AsyncShelf])
def test_an_async_retriever_is_served(stage: MakeStage, loop_factory: LoopFactory, kind: Any) -> None:
    async def act() -> list[Any]:
        return list(await asyncio.gather(*(kind().ainvoke(text) for text in ("a", "b"))))

    play = stage()
    found = play.both(run_on(loop_factory, act))

    assert isinstance(found[0][0], Document)
    assert sum(ran.values()) == 2
    assert [item.name for item in play.packet.interactions] == [kind.__name__] * 2


def test_another_query_diverges(stage: MakeStage) -> None:
    play = stage()
    play.record(lambda: Shelf().invoke("a"))

    with pytest.raises(replaykit.Divergence, match="retrieval Shelf"):
        play.replay(lambda: Shelf().invoke("b"))
    assert ran == {"shelf": 1}


class Votes(TypedDict):
    votes: Annotated[list[str], operator.add]


def test_tools_of_parallel_nodes_each_get_their_own_result(stage: MakeStage) -> None:
    def node(state: Votes) -> Votes:
        return {"votes": [lookup_order.invoke({"number": "same"})]}

    def act() -> Any:
        graph = StateGraph(Votes)
        for name in "abc":
            graph.add_node(name, node)
            graph.add_edge(START, name)
        return graph.compile().invoke({"votes": []})["votes"]

    assert len(set(stage().both(act))) == 3
    assert ran == {"lookup_order": 3}


@pytest.fixture(autouse=True)
def no_tracing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        monkeypatch.delenv(name, raising=False)
    yield
