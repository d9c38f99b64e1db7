"""What the tests of the scripted server share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from replaykit.serve.scripted import Rule, ScriptedServer

Serve = Callable[..., ScriptedServer]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start servers that end with the test."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ExitStack() as servers:

        def start(*rules: Rule, **options: Any) -> ScriptedServer:
            return servers.enter_context(ScriptedServer(rules, **options))

        yield start
