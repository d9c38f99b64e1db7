"""Values for secret variables that a replay's machine does not have: SDKs refuse to start without a key."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from replaykit.packet import Packet
from replaykit.session.live import secret_variables
from replaykit.session.rules import PROJECT_KEY

PLACEHOLDER = "replaykit-placeholder"
"""Value of a secret variable that was set while recording and is not now, where the packet has no stand-in for it."""

_users: Counter[str] = Counter()
_values: dict[str, str] = {}
_lent: dict[str, str] = {}
_lock = threading.Lock()


def values_for(packet: Packet) -> dict[str, str]:
    """By variable: the stand-in that the recording has for its value, else a placeholder.

    None for the project's key: only the key itself can check anything.
    """
    # The longest: what a variable holds may have come up without the line end behind it.
    lines = sorted(packet.stand_ins, key=lambda line: len(line.stand_in))
    known = {line.variable: line.stand_in for line in lines if line.variable is not None}
    made = {**dict.fromkeys(secret_variables(packet), PLACEHOLDER), **known}
    return {name: value for name, value in made.items() if name != PROJECT_KEY}


def missing(values: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the variables that are not set."""
    return tuple(name for name in values if name not in os.environ)


def add(values: Mapping[str, str]) -> tuple[str, ...]:
    """Sets each variable that is not set. Returns the names to `remove`: replays that overlap share them."""
    with _lock:
        names = tuple(name for name in values if name not in os.environ or name in _users)
        for name in names:
            _users[name] += 1
            if name not in os.environ:
                os.environ[name] = _values[name] = values[name]
        return names


def remove(names: tuple[str, ...]) -> None:
    """Unsets the variables, each with the last replay that used it; a value of the program's own stays."""
    with _lock:
        for name in names:
            _users[name] -= 1
            if _users[name] > 0:
                continue
            del _users[name]
            if os.environ.get(name) == _values.pop(name, None):
                os.environ.pop(name, None)


@contextmanager
def lend(values: Mapping[str, str]) -> Iterator[None]:
    """While code is imported that wants a key at once. What it keeps of it, every replay knows as the variable's value.

    A variable has the same value each time: two imports may hand it to each other.
    """
    names = add({name: _lent.setdefault(name, value) for name, value in values.items()})
    try:
        yield
    finally:
        remove(names)


def lent() -> Mapping[str, str]:
    """What was lent so far, by variable."""
    return _lent
