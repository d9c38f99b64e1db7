from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition


@tool
def lookup_order(number: str) -> str:
    """Status of an order."""
    return f"{number}: partially shipped"


@tool
def delivery_day(number: str) -> str:
    """Day on which the rest of an order comes."""
    return f"{number}: on Friday"


tools = [lookup_order, delivery_day]
model = ChatOpenAI(model="gpt-4.1-mini").bind_tools(tools)
graph = StateGraph(MessagesState)
graph.add_node("agent", lambda state: {"messages": [model.invoke(state["messages"])]})
graph.add_node("tools", ToolNode(tools))
graph.add_edge(START, "agent")
graph.add_conditional_edges("agent", tools_condition)
graph.add_edge("tools", "agent")
question = "Be careful. Where is order A-1042, and when does the rest come?"
print(graph.compile().invoke({"messages": [("user", question)]})["messages"][-1].content)
