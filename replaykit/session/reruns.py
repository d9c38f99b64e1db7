"""Watches the body of a recorded function that runs again."""

from __future__ import annotations

from typing import Any, Protocol

from replaykit.packet import Interaction, values


class Comparing(Protocol):
    """The replayer, as an observer sees it."""

    def deviated(self, interaction: Interaction, position: str, now: Any) -> None: ...
    def failed(self, interaction: Interaction, position: str, error: BaseException) -> None: ...


class RerunObserver:
    """Watches a body that runs again: its result is evidence for what differs later."""

    __slots__ = ("_interaction", "_position", "_replayer")

    def __init__(self, replayer: Comparing, interaction: Interaction, position: str) -> None:
        self._replayer, self._interaction, self._position = replayer, interaction, position

    def arrived(self, step: int, *, is_blocking: bool) -> None:
        return None

    def returned(self, value: Any) -> None:
        try:
            self._replayer.deviated(self._interaction, self._position, values.encode(value, is_lossy=True))
        except Exception:  # evidence for a report only: a value that can't be looked at must not end the agent's run
            return

    def raised(self, error: BaseException) -> None:
        if not isinstance(error, Exception):
            return  # a cancellation, or a divergence inside
        try:
            self._replayer.failed(self._interaction, self._position, error)
        except Exception:  # as above
            return

    def withheld(self, reason: str) -> None:
        return None
