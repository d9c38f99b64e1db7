"""Shuffled durations: by seed and subject alone."""

from __future__ import annotations

import subprocess
import sys

from replaykit.determinism.orders import FASTEST, JITTER_NS, SLOWEST, Shuffled
from replaykit.determinism.schedule import CALL

SECOND = 1_000_000_000


def delays(seed: int, names: str, recorded_ns: int = SECOND) -> list[int]:
    order = Shuffled(seed)
    return [order.delay_ns((CALL, name, 0), recorded_ns) for name in names]


def test_a_delay_does_not_depend_on_what_was_asked_before() -> None:
    assert delays(1, "abc") == delays(1, "cba")[::-1]
    assert delays(1, "abc") != delays(2, "abc")


def test_delays_stay_in_their_bounds_and_reach_them() -> None:
    found = [delay / SECOND for seed in range(400) for delay in delays(seed, "ab")]

    assert FASTEST <= min(found) < 2 * FASTEST
    assert SLOWEST / 2 < max(found) <= SLOWEST + JITTER_NS / SECOND


def test_what_took_no_time_is_shuffled_as_well() -> None:
    assert {first < second for first, second in (delays(seed, "ab", 0) for seed in range(20))} == {True, False}


def test_another_process_draws_the_same() -> None:
    code = "from tests.determinism.test_orders import delays; print(delays(3, 'abc'))"

    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert there.stdout.strip() == str(delays(3, "abc"))
