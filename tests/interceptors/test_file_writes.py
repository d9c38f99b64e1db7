"""Which files are written is told by the audit hook; what is only read is nobody's business."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from replaykit.interceptors.file_writes import writes
from tests.interceptors.test_guard_support import guarded

Told = list[tuple[str, str]]


@pytest.fixture
def told() -> Iterator[Told]:
    found: Told = []

    def tell(verb: str, path: str) -> None:
        found.append((verb, path))

    with guarded():
        writes.watch(tell)
        yield found
        writes.unwatch(tell)


def _replace(folder: Path) -> None:
    os.replace(folder / "there", folder / "new")  # noqa: PTH105 - the event is that of os


def _append(folder: Path) -> None:
    with (folder / "there").open("a") as file:
        file.write("x")


def _database(folder: Path) -> None:
    sqlite3.connect(folder / "db").close()


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        pytest.param(lambda folder: (folder / "new").write_text("x"), ("wrote", "new"), id="write"),
        pytest.param(_append, ("wrote", "there"), id="append"),
        pytest.param(lambda folder: os.close(os.open(folder / "new", os.O_CREAT)), ("wrote", "new"), id="os.open"),
        pytest.param(_replace, ("wrote", "new"), id="replace"),
        pytest.param(lambda folder: shutil.copy(folder / "there", folder / "new"), ("wrote", "new"), id="copy"),
        pytest.param(lambda folder: (folder / "there").unlink(), ("removed", "there"), id="remove"),
        pytest.param(lambda folder: (folder / "new").mkdir(), ("made", "new"), id="mkdir"),
        pytest.param(_database, ("opened", "db"), id="sqlite"),
    ],
)
def test_a_write_is_told(told: Told, tmp_path: Path, act: Callable[[Path], Any], expected: tuple[str, str]) -> None:
    (tmp_path / "there").write_text("x")
    told.clear()

    act(tmp_path)
    assert told == [(expected[0], str(tmp_path / expected[1]))]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda folder: (folder / "there").read_text(), id="read"),
        pytest.param(lambda folder: Path(os.devnull).write_text("x"), id="null device"),
        pytest.param(lambda folder: sqlite3.connect(":memory:").close(), id="database in memory"),
        pytest.param(lambda folder: (folder / "__pycache__" / "x.pyc.12").write_text("x"), id="cache of Python"),
    ],
)
def test_what_is_no_write_of_a_run_is_not_told(told: Told, tmp_path: Path, act: Callable[[Path], Any]) -> None:
    (tmp_path / "there").write_text("x")
    (tmp_path / "__pycache__").mkdir()
    told.clear()

    act(tmp_path)
    assert told == []


def test_an_error_of_who_is_told_does_not_reach_the_writer(told: Told, tmp_path: Path) -> None:
    def fail(verb: str, path: str) -> None:
        raise RuntimeError(verb)

    writes.watch(fail)
    (tmp_path / "new").write_text("x")
    writes.unwatch(fail)

    assert (tmp_path / "new").read_text() == "x"


def test_a_file_that_is_read_costs_a_run_next_to_nothing(told: Told) -> None:
    """The event alone, as Python raises it; the quietest of many rounds, for a busy machine slows each."""

    def round_us() -> float:
        began = time.perf_counter()
        for _ in range(500):
            sys.audit("open", "there", "r", os.O_RDONLY)
        return (time.perf_counter() - began) / 500 * 1e6

    assert min(round_us() for _ in range(100)) < 2
    assert told == []
