"""What leaves a recorded run beside the interceptors stands in the manifest; what they see does not."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import replaykit
from replaykit.packet.model import EgressCount, Manifest
from tests.conftest import LoopFactory, Serve


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()


def _connect(address: tuple[str, int]) -> None:
    socket.create_connection(address, timeout=5).close()


def _manifest(store: Path, block: Callable[[], object], **options: Any) -> Manifest:
    with replaykit.record(store=store, **options) as run:
        block()
    assert run.packet_path is not None
    outcome = replaykit.Packet.load(run.packet_path).outcome
    assert outcome is not None
    return outcome.manifest


def _uncaptured(store: Path, block: Callable[[], object]) -> tuple[str, ...]:
    return _manifest(store, block).uncaptured


def test_raw_connect_is_noted_once(tmp_path: Path, address: tuple[str, int]) -> None:
    def block() -> None:
        _connect(address)
        _connect(address)

    assert _uncaptured(tmp_path, block) == (f"connect 127.0.0.1:{address[1]}",)


def test_connect_of_a_thread_of_the_run_is_noted(tmp_path: Path, address: tuple[str, int]) -> None:
    def block() -> None:
        thread = threading.Thread(target=_connect, args=(address,))
        thread.start()
        thread.join()

    assert len(_uncaptured(tmp_path, block)) == 1


def test_asyncio_and_uvloop_connects_are_noted(
    tmp_path: Path, address: tuple[str, int], loop_factory: LoopFactory
) -> None:
    async def connect() -> None:
        _, writer = await asyncio.open_connection(*address)
        writer.close()

    def block() -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(connect())

    assert _uncaptured(tmp_path, block) == (f"connect 127.0.0.1:{address[1]}",)


def test_program_is_noted_by_its_name(tmp_path: Path) -> None:
    def block() -> None:
        subprocess.run([sys.executable, "-c", "pass"], check=True)

    assert any(what.startswith("subprocess python") for what in _uncaptured(tmp_path, block))


def test_intercepted_calls_are_captured(tmp_path: Path, serve: Serve, loop_factory: LoopFactory) -> None:
    server = serve()

    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            await client.post(f"{server.url}/v1/chat/completions", json={"model": "m", "messages": []})

    def block() -> None:
        httpx.post(f"{server.url}/v1/chat/completions", json={"model": "m", "messages": []})
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(ask())

    assert _uncaptured(tmp_path, block) == ()


def test_what_a_tool_does_is_in_its_result(tmp_path: Path, address: tuple[str, int]) -> None:
    @replaykit.tool
    def look_up() -> None:
        _connect(address)

    assert _uncaptured(tmp_path, look_up) == ()


def test_code_outside_of_runs_is_nobodys(tmp_path: Path, address: tuple[str, int]) -> None:
    assert _uncaptured(tmp_path, lambda: None) == ()
    _connect(address)

    assert _uncaptured(tmp_path, lambda: None) == ()


def test_what_is_allowed_by_name_is_counted_and_no_gap(tmp_path: Path, address: tuple[str, int]) -> None:
    target = f"127.0.0.1:{address[1]}"

    def block() -> None:
        _connect(address)
        _connect(address)

    manifest = _manifest(tmp_path, block, allow=[target])
    assert manifest.egress == (EgressCount(state="allowed", target=f"connect {target}", count=2),)
    assert manifest.uncaptured == ()


def test_a_malformed_entry_is_named_before_anything_begins() -> None:
    with pytest.raises(replaykit.UsageError, match="allow entry 'x' is malformed"):
        replaykit.record(allow=["x"])


def test_files_that_the_run_writes_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to where it ran, in all of its threads; not what is read, and not our own files."""
    monkeypatch.chdir(tmp_path)
    secret = "sk-proj-" + "a1B2c3D4" * 6
    (tmp_path / "in.txt").write_text("x")

    def block() -> None:
        Path("out.txt").write_text(Path("in.txt").read_text())
        Path(f"{secret}.txt").write_text("x")
        thread = threading.Thread(target=Path("thread.txt").write_text, args=("x",))
        thread.start()
        thread.join()

    manifest = _manifest(tmp_path / "packets", block)
    assert manifest.files[0] == "out.txt"
    assert manifest.files[2] == "thread.txt"
    assert len(manifest.files) == 3
    assert secret not in manifest.files[1]
    assert manifest.uncaptured == ()


def test_files_of_code_outside_of_the_run_are_nobodys(tmp_path: Path) -> None:
    begin, done = threading.Event(), threading.Event()

    def write() -> None:
        begin.wait(10)
        (tmp_path / "other").write_text("x")
        done.set()

    thread = threading.Thread(target=write)
    thread.start()

    def block() -> None:
        begin.set()
        assert done.wait(10)

    assert _manifest(tmp_path, block).files == ()
    thread.join()


def test_a_run_of_which_something_left_unrecorded_is_not_called_replayable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, replaykit.record("demo", store=tmp_path) as run:
        socket.create_connection(server.getsockname(), timeout=5).close()
    assert run.packet_path is not None
    outcome = replaykit.Packet.load(run.packet_path).outcome

    assert outcome is not None and outcome.replayable == "no"
