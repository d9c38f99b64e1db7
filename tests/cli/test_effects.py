"""`record -- CMD` on a leap day, `replay P` today: another process, another day, and no rule for what differs."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Shop

AGENT = """
import datetime, os, random, secrets, uuid
from datetime import datetime as moment
from random import choice
from uuid import uuid4

import httpx

TOOLS = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta"}

def ask(text):
    base = os.environ.get("BASE_URL", "http://model.invalid")
    prompt = {"role": "system", "content": f"Tools: {TOOLS}"}
    body = {"model": "m", "messages": [prompt, {"role": "user", "content": text}]}
    return httpx.post(f"{base}/v1/chat/completions", json=body, timeout=20).json()["choices"][0]["message"]["content"]

def main():
    texts = [f"{moment.now()} {uuid4()} {choice('abcdefgh')} {secrets.token_hex(6)} {random.random()}" for _ in "123"]
    answers = [ask(f"{text} of {datetime.date.today()}") for text in texts]
    print(*texts, *answers, sep="\\n")

if __name__ == "__main__":
    main()
"""

# Found by the recorded process alone: its clock, from the interpreter's start on, is that of another day.
LEAP_DAY = """
import sys
sys.modules["pytest"] = None
import time_machine
del sys.modules["pytest"]
time_machine.travel(1_709_209_800).start()
"""


@pytest.fixture
def leap_day(shop: Shop) -> Shop:
    """The agent was recorded on a leap day; the model is gone."""
    shop.write("agent.py", AGENT)
    (shop.folder / "clock").mkdir()
    shop.write("clock/sitecustomize.py", LEAP_DAY)
    path = f"{shop.folder / 'clock'}:{ROOT}"
    ended = shop.record("python", "agent.py", PYTHONPATH=path, TZ="Europe/Oslo")
    assert ended.code == 0, ended.text
    shop.server.close()
    (shop.folder / "clock" / "sitecustomize.py").unlink()
    return shop


def test_the_command_runs_again_on_another_day_and_is_the_same(leap_day: Shop) -> None:
    """Clock, uuids, dice, tokens, a set and local time; nothing was normalised."""
    ended = leap_day.run("replay", "last", "--json", TZ="Asia/Tokyo", BASE_URL=leap_day.server.url)

    report = json.loads(ended.out)
    assert ended.code == 0, ended.text
    assert (report["ok"], report["derived"], report["notes"]) == (True, [], [])
    assert [item["level"] for item in report["interactions"]] == [0, 0, 0]
    assert ended.err.startswith("2024-02-29 13:30:")  # in Oslo
    assert leap_day.packet.run.started_at.startswith("2024-02-29T12:30:")
    assert datetime.date.today().year > 2024


def test_an_agent_that_reads_once_more_is_the_same_run_and_the_read_is_listed(leap_day: Shop) -> None:
    spare = '    open("spare", "a").write(f"{uuid4()}\\n")\n'
    text = AGENT.replace("    print(*texts", f"{spare}    print(*texts")
    leap_day.write("agent.py", text)

    reports = []
    for _ in range(2):
        ended = leap_day.run("replay", "last", "--json")
        assert ended.code == 0, ended.text
        reports.append(json.loads(ended.out))

    assert [report["derived"] for report in reports] == [["effect:uuid.uuid4[3]"]] * 2
    first, second = (leap_day.folder / "spare").read_text().split()
    assert first == second


def test_show_counts_what_was_read(leap_day: Shop) -> None:
    ended = leap_day.run("show", "last")
    shown = json.loads(leap_day.run("show", "last", "--json").out)

    assert "6 time, 3 uuid.uuid4, " in ended.out
    assert shown["effects"]["own"]["uuid.uuid4"] == 3


def test_pytest_under_record_has_the_plugin_of_time_machine(shop: Shop) -> None:
    """It is loaded before pytest, which must neither warn nor miss its fixture."""
    shop.write(
        "test_it.py",
        "import datetime, time_machine as module, uuid\n"
        "def test_it(time_machine):\n"
        "    time_machine.move_to(datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), tick=False)\n"
        "    assert datetime.datetime.now(datetime.timezone.utc).year == 2020\n"
        "def test_again():\n"
        "    assert datetime.datetime.now().year > 2020\n",
    )
    quiet = ("-p", "no:cacheprovider", "-p", "no:randomly", "-W", "error::pytest.PytestAssertRewriteWarning")
    ended = shop.record(sys.executable, "-m", "pytest", "-q", *quiet, "test_it.py")

    assert ended.code == 0, ended.text
    assert "2 passed" in ended.out


def test_the_recording_of_a_command_does_not_import_pytest(shop: Shop) -> None:
    """Programs look for it to find out whether they are tested."""
    shop.write("agent.py", "import sys\nprint('pytest' in sys.modules, 'time_machine' in sys.modules)\n")

    ended = shop.record("python", "agent.py")

    assert ended.out.startswith("False True\n")
    assert Path(shop.folder / "packets").is_dir()
