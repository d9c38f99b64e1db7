from __future__ import annotations

import asyncio
import socket
import types
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from replaykit.errors import EgressRefused, UsageError
from replaykit.interceptors import guard, guard_uvloop
from replaykit.interceptors.guard_gate import Gates
from replaykit.interceptors.guard_names import Names
from replaykit.interceptors.guard_patch import Patches
from replaykit.interceptors.guard_pooled import Pooled
from tests.interceptors.test_guard_support import Listener, guarded, refusals, run_python

httpx2 = pytest.importorskip("httpx2")
uvloop = pytest.importorskip("uvloop")


async def _connect(port: int, host: str = "127.0.0.1") -> None:
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, host, port)
    transport.close()


async def _sock_connect(port: int) -> None:
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))


async def _get(port: int) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        await client.get(f"http://127.0.0.1:{port}/")


async def _anyio(port: int) -> None:
    await anyio.connect_tcp("127.0.0.1", port)


CONNECTS: dict[str, Callable[[int], Awaitable[None]]] = {
    "create_connection": _connect,
    "sock_connect": _sock_connect,
    "httpx2": _get,
    "anyio": _anyio,
}


@pytest.mark.parametrize("connect", CONNECTS.values(), ids=CONNECTS)
def test_refusal_comes_out_of_uvloop_and_nobody_connected(connect: Callable[[int], Any]) -> None:
    with Listener() as listener:
        with guarded(), pytest.raises(BaseException) as caught:
            uvloop.run(connect(listener.port))

        assert refusals(caught.value) == [f"connect 127.0.0.1:{listener.port}"]
        assert listener.count() == 0


def test_without_the_wrapper_uvloop_connects_past_the_audit_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_wrap_uvloop", lambda _: None)
    with Listener() as listener:
        with guarded() as gate:
            uvloop.run(_connect(listener.port))

        assert (listener.count(), gate.asked) == (1, [])


def test_loop_that_runs_already_is_guarded_and_free_again() -> None:
    async def run(port: int) -> None:
        with guarded(), pytest.raises(EgressRefused):
            await _connect(port)
        await _connect(port)

    with Listener() as listener:
        uvloop.run(run(listener.port))

        assert listener.count() == 1
    assert "create_connection" not in vars(uvloop.Loop)


async def _look_up() -> None:
    await asyncio.get_running_loop().getaddrinfo("api.invalid", 443)


async def _reverse_look_up() -> None:
    await asyncio.get_running_loop().getnameinfo(("192.0.2.1", 443))


async def _exec() -> None:
    await asyncio.create_subprocess_exec("curl", "x.invalid")


async def _shell() -> None:
    await asyncio.create_subprocess_shell("curl x.invalid")


async def _udp() -> None:
    await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", 9))


OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "getaddrinfo": (_look_up, "dns api.invalid:443"),
    "getnameinfo": (_reverse_look_up, "dns 192.0.2.1"),
    "subprocess_exec": (_exec, "subprocess curl ..."),
    "subprocess_shell": (_shell, "subprocess sh -c curl ..."),
    "datagram endpoint": (_udp, "datagram 127.0.0.1:9"),
    "connection by name": (lambda: _connect(443, "api.invalid"), "connect api.invalid:443"),
}


@pytest.mark.parametrize(("act", "expected"), OTHERS.values(), ids=OTHERS)
def test_other_ways_out_of_uvloop_are_refused(act: Callable[[], Any], expected: str) -> None:
    with guarded(), pytest.raises(EgressRefused) as caught:
        uvloop.run(act())

    assert str(caught.value) == expected


def test_unix_connection_of_uvloop_is_refused(tmp_path: Path) -> None:
    async def connect() -> None:
        await asyncio.get_running_loop().create_unix_connection(asyncio.Protocol, path)

    path = str(tmp_path / "docker.sock")
    with Listener(socket.AF_UNIX, path) as listener:
        with guarded(), pytest.raises(EgressRefused, match=r"^connect unix:"):
            uvloop.run(connect())

        assert listener.count() == 0


class _Received(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.transport: Any = None
        self.data: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.data.set_result(data)


def test_unconnected_datagram_endpoint_asks_for_each_peer() -> None:
    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        receiving, receiver = await loop.create_datagram_endpoint(_Received, local_addr=("127.0.0.1", 0))
        address = receiving.get_extra_info("sockname")
        with guarded(f"127.0.0.1:{address[1]}"):
            transport, sender = await loop.create_datagram_endpoint(_Received, local_addr=("127.0.0.1", 0))
            for sending in (transport, sender.transport):
                with pytest.raises(EgressRefused, match=r"^datagram 127\.0\.0\.1:9$"):
                    sending.sendto(b"refused", ("127.0.0.1", 9))
            transport.sendto(b"allowed", address)
            data = await receiver.data
        for open_transport in (receiving, transport):  # uvloop warns about these in its close, and hangs on the warning
            open_transport.close()
        await asyncio.sleep(0)
        return data

    assert uvloop.run(run()) == b"allowed"


def test_harmless_look_up_runs_on_uvloop() -> None:
    async def run() -> int:
        process = await asyncio.create_subprocess_exec("uname", "-p", stdout=-3)
        return await process.wait()

    with guarded() as gate:
        assert uvloop.run(run()) == 0

    assert gate.asked == []


def test_uvloop_imported_after_the_install_is_guarded() -> None:
    printed = run_python(
        """
import sys
from tests.interceptors.test_guard_support import Listener, guarded
import asyncio
assert "uvloop" not in sys.modules
async def connect(port):
    await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", port)
with Listener() as listener, guarded():
    import uvloop
    try:
        uvloop.run(connect(listener.port))
    except BaseException as error:
        print(type(error).__name__, listener.count())
print(any(type(finder).__module__.startswith("replaykit.") for finder in sys.meta_path))
"""
    )

    assert printed.split() == ["EgressRefused", "0", "False"]


class _OldLoop:
    async def create_connection(self, protocol_factory: Any, target: Any) -> None: ...


@pytest.mark.parametrize(("loop", "reason"), [(_OldLoop, "takes"), (object, "is missing")])
def test_unknown_uvloop_is_a_usage_error_with_the_versions(loop: type, reason: str) -> None:
    module = types.ModuleType("uvloop")
    module.__dict__.update(Loop=loop, __version__="0.1")

    with pytest.raises(UsageError, match=rf"uvloop 0\.1 on Python 3\..*create_connection {reason}.*tested with"):
        guard_uvloop.wrap(module, Patches(), Gates(), Names(), Pooled(Gates()))
