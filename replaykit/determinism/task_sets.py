"""The tasks of a group, and the scopes in one of anyio's, in the order in which they were started.

asyncio and anyio keep them in sets, and tasks are hashed by their addresses: which sibling of a task that failed is
cancelled first would be another one in each process, and no agent could sort them.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from replaykit.determinism.patches import Patch

_SETS = ("_tasks", "_child_scopes")


class TaskSet(dict[Any, None]):
    """What a group asks of a set, in the order in which things came into it: a dictionary, which has that order."""

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self))}}}"

    def add(self, task: Any) -> None:
        self[task] = None

    def discard(self, task: Any) -> None:
        self.pop(task, None)

    def remove(self, task: Any) -> None:
        del self[task]


def asyncio_patches() -> list[Patch]:
    return [Patch(asyncio.TaskGroup, "__init__", _wrap_init, ("self",))]


def anyio_patches(backend: Any) -> list[Patch]:
    """Of the module that runs anyio on asyncio."""
    return [Patch(owner, "__init__", _wrap_init, ("self",)) for owner in (backend.CancelScope, backend.TaskGroup)]


def _wrap_init(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # it stands for one
        original(self, *args, **kwargs)
        for name in _SETS:
            if type(getattr(self, name, None)) is set:
                setattr(self, name, TaskSet.fromkeys(getattr(self, name)))

    return __init__
