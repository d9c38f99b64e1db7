"""What a recorded run reads from its clock and from chance, noted in passing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from replaykit.determinism.effects import Shape
from replaykit.determinism.lineage import Node
from replaykit.session.events import EffectsRead, Stream

WALL = "time"
"""Source of the wall clock."""

MAX_VALUES = 1_000_000
"""Of one stream: a shuffle of as many things. A replay derives what comes after."""

MAX_STREAMS = 20_000
"""Of one run: each task has streams of its own."""

MAX_VALUE_BYTES = 64 * 1024

_PENDING = 2_000  # values that wait for the next event at most
_PENDING_BYTES = 256 * 1024

Key = tuple[str, str, str]  # lineage, source, origin


class EffectLog:
    """Answers every read with the real thing, and remembers what that was.

    Attributes:
        dropped: Values that were not kept, by what was too much of it.
    """

    def __init__(
        self,
        put: Callable[[EffectsRead, int], None],
        has_room: Callable[[int], bool],
        ignores: Callable[[Node], bool],
        began_ns: int,
    ) -> None:
        """`began_ns`: the monotonic clock at the start of the run."""
        self._put = put
        self._has_room = has_room
        self._ignores = ignores
        self._began_ns = began_ns
        self._lock = threading.RLock()  # re-entrant: a finalizer that reads may run at any allocation
        self._counts: Counter[Key] = Counter()
        self._pending: dict[Key, tuple[int, list[Any]]] = {}
        self._waiting = self._waiting_bytes = 0
        self.dropped = 0

    def value(
        self, node: Node, name: str, origin: str, shape: Shape, real: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        """The real value."""
        made = real(*args)
        self._keep(node, name, origin, made)
        return made

    def wall_ns(self, node: Node, origin: str, real: Callable[[], int]) -> int:
        """The real time."""
        now = real()
        self._keep(node, WALL, origin, now)
        return now

    def tick_ns(self, node: Node, name: str, origin: str, now_ns: int) -> int:
        """The same."""
        self._keep(node, name, origin, now_ns - self._began_ns)
        return now_ns

    def _keep(self, node: Node, name: str, origin: str, value: Any) -> None:
        try:
            if not self._ignores(node):
                self._note((node.path, name, origin), value)
        except Exception:  # the program asked what time it is: that must not fail for our sake
            self.dropped += 1

    def once(self, name: str, value: Any) -> None:
        """A fact about the whole process, known before the run's own code begins."""
        self._note(("", name, ""), value)

    def _note(self, key: Key, value: Any) -> None:
        size = len(value) if isinstance(value, bytes) else value.bit_length() // 8 if isinstance(value, int) else 8
        with self._lock:
            count = self._counts[key]
            is_too_much = count >= MAX_VALUES or (count == 0 and len(self._counts) > MAX_STREAMS)
            if is_too_much or size > MAX_VALUE_BYTES:
                self.dropped += 1
                if is_too_much:
                    return
                value = None
            self._counts[key] = count + 1
            pending = self._pending.get(key)
            if pending is None:
                pending = self._pending[key] = (count, [])
            pending[1].append(value)
            self._waiting += 1
            self._waiting_bytes += size
            is_full = self._waiting >= _PENDING or self._waiting_bytes >= _PENDING_BYTES
        if is_full:
            self.flush()

    def flush(self) -> None:
        """Hands over what was read since the last time."""
        if not self._waiting:
            return
        with self._lock:
            streams = tuple(Stream(*key, first, tuple(values)) for key, (first, values) in self._pending.items())
            count, size = self._waiting, self._waiting_bytes
            self._pending = {}
            self._waiting = self._waiting_bytes = 0
        size += 64 * count
        if self._has_room(size):
            self._put(EffectsRead(streams), size)
        else:
            self.dropped += count
