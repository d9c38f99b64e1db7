"""Checks of what a program hands to `record`, `replay` and `agent`: a mistake is named where it was made.

Each returns (`check_attempts` the checked value), or raises a `UsageError` that says what the argument takes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from replaykit.errors import UsageError
from replaykit.matching.policy import ATTEMPTS, SCHEDULES, AttemptsMode, ScheduleMode


def check_workflow(workflow: object) -> None:
    """Refuses a function. Any other name is made a text: it may come from data, which must not stop a service."""
    if callable(workflow):
        raise UsageError(
            "record() is no decorator: write `with replaykit.record(NAME):`, "
            "or put @replaykit.agent(NAME) on the function"
        )


def check_nested(nested: object) -> None:
    """Refuses what is neither `span` nor `new`."""
    if nested not in ("span", "new"):
        raise UsageError(f'record(nested=...) is "span" or "new", not {_shown(nested)}')


def check_stubs(stubs: object) -> None:
    """Refuses what has no answers by name."""
    is_named = isinstance(stubs, Mapping) and all(isinstance(name, str) for name in stubs)
    if stubs is not None and not is_named:
        raise UsageError(
            f'replay(stubs=...) takes answers by the name of a tool, such as {{"look_up": fn}}, not {_shown(stubs)}'
        )


def check_grace(grace_s: object) -> None:
    """Refuses what is no time to wait."""
    is_number = isinstance(grace_s, int | float) and not isinstance(grace_s, bool)
    if not is_number or not 0 <= grace_s <= threading.TIMEOUT_MAX:  # type: ignore[operator]  # a number, as just checked
        raise UsageError(f"replay(grace_s=...) takes seconds, 0 or more, not {_shown(grace_s)}")


def check_attempts(attempts: object) -> AttemptsMode:
    """Refuses what is neither `all` nor `final`."""
    for mode in ATTEMPTS:
        if attempts == mode:
            return mode
    raise UsageError(f'replay(attempts=...) is "all" or "final", not {_shown(attempts)}')


def check_schedule(schedule: object, seed: object) -> ScheduleMode:
    """Refuses what is no schedule, and a seed that is no whole number."""
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise UsageError(f"replay(seed=...) takes a whole number, not {_shown(seed)}")
    for mode in SCHEDULES:
        if schedule == mode:
            return mode
    raise UsageError(f'replay(schedule=...) is "strict", "natural" or "shuffled", not {_shown(schedule)}')


def check_function(function: object, decorator: str) -> None:
    """Refuses what is no function."""
    if not callable(function) or not hasattr(function, "__qualname__"):
        raise UsageError(f"@{decorator} takes a function, not {_shown(function)}")


def _shown(value: object) -> str:
    """A value of a program's, in a few characters; a large or a private one only by its type."""
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str) and len(value) <= 40:
        return repr(value)
    return f"a {type(value).__name__}"
