"""What the tests of the guard share: a listener that counts who connected, a gate, and a fresh interpreter."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from replaykit.errors import EgressRefused
from replaykit.interceptors import guard
from replaykit.interceptors.guard import Allowed, Egress

ROOT = Path(__file__).parents[2]


class Listener:
    """A listening socket whose backlog is counted: the kernel completes a connect without anybody accepting it."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET, address: object = ("127.0.0.1", 0)) -> None:
        self._socket = socket.socket(family)
        self._socket.bind(address)
        self._socket.listen()
        self._socket.setblocking(False)
        self.address = self._socket.getsockname()
        self.port = self.address[1] if family == socket.AF_INET else 0

    def count(self) -> int:
        """Connections since the last count."""
        counted = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return counted
            counted += 1

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class RefusingGate:
    """Refuses what is not allowed, whoever asks, and keeps what it was asked."""

    def __init__(self, allow: tuple[str, ...] = ()) -> None:
        self.allowed = Allowed.parse(allow)
        self.asked: list[Egress] = []

    def refuses(self, egress: Egress) -> BaseException | None:
        self.asked.append(egress)
        return None if self.allowed.allows(egress) else EgressRefused(str(egress))


@contextmanager
def guarded(*allow: str) -> Iterator[RefusingGate]:
    gate = RefusingGate(allow)
    guard.install(gate)
    try:
        yield gate
    finally:
        guard.uninstall(gate)


def refusals(error: BaseException) -> list[str]:
    """The refused targets in an exception or in the groups that anyio and task groups wrap around it."""
    if isinstance(error, BaseExceptionGroup):
        return [text for inner in error.exceptions for text in refusals(inner)]
    return [str(error)] if isinstance(error, EgressRefused) else []


def run_python(source: str) -> str:
    """Run a script in a fresh interpreter and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=50, env=environment, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_listener_counts_a_connection_once() -> None:
    with Listener() as listener:
        socket.create_connection(listener.address).close()

        assert (listener.count(), listener.count()) == (1, 0)
