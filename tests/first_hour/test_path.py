"""From an agent that nobody prepared to a green test: record, replay, promote, pytest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from replaykit.packet import Packet
from replaykit.serve.scripted import Rule, ScriptedServer, Tool
from tests.cli.conftest import KEY, Ended, Shop, clean_environ
from tests.e2e.helpers import IS_SOAK

AGENTS = sorted((Path(__file__).parent / "agents").glob("*.py"))
NEEDS = {"openai_agents_traced": "agents", "langgraph_two_tools": "langgraph", "anthropic_stream": "anthropic"}
ORDER = {"number": "A-1042"}
RULES = (
    Rule(when="the rest", has_tool_result=True, reply="One parcel is on its way, the other comes on Friday."),
    Rule(when="the rest", tool_calls=[Tool("lookup_order", ORDER), Tool("delivery_day", ORDER)]),
    Rule(has_tool_result=True, reply="One parcel is on its way."),
    Rule(when="A-1042", tool_calls=[Tool("lookup_order", ORDER)]),
    Rule(when="slow summary", reply="A long and rainy day.", delay_s=0.3),
    Rule(when="title", reply="Rain"),
    Rule(reply="Sunny, 21 degrees. Yours, ada.lovelace@analytical-engines.com"),
)
ALWAYS = ("plain_openai", "langgraph_two_tools")
SECRETS = (KEY, "sk-ant-api03-Zq7wZq7wZq7wZq7wZq7wZq7w", "ada.lovelace@analytical-engines.com")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Shop]:
    """A folder with nothing in it, a model, and keys."""
    with ScriptedServer(RULES) as server:
        urls = {"OPENAI_BASE_URL": f"{server.url}/v1", "ANTHROPIC_BASE_URL": server.url}
        keys = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": SECRETS[1]}
        yield Shop(tmp_path, server, {**clean_environ(), **keys, **urls})


def _without_world(shop: Shop) -> None:
    """No model and no key from here on; the settings of the agent are as they were."""
    shop.server.close()
    shop.environ = {name: value for name, value in shop.environ.items() if not name.endswith("_API_KEY")}


def _pytest(shop: Shop, *options: str) -> Ended:
    return shop.start(["python", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", *options])


@pytest.mark.parametrize("agent", AGENTS, ids=lambda path: path.stem)
def test_four_commands_lead_to_a_green_test_and_a_changed_word_to_a_red_one(live: Shop, agent: Path) -> None:
    pytest.importorskip(NEEDS.get(agent.stem, "openai"))
    if agent.stem not in ALWAYS and not IS_SOAK:
        pytest.skip("half a minute each: with REPLAYKIT_SOAK=1")
    shutil.copy(agent, live.folder / "agent.py")

    recorded = live.record("python", "agent.py")
    asked = len(live.server.requests)
    _without_world(live)
    replayed = live.run("replay", "last")
    promoted = live.run("promote", "last")
    tested = _pytest(live)
    text = agent.read_text()
    (live.folder / "agent.py").write_text(text.replace("careful", "cautious"))
    live.environ |= {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": SECRETS[1]}
    red = _pytest(live, "-vv", "--showlocals")

    assert recorded.code == 0, recorded.text
    assert "same run  " in replayed.out, replayed.text
    assert replayed.out.partition(".")[0] == recorded.out.partition(".")[0]
    assert (promoted.code, tested.code) == (0, 0), promoted.text + tested.text
    assert "exact, 0 live calls" in tested.out
    assert red.code == 1
    assert "root cause: prompt" in red.out
    assert any(line.strip().startswith("+ ") and "cautious" in line for line in red.out.splitlines())
    assert len(live.server.requests) == asked
    files = [path.read_text() for path in live.folder.rglob("*.jsonl")]
    assert all(secret not in text for secret in SECRETS for text in (*files, red.text, tested.text, promoted.text))


def test_a_script_of_thirty_lines_is_not_long() -> None:
    assert len((Path(__file__).parent / "agents" / "plain_openai.py").read_text().splitlines()) <= 36


def test_tools_that_nobody_froze_are_named(live: Shop) -> None:
    shutil.copy(AGENTS[[path.stem for path in AGENTS].index("plain_openai")], live.folder / "agent.py")
    live.record("python", "agent.py")
    _without_world(live)

    replayed = live.run("replay", "last")

    assert "1 tool ran for real: lookup_order; add @replaykit.tool to freeze it" in replayed.out
    assert Packet.load(live.packets[0]).entry.argv == ("python", "agent.py")
