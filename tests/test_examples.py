"""The examples, as they stand in the repository: recorded, replayed without a key and a server, and their cassettes.

To record the cassettes again: `python -m tests.test_examples`.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

import replaykit
from replaykit.serve.scripted import Rule, ScriptedServer, Tool
from replaykit.session.writer import drain

ROOT = Path(__file__).parent.parent
CASSETTES = ROOT / "cassettes"
KEYS = {"OPENAI_API_KEY": "sk-proj-" + "k3Y9" * 8, "ANTHROPIC_API_KEY": "sk-ant-api03-" + "Zq7w" * 8}
ORDER = {"number": "A-1042"}
RULES = (
    Rule(when="nine pieces", reply="refund"),
    Rule(when="How warm", has_tool_result=True, reply="It is 21 degrees in Oslo."),
    Rule(when="How warm", tool_calls=[Tool("temperature", {"town": "Oslo"})]),
    Rule(when="the rest", has_tool_result=True, reply="One parcel is on its way, the other comes on Friday."),
    Rule(when="the rest", tool_calls=[Tool("lookup_order", ORDER), Tool("delivery_day", ORDER)]),
    Rule(has_tool_result=True, reply="One parcel of order A-1042 is on its way, the other follows next week."),
    Rule(when="A-1042", tool_calls=[Tool("lookup_order", ORDER)]),
    Rule(reply="It is on its way."),
)
SCRIPTS = {
    "order_agent": ("openai", "3 interactions (2 llm, 1 tool)"),
    "anthropic_stream": ("anthropic", "2 interactions (2 llm)"),
    "langgraph_desk": ("langgraph", "4 interactions (2 llm, 2 tool)"),
}


def environ(store: Path, server: ScriptedServer | None) -> dict[str, str]:
    """With keys and a model, or without both."""
    # No more than it takes: a packet lists the names of what is set, and the cassettes are everybody's.
    variables = {
        name: os.environ[name] for name in ("HOME", "LANG", "PATH", "PYTHONPATH", "SSL_CERT_FILE") if name in os.environ
    }
    variables |= {"REPLAYKIT_STORE": str(store), "PATH": f"{Path(sys.executable).parent}:{variables['PATH']}"}
    if server is not None:
        variables |= {**KEYS, "OPENAI_BASE_URL": f"{server.url}/v1", "ANTHROPIC_BASE_URL": server.url}
    return variables


def run(store: Path, server: ScriptedServer | None, *arguments: str) -> str:
    """Runs `python -m ...` at the top of the repository; returns what it prints."""
    command = [sys.executable, "-m", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=environ(store, server), capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.parametrize(("name", "needs", "counts"), [(name, *rest) for name, rest in SCRIPTS.items()], ids=SCRIPTS)
def test_script_is_recorded_and_replayed(tmp_path: Path, name: str, needs: str, counts: str) -> None:
    pytest.importorskip(needs)
    with ScriptedServer(RULES) as server:
        recorded = run(tmp_path, server, "replaykit", "record", "--", "python", f"examples/{name}.py")

    replayed = run(tmp_path, None, "replaykit", "replay", "last")

    assert counts in recorded
    assert "same run" in replayed
    assert all(key not in path.read_text() for key in KEYS.values() for path in tmp_path.iterdir())


def test_marked_test_is_replayed() -> None:
    pytest.importorskip("openai")
    with tempfile.TemporaryDirectory() as store:
        ended = run(Path(store), None, "pytest", "-q", "-p", "no:cacheprovider", "examples/test_refund.py")

    assert "replayed  1 run  1 of 1 calls exact, 0 live calls" in ended


def test_service_records_the_requests_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("starlette")
    pytest.importorskip("openai")
    monkeypatch.chdir(tmp_path)

    async def ask(question: str) -> str:
        transport = httpx.ASGITransport(importlib.import_module("examples.service").app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return str((await client.get("/answer", params={"question": question})).json()["answer"])

    with ScriptedServer([Rule(when="nothing", reply=" "), Rule(reply="It is on its way.")]) as server:
        for variable, value in environ(tmp_path / "packets", server).items():
            monkeypatch.setenv(variable, value)
        answers = [asyncio.run(ask("Where is my parcel?")), asyncio.run(ask("Say nothing."))]

    drain()
    (packet,) = [replaykit.Packet.load(path) for path in (tmp_path / "packets").glob("*.packet.jsonl")]
    assert answers == ["It is on its way.", " "]
    assert packet.outcome is not None and packet.outcome.verdict is not None
    assert packet.outcome.verdict.reason == "the answer is empty"
    assert (packet.entry.target, packet.entry.arguments) == ("examples.service:answer", {"question": "Say nothing."})


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60


if __name__ == "__main__":
    shutil.rmtree(CASSETTES)
    with tempfile.TemporaryDirectory() as folder, ScriptedServer(RULES) as model:
        for script in SCRIPTS:
            run(Path(folder), model, "replaykit", "record", "--", "python", f"examples/{script}.py")
            run(Path(folder), model, "replaykit", "promote", "last", "--name", script.replace("_", "-"))
        run(
            Path(folder),
            model,
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--replay-record=all",
            "examples/test_refund.py",
        )
