"""A small agent world: a scripted model, plain HTTP, and runs that are recorded and replayed in a line or two."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

import replaykit
from replaykit.serve.scripted import ScriptedServer
from replaykit.session.report import Report

Agent = Callable[[], Any]


def system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def result(call_id: str, content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


class World:
    """A client for one scripted server, and a store.

    Attributes:
        report: Of the last replay, also where it was raised out of.
        path: Of the last recorded packet.
    """

    def __init__(self, server: ScriptedServer, store: Path) -> None:
        self.server, self.store = server, store
        self.client = httpx.Client(verify=False, trust_env=False, base_url=server.url)
        self.path = store
        self.report: Report = None  # type: ignore[assignment]  # there is none before the first replay

    def chat(self, *messages: dict[str, Any], **options: Any) -> dict[str, Any]:
        """The message that the model answers with."""
        body = {"model": "gpt-4o-mini", "messages": list(messages), **options}
        answer = self.client.post("/v1/chat/completions", json=body)
        found: dict[str, Any] = answer.json()["choices"][0]["message"]
        return found

    def get(self, path: str) -> str:
        return self.client.get(path).text

    def record(self, agent: Agent, **options: Any) -> replaykit.Packet:
        """Records the agent; its result is the run's output."""
        with replaykit.record("demo", store=self.store, **options) as run:
            run.finish(output=agent())
        assert run.packet_path is not None
        self.path = run.packet_path
        return replaykit.Packet.load(self.path)

    def replay(self, agent: Agent, policy: str = "exact", **options: Any) -> Report:
        """Replays the agent against the last packet, which must hold."""
        rerun: Any = None
        try:
            with replaykit.replay(options.pop("packet", self.path), policy, **options) as rerun:
                rerun.finish(output=agent())
        finally:
            self.report = rerun.report
        return self.report

    def diverge(self, agent: Agent, policy: str = "exact", **options: Any) -> replaykit.Divergence:
        """What comes out of a replay that does not hold."""
        try:
            self.replay(agent, policy, **options)
        except replaykit.Divergence as divergence:
            return divergence
        raise AssertionError(f"the replay held: {self.report.summary()}")

    def rewrite(self, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Path:
        """The last packet with its lines changed, as a journal: without its outcome line."""
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        path = self.path.with_name("changed.journal.jsonl")
        path.write_text("".join(json.dumps(line) + "\n" for line in change(lines) if line["kind"] != "outcome"))
        return path


def levels(report: Report) -> list[int]:
    return [item.level for item in report.interactions]
