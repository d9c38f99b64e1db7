"""Sockets that were connected before anybody watched: what goes out over them raises no event."""

from __future__ import annotations

import gc
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from replaykit.interceptors.guard_egress import host_port, unix_path

# Linux lists a process's descriptors in the first folder, macOS and the BSDs in the second.
_FOLDERS = (Path("/proc/self/fd"), Path("/dev/fd"))
_STANDARD_STREAMS = (0, 1, 2)
_INTERNET = (socket.AF_INET, socket.AF_INET6)


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
    for sock in _python_sockets() if folder is None else _all_sockets(folder):
        try:
            _look_at(sock, found, listening)
        except OSError:
            continue  # not connected, or closed by another thread meanwhile
    accepted = {entry for entry in found if entry.kind == "tcp" and int(entry.local.rpartition(":")[2]) in listening}
    return ConnectedSockets(tuple(sorted(found - accepted)), is_complete=folder is not None)


def _look_at(sock: socket.socket, found: set[OpenSocket], listening: set[int]) -> None:
    kind = sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    if sock.family in _INTERNET:
        local = sock.getsockname()
        if kind == socket.SOCK_STREAM and _is_listening(sock):
            listening.add(local[1])
            return
        if kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            peer = sock.getpeername()
            name: Literal["tcp", "udp"] = "tcp" if kind == socket.SOCK_STREAM else "udp"
            found.add(OpenSocket(host_port(local[0], local[1]), host_port(peer[0], peer[1]), name))
    elif sock.family == getattr(socket, "AF_UNIX", None):
        peer = sock.getpeername()
        if peer:  # a socket pair and an accepted client have no name
            own = sock.getsockname()
            found.add(OpenSocket(unix_path(own) if own else "", unix_path(peer), "unix"))


def _is_listening(sock: socket.socket) -> bool:
    try:
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:  # a system without the option for this protocol
        return False


def _all_sockets(folder: Path) -> Iterator[socket.socket]:
    for name in os.listdir(folder):  # noqa: PTH208 - names are all that is needed, and this runs at each replay
        fd = int(name) if name.isdigit() else -1
        if fd < 0 or fd in _STANDARD_STREAMS:
            continue
        try:
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                continue
            with _copy_of(fd) as sock:
                yield sock
        except OSError:
            continue  # closed since it was listed


@contextmanager
def _copy_of(fd: int) -> Iterator[socket.socket]:
    """Open a second descriptor of the same socket, so that closing ours leaves the owner's alone."""
    copy = os.dup(fd)
    # With `socket.setdefaulttimeout` in force a new socket object switches its descriptor to non-blocking, and that
    # state is shared with the owner's descriptor. The flag says that it is done already; where a system lacks the
    # flag the state is put back.
    was_blocking = os.get_blocking(copy)
    try:
        sock = socket.socket(fileno=copy)
    except BaseException:
        os.close(copy)
        raise
    try:
        if os.get_blocking(copy) != was_blocking:
            os.set_blocking(copy, was_blocking)
        yield sock
    finally:
        sock.close()


def _python_sockets() -> Iterator[socket.socket]:
    for thing in gc.get_objects():
        kind: type[Any] = type(thing)  # not isinstance: a proxy object may answer for somebody else
        if issubclass(kind, socket.socket):
            yield thing
