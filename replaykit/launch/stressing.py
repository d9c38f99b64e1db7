"""Replays a packet under many shuffled schedules, in processes of their own."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from replaykit.api.stressing import check_count
from replaykit.launch.bootstrap.plan import STDIN, Ended, Exchange
from replaykit.launch.places import relative
from replaykit.launch.replaying import Options, Prepared, Replayed, prepare
from replaykit.session.report import Report
from replaykit.session.stress import StressReport, Tally

MIN_LIMIT_S = 20.0
LIMIT_FACTOR = 5
"""A schedule that takes so much longer than the replay in the recorded order is taken to have no end."""

_LOOK_S = 0.05
_INTERRUPTED = (128 + signal.SIGINT, 128 + signal.SIGTERM)

Progress = Callable[[int], object]
"""Is told how many schedules are over."""


@dataclass(frozen=True, slots=True)
class Stressed:
    """What was found out.

    Attributes:
        control: The replay in the recorded order.
        report: None where that was not the same run: then there is nothing to compare with.
    """

    control: Replayed
    report: StressReport | None


def stress_run(
    name: str,
    command: Sequence[str] = (),
    *,
    entry: str | None = None,
    options: Options | None = None,
    schedules: int,
    seed: int = 0,
    limit_s: float | None = None,
    environ: Mapping[str, str] | None = None,
    root: Path | None = None,
    on_progress: Progress = lambda count: None,
) -> Stressed:
    """Replays in the recorded order, then under the schedules of `seed` and the numbers after it.

    Args:
        limit_s: How long a schedule may take; default: by how long the recorded order takes.

    Raises:
        UsageError: It is not known what to run, or it can't be run.
        PacketError: The packet can't be used.
    """
    check_count(schedules)
    prepared = prepare(name, command, entry=entry, options=options, environ=environ, root=root)
    began = time.perf_counter()
    control = prepared.planned(lists_modules=True).run(stdout=subprocess.DEVNULL)
    if not control.is_same or control.report is None:
        return Stressed(control, None)
    if limit_s is None:
        limit_s = max(MIN_LIMIT_S, LIMIT_FACTOR * (time.perf_counter() - began))
    tally = Tally(control.report, seed)
    planned = prepared.planned(schedules=schedules, seed=seed, limit_s=limit_s, preloads=control.modules)
    for number, replayed, silence in _run_all(planned, tally, on_progress):
        tally.add(number, replayed.report, silence)
    again = _command(prepared, command, entry, options or Options())
    reproduced = _reproduces(planned, control.report, tally) if schedules > 1 else None
    return Stressed(control, tally.report(again, reproduced=reproduced))


_Run = tuple[int, Replayed, str]


def _run_all(prepared: Prepared, tally: Tally, on_progress: Progress) -> Iterable[_Run]:
    plan = prepared.plan
    seeds = range(plan.seed, plan.seed + plan.schedules)
    if hasattr(os, "fork"):
        # Where it matters when a library is imported, each fork imports it.
        for one in (prepared, prepared.planned(preloads=())):
            forked = _forked(one, seeds, tally, on_progress)
            if forked:
                return forked
    return _one_by_one(prepared.planned(schedules=0), seeds, on_progress)


def _forked(prepared: Prepared, seeds: range, tally: Tally, on_progress: Progress) -> list[_Run]:
    """All schedules, in forks of one process; none where the recorded run is not the same one in a fork."""
    with Exchange(prepared.plan) as exchange, _Watched(exchange, on_progress):
        body = prepared.stdin
        if isinstance(body, bytes):
            (exchange.folder / STDIN).write_bytes(body)
        code = prepared.run_in(exchange, subprocess.DEVNULL, subprocess.DEVNULL)
        if code in _INTERRUPTED:
            raise KeyboardInterrupt
        control, ended = exchange.control, [exchange.ended(seed) for seed in seeds]
        if control is None or None in ended or not tally.is_control(_replayed(prepared, exchange, control).report):
            return []
        found = zip(seeds, ended, strict=True)
        return [(seed, *_judged(prepared, exchange, one)) for seed, one in found if one is not None]


def _judged(prepared: Prepared, exchange: Exchange, ended: Ended) -> tuple[Replayed, str]:
    replayed = _replayed(prepared, exchange, ended)
    late = "it did not come to its end in time: everybody waits for somebody else"
    return replayed, late if ended.is_late else replayed.silence


def _replayed(prepared: Prepared, exchange: Exchange, ended: Ended) -> Replayed:
    return prepared.replayed(exchange, ended.result, ended.exit_code if ended.exit_code >= 0 else 128 - ended.exit_code)


def _one_by_one(prepared: Prepared, seeds: range, on_progress: Progress) -> Iterator[_Run]:
    for count, seed in enumerate(seeds):
        on_progress(count)
        replayed = prepared.planned(schedule="shuffled", seed=seed).run(subprocess.DEVNULL, subprocess.DEVNULL)
        yield seed, replayed, replayed.silence


def _reproduces(prepared: Prepared, control: Report, tally: Tally) -> bool | None:
    """True if the first seed that shows something shows it again alone; None where none does."""
    seed = tally.first_seed()
    if seed is None:
        return None
    alone = Tally(control, seed)
    for number, replayed, silence in _run_all(prepared.planned(schedules=1, seed=seed), alone, lambda count: None):
        alone.add(number, replayed.report, silence)
    return bool(alone.shows(seed) & tally.shows(seed))


def _command(prepared: Prepared, command: Sequence[str], entry: str | None, options: Options) -> str:
    """What runs one schedule again; `{seed}` stands for its number."""
    words = ["replaykit", "stress", shlex.quote(relative(prepared.path)), "--schedules 1 --seed {seed}"]
    usual = Options()
    given = [("policy", options.policy)] if options.policy != usual.policy else []
    given += [("changed", item) for item in options.changed] + [("allow", item) for item in options.allow]
    given += [("attempts", options.attempts)] if options.attempts != usual.attempts else []
    given += [("entry", entry)] if entry else []
    words += [f"--{name} {shlex.quote(value)}" for name, value in given]
    words += ["--no-stdout"] if not options.keeps_output else []
    return " ".join([*words, *(["--", shlex.join(command)] if command else [])])


class _Watched:
    """Tells how many schedules are over, while they run."""

    def __init__(self, exchange: Exchange, on_progress: Progress) -> None:
        self._exchange, self._tell = exchange, on_progress
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_LOOK_S):
            self._tell(self._exchange.count_ended())
