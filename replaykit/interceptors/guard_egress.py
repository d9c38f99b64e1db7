"""What tries to leave the process, in words: the value that a gate is asked about, and how its text is made.

A text names the target and nothing of the content. Of a command line it shows the program and the few words that
can't be a secret: a sub-command and single-letter or long options, up to the first word that may carry a value.
It is still text of the agent: whoever writes it to a disk sanitizes it like everything else.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

EgressKind = Literal["connect", "datagram", "dns", "subprocess", "fork", "interpreter", "send", "library"]
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_PROGRAM = re.compile(r"[\w.+@-]{1,60}")
_SUBCOMMAND = re.compile(r"[a-z][a-z-]{1,15}")
_OPTION = re.compile(r"-[A-Za-z]|--[a-z][a-z-]{1,20}")
_WORDS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Egress:
    """One attempt to leave the process.

    Attributes:
        target: `127.0.0.1:5432`, `[::1]:5432`, `db.internal:5432`, `unix:/var/run/docker.sock`, `git describe ...`,
            `os.fork`. A target that can't be told is `?`, or the library that goes there.
        names: What else the target is called: the host names whose look-up gave this address, the program's
            base name and path, the library.
    """

    kind: EgressKind
    target: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        is_network = self.kind in ("connect", "datagram", "send", "library")
        shown = [name for name in self.names if is_network and name not in self.target]
        if self.kind == "send":
            shown.append("connected before")
        return f"{self.kind} {self.target}" + (f" ({', '.join(shown)})" if shown else "")

    @property
    def entry(self) -> str:
        """The entry of `allow` that lets it pass; empty where there is none."""
        if self.target == "?":
            return ""
        if self.kind == "library":
            return f"lib:{self.names[0]}" if self.names else ""
        if self.kind in ("subprocess", "fork", "interpreter"):
            return f"exec:{self.names[0]}" if self.names and self.names[0] else ""
        if self.target.startswith("unix:"):
            return self.target
        host, colon, port = self.target.rpartition(":")
        if not port.isdecimal() or not colon:
            host, port = self.target, "*"
        named = [name for name in self.names if name != "localhost"]  # its look-up is allowed with the connect to it
        return f"{(*named, host)[0]}:{port}"


def parse_ip(host: str) -> IPAddress | None:
    """Return the address that a numeric host stands for, in any spelling the C library takes; None for a name."""
    if host == "<broadcast>":
        return ipaddress.IPv4Address("255.255.255.255")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        # `127.1` and `0x7f000001` are addresses too. With a space inside, C reads only what stands before it.
        if not host[:1].isdigit() or not host.isprintable() or " " in host:
            return None
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return mapped or ip


def host_name(host: str | bytes) -> str:
    """Return a host name in the one spelling that names are compared in: lower case, ASCII, no final dot."""
    text = host.decode("ascii", "backslashreplace") if isinstance(host, bytes | bytearray) else host
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            pass  # a name that can't be encoded can't be looked up either; keep it readable
    return text.rstrip(".").lower()


def host_port(host: str, port: int | None) -> str:
    """Return `host:port`, with brackets around an IPv6 address; the bare host where there is no port."""
    ip = parse_ip(host)
    shown = host if ip is None else f"[{ip}]" if ip.version == 6 else str(ip)
    return shown if not port else f"{shown}:{port}"


def port_number(port: Any) -> int | None:
    """Return the port of a look-up: a number, digits or the name of a service; None where it says nothing."""
    if isinstance(port, bytes | bytearray):
        port = port.decode("ascii", "replace")
    if isinstance(port, str):
        if port.isdigit():
            return int(port)
        try:
            return socket.getservbyname(port)
        except OSError:
            return None
    return int(port) if port else None


def unix_path(address: str | bytes) -> str:
    """Return `unix:/path`, or `unix:@name` for an abstract address of Linux."""
    path = os.fsdecode(address)
    if path.startswith("\0"):
        return "unix:@" + path[1:]
    return "unix:" + (os.path.abspath(path) if path else "")  # noqa: PTH100 - resolves no link, touches no disk


def command(executable: Any, argv: Sequence[Any]) -> Egress:
    """Return the start of a program.

    Args:
        executable: What runs, where it differs from the first word; may be None.
    """
    words = [os.fsdecode(word) for word in argv]
    path = os.fsdecode(executable) if executable else (words[0] if words else "")
    name = PurePath(path).name
    if name in SHELLS and len(words) == 3 and words[1] == "-c":
        script = words[2].split()
        rest = ["-c", *_shown_words(PurePath(script[0]).name, script[1:])] if script else ["-c"]
    else:
        rest = _shown_words(name, words[1:])[1:]
    program = name if _PROGRAM.fullmatch(name) else "?"
    return Egress("subprocess", " ".join([program, *rest]), names=tuple(dict.fromkeys((name, path))))


def shell_command(script: str | bytes) -> Egress:
    """Return the start of a shell, as `os.system` and `subprocess_shell` do it."""
    return command("/bin/sh", ("/bin/sh", "-c", script))


def _shown_words(program: str, arguments: Sequence[str]) -> list[str]:
    if not _PROGRAM.fullmatch(program):
        return ["..."]
    shown = [program]
    was_option = False
    for word in arguments:
        is_option = _OPTION.fullmatch(word) is not None
        # A word after an option may be its value, and so a secret.
        if len(shown) == _WORDS_SHOWN or not (is_option or (not was_option and _SUBCOMMAND.fullmatch(word))):
            return [*shown, "..."]
        was_option = was_option or is_option
        shown.append(word)
    return shown
