"""Where a replay leaves its recording: the first divergence is raised there, and again at every call after it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NoReturn

from replaykit.matching.causes import Cause
from replaykit.packet import Interaction
from replaykit.session.leaving import Leaving
from replaykit.session.ledger import DivergenceRecord, Ledger
from replaykit.session.serving import Unserved


class Exits:
    """Raises the divergences of one replay.

    Args:
        lock: The replay's own.
        diverged: Called after each one that was noted.
    """

    def __init__(self, leaving: Leaving, ledger: Ledger, lock: threading.RLock, diverged: Callable[[], None]) -> None:
        self._leaving = leaving
        self._ledger = ledger
        self._lock = lock
        self._diverged = diverged

    def note(self, record: DivergenceRecord) -> None:
        self._ledger.add(record)
        self._diverged()

    def leave(self, record: DivergenceRecord) -> NoReturn:
        """Raises the first of all divergences, which this one need not be."""
        self.note(record)
        first = self._ledger.first
        assert first is not None
        raise first.error()

    def raise_latched(self) -> None:
        """After the first divergence every call raises it again, whatever it would have found."""
        first = self._ledger.first
        if first is not None:
            raise first.error()

    def unservable(self, interaction: Interaction, position: str, reason: str) -> NoReturn:
        cause: Cause = "recording ends" if interaction.done is None else "recorder"
        self.leave(self._leaving.unservable(interaction, position, cause, reason))

    def unserved(self, interaction: Interaction, position: str) -> Unserved:
        """The same for an answer that is found to be unservable while it is served."""

        def leave(reason: str) -> NoReturn:
            with self._lock:
                self.unservable(interaction, position, reason)

        return leave

    def overread(self, interaction: Interaction, position: str) -> NoReturn:
        state = interaction.done.state if interaction.done else "cut off"
        reason = f"the recorded agent stopped reading this answer ({state}); what came after it is not known"
        self._ends(interaction, position, reason)

    def overrun(self, interaction: Interaction, position: str) -> NoReturn:
        reason = "this call was cancelled while recording; it has no result, and nobody cancelled it this time"
        self._ends(interaction, position, reason)

    def _ends(self, interaction: Interaction, position: str, reason: str) -> NoReturn:
        with self._lock:
            self.leave(self._leaving.unservable(interaction, position, "recording ends", reason))
