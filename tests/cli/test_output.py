"""Standard output that is full, closed, or can't hold a character."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, Shop

has_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def _shell(shop: Shop, line: str, **environ: str) -> Ended:
    return shop.start(["sh", "-c", f"exec {sys.executable} -m replaykit {line}"], environ=environ)


@has_full
@pytest.mark.parametrize("words", ["show last", "show last --json", "replay last", "schema", "demo"])
def test_a_full_disk_is_one_line_and_exit_2(recorded: Shop, words: str) -> None:
    """Exit 1 would read as a divergence."""
    ended = _shell(recorded, f"{words} > /dev/full")

    assert ended.code == 2
    assert ended.err.splitlines()[-1] == f"replaykit: standard output: {os.strerror(28)}"
    assert "replaykit/cli/main" not in ended.err


@pytest.mark.parametrize("words", ["show last", "demo"])
def test_a_closed_output_is_one_line_and_exit_2(recorded: Shop, words: str) -> None:
    ended = _shell(recorded, f"{words} >&-")

    assert (ended.code, ended.err) == (2, "replaykit: standard output is closed: there is nowhere to print to\n")


@has_full
def test_a_full_error_output_does_not_change_the_command_s_exit_code(shop: Shop) -> None:
    shop.write("ends.py", "raise SystemExit(7)")

    assert _shell(shop, "record -- python ends.py 2> /dev/full").code == 7


def test_what_the_terminal_has_no_letter_for_is_a_question_mark(shop: Shop) -> None:
    ended = _shell(shop, "demo", LC_ALL="C", PYTHONIOENCODING="ascii")

    assert ended.code == 0, ended.err
    assert "?" in ended.out


def test_json_loses_nothing_in_ascii(shop: Shop) -> None:
    shop.write("prints.py", "print('größer 😀')")
    shop.record("python", "prints.py")

    shown = _shell(shop, "show last --json", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert json.loads(shown.out)["outcome"]["output"] == "größer 😀\n"


def test_the_recorded_command_keeps_its_own_way_with_letters(shop: Shop) -> None:
    """It fails as it does without us."""
    shop.write("prints.py", "print('größer')")

    ended = shop.record("python", "prints.py", LC_ALL="C", PYTHONIOENCODING="ascii")

    assert ended.code == 1
    assert "UnicodeEncodeError" in ended.err
