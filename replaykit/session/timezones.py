"""The zone of local times, for as long as a run is replayed that was recorded in another one."""

from __future__ import annotations

import os
import threading
import time
import zoneinfo
from collections.abc import Callable

_lock = threading.Lock()
_used: list[list[str]] = []  # by each replay under way, the last one counts
_own: str | None = None  # `TZ` as it was before the first of them


def is_known(name: str) -> bool:
    """True if this machine knows a zone of that name."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def use(name: str) -> Callable[[], None] | None:
    """Local times are those of this zone from here on, in the whole process.

    Returns what ends that; None where there is no such zone, or no way to change it.
    """
    global _own
    if not hasattr(time, "tzset") or not is_known(name):
        return None
    mine = [name]
    with _lock:
        if not _used:
            _own = os.environ.get("TZ")
        _used.append(mine)
        _set(name)

    def end() -> None:
        with _lock:
            if any(mine is other for other in _used):
                _used[:] = [other for other in _used if other is not mine]
                _set(_used[-1][0] if _used else _own)

    return end


def _set(name: str | None) -> None:
    if name is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = name
    time.tzset()
