"""The examples, as they stand in the repository, and the cassette of one of them.

To record the cassette again: `python -m tests.test_examples`.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Rule, ScriptedServer, Tool

ROOT = Path(__file__).parent.parent
CASSETTE = ROOT / "cassettes" / "order-agent.packet.jsonl"
RULES = (
    Rule(has_tool_result=True, reply="One parcel of order A-1042 is on its way, the other follows next week."),
    Rule(when="A-1042", tool_calls=[Tool("lookup_order", {"number": "A-1042"})]),
)


def load_example(name: str) -> Any:
    """A fresh module of an example; nothing that it holds is shared between two tests."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _answer() -> Callable[[str], str]:
    pytest.importorskip("openai")
    answer: Callable[[str], str] = load_example("order_agent").answer
    return answer


def record_order_agent(store: Path, answer: Callable[[str], str]) -> Path:
    """Records the example against the scripted model."""
    with ScriptedServer(RULES) as server:
        os.environ["OPENAI_BASE_URL"] = f"{server.url}/v1"
        with replaykit.record("order-agent", store=store) as run:
            answer("Where is order A-1042?")
    assert run.packet_path is not None
    return run.packet_path


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-proj-" + "k3Y9" * 8)
    monkeypatch.setenv("OPENAI_BASE_URL", "to be set")


@pytest.mark.usefixtures("keyed")
def test_the_example_is_recorded_and_replayed(tmp_path: Path) -> None:
    answer = _answer()
    path = record_order_agent(tmp_path, answer)

    with replaykit.replay(path) as rerun:
        assert answer("Where is order A-1042?").startswith("One parcel")

    assert rerun.report.ok and rerun.report.output_compared
    assert "ada@shop-mail.net" not in path.read_text()


def test_the_cassette_in_the_repository_still_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded once, kept for ever: no server, no key."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    answer = _answer()

    with replaykit.replay(CASSETTE) as rerun:
        answer("Where is order A-1042?")

    assert rerun.report.ok
    assert [item.boundary for item in rerun.report.interactions] == ["llm", "tool", "llm"]


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60


if __name__ == "__main__":
    import tempfile

    os.environ["OPENAI_API_KEY"] = "sk-proj-" + "k3Y9" * 8
    with tempfile.TemporaryDirectory() as folder:
        CASSETTE.write_bytes(record_order_agent(Path(folder), _answer()).read_bytes())
