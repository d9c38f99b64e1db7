"""The wall clock beside others who change it: time-machine itself, freezegun, pytest's plugins."""

from __future__ import annotations

import datetime
import subprocess
import sys
import time
import uuid
from pathlib import Path

import time_machine

from replaykit.determinism import effects
from tests.determinism.chance import Dice

LEAP_DAY = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)


def test_a_recording_inside_a_journey_has_its_time() -> None:
    dice = Dice()
    with time_machine.travel(LEAP_DAY, tick=False), dice.thrown():
        now = datetime.datetime.now(datetime.UTC)

    assert now == LEAP_DAY
    assert dice.reads == [("", "time", "")]


def test_a_journey_inside_a_recording_is_the_programs_own() -> None:
    dice = Dice()
    with dice.thrown():
        with time_machine.travel(LEAP_DAY, tick=False):
            travelled = time.time()
            made = uuid.uuid1()
        after = datetime.datetime.now(datetime.UTC)

    assert travelled == LEAP_DAY.timestamp()
    assert (made.time - 0x01B21DD213814000) // 10_000_000 == travelled
    assert after.year > 2024
    assert dice.reads == [("", "uuid.uuid1", ""), ("", "time", "")]


def test_a_journey_that_ends_inside_a_recording_takes_only_itself_away() -> None:
    """The one that stops takes the top of the stack, whoever that is."""
    dice, journey = Dice(), time_machine.travel(LEAP_DAY, tick=False)
    journey.start()
    with dice.thrown():
        journey.stop()
        now = datetime.datetime.now(datetime.UTC)

    assert now.year > 2024
    assert dice.reads == [("", "time", "")]
    assert time_machine.traveller_stack == []
    assert uuid._generate_time_safe is not None  # type: ignore[attr-defined]


def test_a_journey_that_outlives_a_recording_goes_on_and_ends_well() -> None:
    before = uuid._generate_time_safe  # type: ignore[attr-defined]
    dice, journey = Dice(), time_machine.travel(LEAP_DAY, tick=False)
    with dice.thrown():
        journey.start()
    travelled = time.time()
    journey.stop()

    assert travelled == LEAP_DAY.timestamp()
    assert abs(time.time() - datetime.datetime.now().timestamp()) < 60
    assert datetime.date.today().year > 2024
    assert uuid._generate_time_safe is before  # type: ignore[attr-defined]


def test_the_clocks_functions_are_the_originals_after_it() -> None:
    with Dice().thrown():
        assert time_machine.escape_hatch.is_travelling()

    assert not time_machine.escape_hatch.is_travelling()
    # Patched or not, `original_time` is asked only of a patched module; unpatched it refuses.
    refusal = "import _time_machine\ntry: _time_machine.original_time()\nexcept ValueError: print('unpatched')"
    space: dict[str, object] = {}
    said: list[str] = []
    space["print"] = said.append
    exec(refusal, space)
    assert said == ["unpatched"]


FIRST_ON_A_JOURNEY = """
import time_machine, uuid
import replaykit
with time_machine.travel(1_709_209_800), replaykit.record("day", store="STORE", effects=True) as run:
    then = uuid.uuid1()
with replaykit.replay(run.packet_path):
    assert uuid.uuid1() == then
assert uuid.uuid1() != then
print("fine")
"""


def test_hooks_that_are_loaded_on_a_journey_know_the_originals(tmp_path: Path) -> None:
    code = FIRST_ON_A_JOURNEY.replace("STORE", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout == "fine\n", done.stderr


LATE_PYTEST = """
import sys
from replaykit.determinism import effects
effects.install()
assert "pytest" not in sys.modules, "an agent that looks for pytest would think that it is tested"
import time, pytest, time_machine
assert hasattr(time_machine, "time_machine_fixture"), "its plugin is there for who wants it"
assert time_machine.escape_hatch.is_travelling()
time.time()
effects.uninstall()
assert not time_machine.escape_hatch.is_travelling()
print("fine")
"""


def test_pytest_is_not_imported_for_the_clock() -> None:
    done = subprocess.run([sys.executable, "-c", LATE_PYTEST], capture_output=True, text=True, timeout=60)

    assert done.stdout == "fine\n", done.stderr


def test_a_clock_that_another_tool_has_replaced_is_left_to_it() -> None:
    """freezegun puts a class of its own in the place of `datetime`: time-machine can't be loaded over that."""

    class FakeDatetime(datetime.datetime):
        pass

    real, datetime.datetime = datetime.datetime, FakeDatetime  # type: ignore[misc]
    dice = Dice()
    try:
        effects.install()
        effects.uninstall()
        with dice.thrown():
            time.time()
            uuid.uuid4()
    finally:
        datetime.datetime = real  # type: ignore[misc]

    assert dice.reads == [("", "uuid.uuid4", "")]
