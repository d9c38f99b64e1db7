"""A plain tool loop on the openai SDK, ready to be recorded.

export OPENAI_API_KEY=...  OPENAI_BASE_URL=...         # any server that speaks chat completions
replaykit record -- python examples/order_agent.py     # or REPLAYKIT_MODE=record python examples/order_agent.py
replaykit replay last                                  # keys unset, network refused
"""

from __future__ import annotations

import json
from typing import Any

import openai

import replaykit

SYSTEM = "You are a careful support agent. Look an order up before you answer."
LOOKUP = {
    "type": "function",
    "function": {
        "name": "lookup_order",
        "description": "Status of an order.",
        "parameters": {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]},
    },
}


@replaykit.tool(effect="read")
def lookup_order(number: str) -> dict[str, Any]:
    """The shop's database, as far as this example has one."""
    return {"number": number, "status": "partially shipped", "customer": "ada@shop-mail.net"}


@replaykit.agent("order-agent")
def answer(question: str) -> str:
    """Asks the model until it has an answer, and calls the tool as often as it wants."""
    client = openai.OpenAI()
    messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    for _ in range(5):
        turn = (
            client.chat.completions.create(model="gpt-4.1-mini", messages=messages, tools=[LOOKUP]).choices[0].message
        )
        if not turn.tool_calls:
            return turn.content or ""
        messages.append(turn)
        for call in turn.tool_calls:
            result = lookup_order(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})
    raise RuntimeError("no answer after 5 turns")


if __name__ == "__main__":
    print(answer("Where is order A-1042?"))
