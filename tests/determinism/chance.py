"""A source of a few lines: it notes who reads what, and answers with what was noted before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from replaykit.determinism import effects, lineage
from replaykit.determinism.effects import Shape
from replaykit.determinism.lineage import Node

Read = tuple[str, str, str]  # lineage, name, origin


class Dice:
    """Real values the first time, the same ones after `rewind`."""

    def __init__(self) -> None:
        self.noted: list[tuple[Read, Any]] = []
        self._played: dict[Read, list[Any]] | None = None

    @property
    def reads(self) -> list[Read]:
        return [read for read, _ in self.noted]

    def rewind(self) -> None:
        self._played = {}
        for read, value in self.noted:
            self._played.setdefault(read, []).append(value)
        self.noted = []

    def value(
        self, node: Node, name: str, origin: str, shape: Shape, real: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        return self._value((node.path, name, origin), lambda: real(*args))

    def wall_ns(self, node: Node, origin: str, real: Callable[[], int]) -> int:
        return int(self._value((node.path, "time", origin), real))

    def _value(self, read: Read, real: Callable[[], Any]) -> Any:
        value = real() if self._played is None else self._played[read].pop(0)
        self.noted.append((read, value))
        return value

    @contextmanager
    def thrown(self) -> Iterator[None]:
        """The block is a run whose chance this is."""
        effects.install()
        effects.attach(self, self)
        root = lineage.begin(self)
        try:
            yield
        finally:
            lineage.end(root)
            effects.detach(self)
            effects.uninstall()
