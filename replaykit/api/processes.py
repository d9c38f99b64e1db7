"""Which run a child process belongs to: the environment tells it, and it writes a linked packet of its own."""

from __future__ import annotations

import os
import threading

PARENT = "REPLAYKIT_PARENT"

_open: list[str] = []
_inherited: str | None = None
_lock = threading.Lock()


def parent() -> str | None:
    """The run that this process was started by; never a run of this process."""
    with _lock:
        return _inherited if _open else os.environ.get(PARENT)


def enter(run_id: str) -> None:
    """Children that are started from here on belong to this run. Of runs that overlap, to the one begun last."""
    global _inherited
    with _lock:
        if not _open:
            _inherited = os.environ.get(PARENT)
        _open.append(run_id)
        os.environ[PARENT] = run_id


def leave(run_id: str) -> None:
    """The run has ended."""
    with _lock:
        if run_id in _open:
            _open.remove(run_id)
        before = _open[-1] if _open else _inherited
        if before is None:
            os.environ.pop(PARENT, None)
        else:
            os.environ[PARENT] = before


def _forget_in_child() -> None:
    """In a forked child the runs of this process are its parent's, and the environment names the last of them."""
    global _lock
    _open.clear()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
