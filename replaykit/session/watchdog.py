"""After a divergence the agent must come to its end; where it waits for ever, it is made to.

A worker that died of the divergence may be waited for by everybody else. When the root has not come back within the
grace period, the tasks of the run are cancelled; a main thread that still waits is interrupted.
"""

from __future__ import annotations

import _thread
import asyncio
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from replaykit.determinism.clock import real_sleep
from replaykit.determinism.lineage import strands_of

GRACE_S = 3.0
_SIGNAL_ARRIVES_S = 0.05


class Watchdog:
    """Started by the first divergence; waits for the close of the replay.

    Attributes:
        stacks: Where each task and thread of the run stood when the grace period was over; empty where it never was.
    """

    def __init__(self, run: object, grace_s: float) -> None:
        self._run = run
        self._is_started = False
        self._closed = threading.Event()
        self._grace_s = grace_s
        self._root = threading.current_thread()
        self._root_task = _current_task()
        self._did_interrupt = False
        self._interrupting = threading.Lock()
        self.stacks: tuple[str, ...] = ()
        self._was_needed = False

    def start(self) -> None:
        """Begins the grace period; later divergences do not begin another one."""
        if not self._is_started:
            self._is_started = True
            # Not a `threading.Thread`: one started in here would belong to the run that it watches.
            _thread.start_new_thread(self._watch, ())

    def stop(self) -> None:
        """The replay has ended: nothing is left to watch, and nobody is cancelled or interrupted from here on."""
        try:
            with self._interrupting:
                self._closed.set()
            if self._did_interrupt:
                real_sleep(_SIGNAL_ARRIVES_S)  # a signal that is on its way must not arrive after this
        except KeyboardInterrupt:
            if not self._did_interrupt:
                raise
            self._closed.set()

    def is_own(self, error: BaseException | None) -> bool:
        """True if the error that reached the root is nothing but this watchdog's way of ending it."""
        if not self._was_needed:
            return False
        if isinstance(error, KeyboardInterrupt):
            return self._did_interrupt
        task = _current_task()
        if task is not None and task is self._root_task and task.cancelling():
            task.uncancel()  # the cancellation was ours, and ends here
        return isinstance(error, asyncio.CancelledError)

    def _watch(self) -> None:
        if self._closed.wait(self._grace_s):
            return
        self._was_needed = True
        self.stacks = (*self._root_stack(), *_stacks(self._run))
        cancelled = self._cancel_tasks()
        if self._closed.wait(self._grace_s if cancelled else 0):
            return
        with self._interrupting:
            if self._root is threading.main_thread() and not self._closed.is_set():
                self._did_interrupt = True
                _interrupt(self._root)

    def _root_stack(self) -> tuple[str, ...]:
        if self._root_task is not None:
            return ()  # it is one of the run's tasks
        frame = sys._current_frames().get(self._root.ident or 0)
        stack = traceback.extract_stack(frame) if frame is not None else None
        return (_waiting(f"thread {self._root.name}", stack),) if stack else ()

    def _cancel_tasks(self) -> int:
        count = 0
        for holder, _ in strands_of(self._run):
            if isinstance(holder, asyncio.Future) and not holder.done():
                holder.get_loop().call_soon_threadsafe(self._canceller(holder))
                count += 1
        return count

    def _canceller(self, task: asyncio.Future[object]) -> Callable[[], None]:
        def cancel() -> None:
            if not task.done() and not self._closed.is_set():
                task.cancel("the replay has left its recording")

        return cancel


def _interrupt(main: threading.Thread) -> None:
    """A KeyboardInterrupt for the main thread, also where it waits for a lock: only a real signal ends that wait."""
    if hasattr(signal, "pthread_kill") and callable(signal.getsignal(signal.SIGINT)) and main.ident is not None:
        signal.pthread_kill(main.ident, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return None


def _stacks(run: object) -> tuple[str, ...]:
    """Where each thread and task of the run stands: `thread worker-1 waits at queue.py:171 get`."""
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
            places.append(_waiting(name, stack))
    return tuple(places)


def _waiting(name: str, stack: traceback.StackSummary) -> str:
    return f"{name} waits at {Path(stack[-1].filename).name}:{stack[-1].lineno} {stack[-1].name}"
