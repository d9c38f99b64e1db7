"""The time of a replay: it stands still while code runs, and jumps to whatever comes next."""

from __future__ import annotations

import time

real_monotonic_ns = time.monotonic_ns
real_sleep = time.sleep

READ_NS = 1_000
"""What reading the time costs of it; the more, the longer nothing else happens: code that waits by looking at the clock
comes to its end."""

_READS = 100

FAR_S = 1e12
"""Instead of infinity, which asyncio takes for a time as well."""


class Clock:
    """Virtual time, counted in nanoseconds from the start of the run."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._reads = 0  # since anything happened
        self._base_ns = real_monotonic_ns()

    @property
    def now_ns(self) -> int:
        return self._now_ns

    def advance_to(self, time_ns: int) -> None:
        """Go forward; never back."""
        self._reads = 0
        if time_ns > self._now_ns:
            self._now_ns = time_ns

    def monotonic_ns(self) -> int:
        """The reading of a monotonic clock. Each one is later than the one before."""
        return self._base_ns + self.read_ns()

    def read_ns(self) -> int:
        """The time since the run began, for code that looks at it."""
        self._reads += 1
        self._now_ns += READ_NS * (1 + self._reads // _READS)
        return self._now_ns

    def reading_ns(self, time_ns: int) -> int:
        """What the monotonic clock reads at that time of the run."""
        return self._base_ns + time_ns

    def at(self, monotonic_s: float) -> int:
        """The time of the run at which the monotonic clock reads that."""
        if not monotonic_s > 0:  # no number, either: asyncio lets that run out at once
            return 0
        return max(int(min(monotonic_s, FAR_S) * 1e9) - self._base_ns, 0)
