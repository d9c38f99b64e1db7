"""A recorder of a few lines, and loops to run it on: enough to see whether each call gets its own answer back."""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from replaykit.determinism import lineage

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
EAGER = sys.version_info >= (3, 12)


class Tape:
    """Records answers by position, and replays them."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, str]] = {}
        self.asked: list[str] = []
        self.adopted: set[str] = set()
        self.is_replay = False
        self._numbers = itertools.count()

    def rewind(self) -> Tape:
        self.is_replay = True
        self.asked = []
        return self

    def _answer(self, name: str, prompt: str) -> str:
        node = lineage.current()
        assert node is not None, f"a call of {name} belongs to no run"
        assert node.run is self
        position = f"{node.path}/{name}[{node.ordinal(name)}]"
        self.asked.append(position)
        if node.is_adopted:
            self.adopted.add(position)
        if not self.is_replay:
            assert position not in self.answers
            self.answers[position] = (prompt, f"answer {next(self._numbers)}")
        recorded_prompt, answer = self.answers[position]
        assert recorded_prompt == prompt, position
        return answer

    async def ask(self, prompt: str = "vote") -> str:
        await asyncio.sleep(random.random() * 0.0008)
        answer = self._answer("ask", prompt)
        await asyncio.sleep(random.random() * 0.0008)
        return answer

    def ask_sync(self, prompt: str = "vote") -> str:
        time.sleep(random.random() * 0.0008)
        answer = self._answer("ask", prompt)
        time.sleep(random.random() * 0.0003)
        return answer

    def ask_now(self, prompt: str = "vote") -> str:
        return self._answer("ask", prompt)


@contextmanager
def run_of(run: object) -> Iterator[lineage.Root]:
    root = lineage.begin(run)
    try:
        yield root
    finally:
        lineage.end(root)


def run_on(loop: str, main: Callable[[Tape], Coroutine[Any, Any, Any]], tape: Tape) -> Any:
    """Run `main` as a run begun in plain code around the loop."""
    with run_of(tape), asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(main(tape))


def count_exact(times: int, record_and_replay: Callable[[Tape], Any]) -> int:
    """Record once, replay `times` times under other timings; return how many gave each caller its own answer."""
    tape = Tape()
    expected = record_and_replay(tape)
    positions = sorted(tape.asked)
    return sum(record_and_replay(tape.rewind()) == expected and sorted(tape.asked) == positions for _ in range(times))
