"""Record an agent against a scripted server, then run it again with the server gone."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import replaykit
from replaykit.serve.scripted import ScriptedServer
from replaykit.session.report import Report
from tests.conftest import LoopFactory

T = TypeVar("T")

KEYS = {
    "OPENAI_API_KEY": "sk-proj-" + "a1B2c3D4" * 6,
    "ANTHROPIC_API_KEY": "sk-ant-api03-" + "z9Y8x7W6" * 6,
}
IS_SOAK = os.environ.get("REPLAYKIT_SOAK") == "1"


def rounds(cheap: int) -> int:
    """How often a lineage test replays: a hundred times in the soak."""
    return 100 if IS_SOAK else cheap


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def async_client() -> Any:
    """An openai client without certificates, which cost more to load than a replay takes."""
    import openai

    return openai.AsyncOpenAI(http_client=openai.DefaultAsyncHttpxClient(verify=False))


class Stage:
    """One server, one store; `then` and `now` have the API keys set and unset.

    Attributes:
        report: Of the last replay, also where it was raised out of.
        path: Of the last recorded packet.
    """

    def __init__(self, server: ScriptedServer, store: Path, set_keys: Callable[[bool], None]) -> None:
        self.server, self.store = server, store
        self._set_keys = set_keys
        self.path = store
        self._report: Report | None = None

    @property
    def report(self) -> Report:
        assert self._report is not None
        return self._report

    @property
    def packet(self) -> replaykit.Packet:
        return replaykit.Packet.load(self.path)

    @property
    def positions(self) -> list[str]:
        return [item.position for item in self.packet.interactions]

    def record(self, act: Callable[[], T], *, declares_output: bool = True) -> T:
        self._set_keys(True)
        run = None
        try:
            with replaykit.record("stage", store=self.store) as run:
                result = act()
                if declares_output:
                    run.finish(output=repr(result))
        finally:
            assert run is not None
            assert run.packet_path is not None
            self.path = run.packet_path
        return result

    def replay(self, act: Callable[[], T], *, declares_output: bool = True, **options: Any) -> T:
        """Without keys. The report stays, also of a replay that was raised out of."""
        self._set_keys(False)
        rerun = None
        try:
            with replaykit.replay(self.path, **options) as rerun:
                result = act()
                if declares_output:
                    rerun.finish(output=repr(result))
        finally:
            self._report = rerun.report if rerun is not None else None
        return result

    def both(self, act: Callable[[], T]) -> T:
        """Records, closes the server, replays; the same result both times, and nothing on the wire."""
        then = self.record(act)
        count = self.server.count
        self.server.close()
        now = self.replay(act)
        assert repr(now) == repr(then)
        self.assert_nothing_went_out(count)
        return now

    def settle(self) -> None:
        """Wait until the server has seen all that was sent to it, also what was cancelled before it came to look."""
        last = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        with contextlib.closing(last):  # accepted after the others
            last.request("GET", "/settled")
            last.getresponse().read()
        assert self.server.wait_until(lambda server: server.open_connections == 0)

    def assert_nothing_went_out(self, count: int) -> None:
        assert self.server.count == count
        assert self.report.ok
        assert (self.report.refused, self.report.allowed, self.report.unused) == ((), (), ())
        assert {item.level for item in self.report.interactions} <= {0}


def run_on(loop_factory: LoopFactory, act: Callable[[], Awaitable[T]]) -> Callable[[], T]:
    """A coroutine function as a plain one, on a loop of its own each time."""

    async def main() -> T:
        return await act()

    def call() -> T:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main())

    return call
