"""`replaykit demo`: the first ten seconds."""

from __future__ import annotations

import resource
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from replaykit.cli.demo import EMAIL, KEY
from replaykit.cli.demo_files import FIXED_LINE, PROMPT_LINE
from replaykit.packet import Packet
from tests.cli.conftest import clean_environ


@dataclass(frozen=True)
class Demo:
    """A demo that has run: where, what it printed, and the processor time of all its processes together."""

    folder: Path
    printed: str
    cpu_s: float

    @property
    def files(self) -> list[Path]:
        return sorted((self.folder / "replaykit-demo").iterdir())


def type_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs `python WORDS` in the folder."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=clean_environ(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=50,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = type_in(folder, "-m", "replaykit", "demo")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.returncode == 0, ended.stderr
    return Demo(folder, ended.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def test_it_tells_the_story(demo: Demo) -> None:
    """Failed, recorded, the same offline, and another prompt is another run."""
    for piece in (
        "ValueError: a refund of $4,900 is over the limit of $500",
        "5 interactions (2 llm, 2 tool, 1 http tool), 1 secret and 1 personal value replaced",
        "same run  4 of 4 exact, nothing left over, 0 live calls; verdict: failed, as recorded",
        "requests at the servers: 3 while recording, 0 now",
        "the system prompt (root cause: prompt)",
        f"- {PROMPT_LINE}",
        f"+ {FIXED_LINE}",
    ):
        assert piece in demo.printed


def test_it_takes_less_than_ten_seconds(demo: Demo) -> None:
    """Of processor time: a busy machine must not fail this, and an idle one is faster than that."""
    assert demo.cpu_s < 10


def test_no_file_holds_its_secrets(demo: Demo) -> None:
    assert [path.name for path in demo.files if path.suffix in (".py", ".jsonl")] == [
        "agent.py",
        "agent_fixed.py",
        "refund.packet.jsonl",
        "test_agent.py",
    ]
    assert all(raw.encode() not in path.read_bytes() for path in demo.files if path.is_file() for raw in (KEY, EMAIL))


def test_the_commands_it_ends_with_work(demo: Demo) -> None:
    lines = [line.strip() for line in demo.printed.splitlines()]
    commands = lines[lines.index("Go on with:") + 1 :][:3]

    for command in commands:
        assert command.startswith("python -m ")
        ended = type_in(demo.folder, *shlex.split(command)[1:])
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)


def test_it_runs_again_over_its_own_files(demo: Demo) -> None:
    assert type_in(demo.folder, "-m", "replaykit", "demo").returncode == 0


def test_it_leaves_other_files_alone(demo: Demo, tmp_path: Path) -> None:
    """An agent that somebody has changed is theirs."""
    shutil.copytree(demo.folder / "replaykit-demo", tmp_path / "replaykit-demo")
    agent = tmp_path / "replaykit-demo" / "agent.py"
    agent.write_text("mine\n")

    ended = type_in(tmp_path, "-m", "replaykit", "demo")

    assert ended.returncode == 2
    assert "replaykit demo --folder NAME" in ended.stderr
    assert agent.read_text() == "mine\n"


def test_the_packet_is_a_whole_one(demo: Demo) -> None:
    packet = Packet.load(demo.folder / "replaykit-demo" / "refund.packet.jsonl")

    assert packet.recovered == ()
    assert packet.entry.argv == ("python", "replaykit-demo/agent.py")
