"""The environment of this process, watched: programs set their secrets while they run (`load_dotenv`)."""

from __future__ import annotations

import os
from typing import Any


class Environment:
    """What `os.environ` holds, and whether that has changed."""

    def __init__(self) -> None:
        self._seen = _raw()

    def changes(self) -> dict[str, str]:
        """Variables that were set, or set to something else, since the last time."""
        now = _raw()
        if now == self._seen:
            return {}
        before, self._seen = self._seen, now
        fresh = (name for name, value in now.items() if before.get(name) != value)
        return {_text(name): _text(now[name]) for name in fresh}


def _raw() -> dict[Any, Any]:
    # `os.environ` decodes each name and value that it is asked for, which takes longer than all else that is done for
    # a call. What it holds itself compares in a microsecond; a copy of a dict is made in one step.
    held = getattr(os.environ, "_data", None)
    return dict(held) if isinstance(held, dict) else dict(os.environ)


def _text(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)
