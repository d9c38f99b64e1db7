"""Work that is handed to processes which run already: no hook sees what they do, so handing it over is asked about.

A pool that is made in a run asks for each process that it starts. One that was warmed up before would go out unseen.
Out of reach: a pipe to a program that was started before.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from replaykit.determinism import lineage
from replaykit.determinism.imports import when_imported
from replaykit.interceptors.guard_egress import Egress
from replaykit.interceptors.guard_gate import gates
from replaykit.interceptors.guard_patch import Patches

_POOLS = {
    "concurrent.futures.process": ("ProcessPoolExecutor", ("submit",)),
    "multiprocessing.pool": (
        "Pool",
        ("apply", "apply_async", "imap", "imap_unordered", "map", "map_async", "starmap", "starmap_async"),
    ),
}


def install(patches: Patches) -> list[Callable[[], None]]:
    """Hooks the pools that there are, and those that are imported later. Returns what takes the waiting back."""
    return [when_imported(name, functools.partial(_hook, patches, *entry)) for name, entry in _POOLS.items()]


def _hook(patches: Patches, owner: str, names: tuple[str, ...], module: ModuleType) -> None:
    for name in names:
        patches.replace(getattr(module, owner), name, _asking)


def _asking(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if lineage.current() is not None and not _is_of_threads(self):
            gates.ask("subprocess", _worker, self)
        return original(self, *args, **kwargs)

    return method


def _is_of_threads(pool: Any) -> bool:
    """`ThreadPool` is a `Pool` as well; what else is called after threads may have processes."""
    module = sys.modules.get("multiprocessing.pool")
    return module is not None and isinstance(pool, module.ThreadPool)


def _worker(pool: Any) -> Egress:
    return Egress("subprocess", f"a worker process of {type(pool).__name__}", names=("workers", "fork"))
