"""From the arguments of a call to the egress it is; None where nothing leaves.

Not egress: a look-up of a number, of `localhost` and of the machine's own name; a socket of a family that only talks
to the kernel (netlink, its crypto interface); a send without an address (its connect was asked about, or the socket
is among `connected_sockets`); the shipped harmless command lines.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from replaykit.interceptors.guard_egress import (
    Egress,
    EgressKind,
    command,
    host_name,
    host_port,
    parse_ip,
    port_number,
    shell_command,
    unix_path,
)
from replaykit.interceptors.guard_harmless import HARMLESS_NAMES, is_harmless_command
from replaykit.interceptors.guard_names import Names

names = Names()

_UNIX = getattr(socket, "AF_UNIX", None)
_KERNEL_FAMILIES = tuple(getattr(socket, name) for name in ("AF_NETLINK", "AF_ALG") if hasattr(socket, name))


def connect(sock: Any, address: Any) -> Egress | None:
    return _to_address("connect", sock, address)


def send(sock: Any, address: Any) -> Egress | None:
    """A send to an address: a datagram, or a stream that TCP Fast Open connects on the way."""
    if address is None:
        return None
    return _to_address("connect" if sock.type == socket.SOCK_STREAM else "datagram", sock, address)


def _to_address(kind: EgressKind, sock: Any, address: Any) -> Egress | None:
    family = int(sock.family)
    if is_kernel_family(family):
        return None
    if family == _UNIX:
        return Egress(kind, unix_path(address))
    if family not in (socket.AF_INET, socket.AF_INET6):
        return Egress(kind, f"{getattr(sock.family, 'name', f'family {family}')} {address!r}")
    own, any_address = ("127.0.0.1", "0.0.0.0") if family == socket.AF_INET else ("::1", "::")  # noqa: S104
    host = address[0]
    if not host:
        host = any_address
    if host_name(host) == "localhost":
        return Egress(kind, host_port(own, address[1]), names=("localhost",))
    return host_egress(kind, host, address[1])


def is_kernel_family(family: int) -> bool:
    """True for sockets whose other end is the kernel."""
    return family in _KERNEL_FAMILIES


def host_egress(kind: EgressKind, host: str | bytes, port: Any) -> Egress:
    """A connect or a datagram to a host, with the names its address was looked up by."""
    name = host_name(host)
    return Egress(kind, host_port(name, port_number(port)), names=names.of(name))


def look_up(host: str | bytes | None, port: Any = None, *_: Any) -> Egress | None:
    if not host:
        return None
    name = host_name(host)
    if name in HARMLESS_NAMES or parse_ip(name) is not None:
        return None
    return Egress("dns", host_port(name, port_number(port)))


def reverse_look_up(host: str | bytes) -> Egress | None:
    """The name of an address is asked of its network's name servers; for loopback the hosts file answers."""
    name = host_name(host)
    ip = parse_ip(name)
    if ip is None:
        return look_up(host)
    return None if ip.is_loopback or ip.is_unspecified else Egress("dns", host_port(name, None))


def program(executable: Any, argv: Any, *_: Any) -> Egress | None:
    words: Sequence[Any] = (argv,) if isinstance(argv, str | bytes | os.PathLike) else tuple(argv)
    return None if is_harmless_command(executable, words) else command(executable, words)


# A fork is asked about although the guard goes on in the child: the run's packet ends where its process ends.
AUDITED: dict[str, tuple[EgressKind, Callable[..., Egress | None]]] = {
    "socket.connect": ("connect", connect),
    "socket.sendto": ("datagram", send),
    "socket.sendmsg": ("datagram", send),
    "socket.getaddrinfo": ("dns", look_up),
    "socket.gethostbyname": ("dns", look_up),
    "socket.gethostbyaddr": ("dns", reverse_look_up),
    "socket.getnameinfo": ("dns", lambda address, *_: reverse_look_up(address[0])),
    "subprocess.Popen": ("subprocess", program),
    "os.posix_spawn": ("subprocess", program),
    "os.exec": ("subprocess", program),
    "os.system": ("subprocess", lambda script: shell_command(script)),
    "pty.spawn": ("subprocess", lambda argv: program(None, argv)),
    "os.fork": ("fork", lambda: Egress("fork", "os.fork", names=("fork",))),
    "os.forkpty": ("fork", lambda: Egress("fork", "os.forkpty", names=("fork",))),
}
