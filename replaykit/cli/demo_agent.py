"""A refund agent: one model, two tools, plain httpx. Written by `replaykit demo`; change it and replay."""

import json
import os
from typing import Any

import httpx

import replaykit

PROMPT = "You are a refund agent. Look the order up, then refund its total."
QUESTION = "I want my money back for order A-1042."
LIMIT_DOLLARS = 500


def schema(name: str, **parameters: str) -> dict[str, Any]:
    properties = {key: {"type": kind} for key, kind in parameters.items()}
    function = {"name": name, "parameters": {"type": "object", "properties": properties}}
    return {"type": "function", "function": function}


TOOLS = [schema("lookup_order", order_id="string"), schema("refund", order_id="string", dollars="number")]


@replaykit.tool(effect="read")
def lookup_order(order_id: str) -> Any:
    orders = os.environ.get("ORDERS_URL", "http://orders.internal")
    return httpx.get(f"{orders}/orders/{order_id}").raise_for_status().json()


@replaykit.tool(effect="write")
def refund(order_id: str, dollars: float) -> Any:
    if dollars > LIMIT_DOLLARS:
        raise ValueError(f"a refund of ${dollars:,} is over the limit of ${LIMIT_DOLLARS}")
    return {"order_id": order_id, "refunded": dollars}


def ask(messages: list[Any]) -> Any:
    base = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
    body = {"model": "gpt-4.1-mini", "messages": messages, "tools": TOOLS}
    headers = {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    response = httpx.post(f"{base}/chat/completions", json=body, headers=headers, timeout=60)
    return response.raise_for_status().json()["choices"][0]["message"]


@replaykit.agent("refund-agent")
def answer(question: str) -> str:
    messages: list[Any] = [{"role": "system", "content": PROMPT}, {"role": "user", "content": question}]
    while True:
        message = ask(messages)
        messages.append(message)
        if not message.get("tool_calls"):
            return str(message["content"])
        for call in message["tool_calls"]:
            tool: Any = {"lookup_order": lookup_order, "refund": refund}[call["function"]["name"]]
            result = tool(**json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)})


if __name__ == "__main__":
    print(answer(QUESTION))
