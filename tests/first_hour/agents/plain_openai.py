import json

import openai

SYSTEM = "You are a careful support agent."
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "lookup_order",
            "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
        },
    }
]


def lookup_order(number):
    return {"number": number, "status": "partially shipped"}


def main():
    client = openai.OpenAI()
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Where is order A-1042?"}]
    while True:
        turn = client.chat.completions.create(model="gpt-4.1-mini", messages=messages, tools=TOOLS).choices[0].message
        if not turn.tool_calls:
            return turn.content
        messages.append(turn)
        for call in turn.tool_calls:
            result = lookup_order(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})


print(main())
