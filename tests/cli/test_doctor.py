"""`replaykit doctor`: what is recorded here, and what a packet assumes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import replaykit
from replaykit.cli.doctor import SETTINGS
from replaykit.cli.stacks import STACKS, hook_ranges, is_within
from tests.cli.conftest import KEY, Ended, Shop


def facts(ended: Ended) -> dict[str, object]:
    found = json.loads(ended.out)
    assert isinstance(found, dict)
    return found


def test_it_names_what_is_recorded_and_what_a_replay_refuses(shop: Shop) -> None:
    pytest.importorskip("requests")
    ended = shop.run("doctor")

    assert ended.code == 0, ended.text
    assert re.search(r"^httpx [\d.]+ +recorded +HTTP, streams included", ended.out, re.MULTILINE)
    assert re.search(r"^requests [\d.]+ +not recorded +a replay refuses it", ended.out, re.MULTILINE)
    pytest.importorskip("openai")
    assert re.search(r"^openai [\d.]+ +recorded +through httpx", ended.out, re.MULTILINE)
    assert "packets/  writable, not there yet" in ended.out
    assert not (shop.folder / "packets").exists()


def test_what_it_says_is_what_happens(recorded: Shop) -> None:
    """A library that it calls refused is refused, one that it calls recorded is served."""
    pytest.importorskip("requests")
    stacks = {
        item["distribution"]: item["state"] for item in json.loads(recorded.run("doctor", "--json").out)["stacks"]
    }
    recorded.write("goes.py", "import requests\nrequests.get('http://127.0.0.1:9/')\n")

    refused = recorded.run("replay", "last", "--", "python", "goes.py")

    assert (stacks["httpx"], stacks["requests"]) == ("recorded", "not recorded")
    assert "refused: connect 127.0.0.1:9" in refused.out
    assert recorded.run("replay", "last").code == 0


def test_no_value_of_a_secret_is_shown(shop: Shop) -> None:
    environ = {"REPLAYKIT_KEY": "a-key-of-the-project", "OPENAI_API_KEY": KEY, "REPLAYKIT_STORE": f"runs-{KEY}"}

    for words in (["doctor"], ["doctor", "--json"]):
        ended = shop.run(*words, **environ)
        assert "a-key-of-the-project" not in ended.text
        assert "OPENAI_API_KEY" in ended.out
    checked = facts(shop.run("doctor", "--json", **environ))
    assert checked["has_key"] is True
    assert checked["settings"]["REPLAYKIT_KEY"] == "(set)"  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("REPLAYKIT_STROE", "x", "REPLAYKIT_STROE is no setting of replaykit"),
        ("REPLAYKIT_KEEP", "some", "REPLAYKIT_KEEP is none of: all, called, failed"),
        ("REPLAYKIT_STORE", "agent.py/packets", "agent.py/packets can't be written"),
    ],
    ids=["typo", "value", "store"],
)
def test_what_is_wrong_is_said_and_exits_1(shop: Shop, name: str, value: str, problem: str) -> None:
    ended = shop.run("doctor", **{name: value})

    assert ended.code == 1
    assert problem in ended.out


def test_every_setting_that_the_code_reads_is_known() -> None:
    """Else the doctor would call it a typo."""
    reading = re.compile(r'environ\S*\(?\[?"(REPLAYKIT_[A-Z]+)"')
    read = {
        name for path in Path(replaykit.__file__).parent.rglob("*.py") for name in reading.findall(path.read_text())
    }

    assert read
    assert read <= SETTINGS.keys()


def test_every_hook_stands_in_the_table() -> None:
    assert hook_ranges().keys() <= {stack.distribution for stack in STACKS if stack.module and stack.covers}


@pytest.mark.parametrize(
    ("version", "tested", "is_tested"),
    [
        ("0.28.1", "0.27 to 0.28", True),
        ("0.27.0", "0.27 to 0.28", True),
        ("0.29.0", "0.27 to 0.28", False),
        ("0.26.9", "0.27 to 0.28", False),
        ("2.16.2", "2.16", True),
        ("2.17", "2.16", False),
        ("1.0", "0.27 to 0.28", False),
        ("2.16.0rc1", "2.16", True),
    ],
)
def test_only_as_many_numbers_count_as_are_given(version: str, tested: str, is_tested: bool) -> None:
    assert is_within(version, tested) is is_tested


def test_a_packet_names_what_it_assumes(recorded: Shop) -> None:
    """Names of variables, kinds of substitutions, the entry; and that the replay can be exact."""
    ended = recorded.run("doctor", "last")

    assert ended.code == 0, ended.text
    assert "can be exact here" in ended.out.splitlines()[0]
    assert "entry    command: python agent.py" in ended.out
    assert "secrets  OPENAI_API_KEY" in ended.out
    assert "absent   BASE_URL" in ended.out
    assert "replaced OPENAI_API_KEY, email 1" in ended.out
    assert "takes them on trust" in ended.out


def test_the_packets_facts_are_valid_json(recorded: Shop) -> None:
    assumed = facts(recorded.run("doctor", "last", "--json", REPLAYKIT_KEY="k" * 20))

    assert (assumed["exact"], assumed["reasons"], assumed["needs"]) == ("yes", [], [])
    assert assumed["placeholders"] == ["OPENAI_API_KEY"]
    assert assumed["is_checked"] is True
    kinds = [(item["kind"], item["count"], item["variable"]) for item in assumed["substitutions"]]  # type: ignore[attr-defined]
    assert kinds == [("env", 1, "OPENAI_API_KEY"), ("email", 1, None)]


def test_another_python_is_said(recorded: Shop) -> None:
    """Calls that moved are then served, which is less than exact."""
    (path,) = recorded.packets
    text = re.sub(r'"python":"3\.\d+\.\d+"', '"python":"3.9.1"', path.read_text())
    path.write_text(text)

    ended = recorded.run("doctor", "last")

    assert ended.code == 1  # the packet was altered for that, which it says too
    assert "altered" in ended.out
    assert "python 3.9.1 then, 3." in ended.out


def test_an_interrupted_run_is_not_exact(shop: Shop) -> None:
    shop.write("dies.py", "import agent, os\nagent.ask('What?')\nos.kill(os.getpid(), 9)\n")
    shop.record("python", "dies.py")

    ended = shop.run("doctor", "last")

    assert ended.code == 1
    assert "the run was interrupted" in ended.out


def test_what_left_the_process_unrecorded_is_said_at_once_and_by_every_command_after(shop: Shop) -> None:
    port = shop.server.url.rpartition(":")[2]
    goes = f"socket.create_connection(('127.0.0.1', {port})).close()"
    shop.write("goes.py", f"import socket\nimport agent\nagent.main()\n{goes}\n")
    missed = f"1 call left the process unrecorded, and a replay refuses it: connect 127.0.0.1:{port}"

    recorded = shop.record("python", "goes.py")
    doctor, replayed = shop.run("doctor", "last"), shop.run("replay", "last")

    assert missed in recorded.err
    assert doctor.code == 1
    assert f"not exact here  {missed}" in doctor.out
    assert f"let it out:  replaykit replay packets/{shop.packets[0].name} --allow 127.0.0.1:{port}" in replayed.out
    assert "only moved?" not in replayed.out


def test_a_damaged_packet_is_one_clear_error(recorded: Shop) -> None:
    """Exit 2, with file and line, with and without --json."""
    (path,) = recorded.packets
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], "{broken\n", *lines[4:]]))

    for words in (["doctor", "last"], ["doctor", "last", "--json"]):
        ended = recorded.run(*words)
        assert (ended.code, ended.out) == (2, "")
        assert f"{path.name}:4: " in ended.err
        assert "Traceback" not in ended.err


def test_help_says_what_it_is_for(shop: Shop) -> None:
    listed, own = shop.run("--help", COLUMNS="200").out, shop.run("doctor", "--help", COLUMNS="200").out

    assert re.search(r"suite[\s\S]*doctor +Show what would be recorded here and what would go live", listed)
    assert "Exit 1 if something is wrong here" in own
    assert "--json" in own
