"""Clients whose network is in C: no guard sees their connections, so they ask where Python code calls them.

Each is hooked when it is imported while a gate is in force, or when the next one is; the hooks stay, and ask only while
a gate is in force. Out of reach: objects of pycurl that are older than its hook, `from pycurl import Curl` before it,
and other libraries of their kind (librdkafka, duckdb, polars, obstore, c-ares, ...).
"""

from __future__ import annotations

import functools
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from replaykit.determinism.imports import when_imported
from replaykit.errors import UsageError
from replaykit.interceptors.base import is_replaying
from replaykit.interceptors.guard_egress import Egress, host_port, port_number
from replaykit.interceptors.guard_gate import gates

logger = logging.getLogger("replaykit")

_AUTHORITY = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^/@?#]*@)?(\[[0-9a-f:.]+\]|[^:/?#,@\s]+)(?::(\d+))?(?:[/?#].*)?")
_DEFAULT_PORTS = {"http": 80, "https": 443}

Target = Callable[..., str | None]
"""Takes the arguments of the call, `self` included; returns a URL or `host:port`, None where it can't be told."""


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """Methods of one class, or functions of one module, that go out.

    Attributes:
        library: Its name in `allow=["lib:NAME"]`.
        module: Where they are; hooked when that is imported.
        owner: The class; empty for functions of the module.
        only_connecting: They go out only with `try_to_connect`.
    """

    library: str
    module: str
    owner: str
    names: tuple[str, ...]
    target: Target
    only_connecting: bool = False


def _grpc(self: Any, *_: Any, **__: Any) -> str:
    name = self._channel.target().decode()  # `dns:///host:port`, or another scheme of grpc's
    return str(name.rpartition("///")[2] if "///" in name else name.partition(":")[2] if "unix:" in name else name)


def _psycopg_connect(_: Any, conninfo: str = "", **__: Any) -> str | None:
    parts = sys.modules["psycopg.conninfo"].conninfo_to_dict(conninfo)
    host = parts.get("hostaddr") or parts.get("host")
    return f"{host}:{parts.get('port') or 5432}" if host else None


def _psycopg_wait(self: Any, *_: Any, **__: Any) -> str | None:
    return f"{self.info.hostaddr or self.info.host}:{self.info.port}"


def _curl_cffi(self: Any, *args: Any, **__: Any) -> str | None:
    curl = args[0] if args and hasattr(args[0], "getinfo") else self
    url = curl.getinfo(sys.modules["curl_cffi"].CurlInfo.EFFECTIVE_URL)
    return url.decode() if isinstance(url, bytes) else None


def _unknown(*_: Any, **__: Any) -> None:
    return None


_CALLS = ("__call__", "with_call", "future")
ENTRY_POINTS = (
    EntryPoint("grpc", "grpc._channel", "_UnaryUnaryMultiCallable", _CALLS, _grpc),
    EntryPoint("grpc", "grpc._channel", "_StreamUnaryMultiCallable", _CALLS, _grpc),
    EntryPoint("grpc", "grpc._channel", "_UnaryStreamMultiCallable", ("__call__",), _grpc),
    EntryPoint("grpc", "grpc._channel", "_SingleThreadedUnaryStreamMultiCallable", ("__call__",), _grpc),
    EntryPoint("grpc", "grpc._channel", "_StreamStreamMultiCallable", ("__call__",), _grpc),
    EntryPoint("grpc", "grpc._channel", "Channel", ("subscribe",), _grpc, only_connecting=True),
    EntryPoint("grpc", "grpc.aio._channel", "UnaryUnaryMultiCallable", ("__call__",), _grpc),
    EntryPoint("grpc", "grpc.aio._channel", "UnaryStreamMultiCallable", ("__call__",), _grpc),
    EntryPoint("grpc", "grpc.aio._channel", "StreamUnaryMultiCallable", ("__call__",), _grpc),
    EntryPoint("grpc", "grpc.aio._channel", "StreamStreamMultiCallable", ("__call__",), _grpc),
    EntryPoint("grpc", "grpc.aio._channel", "Channel", ("get_state",), _grpc, only_connecting=True),
    EntryPoint("curl_cffi", "curl_cffi.curl", "Curl", ("perform", "ws_send", "ws_recv"), _curl_cffi),
    EntryPoint("curl_cffi", "curl_cffi.aio", "AsyncCurl", ("add_handle",), _curl_cffi),
    EntryPoint("psycopg", "psycopg._connection_base", "BaseConnection", ("_connect_gen",), _psycopg_connect),
    EntryPoint("psycopg", "psycopg.connection", "Connection", ("wait",), _psycopg_wait),
    EntryPoint("psycopg", "psycopg.connection_async", "AsyncConnection", ("wait",), _psycopg_wait),
    EntryPoint("psycopg2", "psycopg2", "", ("_connect",), _unknown),
)
TESTED = {"grpc": "1.85", "pycurl": "7.49", "curl_cffi": "0.16", "psycopg": "3.3"}

_misfits: dict[str, str] = {}
_hooks: dict[str, list[EntryPoint]] = {"pycurl": []}
for _point in ENTRY_POINTS:
    _hooks.setdefault(_point.module, []).append(_point)
_waiting = dict(_hooks)


def install() -> list[Callable[[], None]]:
    """Hooks every entry point that is not hooked yet: now, or when its module is imported.

    Returns what takes the waiting back. Does not raise for what does not fit: see `check`.
    """
    return [when_imported(name, functools.partial(_on_import, name)) for name in tuple(_waiting)]


def check(is_allowed: Callable[[Egress], bool]) -> None:
    """For a replay, where a client that is not hooked would go live unseen.

    Raises:
        UsageError: A library that is imported is not as replaykit knows it, and was not allowed.
    """
    for library, reason in _misfits.items():
        if library in sys.modules and not is_allowed(Egress("library", library, names=(library,))):
            raise UsageError(reason)


def _on_import(name: str, module: ModuleType) -> None:
    points = _waiting.pop(name, None)
    if points is None:
        return
    library = name.partition(".")[0]
    try:
        for point in points:
            _wrap(point, module)
        if name == "pycurl":
            _wrap_pycurl(module)
    except Exception as error:  # the agent's import comes first, whatever the library has become
        tested = f" (tested with {library} {TESTED[library]})" if library in TESTED else ""
        _misfits[library] = reason = (
            f"{library} {getattr(sys.modules.get(library), '__version__', '?')} is not as replaykit knows it{tested}: "
            f'{error}; its calls would go out unseen. Allow that by name: allow=["lib:{library}"]'
        )
        logger.warning("%s", reason)
        if is_replaying():
            raise UsageError(reason) from None


def _wrap(point: EntryPoint, module: ModuleType) -> None:
    owner = getattr(module, point.owner) if point.owner else module
    for name in point.names:
        found = vars(owner)[name]
        original = found.__func__ if isinstance(found, classmethod) else found
        asking = _asking(point, original)
        setattr(owner, name, classmethod(asking) if isinstance(found, classmethod) else asking)


def _asking(point: EntryPoint, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if gates.in_force and (not point.only_connecting or True in args or kwargs.get("try_to_connect")):
            gates.ask("library", _egress, point.library, point.target, args, kwargs)
        return original(*args, **kwargs)

    return call


def _egress(library: str, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Egress:
    try:
        found = target(*args, **kwargs)
    except Exception:  # where it goes is only a help to the reader
        found = None
    return Egress("library", _host_of(found) or library, names=(library,))


def _host_of(target: str | None) -> str | None:
    """`host:port` of an address as a library has it; `unix:/path` of a path."""
    if target is None:
        return None
    if target.startswith("/"):
        return f"unix:{target}"
    match = _AUTHORITY.fullmatch(target.strip().lower())
    if match is None:
        return None
    port = match[2] or _DEFAULT_PORTS.get(target.partition("://")[0].lower())
    return host_port(match[1].strip("[]"), port_number(port))


# pycurl's classes are C types that take no attributes: subclasses stand in their place.

_CURL = ("perform", "perform_rb", "perform_rs")
_MULTI = ("add_handle", "perform", "socket_action")


def _wrap_pycurl(module: ModuleType) -> None:
    for owner, names in ((module.Curl, _CURL), (module.CurlMulti, _MULTI)):
        methods = {name: _asking_curl(name, owner, module) for name in names if hasattr(owner, name)}
        setattr(module, owner.__name__, type(owner.__name__, (owner,), {"__module__": "pycurl", **methods}))


def _asking_curl(name: str, owner: type, module: ModuleType) -> Callable[..., Any]:
    original = getattr(owner, name)
    is_own = name not in ("perform", "socket_action") or owner.__name__ == "Curl"

    def url_of(*curls: Any) -> str:
        return str(next(curl for curl in curls if hasattr(curl, "getinfo")).getinfo(module.EFFECTIVE_URL))

    @functools.wraps(original)
    def call(self: Any, *args: Any) -> Any:
        # What a multi is given it performs in many calls, which do not say for whom.
        if is_own or getattr(self, "_asked", None) is not gates.in_force:
            gates.ask("library", _egress, "pycurl", url_of, (self, *args), {})
            self._asked = gates.in_force
        return original(self, *args)

    return call
