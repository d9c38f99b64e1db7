"""The generator behind `numpy.random.rand` and its like: its state when the run begins stands for all that it gives.

Generators that numpy makes during the run seed themselves from `secrets`, which is caught there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from replaykit.determinism.imports import when_imported

SOURCE = "numpy.random"


def state() -> list[Any] | None:
    """The state in JSON; None where numpy was not imported yet, or runs on another generator."""
    module = sys.modules.get(SOURCE)
    if module is None:
        return None
    name, keys, position, has_gauss, gauss = module.get_state()
    return [name, [int(key) for key in keys], int(position), int(has_gauss), float(gauss)]


def play(recorded: Any) -> Callable[[], None]:
    """Sets the state, at once or when numpy is imported. Returns what puts the present one back."""
    if recorded is None:
        return lambda: None
    undo: list[Callable[[], None]] = []

    def restore(module: ModuleType) -> None:
        present = module.get_state()
        module.set_state(tuple(recorded))
        undo.append(lambda: module.set_state(present))

    undo.append(when_imported(SOURCE, restore))

    def put_back() -> None:
        while undo:
            undo.pop()()

    return put_back
