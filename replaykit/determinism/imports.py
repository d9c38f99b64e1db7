"""Do something to a module as soon as it is imported, or at once if it is."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

Callback = Callable[[ModuleType], None]


class _Loader(importlib.abc.Loader):
    """The module's own loader, and then the callbacks."""

    def __init__(self, inner: importlib.abc.Loader, finder: _Finder, name: str) -> None:
        self._inner, self._finder, self._name = inner, finder, name

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._inner  # resources and `inspect` must find the real one
        module.__loader__ = self._inner
        self._inner.exec_module(module)
        self._finder.run(self._name, module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callback]] = {}
        self._searching: set[str] = set()

    def add(self, name: str, callback: Callback) -> None:
        self._callbacks.setdefault(name, []).append(callback)

    def remove(self, name: str, callback: Callback) -> None:
        waiting = self._callbacks.get(name, [])
        if callback in waiting:
            waiting.remove(callback)
        if not waiting:
            self._callbacks.pop(name, None)

    @property
    def is_idle(self) -> bool:
        return not self._callbacks

    def run(self, name: str, module: ModuleType) -> None:
        for callback in tuple(self._callbacks.get(name, ())):
            callback(module)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._callbacks or name in self._searching:
            return None
        self._searching.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._searching.discard(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self, name)
        return spec


_finder = _Finder()


def when_imported(name: str, callback: Callback) -> Callable[[], None]:
    """Calls `callback(module)` once the module `name` is there. Returns what takes the wish back."""
    module = sys.modules.get(name)
    if module is not None:
        callback(module)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _finder.add(name, callback)

    def undo() -> None:
        _finder.remove(name, callback)
        if _finder.is_idle and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)

    return undo
