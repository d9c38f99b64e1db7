"""`replaykit demo`: the first ten seconds."""

from __future__ import annotations

import resource
import shlex
import sys
from pathlib import Path

import pytest

from replaykit.cli.demo import EMAIL, KEY
from replaykit.cli.demo_files import FIXED_LINE, PROMPT_LINE
from replaykit.packet import Packet
from tests.cli.conftest import Shop


@pytest.fixture
def demo(shop: Shop) -> Shop:
    """The demo has run."""
    ended = shop.run("demo")
    assert ended.code == 0, ended.text
    shop.write("printed.txt", ended.out)
    return shop


def printed(shop: Shop) -> str:
    return (shop.folder / "printed.txt").read_text()


def files(shop: Shop) -> list[Path]:
    return sorted((shop.folder / "replaykit-demo").iterdir())


def test_it_tells_the_story(demo: Shop) -> None:
    """Failed, recorded, the same offline, and another prompt is another run."""
    text = printed(demo)

    for piece in (
        "ValueError: a refund of $4,900 is over the limit of $500",
        "5 interactions (2 llm, 2 tool, 1 http), 2 sensitive values replaced",
        "same run  4 of 4 exact, nothing left over, 0 live calls; verdict: failed, as recorded",
        "requests at the servers: 3 while recording, 0 now",
        "the system prompt (root cause: prompt)",
        f"- {PROMPT_LINE}",
        f"+ {FIXED_LINE}",
    ):
        assert piece in text


def test_it_takes_less_than_ten_seconds(shop: Shop) -> None:
    """Of processor time, of all its processes together: a busy machine must not fail this, and an idle one is faster."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shop.run("demo")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10


def test_no_file_holds_its_secrets(demo: Shop) -> None:
    assert [path.name for path in files(demo)] == ["agent.py", "agent_fixed.py", "refund.packet.jsonl", "test_agent.py"]
    assert all(raw not in path.read_text() for path in files(demo) for raw in (KEY, EMAIL))


def test_the_commands_it_ends_with_work(demo: Shop) -> None:
    lines = [line.strip() for line in printed(demo).splitlines()]
    commands = lines[lines.index("Go on with:") + 1 :][:3]

    for command in commands:
        assert command.startswith("python -m ")
        ended = demo.start([sys.executable, *shlex.split(command)[1:]])
        assert ended.code == 0, (command, ended.text)


def test_it_runs_again_over_its_own_files(demo: Shop) -> None:
    assert demo.run("demo").code == 0


def test_it_leaves_other_files_alone(demo: Shop) -> None:
    """An agent that somebody has changed is theirs."""
    agent = demo.folder / "replaykit-demo" / "agent.py"
    agent.write_text("mine\n")

    ended = demo.run("demo")

    assert ended.code == 2
    assert "replaykit demo --folder NAME" in ended.err
    assert agent.read_text() == "mine\n"
    assert demo.run("demo", "--folder", "other").code == 0


def test_the_packet_is_a_whole_one(demo: Shop) -> None:
    packet = Packet.load(demo.folder / "replaykit-demo" / "refund.packet.jsonl")

    assert packet.recovered == ()
    assert packet.entry.argv == ("python", "replaykit-demo/agent.py")
