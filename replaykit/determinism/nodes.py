"""The spawn tree of one run: where code is, as a path that is the same in every execution."""

from __future__ import annotations

import functools
import itertools
import threading

# The characters a path is built from. "%" too, so that two different names can never become the same segment.
_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "[": "%5B", "]": "%5D", "\n": "%0A", "\r": "%0D", "\t": "%09"})
_SEGMENT_MAX_CHARS = 120


@functools.lru_cache(maxsize=1024)
def escape(text: str) -> str:
    """Return `text` so that it can stand in a path: no "/", no brackets, one line, at most 120 characters."""
    return text.translate(_ESCAPES)[:_SEGMENT_MAX_CHARS]


_lock = threading.RLock()


class Node:
    """A place in the spawn tree of one run.

    Attributes:
        run: What `begin` was given; opaque here.
        path: "" for the root, else `segment[n]/segment[n]`.
        parent: None for the root.
        is_adopted: This node, or one above it, was not seen when it was spawned; its number is a best guess.
    """

    __slots__ = ("__weakref__", "_calls", "_children", "is_adopted", "parent", "path", "run")

    def __init__(self, run: object, path: str = "", parent: Node | None = None, is_adopted: bool = False) -> None:
        self.run = run
        self.path = path
        self.parent = parent
        self.is_adopted = is_adopted
        self._children: dict[str, itertools.count[int]] | None = None  # most tasks have none
        self._calls: dict[str, itertools.count[int]] | None = None

    def child(self, segment: str, *, is_adopted: bool = False) -> Node:
        """Allocate the next child called `segment`; its number counts same-named earlier siblings."""
        return self.child_at(segment, self.next_number(segment), is_adopted=is_adopted)

    def next_number(self, segment: str) -> int:
        """The first half of `child`: the number it is to have."""
        if self._children is None:
            with _lock:
                self._children = self._children or {}
        return _next(self._children, escape(segment))

    def child_at(self, segment: str, number: int, *, is_adopted: bool = False) -> Node:
        """The other half."""
        segment = escape(segment)
        path = f"{self.path}/{segment}[{number}]" if self.path else f"{segment}[{number}]"
        return Node(self.run, path, self, is_adopted or self.is_adopted)

    def ordinal(self, key: str) -> int:
        """Count the calls made here under `key` ("boundary:name"): 0, 1, 2, ..."""
        if self._calls is None:
            with _lock:
                self._calls = self._calls or {}
        return _next(self._calls, key)

    def __repr__(self) -> str:
        return f"Node({self.path!r})"


def _next(counters: dict[str, itertools.count[int]], key: str) -> int:
    # `setdefault` and `next` are one step each for other threads; a read-add-write would lose numbers.
    counter = counters.get(key)
    if counter is None:
        counter = counters.setdefault(key, itertools.count())
    return next(counter)
