"""What the end-to-end tests share: a stage with a scripted server, and proof that no run is left behind."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from replaykit.api import replaying
from replaykit.determinism import lineage, strands
from replaykit.interceptors import base
from replaykit.interceptors.guard_gate import gates
from replaykit.serve.scripted import Rule
from tests.conftest import Serve
from tests.e2e.helpers import KEYS, Stage

MakeStage = Callable[..., Stage]


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    yield
    replaying._release_guards()  # of replays that had tasks left; else the next replay does it
    assert lineage.alive() == 0
    assert base._active == ()
    assert gates.in_force == ()
    assert strands.variable not in contextvars.copy_context()


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every connection that anybody opens to a host that is not this machine; none is let out."""
    import socket

    asked: list[str] = []
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in ("127.0.0.1", "localhost"):
            asked.append(name)
            raise OSError(f"no way to {name}")
        return original(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield asked


@pytest.fixture
def stage(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeStage:
    """Makes a stage of rules: `stage(Rule(...), routes=...)`."""

    def set_keys(is_set: bool) -> None:
        for name, value in KEYS.items():
            if is_set:
                monkeypatch.setenv(name, value)
            else:
                monkeypatch.delenv(name, raising=False)

    def make(*rules: Rule, **options: object) -> Stage:
        server = serve(*(rules or [Rule(reply="answer {n}")]), **options)
        for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
            monkeypatch.setenv(name, server.url + ("/v1" if name.startswith("OPENAI") else ""))
        return Stage(server, tmp_path, set_keys)

    return make
