"""The lines at the end of a test run: what was proved, and what was not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from replaykit.serve.scripted import Rule, ScriptedServer, Tool
from tests.pytest_plugin.conftest import AGENT, TEST, Project

TOOLS = """
import json, os
import httpx

def look_up(city):
    return f"{city}: rain"

def main():
    base = os.environ.get("BASE_URL", "http://model.invalid")
    messages = [{"role": "user", "content": "use a tool"}]
    while True:
        answer = httpx.post(f"{base}/v1/chat/completions", json={"model": "m", "messages": messages}, verify=False)
        message = answer.json()["choices"][0]["message"]
        messages.append(message)
        if not message.get("tool_calls"):
            return message["content"]
        for call in message["tool_calls"]:
            content = look_up(**json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": content})

if __name__ == "__main__":
    print(main())
"""


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Project]:
    """An agent whose tool nobody declared."""
    asks = Rule(when="use a tool", has_tool_result=False, tool_calls=[Tool("look_up", {"city": "Oslo"})])
    with ScriptedServer([asks, Rule(reply="Rain.")]) as server:
        project = Project(tmp_path, server)
        project.write(agent=TOOLS)
        yield project


def test_tools_that_ran_for_real_are_named(tools: Project) -> None:
    tools.write(test_agent="import agent, pytest\n\n@pytest.mark.replay\ndef test_agent():\n    assert agent.main()\n")
    tools.pytest("--replay-record=once", live=True)

    ended = tools.pytest()

    assert ended.code == 0, ended.text
    assert "\n1 tool ran for real: look_up; add @replaykit.tool to freeze it\n" in ended.text


def test_tools_of_a_cassette_without_test_code_are_named_too(tools: Project) -> None:
    tools.replaykit("record", "--", "python", "agent.py", live=True)
    tools.replaykit("promote", "last")

    ended = tools.pytest()

    assert ended.code == 0, ended.text
    assert "\n1 tool ran for real: look_up; add @replaykit.tool to freeze it\n" in ended.text


def test_what_fixtures_reached_is_named(project: Project) -> None:
    port = project.server.url.rpartition(":")[2]
    fixture = f"""
import socket

@pytest.fixture(autouse=True)
def warm():
    socket.create_connection(("127.0.0.1", {port}), timeout=5).close()
"""
    project.write(test_agent=TEST + fixture)
    project.pytest("--replay-record=once", live=True)

    ended = project.pytest()

    assert ended.code == 0, ended.text
    assert f"\nfixtures of replayed tests went live: 127.0.0.1:{port}\n" in ended.text


@pytest.mark.parametrize("key", ["", "a-project-key-4eYk7uWq2"], ids=["no key", "recorded with a key"])
def test_values_that_are_taken_on_trust_are_counted(project: Project, key: str) -> None:
    project.write(agent=AGENT.replace("assistant.", "assistant; ask ada.doe@vaer-oslo.org."))
    project.pytest("--replay-record=once", live=True, **({"REPLAYKIT_KEY": key} if key else {}))
    project.write(agent=AGENT.replace("assistant.", "assistant; ask eve.roe@vaer-oslo.org."))

    ended = project.pytest()

    assert ended.code == 0, ended.text
    assert "1 of 1 calls exact, 0 live calls, 1 value taken on trust" in ended.text
    if key:
        replayed = project.replaykit("doctor", "cassettes/test_agent.packet.jsonl").text
        assert "recorded with REPLAYKIT_KEY, which is not set here" in replayed
        assert "secrets  OPENAI_API_KEY  (unset here" in replayed
        assert project.pytest(REPLAYKIT_KEY=key).code == 1
