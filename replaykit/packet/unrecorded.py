"""What stands in a rebuilt object for a value that the recording has only the type of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn


class UnrecordedError(Exception):
    """Something was needed that was not recorded."""


def _refuse(what: str) -> NoReturn:
    raise UnrecordedError(what)


class Gate:
    """Told when an unrecorded value is used; never returns.

    Attributes:
        on_use: Given what it is. While an object is still being made it is an error of the making.
    """

    def __init__(self) -> None:
        self.on_use: Callable[[str], NoReturn] = _refuse


class Unrecorded:
    """Can be passed around and compared with `is`; any other use ends at its gate."""

    __slots__ = ("_gate", "_what")

    def __init__(self, gate: Gate, what: str) -> None:
        object.__setattr__(self, "_gate", gate)
        object.__setattr__(self, "_what", what)

    def __getattribute__(self, name: str) -> Any:
        _used(self)

    def __setattr__(self, name: str, value: Any) -> None:
        _used(self)


def _used(value: Any, *args: Any, **kwargs: Any) -> NoReturn:
    gate: Gate = object.__getattribute__(value, "_gate")
    gate.on_use(object.__getattribute__(value, "_what"))


# Python looks these up on the class; without them it would say that the agent's code is wrong.
_OPERATIONS = """
    repr str format bytes bool hash eq ne lt le gt ge len iter next reversed contains getitem setitem delitem call
    int float index add radd sub mul mod enter exit aenter aexit await aiter anext fspath dir delattr
"""
for _name in _OPERATIONS.split():
    setattr(Unrecorded, f"__{_name}__", _used)
