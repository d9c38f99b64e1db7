"""The spawn tree of one run: where code is, as a path that is the same in every execution."""

from __future__ import annotations

import functools
import itertools

# The characters a path is built from. "%" too, so that two different names can never become the same segment.
_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "[": "%5B", "]": "%5D", "\n": "%0A", "\r": "%0D", "\t": "%09"})
_SEGMENT_MAX_CHARS = 120


@functools.lru_cache(maxsize=1024)
def escape(text: str) -> str:
    """Return `text` so that it can stand in a path: no "/", no brackets, one line, at most 120 characters."""
    return text.translate(_ESCAPES)[:_SEGMENT_MAX_CHARS]


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
        self._children: dict[str, itertools.count[int]] = {}
        self._calls: dict[str, itertools.count[int]] = {}

    def child(self, segment: str, *, is_adopted: bool = False) -> Node:
        """Allocate the next child called `segment`; its number counts same-named earlier siblings."""
        segment = escape(segment)
        number = _next(self._children, segment)
        prefix = f"{self.path}/" if self.path else ""
        return Node(self.run, f"{prefix}{segment}[{number}]", self, is_adopted or self.is_adopted)

    def ordinal(self, key: str) -> int:
        """Count the calls made here under `key` ("boundary:name"): 0, 1, 2, ..."""
        return _next(self._calls, key)

    def __repr__(self) -> str:
        return f"Node({self.path!r})"


def _next(counters: dict[str, itertools.count[int]], key: str) -> int:
    # `setdefault` and `next` are one step each for other threads; a read-add-write would lose numbers.
    counter = counters.get(key)
    if counter is None:
        counter = counters.setdefault(key, itertools.count())
    return next(counter)
