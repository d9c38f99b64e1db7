"""A newcomer's agent, row by row: an HTTP tool with a key in its query, a `gather` whose later call answers first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from replaykit.serve.scripted import Route, Rule, ScriptedServer, Tool
from tests.pytest_plugin.conftest import KEY, Project

WEATHER_KEY = "8f2b6c1d9e4a7f3058c6b2d1"
AGENT = """
import asyncio, json, os
import httpx, openai

PROMPT = "You are a careful weather assistant."
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]

async def weather(city):
    async with httpx.AsyncClient() as client:
        key = os.environ["WEATHER_KEY"]
        return (await client.get(os.environ["WEATHER_URL"], params={"q": city, "appid": key})).text

async def ask(client, messages, **options):
    messages = [{"role": "system", "content": PROMPT}, *messages]
    reply = await client.chat.completions.create(model="gpt-4o-mini", messages=messages, **options)
    return reply.choices[0].message

async def run(city):
    client = openai.AsyncOpenAI()
    messages = [{"role": "user", "content": f"What is the weather in {city}?"}]
    turn = await ask(client, messages, tools=TOOLS)
    messages.append(turn)
    for call in turn.tool_calls:
        result = await weather(**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    answer = (await ask(client, messages)).content
    summary, title = await asyncio.gather(
        ask(client, [{"role": "user", "content": f"A summary of: {answer}"}]),
        ask(client, [{"role": "user", "content": f"A title for: {answer}"}]),
    )
    return answer, summary.content, title.content
"""
TEST = """
import asyncio
from agent import run

def test_agent():
    answer, summary, title = asyncio.run(run("Oslo"))
    assert "21" in answer
    assert "all day" in summary
    assert title == "Sun over Oslo"
"""
MARKED = TEST.replace("import asyncio\n", "import asyncio\nimport pytest\n").replace(
    "def test", "@pytest.mark.replay\ndef test"
)
RULES = (
    Rule(when="A summary", reply="It is sunny all day.", delay_s=0.3),
    Rule(when="A title", reply="Sun over Oslo"),
    Rule(has_tool_result=True, reply="It is sunny, 21 degrees."),
    Rule(tool_calls=[Tool("weather", {"city": "Oslo"})]),
)


class Newcomer(Project):
    """The project, with the settings that its agent has wherever it runs."""

    def settings(self) -> dict[str, str]:
        return {"OPENAI_BASE_URL": f"{self.server.url}/v1", "WEATHER_URL": f"{self.server.url}/weather"}


@pytest.fixture(params=["compact", "spaced"])
def newcomer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Newcomer]:
    """After `pytest --replay-record=once`; the tool answers in JSON written this way or that."""
    pytest.importorskip("openai")
    separators = (",", ":") if request.param == "compact" else (", ", " : ")
    body = json.dumps({"city": "Oslo", "degrees": 21}, separators=separators)
    with ScriptedServer(RULES, routes=[Route("GET", "/weather", text=body)]) as server:
        made = Newcomer(tmp_path, server)
        made.write(agent=AGENT, test_agent=MARKED)
        keys = {"OPENAI_API_KEY": KEY, "WEATHER_KEY": WEATHER_KEY}
        recorded = made.pytest("--replay-record=once", **keys, **made.settings())
        assert recorded.code == 0, recorded.text
        assert "5 interactions (4 llm, 1 http tool), 2 in parallel, 2 secrets replaced" in recorded.text
        yield made


def test_two_lines_and_three_commands(newcomer: Newcomer) -> None:
    """Install, record, `pytest`: green, offline, in a shell without the keys, and nothing goes out."""
    asked = len(newcomer.server.requests)
    newcomer.server.close()

    ended = newcomer.pytest(**newcomer.settings())

    assert len(MARKED.splitlines()) - len(TEST.splitlines()) == 2
    assert ended.code == 0, ended.text
    assert "5 of 5 calls exact, 0 live calls" in ended.text
    assert (asked, len(newcomer.server.requests)) == (5, 5)


def test_no_key_stands_in_the_file(newcomer: Newcomer) -> None:
    (text,) = newcomer.cassettes().values()

    assert KEY.encode() not in text
    assert WEATHER_KEY.encode() not in text


def test_a_changed_word_is_red_in_a_dozen_lines_and_shows_no_key(newcomer: Newcomer) -> None:
    newcomer.write(agent=AGENT.replace("careful", "cautious"))
    keys = {"OPENAI_API_KEY": KEY, "WEATHER_KEY": WEATHER_KEY}

    ended = newcomer.pytest("-vv", "--showlocals", **keys, **newcomer.settings())

    assert ended.code == 1
    assert len(ended.failure) <= 12
    assert re.search(
        r"1 of 5 calls changed: the system prompt \(root cause: prompt\); 4 after it not reached", ended.text
    )
    assert "cautious" in "\n".join(ended.failure[:5])
    assert KEY not in ended.text
    assert WEATHER_KEY not in ended.text
    assert len(newcomer.server.requests) == 5
