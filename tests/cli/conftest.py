"""What the tests of the command line share: a folder, a scripted world, and the commands as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from replaykit.packet import Packet
from replaykit.serve.scripted import Route, Rule, ScriptedServer, Tool
from tests.quick import PYTEST_OPTIONS

ROOT = Path(__file__).parent.parent.parent
KEY = "sk-proj-Test4eYk7uWq2ZbT9xLm3RsV8cJh5NpA"

AGENT = """
import os
import httpx

PROMPT = "You are a careful weather assistant."

def ask(question):
    body = {"model": "m", "messages": [{"role": "system", "content": PROMPT}, {"role": "user", "content": question}]}
    headers = {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    base = os.environ.get("BASE_URL", "http://model.invalid")
    answer = httpx.post(f"{base}/v1/chat/completions", json=body, headers=headers, timeout=20)
    return answer.raise_for_status().json()["choices"][0]["message"]["content"]

def main():
    first = ask("What is the weather in Oslo?")
    second = ask(f"Make it short: {first}")
    print("answer:", second)

if __name__ == "__main__":
    main()
"""


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass
class Shop:
    """A folder with an agent in it, and a model that answers."""

    folder: Path
    server: ScriptedServer
    environ: dict[str, str]

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *words: str, timeout_s: float = 50, **environ: str) -> Ended:
        """Runs `replaykit WORDS` in the folder."""
        return self.start([sys.executable, "-m", "replaykit", *words], timeout_s, environ)

    def start(self, argv: list[str], timeout_s: float = 50, environ: dict[str, str] | None = None) -> Ended:
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env={**self.environ, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def record(self, *command: str, **environ: str) -> Ended:
        """Records a command with the key set and the model up."""
        return self.run("record", "--", *command, BASE_URL=self.server.url, OPENAI_API_KEY=KEY, **environ)

    @property
    def packets(self) -> list[Path]:
        return sorted((self.folder / "packets").glob("*.packet.jsonl"))

    @property
    def packet(self) -> Packet:
        """The only packet."""
        (path,) = self.packets
        return Packet.load(path)


def clean_environ() -> dict[str, str]:
    """The test's environment; this checkout can be imported whether or not it is installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REPLAYKIT_", "PYTEST_", "COV_"))}
    kept.pop("PYTHONHASHSEED", None)
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    own = {"PYTHONPATH": str(ROOT), "PATH": path, "no_proxy": "127.0.0.1", "PYTEST_ADDOPTS": PYTEST_OPTIONS}
    return kept | own


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    rules = [
        Rule(when="Make it short", reply="Rain."),
        Rule(when="use a tool", has_tool_result=False, tool_calls=[Tool("look_up", {"city": "Oslo"})]),
        Rule(reply="It rains in Oslo; ask ola.nordmann@vaer-oslo.org."),
    ]
    with ScriptedServer(rules, routes=[Route("GET", "/ping", json={"ok": True})]) as server:
        made = Shop(tmp_path, server, clean_environ())
        made.write("agent.py", AGENT)
        yield made


@pytest.fixture
def recorded(shop: Shop) -> Shop:
    """The agent was recorded; the model is gone, and nothing of the key is left."""
    assert shop.record("python", "agent.py").code == 0
    shop.server.close()
    return shop


Edit = Callable[[str, str], None]


@pytest.fixture
def edit(shop: Shop) -> Edit:
    """Replaces a piece of the agent."""

    def change(old: str, new: str) -> None:
        path = shop.folder / "agent.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change
