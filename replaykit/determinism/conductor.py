"""The schedule of a replay: what came from outside comes again, in its order, as soon as everything else is over.

Every thread and job of the run is an actor: it runs, or it is parked where only an event can get it on, at a boundary,
in a sleep or in a wait. A loop that has nothing ready parks its thread. When all are parked, the next event is let
happen. Nothing here takes real time, except for what runs for real.
"""

from __future__ import annotations

import _thread
import asyncio
import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

from replaykit.determinism.actors import Actors, this_actor
from replaykit.determinism.clock import Clock, real_monotonic_ns
from replaykit.determinism.nodes import Node
from replaykit.determinism.orders import ByTime, Next, Order
from replaykit.determinism.schedule import (
    DONE,
    SLEEP,
    THREAD,
    TIMER,
    WAIT,
    Subject,
    bypass,
    kind_of,
    ordinal,
    running_loop,
)
from replaykit.determinism.sides import POLL_S, Side
from replaykit.determinism.turns import call_soon

MAX_S = threading.TIMEOUT_MAX

NEVER_NS = 500_000_000
"""How long, in real time, something else is given to come first where that was so in the recording."""


class Waiting:
    """Somebody who waits for an event.

    Args:
        go: Lets it happen; False if nobody waits for it any more.
        is_dead: Tells whether nobody does.

    Attributes:
        actor: Who runs on when it comes.
        side: The loop on which it comes; None in a thread.
    """

    __slots__ = ("actor", "due_ns", "go", "is_dead", "is_last", "real_due_ns", "side", "subject")

    def __init__(
        self,
        subject: Subject,
        go: Callable[[], bool],
        actor: object,
        side: Side | None,
        due_ns: int,
        *,
        is_last: bool = False,
        is_dead: Callable[[], bool] = lambda: False,
    ) -> None:
        self.subject, self.actor, self.side, self.due_ns, self.is_last = subject, actor, side, due_ns, is_last
        self.go, self.is_dead = go, is_dead
        self.real_due_ns = 0


class Conductor:
    """Decides when each event of one replay happens.

    Args:
        order: Which event comes next.
        name: Turns a lineage into the form in which the recording has it.
        made: By kind and lineage: how many timers and waits the recording began there.
    """

    def __init__(
        self,
        order: Order,
        *,
        name: Callable[[str], str] = lambda path: path,
        made: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        self.clock = Clock()
        self.order = order
        self._name = functools.cache(name)
        self._made = dict(made or {})
        self._lock = threading.RLock()
        self._waiting: dict[Subject, Waiting] = {}
        self._sides: dict[int, Side] = {}
        self._actors = Actors()
        self._first: list[Gate] = []  # they go on before any event comes
        self.is_over = False
        self._is_let_go = False
        self.is_live = False  # something goes out for real, and takes its time

    # the run

    def begin(self) -> None:
        """The code that runs now is the run's first actor."""
        self._actors.run(this_actor())

    def let_go(self) -> None:
        """From here on the recording says nothing: what is due first comes first."""
        with self._lock:
            self.order = ByTime()
            self._made = {}
            self._is_let_go = True

    def end(self) -> None:
        """Nothing is held back any more."""
        with self._lock:
            self.let_go()
            self.is_over = True
            waiting, self._waiting = list(self._waiting.values()), {}
            first, self._first = self._first, []
        for gate in first:
            gate.open()
        for item in waiting:
            if item.subject[0] == TIMER and item.side is not None:
                self._hand_over(item, item.side.loop)
            elif item.side is None:
                item.go()
            elif not item.is_last:  # a task that waits for nothing is cancelled with its loop
                self._hand_over(item, item.side.loop)

    def _hand_over(self, item: Waiting, loop: Any) -> None:
        """A timer that outlives the run runs out in real time."""
        delay_s = max(item.due_ns - self.clock.now_ns, 0) / 1e9 if item.subject[0] == TIMER else 0.0
        try:
            with bypass():
                loop.call_soon_threadsafe(loop.call_later, delay_s, item.go)
        except RuntimeError:  # the loop is closed
            return

    @property
    def loops(self) -> frozenset[str]:
        """What the event loops of this replay are."""
        with self._lock:
            return frozenset(kind_of(side.loop) for side in self._sides.values())

    # waiting

    async def reach(self, subject: Subject, due_ns: int, *, is_last: bool = False) -> None:
        """Wait, in a task, until the event comes."""
        if self.is_over:
            return
        loop = asyncio.get_running_loop()
        side = self._side(loop)
        future = loop.create_future()
        self._arrive(Waiting(subject, lambda: _resolve(future), this_actor(), side, due_ns, is_last=is_last))
        try:
            await future
        finally:
            with self._lock:
                self._waiting.pop(subject, None)
            side.resumed(subject)

    def reach_blocking(self, subject: Subject, due_ns: int, *, is_last: bool = False) -> None:
        """Wait, in a thread, until the event comes."""
        if self.is_over:
            return
        loop = running_loop()
        if loop is not None:  # it holds everybody up: no other event can come first
            with self._lock:
                self.clock.advance_to(due_ns)
                self.order.came(subject)
            self._side(loop).resumed(subject)
            return
        gate = Gate(self, this_actor())
        self._arrive(Waiting(subject, gate.open, gate.actor, None, due_ns, is_last=is_last))
        gate.wait()

    def _arrive(self, item: Waiting) -> None:
        left_ns = max(item.due_ns - self.clock.now_ns, NEVER_NS if item.is_last else 0)
        item.real_due_ns = real_monotonic_ns() + left_ns
        with self._lock:
            self._waiting[item.subject] = item
            if item.side is not None and running_loop() is item.side.loop:
                self._actors.run(item.side.actor)
                item.side.watch()

    def _is_never(self, subject: Subject) -> bool:
        """True for a timer or wait that the recording began, and that did not run out there."""
        kind, lineage, number = subject
        return number < self._made.get((kind, lineage), 0) and not self.order.has(subject)

    # letting things happen

    def park(self, actor: object) -> None:
        """That actor can't go on by itself."""
        with self._lock:
            self._actors.park(actor)
            self._go_on()

    def unpark(self, actor: object) -> None:
        with self._lock:
            self._actors.run(actor)

    def resume(self, actor: object) -> None:
        """The same for the one that runs now."""
        self.unpark(actor)
        loop = running_loop()
        if loop is not None:
            self._side(loop).watch()

    def poll(self) -> None:
        """Look again: a thread may have ended, or be stuck where nobody sees it."""
        with self._lock:
            self._actors.prune()
            self._go_on()

    def _go_on(self) -> None:
        while not self._actors.is_any_running() and not self.is_over:
            if self._first:
                gate = self._first.pop(0)
                self._actors.run(gate.actor)
                gate.open()
                return
            for subject in [name for name, item in self._waiting.items() if item.is_dead()]:
                del self._waiting[subject]
            chosen = self.order.choose(self._waiting)
            if chosen is None or self._is_early(chosen):
                return
            self.order.chose(chosen.subject)
            item = self._waiting[chosen.subject]
            if item.side is None or running_loop() is item.side.loop:
                self._let(chosen)
            else:
                self._call_on(item.side, chosen)

    def _let(self, chosen: Next) -> None:
        """Let the chosen event happen, and what comes in the same place."""
        with self._lock:
            item = self._waiting.get(chosen.subject)
            if item is None:
                return
            place = self.order.place(chosen.subject)
            if item.side is not None and item.side.go_on_at(place) and chosen.subject not in self._waiting:
                return
            self._happen(self._take(chosen))

    def _call_on(self, side: Side, chosen: Next) -> None:
        def let() -> None:
            self._let(chosen)
            side.watch()

        self._actors.run(side.actor)
        try:
            with bypass():
                side.loop.call_soon_threadsafe(let)
        except RuntimeError:  # the loop is closed
            self._waiting.pop(chosen.subject, None)
            self._actors.park(side.actor)

    def _is_early(self, chosen: Next) -> bool:
        """True for what only time decides, where something that nobody sees may still come first, in real time."""
        if self.order.has(chosen.subject):
            return False
        item = self._waiting[chosen.subject]
        is_real = item.is_last or item.subject[0] == WAIT or self.is_live
        return is_real and not self._is_let_go and real_monotonic_ns() < item.real_due_ns

    def follow(self, subject: Subject, tick: int, actor: object) -> bool:
        while not self._follow(subject, tick):
            with self._lock:
                is_final = actor is None or not self._actors.is_any_running(besides=actor)
            if is_final:
                return False
            self._let_others(actor)
        return True

    def _follow(self, subject: Subject, tick: int) -> bool:
        with self._lock:
            for chosen in self.order.following(subject, tick):
                earlier = self.order.before(chosen.subject)
                item = self._waiting.get((earlier or chosen).subject)
                if item is None or (earlier is not None and item.side is not None):
                    return False
                self._happen(self._take(earlier or chosen))
                if earlier is not None:  # what follows from it in its thread comes first
                    return False
            return True

    def _let_others(self, actor: object) -> None:
        """Wait until nobody else can go on by himself."""
        gate = Gate(self, actor)
        with self._lock:
            self._first.append(gate)
        try:
            gate.wait()
        finally:
            with self._lock:
                if gate in self._first:  # interrupted
                    self._first.remove(gate)

    def last_tick(self, subject: Subject) -> int:
        return self.order.last_tick(subject)

    def _take(self, chosen: Next) -> Waiting:
        self.clock.advance_to(chosen.time_ns)
        self.order.came(chosen.subject)
        return self._waiting.pop(chosen.subject)

    def _happen(self, item: Waiting) -> None:
        if item.go():
            self._actors.run(item.actor)
            if item.side is not None:
                item.side.watch()

    def _side(self, loop: Any) -> Side:
        with self._lock:
            side = self._sides.get(id(loop))
            if side is None or side.loop is not loop:
                side = self._sides[id(loop)] = Side(self, loop, this_actor())
            side.actor = this_actor()
            return side

    # what the hooks ask

    def _begun(self, kind: str, node: Node) -> Subject:
        return (kind, self._name(node.path), ordinal(node, kind))

    def make_timer(
        self, loop: Any, node: Node, when: float, callback: Any, args: tuple[Any, ...], context: Any, call_at: Any
    ) -> Any:
        handle = _Timer(when, callback, args, loop, context)
        subject = self._begun(TIMER, node)
        self._add_handle(subject, handle, loop, self.clock.at(when))
        return handle

    def _add_handle(self, subject: Subject, handle: asyncio.Handle, loop: Any, due_ns: int) -> None:
        side = self._side(loop) if running_loop() is loop else self._known_side(loop)

        def run() -> None:
            side.resumed(subject)
            if not handle.cancelled():
                handle._run()

        def go() -> bool:
            if handle.cancelled():
                return False
            call_soon(loop, run)
            return True

        item = Waiting(subject, go, side.actor, side, due_ns, is_last=self._is_never(subject), is_dead=handle.cancelled)
        self._arrive(item)

    def _known_side(self, loop: Any) -> Side:
        with self._lock:
            side = self._sides.get(id(loop))
            if side is None or side.loop is not loop:
                side = self._sides[id(loop)] = Side(self, loop, None)
            return side

    def sleep(self, node: Node, seconds: float, sleep: Callable[[float], None]) -> None:
        until = self.clock.now_ns + int(seconds * 1e9)
        if running_loop() is not None:
            self.clock.advance_to(until)
            return
        self.reach_blocking(self._begun(SLEEP, node), until)

    def wait(self, node: Node, condition: Any, timeout: float | None, wait: Callable[..., bool]) -> bool:
        if timeout is not None and timeout <= 0:
            return wait(condition, timeout)
        if not condition._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        gate = Gate(self, this_actor())
        condition._waiters.append(gate)
        saved = condition._release_save()
        try:
            if timeout is not None:
                self._arrive_wait(self._begun(WAIT, node), gate, timeout)
            gate.wait()
        finally:
            condition._acquire_restore(saved)
            if not gate.is_notified and gate in condition._waiters:
                condition._waiters.remove(gate)
        return gate.is_notified

    def _arrive_wait(self, subject: Subject, gate: Gate, timeout: float) -> None:
        until = self.clock.now_ns + int(min(timeout, MAX_S) * 1e9)
        gate.on_notified = lambda: self._waiting.pop(subject, None)
        gate.times_out = self.order.has(subject)
        self._arrive(Waiting(subject, gate.open, gate.actor, None, until, is_last=self._is_never(subject)))

    def join(self, node: Node, thread: Any, timeout: float | None, join: Callable[..., None]) -> None:
        actor = this_actor()
        gate = Gate(self, actor)
        if timeout is not None and timeout <= 0:
            join(thread, timeout)
            return
        if timeout is not None:
            self._arrive_wait(self._begun(WAIT, node), gate, timeout)
        self.park(actor)
        try:
            while thread.is_alive() and not gate.is_open():
                join(thread, POLL_S)
                self.poll()
        finally:
            self.resume(actor)
            if gate.on_notified is not None:
                gate.on_notified()

    def call_from_thread(self, loop: Any, node: Node, callback: Any, args: tuple[Any, ...], make: Any) -> Any:
        handle = asyncio.Handle(callback, args, loop, None)
        self._add_handle(self._begun(THREAD, node), handle, loop, self.clock.now_ns)
        return handle

    def thread_started(self, thread: threading.Thread) -> None:
        self.unpark(thread)

    def job_submitted(self, job: Any) -> None:
        with self._lock:
            self._actors.submit(job)
        loop = running_loop()
        if loop is not None:
            self._side(loop).watch()

    def job_returns(self, node: Node) -> None:
        subject = self._begun(DONE, node)
        self.reach_blocking(subject, self.clock.now_ns + self.order.delay_ns(subject, 0))

    def job_ended(self, job: Any) -> None:
        with self._lock:
            self._actors.end(job)
        self.park(job)


class Gate:
    """Where one thread is parked. Stands in for the lock that `threading.Condition` gives to each of its waiters."""

    __slots__ = ("_conductor", "_lock", "actor", "is_notified", "on_notified", "times_out")

    def __init__(self, conductor: Conductor, actor: object) -> None:
        self._conductor, self.actor = conductor, actor
        self._lock = _thread.allocate_lock()
        self._lock.acquire()
        self.is_notified = False
        self.times_out = False
        self.on_notified: Callable[[], object] | None = None

    def open(self) -> bool:
        """The event has come."""
        if not self._lock.locked():
            return False
        self._lock.release()
        return True

    def is_open(self) -> bool:
        return not self._lock.locked()

    def release(self) -> None:
        """Somebody notifies the condition."""
        with self._conductor._lock:
            if self.times_out or not self._lock.locked():
                raise RuntimeError("nobody waits here any more")  # `notify` goes on to the next one
            self.is_notified = True
            if self.on_notified is not None:
                self.on_notified()
            self._conductor.unpark(self.actor)
            self._lock.release()

    def wait(self) -> None:
        self._conductor.park(self.actor)
        try:
            while not self._lock.acquire(timeout=POLL_S):
                self._conductor.poll()
        finally:
            self._conductor.resume(self.actor)


class _Timer(asyncio.TimerHandle):
    """A timer that is in no loop's heap."""

    def cancel(self) -> None:
        asyncio.Handle.cancel(self)


def _resolve(future: asyncio.Future[None]) -> bool:
    if future.done():
        return False
    future.set_result(None)
    return True
