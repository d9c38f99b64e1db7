"""Reads of the wall clock and of entropy, handed to the run that they belong to.

    effects.install()              # once for each run that wants it
    effects.attach(run, source)    # from here on `source` answers for the code of `run`
    effects.detach(run)
    effects.uninstall()

Code of other runs, of none, and machinery that must not be touched gets the real thing.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple, Protocol

from replaykit.determinism.nodes import Node
from replaykit.determinism.origins import Reader, find_reader
from replaykit.determinism.strands import current

Draw = Callable[[int], bytes]
"""Gives that many bytes which stand in for chance."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a kind of read gives.

    Attributes:
        load: The value of its stored form, given the arguments of the read. Raises ValueError or TypeError where the
            stored form is no answer to these.
        derive: A value made of drawn bytes. None: a read that was not stored may have the real value, for that is the
            same in each replay.
    """

    load: Callable[..., Any]
    derive: Callable[..., Any] | None


class Source(Protocol):
    """Answers the reads of one run, from any thread."""

    def value(
        self, node: Node, name: str, origin: str, shape: Shape, real: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        """What the program gets of the source `name`; `real(*args)` is the real thing."""

    def wall_ns(self, node: Node, origin: str, real: Callable[[], int]) -> int:
        """Time since the epoch."""

    def tick_ns(self, node: Node, name: str, origin: str, now_ns: int) -> int:
        """What waiting is measured by: the reading of the clock `name`, which is `now_ns` by this process's."""


class Site(NamedTuple):
    """A read that belongs to a run."""

    source: Source
    node: Node
    reader: Reader


_sources: dict[object, Source] = {}
_users = 0  # of the wall clock
_chance_users = 0
_lock = threading.RLock()


def find_site(frame: FrameType | None) -> Site | None:
    """The run and the reader of a read that `frame` makes; None: it gets the real thing."""
    if not _sources:
        return None
    node = current()
    if node is None:
        return None
    source = _sources.get(node.run)
    if source is None:
        return None
    reader = find_reader(frame)
    return Site(source, node, reader) if reader is not None else None


def install(*, has_chance: bool = True) -> None:
    """Puts the hooks in place; each call needs its `uninstall`.

    Args:
        has_chance: Those of entropy as well, and not of the wall clock alone.
    """
    global _users, _chance_users
    # Imported when it is needed: an ordinary recording has no use for it.
    from replaykit.determinism import entropy, wall

    with _lock:
        if _users == 0:
            wall.install()
        _users += 1
        try:
            if has_chance and _chance_users == 0:
                entropy.install()
        except BaseException:
            uninstall(has_chance=False)
            raise
        _chance_users += has_chance


def uninstall(*, has_chance: bool = True) -> None:
    """Puts back what was there, when the last one who installed the hooks has gone."""
    global _users, _chance_users
    from replaykit.determinism import entropy, wall

    with _lock:
        _chance_users -= has_chance
        if has_chance and _chance_users == 0:
            entropy.uninstall()
        _users -= 1
        if _users == 0:
            wall.uninstall()


def attach(run: object, source: Source) -> None:
    """From here on `source` answers for `run`."""
    _sources[run] = source


def detach(run: object) -> None:
    """The code of `run` gets real values again."""
    _sources.pop(run, None)


# the shapes of what is read


def _load_bytes(stored: Any, size: int) -> bytes:
    value = bytes.fromhex(stored)
    if len(value) != size:
        raise ValueError("another number of bytes")
    return value


def _load_bits(stored: Any, count: int) -> int:
    value = int(stored, 16) if isinstance(stored, str) else operator.index(stored)
    if not 0 <= value < 1 << count:
        raise ValueError("another number of bits")
    return value


def _load_float(stored: Any) -> float:
    if not isinstance(stored, float):
        raise TypeError("no float")
    return stored


def _load_spare(stored: Any) -> tuple[float, ...]:
    return tuple(map(_load_float, stored))


def _derive_bytes(draw: Draw, size: int) -> bytes:
    if operator.index(size) < 0:
        raise ValueError("negative argument not allowed")
    return draw(size)


def _derive_bits(draw: Draw, count: int) -> int:
    if operator.index(count) < 0:
        raise ValueError("number of bits must be non-negative")
    size = (count + 7) // 8
    return int.from_bytes(draw(size)) >> (size * 8 - count)


def _derive_float(draw: Draw) -> float:
    return float((int.from_bytes(draw(7)) >> 3) * 2.0**-53)  # as `random.SystemRandom` does


BYTES = Shape(_load_bytes, _derive_bytes)
BITS = Shape(_load_bits, _derive_bits)
FLOAT = Shape(_load_float, _derive_float)
SPARE = Shape(_load_spare, lambda draw: ())
