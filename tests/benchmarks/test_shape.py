"""The shape of the costs, as ratios within one run: what must not grow, and what may grow in a line."""

from __future__ import annotations

import itertools
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
from tests.e2e.helpers import IS_SOAK

ROUNDS = 4
SMALL, LARGE = 10, 10_000 if IS_SOAK else 2_000


def _flat_packet(path: Path, count: int) -> replaykit.Packet:
    requests = [(f"step-{number}[0]/llm:chat[0]", question(number)) for number in range(count)]
    return replaykit.Packet.load(write_packet(path, requests))


def _seconds_of_calls(packet: replaykit.Packet, numbers: list[int]) -> list[float]:
    """Time of each call; the calls that are left over at the end are none of this benchmark's business."""
    times = []
    with httpx.Client() as client, pytest.raises(replaykit.Divergence), replaykit.replay(packet):
        for number in numbers:
            with replaykit.span(f"step-{number}"):
                started = time.perf_counter()
                response = client.post(URL, content=question(number), headers={"content-type": "application/json"})
                times.append(time.perf_counter() - started)
            assert response.content == answer(number)
    return times


def _median_of_small_s(packet: replaykit.Packet) -> float:
    picks = [random.sample(range(SMALL - 1), SMALL - 1) for _ in range(6)]  # one is left over, as in the large packet
    return statistics.median(itertools.chain.from_iterable(_seconds_of_calls(packet, pick) for pick in picks))


def _median_of_large_s(packet: replaykit.Packet) -> float:
    return statistics.median(_seconds_of_calls(packet, random.sample(range(LARGE), 54)))


@pytest.mark.timeout(120)
def test_a_replayed_call_costs_the_same_among_10_and_among_thousands(tmp_path: Path) -> None:
    """Lookup goes through a hash index; the order of the calls does not matter to it.

    Small and large take turns, and of each the quietest round counts, equally many of both: what else the machine does
    slows either. A lookup that grows with the packet is slow in every round.
    """
    small = _flat_packet(tmp_path / "small.packet.jsonl", SMALL)
    large = _flat_packet(tmp_path / "large.packet.jsonl", LARGE)
    _median_of_small_s(small)  # imports and caches are warm from here on

    among_few, among_many = [], []
    while len(among_many) < ROUNDS:
        among_few.append(_median_of_small_s(small))
        among_many.append(_median_of_large_s(large))
        ratio = min(among_many) / min(among_few)
        if ratio < 1.5:
            break

    assert ratio < 1.5


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
