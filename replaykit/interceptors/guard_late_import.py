"""Do something to a library right after it is imported, should it be imported later on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class LateImport(MetaPathFinder):
    """Calls back with the module while its import ends; the import fails with what the callback raises.

    It asks the other finders for the module and changes nothing but the one loader they return.
    """

    def __init__(self, module: str, imported: Callable[[ModuleType], None]) -> None:
        self._module = module
        self._imported = imported
        self._is_watching = False

    def watch(self) -> None:
        self._is_watching = True
        sys.meta_path.insert(0, self)

    def forget(self) -> None:
        self._is_watching = False
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module or not self._is_watching:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                self._follow(spec.loader)
                return spec
        return None

    def _follow(self, loader: Any) -> None:
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if self._is_watching:
                self._imported(module)

        loader.exec_module = exec_module
