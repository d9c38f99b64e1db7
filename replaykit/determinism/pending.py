"""Strands of spawns whose task object is not there yet.

A spawn submitted from another thread becomes a task later, in the loop's thread; an eager task runs its first step
inside `create_task`, before the caller sees it; `as_completed` numbers all its coroutines before the first starts.
All are found again by the coroutine.
"""

from __future__ import annotations

import weakref
from typing import Any

from replaykit.determinism.strands import Strand

jobs: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""By the future of an executor: the job whose result it is."""

_waiting: dict[int, tuple[Any, Strand]] = {}


def put(coroutine: Any, strand: Strand) -> None:
    """Keep `strand` until the task of `coroutine` is made; a coroutine that is thrown away takes its entry with it."""
    key = id(coroutine)
    try:
        ref: Any = weakref.ref(coroutine, lambda _: _waiting.pop(key, None))
    except TypeError:  # coroutines written in C can't be referenced weakly; they are spawned at once, never parked
        ref = lambda: coroutine  # noqa: E731
    _waiting[key] = (ref, strand)


def get(coroutine: Any) -> Strand | None:
    entry = _waiting.get(id(coroutine))
    return entry[1] if entry is not None and entry[0]() is coroutine else None


def take(coroutine: Any) -> Strand | None:
    if not _waiting:
        return None
    strand = get(coroutine)
    if strand is not None:
        _waiting.pop(id(coroutine), None)
    return strand


def clear() -> None:
    _waiting.clear()


def count() -> int:
    return len(_waiting)
