"""What an interceptor and a session say to each other.

An interceptor translates its client's request into a neutral one, asks the session of the run that the calling code
belongs to, and translates the answer back. It knows nothing about recording or replaying.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from replaykit.determinism import lineage, strands
from replaykit.determinism.crossing import is_inside_transport
from replaykit.packet.exchange import (
    ForwardCall,
    ForwardHttp,
    FunctionRequest,
    HttpRequest,
    ServedResponse,
    ServedValue,
)


class Decider(Protocol):
    """A session, as an interceptor sees it."""

    @property
    def is_replay(self) -> bool:
        """True if what is not handled here would happen for real, and must not."""

    @property
    def reads_body(self) -> bool:
        """True if request bodies must be read before `decide_http`; a recorder lets them stream."""

    def decide_http(self, request: HttpRequest, node: lineage.Node) -> ForwardHttp | ServedResponse: ...

    def decide_call(self, request: FunctionRequest, node: lineage.Node) -> ForwardCall | ServedValue: ...

    def asked_framework(self, name: str) -> None:
        """Told that a framework has the tool of that name, or answers for it itself: a handoff, a structured output.

        Unlike a plain function it does not run unless `decide_call` lets it.
        """

    @property
    def is_over(self) -> bool:
        """True if calls of this run belong to nobody any more."""

    def unattributed(self, what: str) -> Decider | None:
        """Told of a call of this process that belongs to no run.

        A replay refuses it by raising, or answers it itself (an exporter's, on a thread older than the replay): then
        it is the session to ask. None lets the call pass.
        """


_active: tuple[Decider, ...] = ()


def activate(decider: Decider) -> None:
    """Makes hooks ask; called once for every session that begins."""
    global _active
    _active = (*_active, decider)


def deactivate(decider: Decider) -> None:
    global _active
    _active = tuple(item for item in _active if item is not decider)


def is_quiet() -> bool:
    """True if no run is active and nothing is left of one here: what most calls of a service find, so it is cheap."""
    return not _active and not strands.is_any()


def is_idle() -> bool:
    """True if no run can want to know of a call of the code that runs now."""
    return is_quiet() or (not _active and lineage.current() is None)


def is_replaying() -> bool:
    """True while any replay is active in this process."""
    return any(decider.is_replay for decider in _active)


def tell_asked(name: str) -> None:
    """Tells the session of the calling code that a framework, and no plain function, is asked for a tool."""
    node = lineage.current()
    if node is not None:
        cast(Decider, node.run).asked_framework(name)


def find_decider(what: Callable[[], str]) -> tuple[Decider, lineage.Node] | None:
    """The session that the calling code belongs to, and where in its run it is.

    None means: do as if replaykit was not there. A call that belongs to no run is reported to every active session,
    which is how a replay refuses calls of threads that are older than itself.
    """
    if is_quiet():
        return None
    node = lineage.current()
    if (node is None and not _active) or is_inside_transport():
        return None
    if node is not None and not cast(Decider, node.run).is_over:
        return cast(Decider, node.run), node
    answering = [found for decider in _active if (found := decider.unattributed(what())) is not None]
    return (answering[0], lineage.Node(answering[0])) if answering else None
