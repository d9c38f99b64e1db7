"""`replaykit show` and `replaykit schema`."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import AGENT, KEY, Shop


def test_show_tells_the_run(recorded: Shop) -> None:
    """Who, how it ended, each call, what was replaced, and whether it can be replayed."""
    shown = recorded.run("show", "last").out

    for piece in (
        "agent   ok",
        "entry    python agent.py",
        "output   answer: Rain.",
        "llm:chat[0]",
        "m: What is the weather in Oslo?",
        "It rains in Oslo; ask ",
        "replaced OPENAI_API_KEY, email",
        "captured 2 llm",
        "replay   replayable: the whole run",
    ):
        assert piece in shown
    assert "\x1b" not in shown


def test_show_json_has_all_of_it(recorded: Shop) -> None:
    shown = json.loads(recorded.run("show", "last", "--json").out)

    assert shown["status"] == "ok"
    assert [item["position"] for item in shown["interactions"]] == ["llm:chat[0]", "llm:chat[1]"]
    assert shown["interactions"][0]["tokens"][0] > 0
    assert shown["stand_ins"] == {"OPENAI_API_KEY": 1, "email": 1}
    assert (shown["replayable"], shown["why_not"]) == (True, None)


def test_show_says_that_a_packet_was_altered(recorded: Shop) -> None:
    (path,) = recorded.packets
    path.write_text(path.read_text().replace("It rains", "It snows"))

    shown = recorded.run("show", "last")

    assert shown.code == 0
    assert "altered" in shown.out
    assert "not all of it can be replayed" in shown.out


def test_tools_that_only_the_model_traffic_shows_are_marked(shop: Shop) -> None:
    shop.write(
        "tools.py",
        "import httpx, os\nbase = os.environ['BASE_URL'] + '/v1/chat/completions'\n"
        "messages = [{'role': 'user', 'content': 'use a tool'}]\n"
        "answer = httpx.post(base, json={'model': 'm', 'messages': messages}).json()['choices'][0]['message']\n"
        "result = {'role': 'tool', 'tool_call_id': answer['tool_calls'][0]['id'], 'content': 'wet'}\n"
        "httpx.post(base, json={'model': 'm', 'messages': [*messages, answer, result]})\n",
    )
    shop.record("python", "tools.py")

    shown = shop.run("show", "last").out

    assert '-> look_up(city="Oslo")' in shown
    assert 'tool     look_up({"city": "Oslo"}) = "wet" (seen in model traffic only)' in shown


def test_text_of_a_packet_can_t_steer_the_terminal(shop: Shop) -> None:
    shop.write("prints.py", "print('\\x1b[2Jgone')")
    shop.record("python", "prints.py")

    assert "\x1b" not in shop.run("show", "last").out


@pytest.mark.parametrize("text", ["", "not json\n", '{"kind":"run"}\n'], ids=["empty", "no JSON", "no run"])
def test_an_unreadable_file_is_exit_2_without_a_traceback(shop: Shop, text: str) -> None:
    shop.write("bad.packet.jsonl", text)

    ended = shop.run("show", "bad.packet.jsonl")

    assert ended.code == 2
    assert ended.err.startswith("replaykit: bad.packet.jsonl")
    assert "Traceback" not in ended.text


def test_the_schema_holds_every_kind_of_line(shop: Shop) -> None:
    schema = json.loads(shop.run("schema").out)

    assert set(schema["discriminator"]["mapping"]) == {
        "run",
        "entry",
        "part",
        "standin",
        "span",
        "effect",
        "schedule",
        "call",
        "done",
        "log",
        "outcome",
    }


def test_help_lists_the_commands_in_groups(shop: Shop) -> None:
    lines = shop.run("--help", COLUMNS="200").out.splitlines()
    listed = [line.split()[1] for line in lines if line.startswith(("│ ", "╭─ "))]

    names = [word for word in listed if not word.startswith("-")]
    groups = {
        "everyday": ["demo", "record", "replay", "show", "promote"],
        "closer": ["stress", "sanitize"],
        "suite": ["audit", "doctor"],
        "exchange": ["schema", "import"],
    }
    assert names == ["Options", *(word for group, own in groups.items() for word in (group, *own))]


def test_the_command_line_starts_without_the_engine(shop: Shop) -> None:
    """What it does not need it does not load: no pydantic, no httpx for a help text."""
    script = "import sys, replaykit.cli.main\nprint([n for n in ('pydantic', 'httpx', 'asyncio') if n in sys.modules])"
    shop.write("starts.py", script)

    ended = shop.start([f"{__import__('sys').executable}", "starts.py"])

    assert ended.out == "[]\n", ended.err


def test_no_packet_file_holds_the_key(recorded: Shop) -> None:
    assert all(KEY not in path.read_text() for path in recorded.packets)


LEAKING = (
    AGENT
    + """
    import http.client
    from pathlib import Path
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("BASE_URL", ":9").rpartition(":")[2]))
    connection.request("GET", "/ping")
    connection.getresponse().read()
    connection.close()
    Path("out.txt").write_text("Rain.")
"""
)


def test_show_tells_what_left_the_process_and_by_what_right(shop: Shop) -> None:
    shop.write("agent.py", LEAKING)
    shop.record("python", "agent.py")
    peer = f"127.0.0.1:{shop.server.port}"

    shown = shop.run("show", "last").out

    assert f"  egress   captured {peer} (2)\n           uncaptured connect {peer} (1)\n" in shown
    assert "  files    out.txt\n" in shown
    assert "not all of it can be replayed: 1 call left the process unrecorded, and a replay refuses it" in shown
    refused = shop.run("promote", "last")
    assert refused.code == 2
    assert "--allow-uncaptured" in refused.err
    promoted = shop.run("promote", "last", "--allow-uncaptured")
    assert f"although something left the process unrecorded, and a replay refuses it: connect {peer}" in promoted.out
    assert "  golden   although: something left" in shop.run("show", "cassettes/agent.packet.jsonl").out


def test_what_is_allowed_while_recording_is_shown_and_no_gap(shop: Shop) -> None:
    shop.write("agent.py", LEAKING)
    peer = f"127.0.0.1:{shop.server.port}"
    environ = {"BASE_URL": shop.server.url, "OPENAI_API_KEY": KEY}
    shop.run("record", "--allow", peer, "--", "python", "agent.py", **environ)

    shown = shop.run("show", "last").out
    assert f"           allowed connect {peer} (1)\n" in shown
    assert "  replay   replayable: the whole run\n" in shown
    assert shop.run("promote", "last").code == 0
