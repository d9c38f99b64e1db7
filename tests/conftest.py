"""What tests of several packages share: scripted servers, event loops, an environment without surprises."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import settings

from replaykit.serve.scripted import Rule, ScriptedServer
from tests.quick import trust_one_authority

trust_one_authority()

# The same examples every time: a red suite means a change, not luck. REPLAYKIT_SOAK=1 looks for new ones.
settings.register_profile("suite", derandomize=True, deadline=None, database=None)
settings.register_profile("soak", max_examples=2000, deadline=None, database=None)
settings.load_profile("soak" if os.environ.get("REPLAYKIT_SOAK") else "suite")

# A shell's background job ignores ctrl-C, and so do its children: tests of signals need it as it is for people.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Serve = Callable[..., ScriptedServer]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between a test and its server, and none of the machine's own replaykit settings."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MODE", "STORE", "KEEP", "KEY", "PARENT"):
        monkeypatch.delenv(f"REPLAYKIT_{name}", raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts scripted servers that end with the test."""
    with ExitStack() as servers:

        def start(*rules: Rule, **options: Any) -> ScriptedServer:
            return servers.enter_context(ScriptedServer(rules, **options))

        yield start


@pytest.fixture(params=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory:
    """Makes event loops; a test that takes it runs on each kind."""
    if request.param == "asyncio":
        return asyncio.new_event_loop
    if importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    import uvloop

    return uvloop.new_event_loop
