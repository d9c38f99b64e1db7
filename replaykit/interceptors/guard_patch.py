"""Replaced attributes that find their way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class _Patch:
    owner: Any
    name: str
    original: Any
    replacement: Any
    was_inherited: bool


class Patches:
    """Attributes of modules and classes that were replaced, and how to undo it."""

    __slots__ = ("_patches",)

    def __init__(self) -> None:
        self._patches: list[_Patch] = []

    def replace(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        patch = _Patch(owner, name, original, wrap(original), name not in vars(owner))
        setattr(owner, name, patch.replacement)
        self._patches.append(patch)

    def undo(self) -> None:
        """Put the originals back. What somebody else wrapped since stays; our layer in it passes everything on."""
        while self._patches:
            patch = self._patches.pop()
            if vars(patch.owner).get(patch.name) is not patch.replacement:
                continue
            if patch.was_inherited:
                delattr(patch.owner, patch.name)
            else:
                setattr(patch.owner, patch.name, patch.original)
