"""Install the hooks of this package while somebody needs them."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable

from replaykit.determinism import adoption, pending, strands
from replaykit.determinism.imports import when_imported
from replaykit.determinism.patches import Patch
from replaykit.errors import UsageError

_lock = threading.RLock()
_users = 0
_patches: dict[str, list[Patch]] = {}
_listening: list[Callable[[], None]] = []


def install() -> None:
    """Put the hooks in place; each call needs its `uninstall`.

    Raises:
        UsageError: A function to hook takes other parameters than in the tested versions. Nothing is hooked then.
    """
    global _users
    with _lock:
        if _users == 0:
            strands.begin_looking()
            strands.find_unseen = adoption.find
            try:
                _apply("python")
                _listening.append(when_imported("uvloop", lambda _: _apply_late("uvloop")))
                _listening.append(when_imported("anyio._backends._asyncio", lambda _: _apply_late("anyio")))
            except UsageError:
                _revert_all()
                raise
        _users += 1


def uninstall() -> None:
    """Take the hooks out when the last one who installed them has gone."""
    global _users
    with _lock:
        _users = max(_users - 1, 0)
        if _users == 0:
            _revert_all()
            pending.clear()


def _apply(group: str) -> None:
    with _lock:
        if group not in _patches:
            _patches[group] = _make(group)
        for patch in _patches[group]:
            patch.apply()


def _make(group: str) -> list[Patch]:
    # Imported here: these modules import asyncio, anyio and uvloop.
    from replaykit.determinism import task_hooks, worker_hooks

    if group == "uvloop":
        return task_hooks.loop_patches(sys.modules["uvloop"].Loop)
    if group == "anyio":
        return worker_hooks.anyio_patches(sys.modules["anyio._backends._asyncio"].AsyncIOBackend)
    return task_hooks.asyncio_patches() + worker_hooks.worker_patches()


def _revert_all() -> None:
    while _listening:
        _listening.pop()()
    for patches in _patches.values():
        for patch in reversed(patches):
            patch.revert()


def _apply_late(group: str) -> None:
    try:
        _apply(group)
    except UsageError as error:
        # An exception would come out of somebody's `import uvloop`. The calls are not lost: they are unattributed.
        warnings.warn(str(error), RuntimeWarning, stacklevel=2)
