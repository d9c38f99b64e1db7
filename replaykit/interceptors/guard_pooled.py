"""What goes out over sockets that are connected already: no audit event tells of it, so the methods themselves ask.

A connection that was made before a gate was in force (the pool of a driver, a client that was warmed up) is good for
every request to come. `socket.socket` and `ssl.SSLSocket` are Python classes over C ones, so their methods can be
replaced there; asyncio's transports, http.client, urllib3 and drivers in pure Python all come through them.

Only code of a run is asked about: the threads of debuggers, test runners and exporters that are older than it are
nobody's. Not egress either: a socket that a hooked transport uses (its requests were asked about), one that this
process accepted, a socket pair.

Out of reach: `os.write` and `os.sendfile` on a descriptor, `multiprocessing.connection`, transports of uvloop.
"""

from __future__ import annotations

import functools
import socket
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

from replaykit.determinism import lineage
from replaykit.determinism.crossing import is_inside_transport
from replaykit.interceptors.guard_egress import Egress, unix_path
from replaykit.interceptors.guard_gate import Gate, Gates
from replaykit.interceptors.guard_patch import Patches
from replaykit.interceptors.guard_sockets import listening_ports
from replaykit.interceptors.guard_translate import host_egress, is_kernel_family

_METHODS = ("send", "sendall", "sendmsg", "sendfile", "recv", "recv_into")
_TLS_METHODS = ("send", "write", "read")  # the rest of them come down to these
_UNIX = getattr(socket, "AF_UNIX", None)


class Pooled:
    """Asks the gates at the first use of a socket, and again when other gates are in force."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates
        self._passed: weakref.WeakKeyDictionary[socket.socket, tuple[Gate, ...]] = weakref.WeakKeyDictionary()
        self._not_egress: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._listening: frozenset[int] = frozenset()

    def wrap(self, patches: Patches) -> None:
        for name in _METHODS:
            patches.replace(socket.socket, name, self._asking)
        patches.replace(socket.socket, "accept", self._accepting)

    def wrap_tls(self, patches: Patches, ssl: ModuleType) -> None:
        for name in _TLS_METHODS:
            patches.replace(ssl.SSLSocket, name, self._asking)

    def connected(self, sock: Any) -> None:
        """A connect was asked about, and may go out: what is sent over it needs no further question."""
        if isinstance(sock, socket.socket):
            if is_inside_transport():
                self._not_egress.add(sock)
            else:
                self._passed[sock] = self._gates.in_force

    def ask(self, sock: socket.socket) -> None:
        """Raises what the first refusing gate returns."""
        in_force = self._gates.in_force
        if not in_force:
            return
        if is_inside_transport():
            self._not_egress.add(sock)  # what it does on its own account (closing, pings) is no request either
            return
        if lineage.current() is None or self._passed.get(sock) is in_force or sock in self._not_egress:
            return
        self._gates.ask("send", self._translate, sock)
        self._passed[sock] = in_force

    def _translate(self, sock: socket.socket) -> Egress | None:
        family = int(sock.family)
        if is_kernel_family(family):
            return None
        try:
            peer, local = sock.getpeername(), sock.getsockname()
        except OSError:  # not connected: it will fail by itself, or it names its peer and is asked about there
            return None
        if family == _UNIX:
            return Egress("send", unix_path(peer)) if peer else None
        if family not in (socket.AF_INET, socket.AF_INET6):
            return Egress("send", f"{getattr(sock.family, 'name', f'family {family}')} {peer!r}")
        if self._is_accepted(local[1]):
            self._not_egress.add(sock)
            return None
        return host_egress("send", peer[0], peer[1])

    def _is_accepted(self, port: int) -> bool:
        if port not in self._listening:
            self._listening = listening_ports()
        return port in self._listening

    def _asking(self, original: Callable[..., Any]) -> Callable[..., Any]:
        ask = self.ask

        @functools.wraps(original)
        def method(self: socket.socket, *args: Any, **kwargs: Any) -> Any:
            ask(self)
            return original(self, *args, **kwargs)

        return method

    def _accepting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        not_egress = self._not_egress

        @functools.wraps(original)
        def accept(self: socket.socket) -> Any:
            accepted = original(self)
            not_egress.add(accepted[0])  # also where the listening socket is closed before it answers
            return accepted

        return accept
