"""Positions: the same counting while recording and while replaying."""

from __future__ import annotations

from replaykit.determinism.lineage import Node, escape
from replaykit.packet.exchange import Headers
from replaykit.wire import Call

RETRY_HEADERS = ("x-stainless-retry-count",)
"""How SDKs say that a request is a further attempt at the same call (openai, anthropic and their generator)."""


# Unlike a name that a user gives to a task or span, it holds a "%" that is not an escape.
_DISABLED = "%disabled"


def disabled_below(node: Node) -> Node:
    """A place of the same run for code that is not part of it: see `replaykit.disable`."""
    return Node(node.run, join(node.path, _DISABLED), node)


def is_disabled(node: Node) -> bool:
    """True for `disabled_below` of any node, and for whatever was spawned there."""
    return _DISABLED in node.path


class Tickets:
    """Gives every call of one run its position, at the moment at which it is made."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], int] = {}

    def http(self, node: Node, call: Call, headers: Headers) -> str:
        """Position of an HTTP request; a further attempt keeps the ordinal of the first and adds `#attempt`."""
        label = f"{call.boundary if call.call_class == 'agent' else call.call_class}:{escape(call.name)}"
        attempt = _attempt(headers)
        latest = self._latest.get((node.path, label))
        if attempt and latest is not None:
            return f"{join(node.path, label)}[{latest}]#{attempt}"
        ordinal = node.ordinal(label)
        self._latest[node.path, label] = ordinal
        return f"{join(node.path, label)}[{ordinal}]"

    @staticmethod
    def function(node: Node, boundary: str, name: str) -> Node:
        """The node of a function call; its path is the position, and what it crosses lies below it."""
        return node.child(f"{boundary}:{name}")


def join(path: str, label: str) -> str:
    return f"{path}/{label}" if path else label


def _attempt(headers: Headers) -> int:
    for name, value in headers:
        if name.lower() in RETRY_HEADERS and value.isdigit():
            return int(value)
    return 0
