"""Fixtures of a replayed test: they are no part of the recorded run, so nothing of theirs may go out unnoticed."""

from __future__ import annotations

from collections.abc import Iterable

from replaykit.errors import EgressRefused
from replaykit.interceptors import guard
from replaykit.interceptors.guard import Allowed, Egress

_OWN_MACHINE = ("localhost:*", "127.0.0.0/8", "[::1]:*")


class FixtureGate:
    """Lets fixtures use this machine: servers, databases, programs. Another machine only if it is allowed by name.

    Attributes:
        connected: What they did reach.

    In force from its making until `close`; the replay of the test itself has a stricter one beside it.
    """

    def __init__(self, allow: Iterable[str]) -> None:
        self._allowed = Allowed.parse((*allow, *_OWN_MACHINE))
        self.connected: dict[str, None] = {}
        guard.install(self)

    def close(self) -> None:
        guard.uninstall(self)

    def refuses(self, egress: Egress) -> BaseException | None:
        is_network = egress.kind in ("connect", "datagram", "dns") and not egress.target.startswith("unix:")
        if not is_network or self._allowed.allows(egress):
            if is_network and egress.kind != "dns":
                self.connected[egress.target] = None
            return None
        return EgressRefused(
            f"refused: {egress}, by a fixture of a replayed test; nothing was sent (root cause: code)\n"
            "  fixtures are no part of the recorded run: make the call in the test itself,\n"
            f'  or let it out by name:  @pytest.mark.replay(allow=["{egress.entry}"])',
            root_cause="code",
        )
