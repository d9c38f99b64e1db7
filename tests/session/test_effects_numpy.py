"""numpy's generators: those it makes during a run, and the one behind its module functions."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from replaykit.determinism import numpy_random
from tests.session.helpers import World

numpy = pytest.importorskip("numpy")


def _draw() -> list[Any]:
    module = numpy.random
    return [
        module.rand(),
        module.randint(10**9),
        module.randn(),
        module.default_rng().integers(10**9),
        module.RandomState().rand(),
        module.default_rng(5).random(),
    ]


def test_what_numpy_drew_comes_back(world: World) -> None:
    drawn: list[list[Any]] = []
    world.record(lambda: drawn.append(_draw()), effects=True)
    numpy.random.rand(3)  # the state moves on in between
    report = world.replay(lambda: drawn.append(_draw()))

    assert drawn[0] == drawn[1]
    assert report.derived == ()


def test_the_state_is_put_back_after_a_replay(world: World) -> None:
    world.record(lambda: None, effects=True)
    numpy.random.seed(3)
    expected = numpy.random.rand(2).tolist()
    numpy.random.seed(3)
    first = numpy.random.rand()
    world.replay(lambda: numpy.random.rand(7) is None or None)

    assert [first, numpy.random.rand()] == expected


def test_a_recording_without_the_switch_does_not_ask_numpy(world: World) -> None:
    assert world.record(lambda: numpy.random.rand() and None).effects == ()


def test_numpy_is_not_imported_for_its_state() -> None:
    code = (
        "import sys\nfrom replaykit.determinism import numpy_random as ours\n"
        "assert ours.state() is None and 'numpy' not in sys.modules\n"
        "put_back = ours.play(['MT19937', [7] * 624, 5, 0, 0.0])\n"
        "import numpy\nstate = numpy.random.get_state()\nput_back()\n"
        "assert list(state[1]) == [7] * 624 and list(numpy.random.get_state()[1]) != [7] * 624"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert numpy_random.state() is not None
