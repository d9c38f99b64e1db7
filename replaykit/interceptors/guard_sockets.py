"""Sockets that were connected before anybody watched: what goes out over them raises no event."""

from __future__ import annotations

import gc
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from replaykit.interceptors.guard_egress import unix_path

# Linux lists a process's descriptors in the first folder, macOS and the BSDs in the second.
_FOLDERS = (Path("/proc/self/fd"), Path("/dev/fd"))
_STANDARD_STREAMS = (0, 1, 2)
# Plain numbers: comparing with the enumerations costs more than asking the kernel.
_INTERNET = (int(socket.AF_INET), int(socket.AF_INET6))
_UNIX = int(getattr(socket, "AF_UNIX", -1))
_KINDS: dict[int, Literal["tcp", "udp"]] = {int(socket.SOCK_STREAM): "tcp", int(socket.SOCK_DGRAM): "udp"}


@dataclass(frozen=True, slots=True, order=True)
class OpenSocket:
    """A socket of this process with a fixed peer.

    Attributes:
        local: `host:port`; empty for a unix socket without a name.
        peer: `host:port` or `unix:/path`.
    """

    local: str
    peer: str
    kind: Literal["tcp", "udp", "unix"]


@dataclass(frozen=True, slots=True)
class ConnectedSockets:
    """What `connected_sockets` found.

    Attributes:
        is_complete: False where the system lists no descriptors (Windows): then only sockets that Python made are
            known, those of C libraries (libpq, grpc) are not.
    """

    sockets: tuple[OpenSocket, ...]
    is_complete: bool


def connected_sockets() -> ConnectedSockets:
    """Return the sockets of this process that are connected now, each connection once.

    Left out: connections that a listening socket of this process accepted (they are answers, not egress), socket
    pairs, the standard streams (under systemd these are sockets).
    """
    folder = next((path for path in _FOLDERS if path.is_dir()), None)
    found: set[OpenSocket] = set()
    listening: set[int] = set()
    sockets = _python_sockets() if folder is None else _all_sockets(folder)
    for sock in sockets:
        try:
            _look_at(sock, found, listening)
        except OSError:
            continue  # not connected, or closed by another thread meanwhile
    accepted = {entry for entry in found if entry.kind == "tcp" and int(entry.local.rpartition(":")[2]) in listening}
    return ConnectedSockets(tuple(sorted(found - accepted)), is_complete=folder is not None)


def listening_ports() -> frozenset[int]:
    """Return the TCP ports on which this process listens: a connection with such a local port was accepted."""
    folder = next((path for path in _FOLDERS if path.is_dir()), None)
    ports = set()
    for sock in _python_sockets() if folder is None else _all_sockets(folder):
        try:
            if sock.family in _INTERNET and _is_listening(sock):
                ports.add(sock.getsockname()[1])
        except OSError:
            continue  # closed by another thread meanwhile
    return frozenset(ports)


def _look_at(sock: socket.SocketType, found: set[OpenSocket], listening: set[int]) -> None:
    family = sock.family
    kind = sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    if family in _INTERNET:
        if kind == socket.SOCK_STREAM and _is_listening(sock):
            listening.add(sock.getsockname()[1])
        elif kind in _KINDS:
            found.add(OpenSocket(_text(sock.getsockname()), _text(sock.getpeername()), _KINDS[kind]))
    elif family == _UNIX:
        peer = sock.getpeername()
        if peer:  # a socket pair and an accepted client have no name
            own = sock.getsockname()
            found.add(OpenSocket(unix_path(own) if own else "", unix_path(peer), "unix"))


def _text(address: Sequence[Any]) -> str:
    """Return `host:port` as `host_port` does; the kernel's spelling needs no parsing, and there may be hundreds."""
    host = str(address[0]).removeprefix("::ffff:")
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


def _is_listening(sock: socket.SocketType) -> bool:
    try:
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:  # a system without the option for this protocol
        return False


def _all_sockets(folder: Path) -> Iterator[socket.SocketType]:
    for name in os.listdir(folder):  # noqa: PTH208 - names are all that is needed, and this runs at each replay
        fd = int(name) if name.isdigit() else -1
        if fd < 0 or fd in _STANDARD_STREAMS:
            continue
        try:
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                continue
            sock = _copy_of(fd)
        except OSError:
            continue  # closed since it was listed
        try:
            yield sock
        finally:
            sock.close()


def _copy_of(fd: int) -> socket.SocketType:
    """Open a second descriptor of the same socket, so that closing ours leaves the owner's alone."""
    copy = os.dup(fd)
    # With `socket.setdefaulttimeout` in force a new socket object switches its descriptor to non-blocking, and that
    # state is shared with the owner's descriptor. The flag says that it is done already; where a system lacks the
    # flag the state is put back.
    was_blocking = os.get_blocking(copy)
    try:
        sock = socket.SocketType(-1, getattr(socket, "SOCK_NONBLOCK", -1), -1, copy)
    except BaseException:
        os.close(copy)
        raise
    if os.get_blocking(copy) != was_blocking:
        os.set_blocking(copy, was_blocking)
    return sock


def _python_sockets() -> Iterator[socket.SocketType]:
    for thing in gc.get_objects():
        kind: type[Any] = type(thing)  # not isinstance: a proxy object may answer for somebody else
        if issubclass(kind, socket.socket):
            yield thing
