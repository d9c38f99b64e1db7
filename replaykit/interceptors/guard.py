"""The egress guard: while a gate is in force, what leaves this process and was not intercepted is asked about first.

It sees, wherever the call is made: connects, addressed sends and look-ups of the socket module (so of asyncio, urllib,
http.client, requests, httpx, aiohttp, anyio, drivers in pure Python), programs that are started, forks, and by
wrappers what raises no audit event: uvloop, the `spawn` and `forkserver` starts of multiprocessing, subinterpreters,
what code of a run sends over sockets that were connected before.
Unix sockets count (docker.sock). Binding, listening, accepting, socket pairs and kernel sockets do not.

A refused connect closes its socket. Connecting a datagram socket counts although it sends nothing (libraries do it to
learn their own address): what is sent over it later raises no event. The refusal comes out of the refused call, with
three exceptions where only the gate knows: anyio wraps it in a group, asyncio's datagram transports log it and close,
`create_connection(happy_eyeballs_delay=...)` raises an IndexError in its place.

Ways out that stay open, by name:

- C and Rust libraries with a network of their own: librdkafka, c-ares (aiodns), duckdb, polars, obstore, hf_xet,
  libmysqlclient; ctypes and cffi calls, io_uring among them. Those in `guard_native` (grpc, pycurl, curl_cffi, psycopg)
  ask where Python code calls them, not where they connect.
- Sockets that are connected before the replay starts (`connected_sockets` lists them), where something else than the
  methods of `socket.socket` sends: `os.write`, `os.sendfile`, C libraries, transports of uvloop. See `guard_pooled`.
- Sockets that come over a unix socket (`socket.recv_fds`) or were accepted.
- A program or subinterpreter that was allowed: the guard does not go with it. In an allowed `os.fork` it does.
- A loop made from the C class `uvloop.loop.Loop`; a wrapped function that was bound before the first install
  (`from _posixsubprocess import fork_exec`); asyncio's proactor loop (Windows) and `_winapi.CreateProcess`.
- `syslog.syslog`, and files on a network share, FIFOs and devices: file writes are not refused.
"""

from __future__ import annotations

import importlib
import socket
import subprocess  # noqa: F401 - it must bind its own fork_exec, which is audited, before ours is put in place
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from replaykit.determinism.imports import when_imported
from replaykit.errors import UsageError
from replaykit.interceptors import guard_native, guard_translate, guard_uvloop, guard_workers
from replaykit.interceptors.file_writes import EVENTS, FileWrites, writes
from replaykit.interceptors.guard_allow import Allowed, is_allowed
from replaykit.interceptors.guard_egress import Egress, EgressKind
from replaykit.interceptors.guard_gate import Gate, Gates, gates
from replaykit.interceptors.guard_names import in_addrinfo, noting
from replaykit.interceptors.guard_patch import Patches
from replaykit.interceptors.guard_pooled import Pooled
from replaykit.interceptors.guard_sockets import ConnectedSockets, OpenSocket, connected_sockets

__all__ = [
    "Allowed",
    "ConnectedSockets",
    "Egress",
    "EgressKind",
    "Gate",
    "OpenSocket",
    "connected_sockets",
    "install",
    "is_allowed",
    "uninstall",
]

_PROBE = "replaykit.guard.probe"
_lock = threading.RLock()
_patches = Patches()
_pooled = Pooled(gates)
_waiting: list[Callable[[], None]] = []


class _Hook:
    """The audit hook of this process. Python has no way to remove one: with no gate it returns at once."""

    def __init__(self) -> None:
        self.is_alive = False

    def add(self) -> None:
        """Add the hook, once, before the first gate is in force."""
        if self.is_alive:
            return
        sys.addaudithook(self._make(gates, dict(guard_translate.AUDITED), writes, frozenset(EVENTS), _pooled, _PROBE))
        sys.audit(_PROBE)
        if not self.is_alive:  # another hook may veto ours, and Python does so without a word
            raise UsageError("an audit hook of this process keeps replaykit's from being added: no replay is safe here")

    def _make(
        self,
        gates: Gates,
        audited: dict[str, Any],
        writes: FileWrites,
        writing: frozenset[str],
        pooled: Pooled,
        probe: str,
    ) -> Callable[[str, tuple[Any, ...]], None]:
        # Everything it needs is a local name: at interpreter shutdown a module's globals go before its hooks do.
        find = audited.get

        def hook(event: str, args: tuple[Any, ...]) -> None:
            if gates.in_force:
                known = find(event)
                if known is None:
                    if writes.told and event in writing:
                        writes.saw(event, args)
                    return
                try:
                    gates.ask(known[0], known[1], *args)
                except BaseException:
                    # `socket.create_connection` and its like close their socket after an OSError only; left open it
                    # would show up as a ResourceWarning somewhere else.
                    if event == "socket.connect":
                        args[0].close()
                    raise
                if event == "socket.connect":
                    pooled.connected(args[0])
            elif event == probe:
                self.is_alive = True

        return hook


_hook = _Hook()


def install(gate: Gate) -> None:
    """Put a gate in force, until `uninstall` with the same gate; each install needs its own.

    Raises:
        UsageError: Something keeps the guard from seeing everything it promises to see.
    """
    with _lock:
        _hook.add()
        if not gates.in_force:
            try:
                _wrap_what_is_not_audited()
            except BaseException:
                _unwrap()
                raise
        gates.in_force = (*gates.in_force, gate)


def uninstall(gate: Gate) -> None:
    """Take one install of this gate back; the last one puts every wrapped function back."""
    with _lock:
        rest = list(gates.in_force)
        for index in reversed(range(len(rest))):
            if rest[index] is gate:
                del rest[index]
                break
        else:
            raise UsageError("this gate is not installed")
        gates.in_force = tuple(rest)
        if not rest:
            _unwrap()


def _wrap_what_is_not_audited() -> None:
    names = guard_translate.names
    _waiting.extend(guard_native.install())
    _waiting.extend(guard_workers.install(_patches))
    _pooled.wrap(_patches)
    _waiting.append(when_imported("ssl", lambda ssl: _pooled.wrap_tls(_patches, ssl)))
    for function, addresses in (
        ("getaddrinfo", in_addrinfo),
        ("gethostbyname", lambda answer: [answer]),
        ("gethostbyname_ex", lambda answer: answer[2]),
    ):
        _patches.replace(socket, function, noting(names, lambda: bool(gates.in_force), addresses))
    _wrap_module("_posixsubprocess", "fork_exec", "subprocess", _forked_program)
    # The event of a new subinterpreter can't refuse it: Python 3.11 loses the exception, 3.12 crashes, 3.13 has none.
    for module in ("_xxsubinterpreters", "_interpreters"):
        _wrap_module(module, "create", "interpreter", _subinterpreter)
    if "uvloop" in sys.modules:
        importlib.import_module("uvloop")  # waits where another thread is still importing it
    _waiting.append(when_imported("uvloop", _wrap_uvloop))


def _wrap_uvloop(uvloop: ModuleType) -> None:
    guard_uvloop.wrap(uvloop, _patches, gates, guard_translate.names, _pooled)


def _unwrap() -> None:
    while _waiting:
        _waiting.pop()()
    _patches.undo()
    guard_translate.names.forget()


def _wrap_module(module: str, function: str, kind: EgressKind, translate: Callable[..., Egress | None]) -> None:
    try:
        owner = importlib.import_module(module)
    except ImportError:  # another Python version, or a system without it
        return

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def asking(*args: Any, **kwargs: Any) -> Any:
            gates.ask(kind, translate, *args)
            return original(*args, **kwargs)

        return asking

    _patches.replace(owner, function, wrap)


def _forked_program(argv: Any, executables: Any, *_: Any) -> Egress | None:
    return guard_translate.program(executables[0] if executables else None, argv)


def _subinterpreter(*_: Any) -> Egress:
    return Egress("interpreter", "subinterpreter", names=("interpreter",))
