"""A tool loop on the anthropic SDK whose answer is streamed as it arrives. Nothing in it knows of replaykit.

export ANTHROPIC_API_KEY=...
replaykit record -- python examples/anthropic_stream.py
replaykit replay last                                  # key unset, network refused
"""

from __future__ import annotations

import sys
from typing import Any

import anthropic

SYSTEM = "You are a careful weather assistant."
TOOL: Any = {
    "name": "temperature",
    "description": "Temperature in a town, in degrees Celsius.",
    "input_schema": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
}


def temperature(town: str) -> str:
    """A thermometer, as far as this example has one."""
    return f"21 degrees in {town}"


def answer(question: str) -> str:
    """Streams turns until the model asks for no more tools."""
    client = anthropic.Anthropic()
    messages: list[Any] = [{"role": "user", "content": question}]
    for _ in range(5):
        with client.messages.stream(
            model="claude-sonnet-4-5", max_tokens=500, system=SYSTEM, messages=messages, tools=[TOOL]
        ) as stream:
            for text in stream.text_stream:
                sys.stdout.write(text)
                sys.stdout.flush()
            turn = stream.get_final_message()
        asked = [block for block in turn.content if block.type == "tool_use"]
        if not asked:
            print()
            return "".join(block.text for block in turn.content if block.type == "text")
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": temperature(**dict(block.input))}
            for block in asked
        ]
        messages += [{"role": "assistant", "content": turn.content}, {"role": "user", "content": results}]
    raise RuntimeError("no answer after 5 turns")


if __name__ == "__main__":
    answer("How warm is it in Oslo?")
