"""The timers, sleeps and threads of a replay: they wait for its conductor, and take no time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from replaykit.determinism.actors import this_actor
from replaykit.determinism.clock import Clock
from replaykit.determinism.conductor import Conductor
from replaykit.determinism.nodes import Node
from replaykit.determinism.schedule import DONE, SLEEP, THREAD, TIMER, WAIT, Subject, running_loop
from replaykit.determinism.sides import POLL_S
from replaykit.determinism.turns import call_soon
from replaykit.determinism.waiting import Gate, Waiting

MAX_S = threading.TIMEOUT_MAX
"""What is longer is an error of the caller's, as in real time."""


class Conducted:
    """What the hooks on timers, sleeps and threads ask: the `Schedule` of a replay.

    Attributes:
        clock: What the code of the run goes by.
    """

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor

    @property
    def clock(self) -> Clock:
        return self._conductor.clock

    # loops

    def make_timer(
        self, loop: Any, node: Node, when: float, callback: Any, args: tuple[Any, ...], context: Any, call_at: Any
    ) -> Any:
        handle = _Timer(when, callback, args, loop, context)
        self._add_handle(self._conductor.begun(TIMER, node), handle, loop, self.clock.at(when))
        return handle

    def call_from_thread(self, loop: Any, node: Node, callback: Any, args: tuple[Any, ...], make: Any) -> Any:
        handle = asyncio.Handle(callback, args, loop, None)
        self._add_handle(self._conductor.begun(THREAD, node), handle, loop, self.clock.now_ns)
        return handle

    def _add_handle(self, subject: Subject, handle: asyncio.Handle, loop: Any, due_ns: int) -> None:
        conductor = self._conductor
        side = conductor.side(loop) if running_loop() is loop else conductor.known_side(loop)

        def run() -> None:
            side.resumed(subject)
            if not handle.cancelled():
                handle._run()

        def go() -> bool:
            if handle.cancelled():
                return False
            call_soon(loop, run)
            return True

        is_last, is_dead = conductor.is_never(subject), handle.cancelled
        conductor.arrive(Waiting(subject, go, side.actor, side, due_ns, is_last=is_last, is_dead=is_dead))

    # threads

    def sleep(self, node: Node, seconds: float, sleep: Callable[[float], None]) -> None:
        until = self.clock.now_ns + int(seconds * 1e9)
        if running_loop() is not None:
            self.clock.advance_to(until)
            return
        self._conductor.reach_blocking(self._conductor.begun(SLEEP, node), until)

    def wait(self, node: Node, condition: Any, timeout: float | None, wait: Callable[..., bool]) -> bool:
        if timeout is not None and not 0 < timeout <= MAX_S:
            return wait(condition, timeout)
        if not condition._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        gate = Gate(self._conductor, this_actor())
        condition._waiters.append(gate)
        saved = condition._release_save()
        subject = self._conductor.begun(WAIT, node) if timeout is not None else None
        try:
            if subject is not None and timeout is not None:
                self._arrive(subject, gate, timeout)
            gate.wait()
        finally:
            if subject is not None:  # it may have been interrupted
                self._conductor.leave(subject)
            condition._acquire_restore(saved)
            if not gate.is_notified and gate in condition._waiters:
                condition._waiters.remove(gate)
        return gate.is_notified

    def _arrive(self, subject: Subject, gate: Gate, timeout: float) -> None:
        conductor = self._conductor
        until = self.clock.now_ns + int(timeout * 1e9)
        gate.on_notified = lambda: conductor.leave(subject)
        gate.times_out = conductor.order.has(subject)
        conductor.arrive(Waiting(subject, gate.open, gate.actor, None, until, is_last=conductor.is_never(subject)))

    def join(self, node: Node, thread: Any, timeout: float | None, join: Callable[..., None]) -> None:
        if timeout is not None and not 0 < timeout <= MAX_S:
            join(thread, timeout)
            return
        conductor, actor = self._conductor, this_actor()
        gate = Gate(conductor, actor)
        if timeout is not None:
            self._arrive(conductor.begun(WAIT, node), gate, timeout)
        conductor.park(actor)
        try:
            while thread.is_alive() and not gate.is_open():
                join(thread, POLL_S)
                conductor.poll()
        finally:
            conductor.resume(actor)
            if gate.on_notified is not None:
                gate.on_notified()

    def thread_started(self, thread: threading.Thread) -> None:
        self._conductor.unpark(thread)

    # jobs

    def job_submitted(self, job: Any) -> None:
        self._conductor.submitted(job)

    def job_returns(self, node: Node) -> None:
        conductor = self._conductor
        subject = conductor.begun(DONE, node)
        conductor.reach_blocking(subject, self.clock.now_ns + conductor.order.delay_ns(subject, 0))

    def job_ended(self, job: Any) -> None:
        self._conductor.ended(job)


class _Timer(asyncio.TimerHandle):
    """A timer that is in no loop's heap."""

    def cancel(self) -> None:
        asyncio.Handle.cancel(self)
