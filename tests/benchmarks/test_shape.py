"""The shape of the costs, as ratios within one run: what must not grow, and what may grow in a line."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import replaykit
from tests.benchmarks.workload import URL, answer, body, question, write_packet

CALLS = 200


def _flat_packet(path: Path, count: int) -> Path:
    return write_packet(path, [(f"step-{number}[0]/llm:chat[0]", question(number)) for number in range(count)])


def _seconds_per_call(packet: replaykit.Packet, numbers: list[int]) -> float:
    """Median time of one call; the calls that are left over at the end are none of this benchmark's business."""
    times = []
    with httpx.Client() as client, pytest.raises(replaykit.Divergence), replaykit.replay(packet):
        for number in numbers:
            with replaykit.span(f"step-{number}"):
                started = time.perf_counter()
                response = client.post(URL, content=question(number), headers={"content-type": "application/json"})
                times.append(time.perf_counter() - started)
            assert response.content == answer(number)
    return statistics.median(times)


def _median_of_small(packet: replaykit.Packet, rounds: int) -> float:
    numbers = list(range(9))  # one is left over, as in the large packet
    return statistics.median(_seconds_per_call(packet, random.sample(numbers, 9)) for _ in range(rounds))


@pytest.mark.timeout(120)
def test_a_replayed_call_costs_the_same_among_10_and_among_10_000(tmp_path: Path) -> None:
    """Lookup goes through a hash index; the order of the calls does not matter to it."""
    small = replaykit.Packet.load(_flat_packet(tmp_path / "small.packet.jsonl", 10))
    large = replaykit.Packet.load(_flat_packet(tmp_path / "large.packet.jsonl", 10_000))
    _median_of_small(small, 3)  # imports and caches are warm from here on

    before = _median_of_small(small, 10)
    among_many = _seconds_per_call(large, random.sample(range(10_000), CALLS))
    after = _median_of_small(small, 10)

    assert among_many / max(before, after) < 1.5


def _history_packet(path: Path, turns: int) -> int:
    messages = [{"role": "system", "content": "You are an agent. " * 20}]
    requests = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"turn {turn} " + "word " * 100})
        requests.append((f"llm:chat[{turn}]", body(messages)))
    return write_packet(path, requests).stat().st_size


def test_the_bytes_of_a_growing_history_grow_in_a_line(tmp_path: Path) -> None:
    """Twice as many turns, each with the whole history before it, take twice the room and not four times."""
    short = _history_packet(tmp_path / "short.packet.jsonl", 100)
    long = _history_packet(tmp_path / "long.packet.jsonl", 200)

    assert long / short < 2.1


HEAVY = ("httpx", "httpx2", "httpcore", "openai", "anthropic", "requests", "aiohttp", "asyncio", "pydantic", "typer")


def test_importing_replaykit_loads_no_http_client_and_no_sdk() -> None:
    """`import replaykit` costs an agent next to nothing until it records or replays."""
    code = f"import sys, replaykit; print([name for name in {HEAVY!r} if name in sys.modules])"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)

    assert shown.stdout.strip() == "[]"
