"""Chance and time of one run: caught wherever they come from, and nobody else's."""

from __future__ import annotations

import asyncio
import datetime
import importlib
import os
import random
import secrets
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from random import choice, gauss, getrandbits, seed, shuffle
from random import random as random_float
from types import ModuleType
from typing import Any

import pytest

from replaykit.determinism import effects
from tests.determinism.chance import Dice

PATCHED: list[Callable[[], Any]] = [
    lambda: os.urandom,
    lambda: random.random,
    lambda: random.getrandbits,
    lambda: random._urandom,  # type: ignore[attr-defined]
    lambda: random.Random.seed,
    lambda: type(random._inst),  # type: ignore[attr-defined]
    lambda: uuid._generate_time_safe,  # type: ignore[attr-defined]
    lambda: random_float,
    lambda: getrandbits,
]


def _functions() -> list[Any]:
    return [find() for find in PATCHED]


def _shuffled() -> list[int]:
    items = list(range(20))
    shuffle(items)
    return items


READS: dict[str, Callable[[], Any]] = {
    "uuid1": uuid.uuid1,
    "uuid1 of a node": lambda: uuid.uuid1(node=5),
    "uuid4": uuid.uuid4,
    "urandom": lambda: os.urandom(5),
    "getrandom": lambda: os.getrandom(5),
    "token_hex": secrets.token_hex,
    "choice": lambda: choice(range(10**12)),
    "shuffle": _shuffled,
    "gauss": lambda: (gauss(0, 1), gauss(2, 3), gauss(0, 1)),
    "random": lambda: random.random(),  # a C function that was put away is out of reach
    "an imported C function": lambda: (random_float(), getrandbits(70)),
    "randbytes": lambda: random.randbytes(20),
    "sample": lambda: random.sample(range(1000), 5),
    "a generator without a seed": lambda: random.Random().random(),
    "the system's generator": lambda: random.SystemRandom().random(),
    "time": time.time,
    "time_ns": time.time_ns,
    "now": datetime.datetime.now,
    "now in a zone": lambda: datetime.datetime.now(datetime.UTC),
    "clock_gettime": lambda: time.clock_gettime_ns(time.CLOCK_REALTIME),
}

if not hasattr(os, "getrandom"):  # Linux has it
    del READS["getrandom"]


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_what_was_read_comes_back(read: Callable[[], Any]) -> None:
    dice = Dice()
    with dice.thrown():
        then = [read(), read()]
    dice.rewind()
    with dice.thrown():
        now = [read(), read()]

    assert now == then
    assert then[0] != then[1]


def test_the_values_of_a_recording_are_the_real_ones() -> None:
    """A generator that was seeded before the run goes on as it would have gone on."""

    def draw() -> list[Any]:
        return [random.random(), gauss(0, 1), choice(range(99)), gauss(0, 1), getrandbits(80), _shuffled()]

    seed(7)
    plain = draw()
    seed(7)
    with Dice().thrown():
        noted = draw()

    assert noted == plain


def test_a_seed_of_the_program_counts_inside_a_run() -> None:
    def draw() -> list[float]:
        seed(42)
        return [random.random(), random.uniform(1, 2), gauss(0, 1), gauss(0, 1)]

    plain = draw()
    with Dice().thrown():
        noted = draw()

    assert noted == plain


def test_a_seeded_generator_of_the_programs_own_is_not_touched() -> None:
    dice = Dice()
    with dice.thrown():
        values = [random.Random(5).random(), random.Random("x").getrandbits(9)]

    assert values == [random.Random(5).random(), random.Random("x").getrandbits(9)]
    assert dice.reads == []


def test_functions_are_replaced_only_while_a_run_needs_it() -> None:
    before = _functions()
    with Dice().thrown():
        with Dice().thrown():
            pass
        during = _functions()

    assert all(old is new for old, new in zip(before, _functions(), strict=True))
    assert not [find for find, old, new in zip(PATCHED, before, during, strict=True) if old is new]


class _Pretender:
    """Says that it is a module, as the libraries that cffi makes do."""

    __slots__ = ()
    __class__ = ModuleType  # type: ignore[assignment]


def test_what_only_says_that_it_is_a_module_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "replaykit_test_pretender", _Pretender())  # type: ignore[arg-type]
    dice = Dice()
    with dice.thrown():
        uuid.uuid4()

    assert len(dice.reads) == 1


def test_code_of_no_run_gets_the_real_thing() -> None:
    dice = Dice()
    effects.install()
    effects.attach(dice, dice)
    try:
        first, second = uuid.uuid4(), time.time_ns()
    finally:
        effects.detach(dice)
        effects.uninstall()

    assert first.version == 4
    assert second <= time.time_ns()
    assert dice.reads == []


def test_another_run_reads_for_itself() -> None:
    first, second = Dice(), Dice()
    with first.thrown():
        uuid.uuid4()
        with second.thrown():
            random.random()
        time.time()

    assert first.reads == [("", "uuid.uuid4", ""), ("", "time", "")]
    assert second.reads == [("", "random.random", "")]


def test_threads_that_take_turns_get_their_own_values_back() -> None:
    def run(first: str) -> dict[str, list[Any]]:
        drawn: dict[str, list[Any]] = {"a": [], "b": []}
        turns = {name: threading.Semaphore(0) for name in drawn}

        def draw(name: str, other: str) -> None:
            for _ in range(5):
                turns[name].acquire()
                drawn[name] += [random.random(), uuid.uuid4(), time.time_ns()]
                turns[other].release()

        threads = [threading.Thread(target=draw, args=pair, name=f"drawer-{pair[0]}") for pair in ("ab", "ba")]
        for thread in threads:
            thread.start()
        turns[first].release()
        for thread in threads:
            thread.join(20)
        return drawn

    dice = Dice()
    with dice.thrown():
        then = run("a")
    dice.rewind()
    with dice.thrown():
        now = run("b")

    assert now == then
    assert len({lineage for lineage, _, _ in dice.reads}) == 2


def test_tasks_that_take_turns_get_their_own_values_back() -> None:
    async def draw(count: int, drawn: list[Any]) -> None:
        for _ in range(count):
            drawn.append((random.random(), uuid.uuid4(), datetime.datetime.now()))
            await asyncio.sleep(0)

    async def run(counts: tuple[int, ...]) -> list[list[Any]]:
        drawn: list[list[Any]] = [[] for _ in counts]
        await asyncio.gather(*(draw(count, found) for count, found in zip(counts, drawn, strict=True)))
        return drawn

    dice = Dice()
    with dice.thrown():
        then = asyncio.run(run((5, 5)))
    dice.rewind()
    with dice.thrown():
        now = asyncio.run(run((2, 5)))  # the first one gives up earlier

    assert now == [then[0][:2], then[1]]


def test_the_standard_librarys_own_reads_are_left_alone() -> None:
    dice = Dice()
    with dice.thrown():
        ssl.create_default_context()
        ssl.RAND_bytes(8)

    assert dice.reads == []


def test_a_name_that_is_imported_during_the_run_is_the_real_one_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "replaykit_test_late.py").write_text("from os import urandom\n")
    monkeypatch.syspath_prepend(tmp_path)
    with Dice().thrown():
        late = importlib.import_module("replaykit_test_late")
        during = late.urandom
    monkeypatch.delitem(sys.modules, "replaykit_test_late")

    assert during is not os.urandom
    assert late.urandom is os.urandom
