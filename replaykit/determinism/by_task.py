"""What is known of each task that lives."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from weakref import ref

V = TypeVar("V")


class ByTask(Generic[V]):
    """By task, weakly: `weakref.WeakKeyDictionary` at half the price, which every spawn of a run pays.

    Safe in several threads: each method is one step of a dict, and a task that goes takes its entry with it in another.
    """

    __slots__ = ("_forget", "_items")

    def __init__(self) -> None:
        self._items: dict[ref[Any], V] = {}
        self._forget = self._items.__delitem__

    def get(self, task: Any) -> V | None:
        return self._items.get(ref(task))

    def put(self, task: Any, value: V) -> None:
        self._items[ref(task, self._forget)] = value

    def pop(self, task: Any) -> V | None:
        return self._items.pop(ref(task), None)

    def live(self) -> list[Any]:
        """The tasks that there are."""
        return [task for known in tuple(self._items) if (task := known()) is not None]

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, task: Any) -> bool:
        return ref(task) in self._items
