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
_CLOCKS = ("clock", "uvloop clock")
_clock_users = 0
_clock_listening: list[Callable[[], None]] = []


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


def install_clock() -> None:
    """The same for the clocks that a replay turns; each call needs its `uninstall_clock`."""
    global _clock_users
    with _lock:
        if _clock_users == 0:
            _apply("clock")
            _clock_listening.append(when_imported("uvloop", lambda _: _apply_late("uvloop clock")))
        _clock_users += 1


def uninstall_clock() -> None:
    """Real time again, when the last one who installed the hooks has gone."""
    global _clock_users
    with _lock:
        _clock_users = max(_clock_users - 1, 0)
        if _clock_users == 0:
            while _clock_listening:
                _clock_listening.pop()()
            _revert("clock", "uvloop clock")


def _apply(group: str) -> None:
    with _lock:
        if group not in _patches:
            _patches[group] = _make(group)
        for patch in _patches[group]:
            patch.apply()


def _make(group: str) -> list[Patch]:
    # Imported here: these modules import asyncio, anyio and uvloop.
    from replaykit.determinism import task_hooks, task_sets, time_hooks, worker_hooks

    if group == "uvloop":
        loop = sys.modules["uvloop"].Loop
        return task_hooks.loop_patches(loop) + time_hooks.timer_patches(loop)
    if group == "uvloop clock":
        return time_hooks.loop_clock_patches(sys.modules["uvloop"].Loop)
    if group == "clock":
        return time_hooks.clock_patches()
    if group == "anyio":
        backend = sys.modules["anyio._backends._asyncio"]
        return worker_hooks.anyio_patches(backend.AsyncIOBackend) + task_sets.anyio_patches(backend)
    return (
        task_hooks.asyncio_patches()
        + task_sets.asyncio_patches()
        + worker_hooks.worker_patches()
        + time_hooks.asyncio_patches()
    )


def _revert_all() -> None:
    while _listening:
        _listening.pop()()
    _revert(*(group for group in _patches if group not in _CLOCKS))


def _revert(*groups: str) -> None:
    for group in groups:
        for patch in reversed(_patches.get(group, [])):
            patch.revert()


def _apply_late(group: str) -> None:
    try:
        _apply(group)
    except UsageError as error:
        # An exception would come out of somebody's `import uvloop`. The calls are not lost: they are unattributed.
        warnings.warn(str(error), RuntimeWarning, stacklevel=2)
