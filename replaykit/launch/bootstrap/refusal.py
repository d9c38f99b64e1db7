"""A gate for the time around a replay: before it begins and after it has ended nothing may go out either."""

from __future__ import annotations

from collections.abc import Iterable

from replaykit.errors import EgressRefused
from replaykit.interceptors import guard
from replaykit.interceptors.guard import Egress
from replaykit.interceptors.guard_allow import Allowed


class RefuseAll:
    """Refuses every egress that is not allowed by name."""

    def __init__(self, allow: Iterable[str]) -> None:
        self._allowed = Allowed.parse(allow)

    def refuses(self, egress: Egress) -> BaseException | None:
        if self._allowed.allows(egress):
            return None
        return EgressRefused(f"refused: {egress} (outside of the replay); nothing was sent", root_cause="code")

    def install(self) -> None:
        guard.install(self)

    def uninstall(self) -> None:
        guard.uninstall(self)
