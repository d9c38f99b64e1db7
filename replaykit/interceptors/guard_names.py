"""Which names an address was looked up by, so that `allow=["db.internal:5432"]` also covers the connect that follows.

A connect carries an address only, and an audit event tells of a look-up before its answer is there. So the answers
are noted where they pass: in `socket.getaddrinfo`, `gethostbyname` and `gethostbyname_ex`, while a gate is in force.
A look-up made another way (a C resolver, a name cached before the replay, a function bound before the install)
is not noted: its connect is then refused under its bare address. That errs to the safe side.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from replaykit.interceptors.guard_egress import host_name, parse_ip

_KEPT_ADDRESSES = 4096


class Names:
    """The names of each address, newest look-ups only."""

    __slots__ = ("_by_address",)

    def __init__(self) -> None:
        self._by_address: dict[str, tuple[str, ...]] = {}

    def note(self, host: Any, addresses: Iterable[str]) -> None:
        if not isinstance(host, str | bytes) or not host:
            return
        name = host_name(host)
        if parse_ip(name) is not None:
            return
        for address in addresses:
            key = str(parse_ip(address) or address)
            known = self._by_address.get(key, ())
            if name not in known:
                if len(self._by_address) >= _KEPT_ADDRESSES:
                    self._by_address.clear()
                self._by_address[key] = (*known, name)

    def of(self, host: str) -> tuple[str, ...]:
        return self._by_address.get(str(parse_ip(host) or host), ())

    def forget(self) -> None:
        self._by_address.clear()


def noting(names: Names, is_wanted: Callable[[], bool], addresses: Callable[[Any], Iterable[str]]) -> Any:
    """Return what wraps a look-up function so that its answers are noted.

    Args:
        addresses: Takes the addresses out of the function's answer.
    """

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def look_up(*args: Any, **kwargs: Any) -> Any:
            answer = original(*args, **kwargs)
            if is_wanted():
                names.note(args[0] if args else kwargs.get("host"), addresses(answer))
            return answer

        return look_up

    return wrap


def in_addrinfo(answer: list[tuple[Any, ...]]) -> list[str]:
    """Return the addresses in an answer of `getaddrinfo`."""
    return [str(entry[4][0]) for entry in answer if entry[4]]
