"""After a divergence the agent must come to its end; where it waits for ever, it is made to.

A worker that died of the divergence may be waited for by everybody else. When the root has not come back within the
grace period, the tasks of the run are cancelled; a main thread that still waits is interrupted.
"""

from __future__ import annotations

import _thread
import asyncio
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from replaykit.determinism.lineage import strands_of

GRACE_S = 3.0


class Watchdog:
    """Started by the first divergence; waits for the close of the replay."""

    def __init__(self, run: object, grace_s: float) -> None:
        self._run = run
        self._is_started = False
        self._closed = threading.Event()
        self._grace_s = grace_s
        self._root = threading.current_thread()
        self.was_needed = False
        self.did_interrupt = False
        self.stacks: tuple[str, ...] = ()

    def start(self) -> None:
        """Begins the grace period; later divergences do not begin another one."""
        if not self._is_started:
            self._is_started = True
            # Not a `threading.Thread`: one started in here would belong to the run that it watches.
            _thread.start_new_thread(self._watch, ())

    def stop(self) -> None:
        """The replay has ended: nothing is left to watch."""
        self._closed.set()

    def _watch(self) -> None:
        if self._closed.wait(self._grace_s):
            return
        self.was_needed = True
        self.stacks = _stacks(self._run)
        cancelled = self._cancel_tasks()
        if self._closed.wait(self._grace_s if cancelled else 0):
            return
        if self._root is threading.main_thread():
            self.did_interrupt = True
            _thread.interrupt_main()

    def _cancel_tasks(self) -> int:
        count = 0
        for holder, _ in strands_of(self._run):
            if isinstance(holder, asyncio.Future) and not holder.done():
                holder.get_loop().call_soon_threadsafe(_canceller(holder))
                count += 1
        return count


def _canceller(task: asyncio.Future[object]) -> Callable[[], None]:
    def cancel() -> None:
        if not task.done():
            task.cancel("the replay has left its recording")

    return cancel


def _stacks(run: object) -> tuple[str, ...]:
    """Where each thread and task of the run stands: `worker thread-1: queue.py:171 get`."""
    frames = sys._current_frames()
    places = []
    for holder, _ in strands_of(run):
        if isinstance(holder, threading.Thread):
            frame = frames.get(holder.ident or 0)
            stack = traceback.extract_stack(frame) if frame is not None else None
            name = f"thread {holder.name}"
        else:
            found = holder.get_stack(limit=1) if isinstance(holder, asyncio.Task) else []
            stack = traceback.extract_stack(found[-1]) if found else None
            name = f"task {holder.get_name()}" if isinstance(holder, asyncio.Task) else "task"
        if stack:
            places.append(f"{name} waits at {Path(stack[-1].filename).name}:{stack[-1].lineno} {stack[-1].name}")
    return tuple(places)
