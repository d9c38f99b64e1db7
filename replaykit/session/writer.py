"""The one background thread that turns events into packets.

The agent's threads only put references into a bounded queue. When the queue is full, bodies are dropped, never the
agent's time: the event goes in without its body, and the packet says so.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from collections.abc import Callable

from replaykit.packet.packet import pending_writers

MAX_PENDING_BYTES = 64 * 1024 * 1024
DRAIN_TIMEOUT_S = 10.0

Work = Callable[[], None]

logger = logging.getLogger("replaykit")


class Writer:
    """Runs pieces of work in order on one thread."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Work, int]] = queue.SimpleQueue()
        self._pending_bytes = 0
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="replaykit-writer", daemon=True)
        self._thread.start()

    def has_room(self, size: int) -> bool:
        """False if a body of `size` bytes should rather be dropped."""
        return self._pending_bytes + size <= MAX_PENDING_BYTES

    def put(self, work: Work, size: int = 0) -> None:
        """Does `work` after all that was put before. Never blocks for long, never raises."""
        with self._lock:
            self._pending_bytes += size
        self._queue.put((work, size))

    def drain(self, timeout_s: float = DRAIN_TIMEOUT_S) -> bool:
        """Waits until all that was put is done. False if it takes longer than `timeout_s`."""
        if threading.current_thread() is self._thread:
            return True
        reached = threading.Event()
        self.put(reached.set)
        return reached.wait(timeout_s)

    def _run(self) -> None:
        while True:
            work, size = self._queue.get()
            try:
                work()
            except Exception as error:  # the last stop: whatever goes wrong here must not stop the next run's packet
                logger.warning("a packet is incomplete: %s", type(error).__name__)
            with self._lock:
                self._pending_bytes -= size


_writer: Writer | None = None
_is_exiting = False
_creation = threading.RLock()


def writer() -> Writer:
    """The writer of this process."""
    global _writer
    with _creation:
        if _writer is None:
            _writer = Writer()
            atexit.register(_drain_at_exit)
            if drain not in pending_writers:
                pending_writers.append(drain)  # whoever loads a packet that is being written sees it whole
        return _writer


def drain(timeout_s: float = DRAIN_TIMEOUT_S) -> bool:
    """Waits until every event so far is written; True if it was in time."""
    return _writer.drain(timeout_s) if _writer is not None else True


def is_exiting() -> bool:
    """True once the process ends: what is written now is the last of it."""
    return _is_exiting


def _drain_at_exit() -> None:
    global _is_exiting
    _is_exiting = True
    if not drain():
        logger.warning("the writer did not finish in time; journals are left behind")


def _forget_in_child() -> None:
    """A forked child has no writer thread, and the parent's journals are the parent's."""
    global _writer, _creation
    _writer = None
    _creation = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
