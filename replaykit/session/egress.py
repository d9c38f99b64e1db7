"""What left a run, and by what right: captured by an interceptor, allowed by name, or neither; and what files it wrote.

Kept in memory while the run goes on, as counts by target; its place in the packet is the capture manifest.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["captured", "allowed", "uncaptured"]

MAX_TARGETS = 50
"""Different targets that one packet lists for each state."""

MAX_FILES = 50
"""Different files that one packet lists; the rest is a number."""


@dataclass(frozen=True, slots=True)
class Left:
    """Everything of one run, for its last event.

    Attributes:
        egress: State, target, and how often.
        more_files: How many files are not in `files`.
    """

    egress: tuple[tuple[State, str, int], ...] = ()
    files: tuple[str, ...] = ()
    more_files: int = 0

    @property
    def uncaptured(self) -> tuple[str, ...]:
        return tuple(target for state, target, _ in self.egress if state == "uncaptured")


class EgressLog:
    """Collects what leaves one run. Safe in every thread.

    Files below the folder where the run began are named relative to it, others below the user's own by `~/...`.
    """

    def __init__(self) -> None:
        self._prefixes = [(_folder(Path.cwd), ""), (_folder(Path.home), f"~{os.sep}")]
        self._counts: dict[State, Counter[str]] = {"captured": Counter(), "allowed": Counter(), "uncaptured": Counter()}
        self._addresses: set[str] = set()
        self._looked_up: dict[str, State] = {}  # names that no connect has followed yet
        self._files: dict[str, None] = {}
        self._more_files: set[int] = set()
        self._lock = threading.RLock()  # re-entrant: a signal handler or a finalizer may come in at any moment

    def request(self, url: str, *, is_kept: bool) -> None:
        """A request that an interceptor handles; telemetry is let through by the shipped rules, and not kept."""
        self.saw("captured" if is_kept else "allowed", host_of(url) if is_kept else f"telemetry {host_of(url)}")

    def saw(self, state: State, target: str, address: str = "", names: Sequence[str] = ()) -> None:
        """Something left, or is about to.

        Args:
            address: The target without the names that it is shown with.
            names: The names whose look-up gave that address: the look-ups were for this.
        """
        counts = self._counts[state]
        with self._lock:
            self._addresses.add(address)
            for looked_up in [host for host in self._looked_up if host.rpartition(":")[0] in names or host in names]:
                del self._looked_up[looked_up]
            if target in counts or len(counts) < MAX_TARGETS:
                counts[target] += 1

    def looked_up(self, state: State, target: str) -> None:
        """A name server was asked for a name. If no connect follows, that is all that left, and it can tell much."""
        with self._lock:
            if len(self._looked_up) < MAX_TARGETS:
                self._looked_up[target] = state

    def has(self, address: str) -> bool:
        """True if something was noted that went there."""
        return address in self._addresses

    def file(self, verb: str, path: str) -> None:
        """A file that was written; one that is removed again stays in the list."""
        name = self._short(os.path.abspath(path))  # noqa: PTH100 - resolves no link, touches no disk
        line = name if verb == "wrote" else f"{verb} {name}"
        with self._lock:
            if line in self._files:
                return
            if len(self._files) < MAX_FILES:
                self._files[line] = None
            else:
                self._more_files.add(hash(line))

    def left(self) -> Left:
        """All of it, so far."""
        with self._lock:
            egress = [
                (state, target, count) for state, counts in self._counts.items() for target, count in counts.items()
            ]
            egress += [(state, f"dns {target}", 1) for target, state in self._looked_up.items()]
            return Left(tuple(egress), tuple(self._files), len(self._more_files))

    def _short(self, path: str) -> str:
        for prefix, short in self._prefixes:
            if prefix and path.startswith(prefix):
                return short + path[len(prefix) :]
        return path


def host_of(url: str) -> str:
    """Host and port of a URL, without the name of a user."""
    return url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]


def _folder(find: Callable[[], Path]) -> str:
    """A folder with a separator at its end; empty where there is none, or all is in it."""
    try:
        return str(find()).rstrip(os.sep) + os.sep if find() != Path(os.sep) else ""
    except (OSError, RuntimeError):
        return ""
