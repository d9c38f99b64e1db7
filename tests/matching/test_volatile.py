"""What differs in every run by its nature."""

from __future__ import annotations

from typing import Any

import pytest

from replaykit.matching.volatile import is_volatile_change


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        ("id 1b4e28ba-2fa1-11d2-883f-0016d3cca427.", "id 6fa459ea-ee8a-3ca4-894e-db77e160355e."),
        ("now: 2026-01-31T08:15:00Z", "now: 2026-02-01T09:16:01.5Z"),
        ("Today is Saturday, January 31, 2026", "Today is Sunday, February 1, 2026"),
        ("on 31 Jan 2026 at 8:15 AM", "on 1 Feb 2026 at 11:20 PM"),
        ("It is 08:15", "It is 09:16"),
        ("request 3f9a2b1c done", "request 77aa01bc done"),
        ("t=1767225600.123456", "t=1767225999.654321"),
        ("order 4711234", "order 9988776"),
        (1767225600, 1767225999),
        (1767225600123, 1767225999321),
        (0.123456789, 0.987654321),
    ],
)
def test_times_ids_and_random_numbers_are_volatile(recorded: Any, now: Any) -> None:
    assert is_volatile_change(recorded, now)


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        ("the top 3 results", "the top 5 results"),
        ("You may decide", "You march on"),
        ("at 08:15 be careful", "at 09:16 be cautious"),
        ("deadbeef", "feedface"),
        ("version 1.2", "version 1.3"),
        (3, 5),
        (1234567, 1234568),
        (10**12, 10**12 + 1),
        (10**30, 10**30 + 1),
        (0.5, 0.7),
        (True, False),
        ("same", "same"),
        ("2026-01-31", None),
    ],
)
def test_anything_else_is_not(recorded: Any, now: Any) -> None:
    assert not is_volatile_change(recorded, now)
