"""Which files a run writes: told by the audit hook, for the manifest. Nothing is refused.

A file that C code opens (but for sqlite) raises no event, and neither does one that was open before the run began.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NO_FILES = ("/dev/", "/proc/", "/sys/")

Told = Callable[[str, str], None]
"""Called in the thread that acts, with a verb and the path as it was given."""


class FileWrites:
    """Who is told of written files."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        self.told: tuple[Told, ...] = ()

    def watch(self, told: Told) -> None:
        self.told = (*self.told, told)

    def unwatch(self, told: Told) -> None:
        self.told = tuple(item for item in self.told if item != told)

    def saw(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit event named in `EVENTS` was raised. Never raises: the file is the agent's."""
        if event == "open" and not args[2] & _WRITING:
            return
        try:
            verb, index = EVENTS[event]
            path = args[index]
            if isinstance(path, int) or path is None:  # a descriptor: its file was told when it was opened
                return
            text = os.fsdecode(path)
            if _is_file_of_a_run(text):
                for told in self.told:
                    told(verb, text)
        except Exception:  # whatever a path can be: an error in an audit hook would end the agent's own call
            return


EVENTS: dict[str, tuple[str, int]] = {
    "open": ("wrote", 0),
    "os.rename": ("wrote", 1),
    "os.link": ("wrote", 1),
    "os.symlink": ("wrote", 1),
    "os.truncate": ("wrote", 0),
    "os.remove": ("removed", 0),
    "os.rmdir": ("removed", 0),
    "os.mkdir": ("made", 0),
    "sqlite3.connect": ("opened", 0),
}
"""Audit events, and where in their arguments the path stands."""

writes = FileWrites()


def _is_file_of_a_run(path: str) -> bool:
    """False for what is no file on a disk, and for what Python itself keeps."""
    if path.startswith((*_NO_FILES, ":memory:")) or not path:
        return False
    return "__pycache__" not in path and not path.endswith((".pyc", ".pyo"))
