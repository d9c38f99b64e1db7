"""The time of a replay: it stands still while code runs, and jumps to whatever comes next."""

from __future__ import annotations

import time

real_monotonic_ns = time.monotonic_ns
real_sleep = time.sleep

READ_NS = 1_000
"""What reading the time costs of it: code that waits by looking at the clock comes to its end."""


class Clock:
    """Virtual time, counted in nanoseconds from the start of the run."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._base_ns = real_monotonic_ns()

    @property
    def now_ns(self) -> int:
        return self._now_ns

    def advance_to(self, time_ns: int) -> None:
        """Go forward; never back."""
        if time_ns > self._now_ns:
            self._now_ns = time_ns

    def monotonic_ns(self) -> int:
        """The reading of a monotonic clock. Each one is later than the one before."""
        self._now_ns += READ_NS
        return self._base_ns + self._now_ns

    def at(self, monotonic_s: float) -> int:
        """The time of the run at which the monotonic clock reads that."""
        return max(int(monotonic_s * 1e9) - self._base_ns, 0)
