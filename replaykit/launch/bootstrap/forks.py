"""One process for each schedule, forked where all that they share has been imported: a schedule costs what it runs."""

from __future__ import annotations

import contextlib
import gc
import importlib
import math
import os
import signal
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import NoReturn

from replaykit.errors import Divergence
from replaykit.launch.bootstrap.plan import Plan, Seat
from replaykit.launch.bootstrap.refusal import RefuseAll

CONTROL = "control"
_LOOK_S = 0.005
_ROOTS = ("stdlib", "platstdlib", "purelib", "platlib")
# time-machine would bring pytest along, which changes what the output of a program is taken to be.
_NOT_LOADED = frozenset({"__main__", "sitecustomize", "usercustomize", "time_machine", "_time_machine"})

LATE_FACTOR, LATE_S = 10, 2.0
"""Where one came to no end, the others have this time: so often what the longest one took, and at least so long."""


def own_schedule(plan: Plan, seat: Seat) -> Plan:
    """The plan of this process; the same one, unless it asks for many schedules.

    Then it comes back once in each of as many forks, and never in the process that was started, which sees to them and
    ends. The first fork replays the recorded order: the others run only if it is the same run there too.
    """
    if not plan.schedules:
        return plan
    _preload(plan)
    gc.freeze()  # what is there by now stays shared: no fork needs to look at it
    forks = _Forks(plan, seat)
    try:
        own = forks.run()
    except BaseException:
        forks.kill()
        raise
    return own if own is not None else _end()


def library_modules() -> list[str]:
    """What this process has imported that is no part of the program, in that order; nothing of a run of pytest."""
    if "_pytest" in sys.modules:
        return []  # its plugins want to be imported by it
    roots = tuple({path + os.sep for name in _ROOTS if (path := sysconfig.get_path(name))})
    places = [(name, getattr(module, "__file__", None) or "") for name, module in tuple(sys.modules.items())]
    return [name for name, place in places if place.startswith(roots) and name not in _NOT_LOADED]


def _preload(plan: Plan) -> None:
    """Imports what every fork would; nothing goes out meanwhile, and what can't be imported here is left to them."""
    gate = RefuseAll(plan.allow)
    gate.install()
    try:
        for name in plan.preloads:
            with contextlib.suppress(Exception, Divergence):
                importlib.import_module(name)
    finally:
        gate.uninstall()


def _end() -> NoReturn:
    """Of the process that only forks: the program does not run in it, and so nothing of it may run at exit."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class _Forks:
    def __init__(self, plan: Plan, seat: Seat) -> None:
        self._plan, self._seat = plan, seat
        self._running: dict[int, tuple[str, float]] = {}  # by process: the schedule, and when it began
        self._late: set[int] = set()
        self._limit_s = math.inf  # the recorded order has come to its end before
        self._longest_s = 0.0

    def run(self) -> Plan | None:
        """The plan, in a fork; None when all are over."""
        signal.signal(signal.SIGTERM, _terminated)
        one = replace(self._plan, schedules=0)
        control = iter([(CONTROL, replace(one, schedule="strict"))])
        own = self._run_all(control, 1)
        if own is not None or not self._seat.left_ok(CONTROL):
            return own
        self._limit_s = self._plan.limit_s
        seeds = range(self._plan.seed, self._plan.seed + self._plan.schedules)
        shuffled = ((str(seed), replace(one, schedule="shuffled", seed=seed)) for seed in seeds)
        return self._run_all(shuffled, os.cpu_count() or 1)

    def _run_all(self, plans: Iterator[tuple[str, Plan]], workers: int) -> Plan | None:
        while True:
            name, plan = next(plans, ("", None)) if len(self._running) < workers else ("", None)
            if plan is not None:
                if self._fork(name):
                    return plan
            elif not self._running:
                return None
            else:
                self._look()

    def _fork(self, name: str) -> bool:
        """True in the fork."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a library has begun a thread when it was imported
            pid = os.fork()
        if pid:
            self._running[pid] = (name, time.monotonic())
            return False
        self._running.clear()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._seat.take(name)
        self._seat.take_stdin()
        return True

    def _look(self) -> None:
        """Notes who has ended, and ends who is late."""
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid in self._running:
            name, began = self._running.pop(pid)
            self._seat.saw_end(name, os.waitstatus_to_exitcode(status), is_late=pid in self._late)
            if pid not in self._late:
                self._longest_s = max(self._longest_s, time.monotonic() - began)
        elif not pid:
            time.sleep(_LOOK_S)
        self._end_late()

    def _end_late(self) -> None:
        for pid, (_, began) in self._running.items():
            if time.monotonic() - began > self._limit_s and pid not in self._late:
                self._late.add(pid)
                os.kill(pid, signal.SIGKILL)
        if self._late:
            self._limit_s = min(self._limit_s, max(LATE_S, LATE_FACTOR * self._longest_s))

    def kill(self) -> None:
        """Ends all that still run."""
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)


def _terminated(number: int, frame: object) -> None:
    sys.exit(128 + number)
