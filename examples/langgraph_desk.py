"""A LangGraph graph with two tools, undecorated: replaykit knows LangChain's tools by themselves.

export OPENAI_API_KEY=...
replaykit record -- python examples/langgraph_desk.py
replaykit replay last                                  # neither the model nor a tool is asked again
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

SYSTEM = SystemMessage("You are a careful support agent. Look an order up before you answer.")


@tool
def lookup_order(number: str) -> str:
    """Status of an order."""
    return f"{number}: partially shipped"


@tool
def delivery_day(number: str) -> str:
    """Day on which the rest of an order is delivered."""
    return f"{number}: on Friday"


def build_graph() -> Any:
    """Model and tools in turns, until the model asks for no more tools."""
    tools = [lookup_order, delivery_day]
    model = ChatOpenAI(model="gpt-4.1-mini").bind_tools(tools)

    def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke([SYSTEM, *state["messages"]])]}

    graph = StateGraph(MessagesState)
    graph.add_node("agent", agent)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", tools_condition)
    graph.add_edge("tools", "agent")
    return graph.compile()


def answer(question: str) -> str:
    state = build_graph().invoke({"messages": [("user", question)]})
    return str(state["messages"][-1].content)


if __name__ == "__main__":
    print(answer("Where is order A-1042, and when does the rest come?"))
