"""The recorder: what it keeps, and that it never hurts the agent."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.packet import Packet
from replaykit.session import writer
from replaykit.session.cleaning import depth_of
from tests.session.helpers import World, system, user

SECRETS = {
    "api key": "sk-proj-" + "a1B2c3D4" * 6,
    "e-mail": "robert.tables@northwind.org",
    "variable": "hunter2-of-the-warehouse",
}


@replaykit.tool
def note(value: Any) -> Any:
    return value


def _files(folder: Path) -> str:
    """Every name and every byte below a folder."""
    return "\n".join(f"{path}\n{path.read_bytes().decode('latin-1')}" for path in folder.rglob("*") if path.is_file())


def test_nothing_unsanitized_is_on_the_disk_at_any_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the journal of a run that goes on no more than in its packet."""
    monkeypatch.setenv("WAREHOUSE_PASSWORD", SECRETS["variable"])
    text = " ".join(SECRETS.values())
    seen = []
    with replaykit.record(f"for {SECRETS['e-mail']}", store=world.store, tags={"who": text}) as run:
        for _ in range(3):
            with replaykit.span(f"span {text}", note=text):
                world.chat(system(text), user(f"echo {text}"), user=SECRETS["e-mail"])
                note({"text": [text], SECRETS["e-mail"]: 1})
                world.client.get("/page", params={"key": SECRETS["api key"]}, headers={"authorization": text})
            writer.drain()
            seen.append(_files(world.store))
        run.finish(output=text, stop_reason=text)
        run.verdict(passed=True, reason=text, verifier=text)
    assert run.packet_path is not None
    seen.append(_files(world.store))

    assert len(seen[0]) < len(seen[-1])
    assert not any(secret in state for secret in SECRETS.values() for state in seen)


def test_the_name_of_a_tag_counts(world: World) -> None:
    packet = world.record(lambda: None, tags={"password": "hunter2x", "team": "billing"})

    assert packet.run.tags["team"] == "billing"
    assert packet.run.tags["password"] != "hunter2x"


def test_arguments_and_results_are_kept_as_they_were_at_the_call(world: World) -> None:
    def agent() -> None:
        items = [1]
        answer = note(items)
        items.append(2)
        answer.append(3)

    packet = world.record(agent)
    interaction = packet.interactions[0]

    assert interaction.arguments == {"value": [1]}
    assert interaction.done is not None
    assert interaction.done.value == [1]


class _Hostile(Mapping[str, Any]):
    """Raises whenever it is looked at."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("do not look")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("do not look")

    def __len__(self) -> int:
        raise RuntimeError("do not look")

    def __repr__(self) -> str:
        raise RuntimeError("do not look")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("do not look")

    __hash__ = None  # type: ignore[assignment]  # as with every class that says what is equal


class _HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("do not look")


def test_a_value_that_raises_when_it_is_looked_at_never_reaches_the_agent(world: World) -> None:
    value = _Hostile()
    with replaykit.record("demo", store=world.store, tags={"a": "b"}) as run:
        assert note(value) is value
        with replaykit.span("step", fact=value):
            pass
        run.finish(output=value)

    packet = Packet.load(run.packet_path or "")
    assert packet.outcome is not None
    assert packet.outcome.replayable == "no"


def test_an_exception_that_has_no_text_is_known_by_its_class(world: World) -> None:
    @replaykit.tool
    def fail() -> None:
        raise _HostileError

    with pytest.raises(_HostileError), replaykit.record("demo", store=world.store) as run:
        fail()

    packet = Packet.load(run.packet_path or "")
    assert packet.interactions[0].done is not None
    assert packet.interactions[0].done.failure is not None
    assert packet.interactions[0].done.failure.type.endswith(":_HostileError")


@pytest.mark.parametrize("depth", [50, 150, 400, 5000])
def test_a_value_that_nests_deep_costs_itself_and_not_the_packet(world: World, depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]

    with replaykit.record("demo", store=world.store) as run:
        note(value)
        world.chat(user("one"))

    packet = Packet.load(run.packet_path or "")
    assert [item.boundary for item in packet.interactions] == ["tool", "llm"]


def test_a_result_that_can_not_be_kept_is_a_miss_of_the_recorder(world: World) -> None:
    """It is never served as something else."""
    value = object()
    packet = world.record(lambda: note(value) and None)
    divergence = world.diverge(lambda: note(value) and None)

    assert packet.outcome is not None
    assert (packet.outcome.manifest.withheld, packet.outcome.replayable) == (1, "no")
    assert divergence.root_cause == "recorder"


def test_when_the_queue_is_full_bodies_are_withheld_and_events_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_PENDING_BYTES", 2000)
    packet = world.record(lambda: (note("x" * 5000), world.chat(user("y" * 5000)), note("short"))[2])

    assert [item.position for item in packet.interactions] == ["tool:note[0]", "llm:chat[0]", "tool:note[1]"]
    tool, chat, short = packet.interactions
    assert chat.call.http is not None
    assert "too large" in (chat.call.http.body.withheld or "")
    assert (tool.key, short.is_withheld) == ("withheld", False)
    assert world.diverge(lambda: note("x" * 5000)).root_cause == "recorder"


def _unwritable(tmp_path: Path, kind: str) -> Path:
    if kind == "a file":
        (tmp_path / "store").write_text("")
        return tmp_path / "store"
    if kind == "below a file":
        (tmp_path / "file").write_text("")
        return tmp_path / "file" / "store"
    return Path("/dev/full") if kind == "a device" else Path("/proc/nowhere")


@pytest.mark.parametrize("kind", ["a file", "below a file", "a device", "no such place"])
def test_an_unusable_store_costs_the_packet_and_not_the_run(
    world: World, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), replaykit.record("demo", store=_unwritable(tmp_path, kind)) as run:
        assert world.chat(user("one"))["content"] == "answer 1"
        run.finish(output=1)

    assert run.packet_path is None
    assert "no packet will be written" in caplog.text
    run.verdict(passed=False)


def test_a_store_that_fills_up_costs_the_packet_and_not_the_run(world: World, caplog: pytest.LogCaptureFixture) -> None:
    resource = pytest.importorskip("resource")
    import signal

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with caplog.at_level(logging.WARNING), replaykit.record("demo", store=world.store) as run:
            world.chat(user("one"))
            writer.drain()
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
            note("two")
            writer.drain()
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert run.packet_path is None
    assert "no packet will be written" in caplog.text


def test_a_failed_run_is_kept_and_a_good_one_is_not(world: World) -> None:
    with replaykit.record("demo", store=world.store, keep="failed") as good:
        pass
    with pytest.raises(ValueError, match="bad"), replaykit.record("demo", store=world.store, keep="failed") as bad:
        raise ValueError("bad")

    assert good.packet_path is None
    assert list(world.store.glob("*.jsonl")) == [bad.packet_path]


@pytest.mark.parametrize("passed", [True, False])
def test_a_verdict_after_the_block_brings_a_dropped_packet_back_if_it_is_bad(world: World, passed: bool) -> None:
    with replaykit.record("demo", store=world.store, keep="failed") as run:
        world.chat(user("one"))
    run.verdict(passed=passed, reason="looked at by bob@acme.com")

    assert (run.packet_path is not None) is not passed
    assert "bob@acme.com" not in _files(world.store)


def test_a_verdict_after_the_block_is_in_the_packet(world: World) -> None:
    with replaykit.record("demo", store=world.store) as run:
        world.chat(user("one"))
    run.verdict(passed=False, reason="no refund", verifier="policy")

    outcome = Packet.load(run.packet_path or "").outcome
    assert outcome is not None
    assert outcome.verdict is not None
    assert (outcome.verdict.passed, outcome.verdict.verifier) == (False, "policy")
    assert Packet.load(run.packet_path or "").recovered == ()


def test_a_dropped_packet_leaves_the_disk_with_its_run(world: World) -> None:
    with replaykit.record("demo", store=world.store, keep="failed") as run:
        pass
    assert run.packet_path is None
    del run
    writer.drain()
    import gc

    gc.collect()
    assert list(world.store.iterdir()) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_neither_hangs_nor_writes_into_the_parents_packet(world: World) -> None:
    with replaykit.record("demo", store=world.store) as run:
        note("parent")
        child = os.fork()
        if not child:
            note("child")
            os._exit(0 if run.packet_path is None else 1)
        _, status = os.waitpid(child, 0)
        note("parent again")

    packet = Packet.load(run.packet_path or "")
    assert status == 0
    assert [item.arguments for item in packet.interactions] == [{"value": "parent"}, {"value": "parent again"}]


SCRIPT = """
import replaykit, sys, threading
@replaykit.tool
def note(value): return value
with replaykit.record("demo", store=sys.argv[1], keep=sys.argv[2]) as run:
    for number in range(200): note("x" * number)
"""


@pytest.mark.parametrize(("keep", "count"), [("all", 1), ("failed", 0)])
def test_a_process_that_exits_right_after_the_block_leaves_whole_files(tmp_path: Path, keep: str, count: int) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path), keep], check=True, cwd=Path(__file__).parents[2])

    files = list(tmp_path.iterdir())
    assert len(files) == count
    assert [len(Packet.load(path).interactions) for path in files] == [200] * count
    assert all(Packet.load(path).recovered == () for path in files)


def test_runs_of_two_threads_get_a_packet_each(world: World) -> None:
    paths: dict[str, Path | None] = {}
    both = threading.Barrier(2)

    def work(name: str) -> None:
        with replaykit.record(name, store=world.store) as run:
            both.wait()
            note(name)
            both.wait()
        paths[name] = run.packet_path

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {name: [i.arguments for i in Packet.load(path or "").interactions] for name, path in paths.items()} == {
        "one": [{"value": "one"}],
        "two": [{"value": "two"}],
    }


def test_runs_of_two_tasks_get_a_packet_each(world: World) -> None:
    async def work(name: str, barrier: asyncio.Barrier) -> Packet:
        async with replaykit.record(name, store=world.store) as run:
            await barrier.wait()
            note(name)
            await barrier.wait()
        return Packet.load(run.packet_path or "")

    async def main() -> list[Packet]:
        barrier = asyncio.Barrier(2)
        return await asyncio.gather(work("one", barrier), work("two", barrier))

    packets = asyncio.run(main())
    assert [[item.arguments for item in packet.interactions] for packet in packets] == [
        [{"value": "one"}],
        [{"value": "two"}],
    ]


def test_a_call_of_an_older_thread_is_possibly_missing(world: World) -> None:
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.wait()
        note("whose?")
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    with replaykit.record("demo", store=world.store) as run:
        begun.set()
        done.wait()
    thread.join()

    outcome = Packet.load(run.packet_path or "").outcome
    assert outcome is not None
    assert (outcome.manifest.possibly_missing, outcome.manifest.calls) == (1, {})


def test_a_response_header_of_odd_bytes_is_forwarded_and_kept(world: World) -> None:
    odd = b"caf\xe9 \x80"
    world.record(lambda: world.client.get("/page", headers=[(b"x-odd", odd)]).text)

    assert world.replay(lambda: world.client.get("/page", headers=[(b"x-odd", odd)]).text).ok


@pytest.mark.parametrize(("value", "depth"), [(1, 1), ([], 1), ([1], 2), ({"a": [[1]]}, 4)])
def test_depth_counts_levels(value: Any, depth: int) -> None:
    assert depth_of(value) == depth
