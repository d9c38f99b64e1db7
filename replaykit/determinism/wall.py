"""The wall clock, caught below Python: time-machine replaces the C functions, and asks us what time it is.

Without a traveller of its own, who would make time stand still or jump: a recording gets the real time.
"""

from __future__ import annotations

import datetime
import functools
import importlib
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from replaykit.determinism.effects import find_site
from replaykit.determinism.imports import when_imported

_PYTEST = "pytest"
_undo: list[Callable[[], None]] = []


class _Clock:
    """What time-machine takes for the traveller whose time it is."""

    def __init__(self, machine: Any) -> None:
        self._machine = machine

    def time_ns(self) -> int:
        site = find_site(sys._getframe(1))
        return self.real_ns() if site is None else site.source.wall_ns(site.node, site.reader.origin, self.real_ns)

    def real_ns(self) -> int:
        """The time without us: the machine's, or that of whoever was travelling already."""
        stack = self._machine.traveller_stack
        below = stack.index(self) - 1 if self in stack else -1
        found: int = stack[below].time_ns() if below >= 0 else self._machine._time_machine.original_time_ns()
        return found

    def _stop(self) -> None:
        """Somebody else's journey has ended, and took us off the stack for itself."""
        stack = self._machine.traveller_stack
        if self is not _clock or self in stack:
            return
        if stack:
            stack.pop()._stop()
        stack.append(self)


_clock: _Clock | None = None


def install() -> None:
    """Asks for the time from here on."""
    global _clock
    if datetime.datetime.__module__ != "datetime":
        return  # freezegun is at work: its time is the same each time, and time-machine can't be loaded over it
    machine = _load()
    if not machine.traveller_stack:
        machine._time_machine.patch()
        # As if it were a journey of theirs: the last one to stop puts these back.
        machine.original_uuid_generate_time_safe = uuid.__dict__.get("_generate_time_safe")
        machine.original_uuid_uuid_create = uuid.__dict__.get("_UuidCreate")
    _clock = _Clock(machine)
    machine.traveller_stack.append(_clock)
    _undo.extend(_by_the_clock(name, now) for name, now in _TEXTS.items())
    forget_last_uuid()


# These ask C for the time themselves, and time-machine does not have them.
_TEXTS: dict[str, Callable[[], Any]] = {"ctime": lambda: time.time(), "asctime": lambda: time.localtime()}


def _by_the_clock(name: str, now: Callable[[], Any]) -> Callable[[], None]:
    """Gives that function of `time` the time where its caller gives it none. Returns what takes that back."""
    original = getattr(time, name)

    @functools.wraps(original)
    def text(*args: Any) -> str:
        made: str = original(*(args if args and args[0] is not None else (now(),)))
        return made

    def undo() -> None:
        if getattr(time, name) is text:
            setattr(time, name, original)

    setattr(time, name, text)
    return undo


def uninstall() -> None:
    """The functions of `time` and `datetime` are as they were."""
    global _clock
    while _undo:
        _undo.pop()()
    if _clock is None:
        return
    machine, clock = _clock._machine, _clock
    _clock = None
    if clock in machine.traveller_stack:
        machine.traveller_stack.remove(clock)
    forget_last_uuid()
    if not machine.traveller_stack:
        machine._time_machine.unpatch()
        # Where somebody's journey began before ours, and has ended, this is still to be done for them.
        uuid.__dict__["_generate_time_safe"] = machine.original_uuid_generate_time_safe
        uuid.__dict__["_UuidCreate"] = machine.original_uuid_uuid_create
        machine.original_uuid_generate_time_safe = machine.original_uuid_uuid_create = None


def is_faked() -> bool:
    """True while somebody else's journey goes on, inside ours or around it."""
    return _clock is not None and any(traveller is not _clock for traveller in _clock._machine.traveller_stack)


def forget_last_uuid() -> None:
    """`uuid1`, `uuid6` and `uuid7` never go behind the last one of the process, which may be of another time."""
    for name in ("_last_timestamp", "_last_timestamp_v6", "_last_timestamp_v7"):
        if name in uuid.__dict__:
            uuid.__dict__[name] = None


def _load() -> Any:
    """time-machine, without pytest where the program has not imported that: it would take a fifth of a second.

    Should pytest come later, time-machine is loaded once more, for it is a plugin of pytest as well.
    """
    if "time_machine" in sys.modules or _PYTEST in sys.modules:
        return importlib.import_module("time_machine")
    sys.modules[_PYTEST] = None  # type: ignore[assignment]  # makes its import fail
    try:
        machine = importlib.import_module("time_machine")
    finally:
        del sys.modules[_PYTEST]
    machine.__doc__ = "PYTEST_DONT_REWRITE"  # else pytest warns that it came too late for this plugin's assertions
    _undo.append(when_imported(_PYTEST, lambda _: _load_again(machine)))
    return machine


def _load_again(machine: Any) -> None:
    stack, before = machine.traveller_stack, machine.original_uuid_generate_time_safe
    create = machine.original_uuid_uuid_create
    importlib.reload(machine)
    machine.__doc__ = "PYTEST_DONT_REWRITE"
    machine.traveller_stack[:] = stack
    machine.original_uuid_generate_time_safe, machine.original_uuid_uuid_create = before, create
