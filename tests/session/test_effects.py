"""The clock and chance of a run: kept in its packet, played back in order, and made up only where nothing was kept."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.session import effect_log
from replaykit.session.writer import drain
from tests.session.helpers import World, user


def _read() -> list[Any]:
    return [datetime.now(UTC), uuid.uuid4(), random.choice("abcdefghijkl"), secrets.token_hex(8), random.gauss(0, 1)]


def _ask(world: World, *values: Any) -> list[str]:
    """An agent that puts what it read into its prompt."""
    world.chat(user(" ".join(map(str, values))))
    return [str(value) for value in values]


def test_an_agent_that_reads_the_clock_and_chance_replays_exact(world: World) -> None:
    packet = world.record(lambda: _ask(world, *_read()), effects=True)
    world.server.close()

    report = world.replay(lambda: _ask(world, *_read()))

    assert packet.run.effects
    assert (report.ok, report.summary()) == (True, "1 of 1 exact, nothing left over, 0 live calls")
    assert (report.derived, report.notes) == ((), ())


def test_without_the_switch_nothing_is_patched_and_nothing_kept(world: World) -> None:
    before = (os.urandom, random.random, random.Random.seed, type(random._inst))  # type: ignore[attr-defined]
    during: list[Any] = []
    packet = world.record(
        lambda: during.append((os.urandom, random.random, random.Random.seed, type(random._inst)))  # type: ignore[attr-defined]
    )

    assert during == [before]
    assert (packet.run.effects, packet.effects) == (False, ())


def test_a_read_that_was_not_recorded_is_made_up_and_listed(world: World) -> None:
    """It is the same in each replay, and differs from what was recorded."""
    recorded = [str(uuid.uuid4())]
    world.record(lambda: recorded.append(str(uuid.uuid4())), effects=True)
    extra: list[Any] = []

    def changed() -> None:
        uuid.uuid4()
        extra.append((uuid.uuid4(), os.urandom(40), random.random(), random.getrandbits(70), secrets.token_hex(4)))

    first = world.replay(changed)
    second = world.replay(changed)

    assert extra[0] == extra[1]
    assert str(extra[0][0]) not in recorded
    assert extra[0][0].version == 4
    assert len(extra[0][1]) == 40
    assert 0 <= extra[0][2] < 1
    assert first.derived == second.derived
    assert first.derived == (
        "effect:uuid.uuid4[1]",
        "effect:os.urandom[0]",
        "effect:random.random[0]",
        "effect:random.getrandbits[0]",
        "effect:secrets.token_hex[0]",
    )
    assert "5 reads of the clock or of chance were not recorded and got made-up values" in first.notes[0]


def test_another_packet_makes_up_other_values(world: World) -> None:
    drawn: list[uuid.UUID] = []
    for _ in range(2):
        world.record(lambda: None, effects=True)
        world.replay(lambda: drawn.append(uuid.uuid4()))

    assert drawn[0] != drawn[1]


def test_a_read_of_another_kind_does_not_move_the_ones_after_it(world: World) -> None:
    """Each function that is asked is a stream of its own."""
    then: list[Any] = []
    now: list[Any] = []
    world.record(lambda: then.extend([uuid.uuid4(), uuid.uuid4()]), effects=True)

    world.replay(lambda: now.extend([uuid.uuid4(), secrets.token_hex(4), random.random(), uuid.uuid4()]))

    assert [now[0], now[3]] == then


def test_a_time_that_was_not_recorded_comes_after_those_that_were(world: World) -> None:
    then: list[int] = []
    now: list[int] = []
    world.record(lambda: then.extend([time.time_ns(), time.time_ns()]), effects=True)

    world.replay(lambda: now.extend([time.time_ns() for _ in range(5)]))

    assert now[:2] == then
    assert now == sorted(now)
    assert now[2] - then[1] < 60 * 10**9


def test_who_waits_for_a_time_that_was_not_recorded_does_not_wait_for_ever(world: World) -> None:
    """Not even where a library is still to get a recorded time, before which the made-up ones are kept."""
    library = compile("import time; seen.append(time.time_ns())", "/x/site-packages/lib/clock.py", "exec")
    seen: list[int] = []

    def record() -> None:
        exec(library, {"seen": seen})

    def wait() -> None:
        seen.append(time.time_ns())
        while time.time_ns() < seen[-1] + 5_000_000:
            pass
        exec(library, {"seen": seen})

    world.record(record, effects=True)
    report = world.replay(wait)

    assert seen[2] == seen[0]
    assert seen[1] <= seen[2]
    assert report.derived


def test_the_day_is_the_recorded_one_also_where_nothing_was_read(world: World) -> None:
    import time_machine

    with time_machine.travel(datetime(2024, 2, 29, 12, tzinfo=UTC)):
        world.record(lambda: None, effects=True)
    days: list[Any] = []

    world.replay(lambda: days.append(datetime.now(UTC).date().isoformat()))

    assert days == ["2024-02-29"]
    assert datetime.now(UTC).year > 2024


def test_without_recorded_reads_all_clocks_go_on_together_from_the_start_of_the_run(world: World) -> None:
    import time_machine

    with time_machine.travel(datetime(2024, 2, 29, 12, tzinfo=UTC), tick=False):
        world.record(lambda: None)
    read: list[tuple[float, float]] = []

    def agent() -> None:
        read.append((time.time(), time.monotonic()))
        time.sleep(3600)
        read.append((time.time(), time.monotonic()))

    world.replay(agent)

    (began, began_s), (ended, ended_s) = read
    assert datetime.fromtimestamp(began, UTC).date() == date(2024, 2, 29)
    assert ended - began == pytest.approx(3600, abs=0.01)
    assert ended_s - began_s == pytest.approx(3600, abs=0.01)


def test_another_seed_in_the_code_is_another_sequence(world: World) -> None:
    """Values of a seeded generator are played back under the same seed only."""

    def draw(seed: int) -> list[float]:
        random.seed(seed)
        return [random.random(), random.random()]

    drawn: list[list[float]] = []
    world.record(lambda: drawn.append(draw(42)), effects=True)
    world.replay(lambda: drawn.append(draw(42)))
    report = world.replay(lambda: drawn.append(draw(43)))

    assert drawn[1] == drawn[0]
    assert drawn[2] == draw(43)
    assert report.derived == ()


def test_a_seeded_generator_goes_on_where_the_recording_ends(world: World) -> None:
    def draw(count: int) -> list[float]:
        random.seed(42)
        return [random.random() for _ in range(count)]

    drawn: list[float] = []
    world.record(lambda: draw(2) and None, effects=True)
    world.replay(lambda: drawn.extend(draw(4)))

    assert drawn == draw(4)


def test_a_served_tool_does_not_move_the_reads_around_it(world: World) -> None:
    @replaykit.tool
    def look_up(name: str) -> str:
        return f"{name} {uuid.uuid4()} {time.time_ns()}"

    def agent() -> list[str]:
        return _ask(world, uuid.uuid4(), look_up("a"), uuid.uuid4(), look_up("b"), datetime.now(UTC))

    packet = world.record(agent, effects=True)
    report = world.replay(agent)

    assert report.ok
    assert len(report.not_executed) == 2
    assert {line.lineage for line in packet.effects} == {"", "tool:look_up[0]", "tool:look_up[1]"}


def test_reads_of_ours_are_not_in_the_packet(world: World) -> None:
    """Not those of the recorder, of positions, or of a client's transport."""
    packet = world.record(lambda: _ask(world, "fixed"), effects=True)

    assert [line for line in packet.effects if not line.origin] == []


def test_code_under_disable_gets_real_values(world: World) -> None:
    drawn: list[uuid.UUID] = []

    def agent() -> None:
        with replaykit.disable():
            drawn.append(uuid.uuid4())

    packet = world.record(agent, effects=True)
    world.replay(agent)

    assert packet.effects == ()
    assert drawn[0] != drawn[1]


def test_what_was_read_before_a_kill_is_in_the_journal(world: World) -> None:
    """All but what came after the last event."""
    kept: list[Any] = []

    def agent() -> None:
        uuid.uuid4()
        world.chat(user("one"))
        drain()
        kept.extend(replaykit.Packet.load(next(world.store.glob("*.journal.jsonl"))).effects)

    world.record(agent, effects=True)

    assert [(line.source, len(line.values)) for line in kept if not line.origin] == [("uuid.uuid4", 1)]


def test_a_value_that_became_a_secret_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the replay makes one up."""
    drawn: list[str] = []

    def agent() -> None:
        drawn.append(secrets.token_urlsafe(24))
        monkeypatch.setenv("SESSION_TOKEN", drawn[-1])
        drawn.append(secrets.token_hex(24))
        world.client.get("/page", headers={"authorization": f"Bearer {drawn[-1]}"})

    packet = world.record(agent, effects=True)
    data = world.path.read_text()
    report = world.replay(agent)

    assert [line.values for line in packet.effects] == [(None,), (None,)]
    for text in drawn[:2]:
        raw = bytes.fromhex(text) if len(text) == 48 else base64.urlsafe_b64decode(text)
        assert text not in data
        assert raw.hex() not in data
    assert report.derived == ("effect:secrets.token_urlsafe[0]", "effect:secrets.token_hex[0]")


def test_a_stream_that_is_too_long_is_cut_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effect_log, "MAX_VALUES", 10)

    def agent() -> None:
        for _ in range(25):
            random.random()

    packet = world.record(agent, effects=True)
    report = world.replay(agent)

    assert sum(len(line.values) for line in packet.effects) == 10
    assert packet.outcome is not None
    assert packet.outcome.manifest.dropped_effects == 15
    assert packet.outcome.replayable == "no"
    assert len(report.derived) == 15


def test_a_value_that_is_too_large_is_left_out_alone(world: World) -> None:
    drawn: list[bytes] = []

    def agent() -> None:
        os.urandom(1_000_000)
        drawn.append(os.urandom(4))

    packet = world.record(agent, effects=True)
    report = world.replay(agent)

    assert packet.outcome is not None
    assert packet.outcome.manifest.dropped_effects == 1
    assert drawn[0] == drawn[1]
    assert report.derived == ("effect:os.urandom[0]",)


def test_a_long_number_comes_back(world: World) -> None:
    drawn: list[int] = []
    world.record(lambda: drawn.append(random.getrandbits(20_000)), effects=True)
    world.replay(lambda: drawn.append(random.getrandbits(20_000)))

    assert drawn[0] == drawn[1]


@pytest.fixture
def set_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def change(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield change
    monkeypatch.delenv("TZ", raising=False)
    time.tzset()


def test_local_times_are_those_of_the_recorded_zone(world: World, set_zone: Callable[[str], None]) -> None:
    told: list[str] = []
    set_zone("Europe/Oslo")
    world.record(lambda: told.append(f"{datetime.now():%c} {time.localtime().tm_hour}"), effects=True)
    set_zone("UTC")
    report = world.replay(lambda: told.append(f"{datetime.now():%c} {time.localtime().tm_hour}"))

    assert report.ok
    assert report.notes == ()
    assert told[0] == told[1]
    assert (os.environ["TZ"], time.tzname[0]) == ("UTC", "UTC")


def test_a_zone_that_nobody_knows_here_is_said(world: World, set_zone: Callable[[str], None]) -> None:
    set_zone("XYZ-3")
    world.record(lambda: None, effects=True)
    set_zone("UTC")
    report = world.replay(lambda: None)

    assert report.notes == ("the time zone is UTC, in the recording XYZ-3: local times differ",)


FORKING = """
import os, random, sys, uuid
import replaykit
with replaykit.record("fork", store=sys.argv[1], effects=True) as run:
    uuid.uuid4()
    child = os.fork()
    if child == 0:
        random.random(), uuid.uuid4()
        os._exit(7)
    assert os.waitpid(child, 0)[1] == 7 << 8
print(run.packet_path)
"""


def test_a_forked_child_reads_for_itself(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FORKING, tmp_path], capture_output=True, text=True, timeout=60)
    packet = replaykit.Packet.load(done.stdout.strip())

    assert [(line.source, len(line.values)) for line in packet.effects] == [("uuid.uuid4", 1)]


# what is said where nothing was kept


def test_a_divergence_by_the_clock_says_that_it_was_not_recorded(world: World) -> None:
    def agent() -> None:
        world.chat(user("hello"))
        world.chat(user(f"it is {datetime.now(UTC)}"))
        world.chat(user("hello"), user(f"id {uuid.uuid4()}"))

    world.record(agent)
    divergence = world.diverge(agent)

    assert divergence.root_cause == "clock or random"
    assert "record(..., effects=True) keeps what they give" in str(divergence)
    assert (
        "new text that looks like a time, an id or a random number stands in llm:chat[1], llm:chat[2]"
        in world.report.notes
    )


def test_a_divergence_by_a_made_up_value_names_the_read(world: World) -> None:
    world.record(lambda: _ask(world, "id", 10_000_000) and None, effects=True)
    divergence = world.diverge(lambda: _ask(world, "id", int(time.time())) and None)

    assert divergence.root_cause == "clock or random"
    assert "not recorded, so it was made up: effect:time[0]" in str(divergence)


@pytest.mark.parametrize("seed", ["random", "7"])
def test_another_order_of_a_set_names_the_hash_seed(world: World, monkeypatch: pytest.MonkeyPatch, seed: str) -> None:
    """As in two processes: what differs is the order alone."""
    texts = ["Tools: {'beta', 'alpha', 'gamma'}, in any order", "Tools: {'gamma', 'alpha', 'beta'}, in any order"]
    monkeypatch.setenv("PYTHONHASHSEED", seed)
    world.record(lambda: world.chat({"role": "system", "content": texts[0]}, user("x")) and None, effects=True)
    monkeypatch.setenv("PYTHONHASHSEED", "8")

    divergence = world.diverge(lambda: world.chat({"role": "system", "content": texts[1]}, user("x")) and None)

    assert divergence.root_cause == "order"
    assert "hash seed" in str(divergence)


def test_times_as_text_and_names_of_temporary_files_come_again(world: World) -> None:
    import time_machine

    made: list[tuple[str, str, str]] = []

    def agent() -> None:
        tempfile._name_sequence = None  # type: ignore[attr-defined]  # as in a process where nobody has asked yet
        with tempfile.NamedTemporaryFile() as file:
            made.append((time.ctime(), time.asctime(), file.name))

    with time_machine.travel(datetime(2024, 2, 29, 12, tzinfo=UTC)):
        world.record(agent, effects=True)
    world.replay(agent)

    assert made[0] == made[1]
    assert "2024" in made[1][0]


def test_a_deadline_by_the_monotonic_clock_comes_after_as_many_rounds(world: World) -> None:
    rounds: list[int] = []

    def agent() -> None:
        until, count = time.monotonic() + 0.02, 0
        while time.monotonic() < until:
            count += 1
            time.sleep(0.002)
        rounds.append(count)

    for _ in range(5):
        world.record(agent, effects=True)
        world.replay(agent)

    assert rounds[::2] == rounds[1::2]


def test_a_deadline_by_the_time_of_a_loop_comes_after_as_many_rounds(world: World) -> None:
    rounds: list[int] = []

    async def agent() -> None:
        now = asyncio.get_running_loop().time
        until, count = now() + 0.02, 0
        while now() < until:
            count += 1
            await asyncio.sleep(0.002)
        rounds.append(count)

    for _ in range(5):
        world.record(lambda: asyncio.run(agent()), effects=True)
        world.replay(lambda: asyncio.run(agent()))

    assert rounds[::2] == rounds[1::2]
