"""What the user lets through by name: the entries of `allow=[...]`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from replaykit.errors import UsageError
from replaykit.interceptors.guard_egress import Egress, IPAddress, host_name, parse_ip, unix_path

FORMS = (
    "127.0.0.1:5432",
    "127.0.0.1",
    "[::1]:5432",
    "localhost:*",
    "db.internal:5432",
    "10.0.0.0/8",
    "unix:/path",
    "exec:git",
    "lib:grpc",
)

_NAME = re.compile(r"(?=.*[^\d.])[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_HOST_PORT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>\d{1,5}|\*))?")
_LOOPBACK = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))


@dataclass(frozen=True, slots=True)
class _Host:
    """A host, or every host of a network, on one port or on all."""

    name: str | None
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    port: int | None

    def allows(self, egress: Egress) -> bool:
        if egress.kind not in ("connect", "datagram", "dns", "send", "library"):
            return False
        host, port = _split(egress.target)
        if host is None:
            return False
        # A look-up without a port (gethostbyname, port 0) says nothing about the port of the connect to come.
        is_port_open = egress.kind == "dns" and port is None
        if self.port is not None and self.port != port and not is_port_open:
            return False
        ip = parse_ip(host)
        if self.network is not None:
            return ip is not None and ip.version == self.network.version and ip in self.network
        return self.name in (host, *egress.names) or (self.name == "localhost" and ip in _LOOPBACK)


@dataclass(frozen=True, slots=True)
class _Unix:
    target: str

    def allows(self, egress: Egress) -> bool:
        return egress.kind in ("connect", "datagram", "send", "library") and egress.target == self.target


@dataclass(frozen=True, slots=True)
class _Program:
    name: str

    def allows(self, egress: Egress) -> bool:
        return egress.kind in ("subprocess", "fork", "interpreter") and self.name in egress.names


@dataclass(frozen=True, slots=True)
class _Library:
    name: str

    def allows(self, egress: Egress) -> bool:
        return egress.kind == "library" and self.name in egress.names


_Entry = _Host | _Unix | _Program | _Library


@dataclass(frozen=True, slots=True)
class Allowed:
    """The entries of one replay, read once.

    - `127.0.0.1:5432`, `[::1]:5432`: this address and port; without a port, or with `:*`, every port.
    - `db.internal:5432`: its look-up, and a connect to an address that such a look-up gave in this replay. A name of
      one word needs a port, or `:*`.
    - `localhost:5432`: 127.0.0.1 and ::1, looked up or not.
    - `10.0.0.0/8`: every address of the network.
    - `unix:/path`, `unix:@abstract`: a socket of this machine.
    - `exec:git`: a program by its base name or whole path. A command run through a shell is `exec:sh`;
      `exec:fork` allows `os.fork` (the guard goes on in the child), `exec:interpreter` a subinterpreter (it does not).
    - `lib:pycurl`: all calls of a library with a network of its own, by its import name.
    """

    entries: tuple[_Entry, ...]

    @classmethod
    def parse(cls, allow: Iterable[str]) -> Allowed:
        """Read the entries.

        Raises:
            UsageError: An entry has none of the known forms.
        """
        if not isinstance(allow, Iterable):
            raise UsageError(f"allow takes a list of entries, not {allow!r}")
        if isinstance(allow, str | bytes):
            raise UsageError(f"allow takes a list of entries, not the single text {allow!r}: write allow=[{allow!r}]")
        return cls(tuple(map(_parse, allow)))

    def allows(self, egress: Egress) -> bool:
        return any(entry.allows(egress) for entry in self.entries)


def is_allowed(egress: Egress, allow: Iterable[str]) -> bool:
    """Whether an entry lets this egress pass. Who asks often keeps an `Allowed`."""
    return Allowed.parse(allow).allows(egress)


def _parse(entry: str) -> _Entry:
    if isinstance(entry, str):
        scheme, _, rest = entry.partition(":")
        if scheme == "unix" and rest.startswith(("/", "@")):
            return _Unix(unix_path(rest) if rest.startswith("/") else entry)
        if scheme == "exec" and rest and rest == rest.strip() and (" " not in rest or rest.startswith("/")):
            return _Program(rest)
        if scheme == "lib" and rest.isidentifier():
            return _Library(rest)
        host = _parse_host(entry) if scheme not in ("unix", "exec", "lib") else None
        if host is not None:
            return host
    guess = f" (did you mean {entry}:* or exec:{entry}?)" if isinstance(entry, str) and _NAME.fullmatch(entry) else ""
    raise UsageError(f"allow entry {entry!r} is malformed{guess}; an entry is one of: {', '.join(FORMS)}")


def _parse_host(entry: str) -> _Host | None:
    try:
        return _Host(None, ipaddress.ip_network(entry), None)  # an address, bare IPv6 included, or a network
    except ValueError:
        pass
    match = _HOST_PORT.fullmatch(entry)
    if match is None:
        return None
    port = None if match["port"] in (None, "*") else int(match["port"])
    if port is not None and not 0 < port < 65536:
        return None
    ip: IPAddress | None
    try:
        ip = ipaddress.ip_address(match["v6"] or match["host"])
    except ValueError:
        name = host_name(match["host"] or "")
        # One word alone is a program or a typing error as often as a host: a host says its port then.
        is_word = match["port"] is None and "." not in name and name != "localhost"
        return _Host(name, None, port) if _NAME.fullmatch(name) and not is_word else None
    if (ip.version == 6) != (match["v6"] is not None):
        return None
    return _Host(None, ipaddress.ip_network(ip), port)


def _split(target: str) -> tuple[str | None, int | None]:
    match = _HOST_PORT.fullmatch(target)
    if match is None:
        return None, None
    return match["v6"] or match["host"], int(match["port"]) if match["port"] else None
