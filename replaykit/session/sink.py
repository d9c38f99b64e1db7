"""Where a recorder's events go: the writer, which makes the packet of one run of them."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from replaykit.errors import PacketError, SanitizeError
from replaykit.packet.journal import Journal, amend_outcome
from replaykit.packet.model import Envelope, Verdict
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.session.cleaning import clean_verdict
from replaykit.session.environment import Environment
from replaykit.session.events import Event, RunEnded
from replaykit.session.packer import Packer
from replaykit.session.writer import drain, is_exiting, writer

logger = logging.getLogger("replaykit")

Keep = Callable[[RunEnded], bool]


class Sink:
    """Feeds one packet. A store that can't be written costs the packet, never the run."""

    def __init__(self, envelope: Envelope, target: Path, sanitizer_of: Callable[[], Sanitizer], keep: Keep) -> None:
        self._writer = writer()
        self._target = target
        self._keep = keep
        self._packer: Packer | None = None
        self._journal: Journal | None = None
        self._sanitizer: Sanitizer | None = None
        self._path: Path | None = None
        self._dropped: Path | None = None
        self._pid = os.getpid()
        self._environment = Environment()
        self._learning = threading.RLock()
        self._writer.put(lambda: self._open(envelope, sanitizer_of))

    def put(self, event: Event, size: int = 0) -> None:
        """Hands the event to the writer."""
        if os.getpid() == self._pid:  # a forked child must not write into its parent's packet
            self._learn()
            self._writer.put(lambda: self._handle(event), size)

    def has_room(self, size: int) -> bool:
        return self._writer.has_room(size)

    def close(self, event: RunEnded) -> None:
        """The last event: the packet is sealed, or dropped if the keep rule says so."""
        if os.getpid() == self._pid:
            self._learn()
            self._writer.put(lambda: self._seal(event))

    def amend(self, verdict: Verdict) -> None:
        """A verdict that came after the run had ended. It brings a dropped packet back."""
        if os.getpid() == self._pid:
            self._learn()
            self._writer.put(lambda: self._amend(verdict))

    def _learn(self) -> None:
        """Hands on what the environment holds since the last event: it may be in this one, and gone when it is read."""
        with self._learning:  # no event of another thread may get in between
            changes = self._environment.changes()
            if changes:
                self._writer.put(lambda: self._learned(changes))

    @property
    def path(self) -> Path | None:
        """The packet's path once it is written; waits for the writer. None: there is no packet."""
        drain()
        return self._path

    # on the writer's thread

    def _open(self, envelope: Envelope, sanitizer_of: Callable[[], Sanitizer]) -> None:
        try:
            self._journal = Journal(self._target)
            self._sanitizer = sanitizer_of()
            self._packer = Packer(envelope, self._journal, self._sanitizer)
        except OSError as error:
            self._give_up(error)

    def _learned(self, changes: dict[str, str]) -> None:
        if self._packer is not None:
            self._packer.learn(changes)
        elif self._sanitizer is not None:  # a verdict that comes late
            self._sanitizer.learn(changes)

    def _handle(self, event: Event) -> None:
        if self._packer is None:
            return
        try:
            self._packer.handle(event)
        except OSError as error:
            self._give_up(error)
        except Exception as error:  # one event that can't be written must not cost those after it; the packet says so
            self._packer.lost_events += 1
            logger.warning("%s: an event was lost: %s", self._target.name, type(error).__name__)

    def _seal(self, event: RunEnded) -> None:
        if self._packer is None or self._journal is None:
            return
        try:
            outcome = self._packer.finish(event)
            path = self._journal.seal(outcome)
            if self._keep(event):
                self._path = path
            elif is_exiting():
                path.unlink()  # nobody is left who could want it back
            else:
                self._dropped = path.rename(path.with_name(f".{path.name}.dropped"))
                weakref.finalize(self, _remove, self._dropped, self._pid)
        except OSError as error:
            self._give_up(error)
        self._packer = None

    def _amend(self, verdict: Verdict) -> None:
        try:
            if self._dropped is not None and self._dropped.exists() and not verdict.passed:
                self._path = self._dropped.rename(self._target)
                self._dropped = None
            if self._path is not None:
                assert self._sanitizer is not None  # there is a packet, so there was one
                amend_outcome(self._path, verdict=clean_verdict(self._sanitizer, verdict))
        except (OSError, PacketError, SanitizeError) as error:
            logger.warning("the verdict could not be added to %s: %s", self._target.name, error)

    def _give_up(self, error: OSError) -> None:
        logger.warning("no packet will be written to %s: %s", self._target.parent, error.strerror or error)
        self._packer = None  # what comes after it is not even looked at
        if self._journal is not None:
            self._journal.close()


def _remove(path: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child that exits has a copy of this, but not the right
        path.unlink(missing_ok=True)
