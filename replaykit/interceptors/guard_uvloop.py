"""The ways out of uvloop: libuv connects, looks up and starts programs in C, and raises no audit event.

`uvloop.Loop` is a Python class over a C one, so its methods can be replaced there. They ask the gates first.
Connections, datagrams, look-ups and programs; servers, accepted sockets and what goes over an existing transport do
not ask. A loop made from the C class itself (`uvloop.loop.Loop`) is out of reach.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import platform
from collections.abc import Callable
from types import ModuleType
from typing import Any

from replaykit.errors import UsageError
from replaykit.interceptors import guard_translate
from replaykit.interceptors.guard_egress import Egress, EgressKind, shell_command, unix_path
from replaykit.interceptors.guard_gate import Gates
from replaykit.interceptors.guard_names import Names, in_addrinfo
from replaykit.interceptors.guard_patch import Patches
from replaykit.interceptors.guard_pooled import Pooled

TESTED = "0.22 to 0.23"

# The leading parameters that the wrappers below read, as uvloop spells them.
METHODS: dict[str, tuple[str, ...]] = {
    "create_connection": ("protocol_factory", "host", "port"),
    "create_unix_connection": ("protocol_factory", "path"),
    "create_datagram_endpoint": ("protocol_factory", "local_addr", "remote_addr"),
    "getaddrinfo": ("host", "port"),
    "getnameinfo": ("sockaddr",),
    "sock_connect": ("sock", "address"),
    "sock_sendto": ("sock", "data", "address"),
    "subprocess_exec": ("protocol_factory", "program"),
    "subprocess_shell": ("protocol_factory", "cmd"),
}


def wrap(uvloop: ModuleType, patches: Patches, gates: Gates, names: Names, pooled: Pooled) -> None:
    """Make the loops of uvloop, those that run already included, ask the gates.

    Raises:
        UsageError: This uvloop has other methods than the ones that were tested.
    """
    for name, parameters in METHODS.items():
        _check(uvloop, name, parameters)
    for name in METHODS:
        patches.replace(uvloop.Loop, name, functools.partial(_asking, name, gates, names, pooled))


def _check(uvloop: ModuleType, name: str, parameters: tuple[str, ...]) -> None:
    found: tuple[str, ...] | None = None
    try:
        signature = inspect.signature(getattr(uvloop.Loop, name))
        found = tuple(signature.parameters)[1 : 1 + len(parameters)]
    except (AttributeError, TypeError, ValueError):
        pass
    if found != parameters:
        raise UsageError(
            f"uvloop {getattr(uvloop, '__version__', '?')} on Python {platform.python_version()}: Loop.{name} "
            f"{'is missing' if found is None else f'takes {found}, not {parameters}'}, so the guard can't watch it; "
            f"tested with uvloop {TESTED}. Replay on the standard event loop, or install a tested uvloop"
        )


def _asking(name: str, gates: Gates, names: Names, pooled: Pooled, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method that asks when it is awaited, in the task that awaits it, and then does what it did."""
    kind, translate = _TRANSLATORS[name]

    @functools.wraps(original)
    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not gates.in_force:
            return await original(self, *args, **kwargs)
        bound = dict(zip(METHODS[name], args, strict=False)) | kwargs
        if name == "subprocess_exec":
            bound["args"] = args[2:]
        if bound.get("sock") is not None:
            pooled.ask(bound["sock"])  # uvloop takes it over, and what it sends from then on nobody sees
        gates.ask(kind, translate, bound)
        if name == "create_datagram_endpoint" and args:
            return await _datagram_endpoint(gates, functools.partial(original, self), args[0], args[1:], kwargs)
        answer = await original(self, *args, **kwargs)
        if name == "getaddrinfo":
            names.note(bound.get("host"), in_addrinfo(answer))
        return answer

    return method


def _create_connection(bound: dict[str, Any]) -> Egress | None:
    host, port = bound.get("host"), bound.get("port")
    if bound.get("sock") is not None or (host is None and port is None):
        return None  # a socket that is connected already; or arguments that uvloop refuses
    return guard_translate.host_egress("connect", host or "localhost", port)


def _create_unix_connection(bound: dict[str, Any]) -> Egress | None:
    path = bound.get("path")
    return Egress("connect", unix_path(path)) if path else None


def _create_datagram_endpoint(bound: dict[str, Any]) -> Egress | None:
    remote = bound.get("remote_addr")
    if isinstance(remote, tuple):
        return guard_translate.host_egress("datagram", remote[0] or "localhost", remote[1])
    return Egress("datagram", unix_path(remote)) if remote else None


def _subprocess_exec(bound: dict[str, Any]) -> Egress | None:
    argv = (bound["program"], *bound["args"])
    return guard_translate.program(bound.get("executable"), argv)


_TRANSLATORS: dict[str, tuple[EgressKind, Callable[[dict[str, Any]], Egress | None]]] = {
    "create_connection": ("connect", _create_connection),
    "create_unix_connection": ("connect", _create_unix_connection),
    "create_datagram_endpoint": ("datagram", _create_datagram_endpoint),
    "getaddrinfo": ("dns", lambda bound: guard_translate.look_up(bound["host"], bound["port"])),
    "getnameinfo": ("dns", lambda bound: guard_translate.reverse_look_up(bound["sockaddr"][0])),
    "sock_connect": ("connect", lambda bound: guard_translate.connect(bound["sock"], bound["address"])),
    "sock_sendto": ("datagram", lambda bound: guard_translate.send(bound["sock"], bound["address"])),
    "subprocess_exec": ("subprocess", _subprocess_exec),
    "subprocess_shell": ("subprocess", lambda bound: shell_command(bound["cmd"])),
}


class _AskingTransport:
    """uvloop's datagram transport, asking for each datagram that names its peer."""

    __slots__ = ("_gates", "_transport")

    def __init__(self, transport: Any, gates: Gates) -> None:
        self._transport = transport
        self._gates = gates

    def sendto(self, data: Any, addr: Any = None) -> None:
        if addr is not None:
            self._gates.ask("datagram", _datagram_to, addr)
        self._transport.sendto(data, addr)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _MeetingProtocol:
    """Stands in for the user's protocol until it met its transport, and hands it the one that asks."""

    def __init__(self, protocol: Any, gates: Gates) -> None:
        self._protocol = protocol
        self._gates = gates
        self.transport: _AskingTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = _AskingTransport(transport, self._gates)
        transport.set_protocol(self._protocol)
        self._protocol.connection_made(self.transport)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)


async def _datagram_endpoint(
    gates: Gates,
    create: Callable[..., Any],
    protocol_factory: Callable[[], asyncio.DatagramProtocol],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[Any, Any]:
    meetings: list[_MeetingProtocol] = []
    protocols: list[asyncio.DatagramProtocol] = []

    def factory() -> _MeetingProtocol:
        protocols.append(protocol_factory())
        meetings.append(_MeetingProtocol(protocols[-1], gates))
        return meetings[-1]

    transport, _ = await create(factory, *args, **kwargs)
    return meetings[-1].transport or _AskingTransport(transport, gates), protocols[-1]


def _datagram_to(addr: Any) -> Egress:
    if isinstance(addr, str | bytes):
        return Egress("datagram", unix_path(addr))
    return guard_translate.host_egress("datagram", addr[0] or "localhost", addr[1])
