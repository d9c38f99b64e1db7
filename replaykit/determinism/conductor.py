"""The schedule of a replay: what came from outside comes again, in its order, as soon as everything else is over.

Every thread and job of the run is an actor: it runs, or it is parked where only an event can get it on, at a boundary,
in a sleep or in a wait. A loop that has nothing ready parks its thread. When all are parked, the next event is let
happen. Nothing here takes real time, except for what runs for real.
"""

from __future__ import annotations

import asyncio
import functools
import heapq
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from replaykit.determinism.actors import Actors, this_actor
from replaykit.determinism.clock import Clock, real_monotonic_ns
from replaykit.determinism.nodes import Node
from replaykit.determinism.orders import ByTime, Next, Order, urgency
from replaykit.determinism.schedule import CALL, TIMER, WAIT, Subject, bypass, kind_of, ordinal, running_loop
from replaykit.determinism.sides import Side
from replaykit.determinism.waiting import Gate, Waiting

OVERDUE, OVERDUE_NS = 3, 50_000_000
"""An event is overdue when it takes as many times as long in real time, and so much more: work may be slower now."""

NEVER_NS = 500_000_000
"""How long, in real time, something else is given to come first where that was so in the recording."""


class Conductor:
    """Decides when each event of one replay happens.

    Args:
        order: Which event comes next.
        name: Turns a lineage into the form in which the recording has it.
        made: By kind and lineage: how many timers and waits the recording began there; by call, what was cut off.
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
        self.lock = threading.RLock()
        self._waiting: dict[Subject, Waiting] = {}
        self._unknown: list[tuple[tuple[bool, int], int, Waiting]] = []  # a heap; those that nothing was recorded of
        self._count = itertools.count()
        self._came_ns = real_monotonic_ns()  # when the last event came, in real time
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
        with self.lock:
            self.order = ByTime()
            self._unknown = []
            for item in self._waiting.values():
                self._push(item)
            self._made = {}
            self._is_let_go = True

    def end(self) -> None:
        """Nothing is held back any more."""
        with self.lock:
            self.let_go()
            self.is_over = True
            waiting, self._waiting, self._unknown = list(self._waiting.values()), {}, []
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
        with self.lock:
            return frozenset(kind_of(side.loop) for side in self._sides.values())

    # waiting

    async def reach(self, subject: Subject, due_ns: int, *, is_last: bool = False) -> None:
        """Wait, in a task, until the event comes."""
        if self.is_over:
            return
        loop = asyncio.get_running_loop()
        side = self.side(loop)
        future = loop.create_future()
        self.arrive(Waiting(subject, lambda: _resolve(future), this_actor(), side, due_ns, is_last=is_last))
        try:
            await future
        finally:
            self.leave(subject)
            side.resumed(subject)

    def reach_blocking(self, subject: Subject, due_ns: int, *, is_last: bool = False) -> None:
        """Wait, in a thread, until the event comes."""
        if self.is_over:
            return
        loop = running_loop()
        if loop is not None:  # it holds everybody up: no other event can come first
            with self.lock:
                self.clock.advance_to(due_ns)
                self.order.came(subject)
            self.side(loop).resumed(subject)
            return
        gate = Gate(self, this_actor())
        self.arrive(Waiting(subject, gate.open, gate.actor, None, due_ns, is_last=is_last))
        gate.wait()

    def arrive(self, item: Waiting) -> None:
        """From now on that event can come."""
        left_ns = max(item.due_ns - self.clock.now_ns, NEVER_NS if item.is_last else 0)
        item.real_due_ns = real_monotonic_ns() + left_ns
        with self.lock:
            self._waiting[item.subject] = item
            if not self.order.has(item.subject):
                self._push(item)
            if item.side is not None and running_loop() is item.side.loop:
                self._actors.run(item.side.actor)
        if item.side is not None and running_loop() is item.side.loop:
            item.side.arrived()

    def leave(self, subject: Subject) -> None:
        """Nobody waits for that event any more."""
        with self.lock:
            self._waiting.pop(subject, None)

    def _push(self, item: Waiting) -> None:
        heapq.heappush(self._unknown, (urgency(item), next(self._count), item))

    def _first_unknown(self) -> Waiting | None:
        while self._unknown:
            item = self._unknown[0][2]
            if self._waiting.get(item.subject) is item:
                return item
            heapq.heappop(self._unknown)  # it has left meanwhile
        return None

    def begun(self, kind: str, node: Node) -> Subject:
        """The next one of that kind that a place has begun."""
        return (kind, self._name(node.path), ordinal(node, kind))

    def is_never(self, subject: Subject) -> bool:
        """True for a timer or wait that the recording began, and that did not run out there."""
        kind, lineage, number = subject
        return number < self._made.get((kind, lineage), 0) and not self.order.has(subject)

    def is_cut_off(self, call: str) -> bool:
        """True for an answer whose close the agent did not wait for to the end in the recording."""
        return (CALL, call) in self._made

    # letting things happen

    def park(self, actor: object) -> None:
        """That actor can't go on by itself."""
        with self.lock:
            self._actors.park(actor)
            self._go_on()

    def unpark(self, actor: object) -> None:
        with self.lock:
            self._actors.run(actor)

    def resume(self, actor: object) -> None:
        """The same for the one that runs now."""
        self.unpark(actor)
        loop = running_loop()
        if loop is not None:
            self.side(loop).watch()

    def submitted(self, job: Any) -> None:
        """That job runs as soon as a thread takes it."""
        with self.lock:
            self._actors.submit(job)
        loop = running_loop()
        if loop is not None:
            self.side(loop).watch()

    def ended(self, job: Any) -> None:
        with self.lock:
            self._actors.end(job)
        self.park(job)

    def poll(self) -> None:
        """Look again: a thread may have ended, or be stuck where nobody sees it."""
        with self.lock:
            self._actors.prune()
            self._go_on()

    def _go_on(self) -> None:
        while not self._actors.is_any_running() and not self.is_over:
            if self._first:
                gate = self._first.pop(0)
                self._actors.run(gate.actor)
                gate.open()
                return
            chosen = self.order.choose(self._waiting, self._first_unknown())
            if chosen is None:
                return
            item = self._waiting[chosen.subject]
            if item.is_dead():
                self.leave(chosen.subject)
                continue
            if self._is_early(chosen):
                return
            self.order.chose(chosen.subject)
            if item.side is None or running_loop() is item.side.loop or not item.side.loop.is_running():
                self._let(chosen)  # nobody is left who would run a loop that stands still
            else:
                self._call_on(item.side, chosen)

    def _let(self, chosen: Next) -> None:
        """Let the chosen event happen, and what comes in the same place."""
        with self.lock:
            item = self._waiting.get(chosen.subject)
            if item is None:
                return
            place = self.order.place(chosen.subject)
            if item.side is not None and item.side.go_on_at(place) and chosen.subject not in self._waiting:
                return
            self._happen(self._take(chosen))

    def _call_on(self, side: Side, chosen: Next) -> None:
        def let() -> None:
            with self.lock:
                self._actors.run(self.side(side.loop).actor)  # nobody may have known yet which thread it runs in
                self._actors.park(side)
            self._let(chosen)
            side.watch()

        self._actors.run(side)  # until it is there
        try:
            with bypass():
                side.loop.call_soon_threadsafe(let)
        except RuntimeError:  # the loop is closed
            self.leave(chosen.subject)
            self._actors.park(side)

    def is_overdue(self) -> bool:
        with self.lock:
            upcoming_ns = self.order.upcoming_ns()
            gap_ns = max(upcoming_ns - self.clock.now_ns, 0) if upcoming_ns is not None else 0
            return real_monotonic_ns() - self._came_ns >= OVERDUE * gap_ns + OVERDUE_NS

    def _is_early(self, chosen: Next) -> bool:
        """True for what only time decides, where something that nobody sees may still come first, in real time."""
        if self.order.has(chosen.subject):
            return False
        item = self._waiting[chosen.subject]
        is_real = item.is_last or item.subject[0] == WAIT or self.is_live
        return is_real and not self._is_let_go and real_monotonic_ns() < item.real_due_ns

    def follow(self, subject: Subject, tick: int, actor: object) -> bool:
        while not self._follow(subject, tick):
            with self.lock:
                is_final = actor is None or not self._actors.is_any_running(besides=actor)
            if is_final:
                return False
            self._let_others(actor)
        return True

    def _follow(self, subject: Subject, tick: int) -> bool:
        with self.lock:
            following = self.order.following(subject, tick)
            before: Next | None = None
            for index, chosen in enumerate(following):
                is_first = before is None or before.subject[0] != TIMER  # of those that run out together
                before = chosen
                if is_first and not self._are_there(following[index:]):
                    return False
                earlier = self.order.before(chosen.subject)
                item = self._waiting.get((earlier or chosen).subject)
                if item is None or (earlier is not None and item.side is not None):
                    return False
                self._happen(self._take(earlier or chosen))
                if earlier is not None:  # what follows from it in its thread comes first
                    return False
            return True

    def _are_there(self, following: Sequence[Next]) -> bool:
        """True if nobody is missing for the first of these events to happen: timers that run out together do so now."""
        timers = itertools.takewhile(lambda event: event.subject[0] == TIMER, following)
        return all(event.subject in self._waiting for event in timers) or self.order.is_passed(following[0].subject)

    def _let_others(self, actor: object) -> None:
        """Wait until nobody else can go on by himself."""
        gate = Gate(self, actor)
        with self.lock:
            self._first.append(gate)
        try:
            gate.wait()
        finally:
            with self.lock:
                if gate in self._first:  # interrupted
                    self._first.remove(gate)

    def last_tick(self, subject: Subject) -> int:
        return self.order.last_tick(subject)

    def _take(self, chosen: Next) -> Waiting:
        self._came_ns = real_monotonic_ns()
        self.clock.advance_to(chosen.time_ns)
        self.order.came(chosen.subject)
        item = self._waiting[chosen.subject]
        self.leave(chosen.subject)
        return item

    def _happen(self, item: Waiting) -> None:
        if item.go():
            self._actors.run(item.actor)
            if item.side is not None:
                item.side.watch()

    def side(self, loop: Any) -> Side:
        """The loop that runs in this thread."""
        side = self.known_side(loop)
        side.actor = this_actor()
        return side

    def known_side(self, loop: Any) -> Side:
        """Any other one."""
        with self.lock:
            side = self._sides.get(id(loop))
            if side is None or side.loop is not loop:
                side = self._sides[id(loop)] = Side(self, loop, None)
            return side


def _resolve(future: asyncio.Future[None]) -> bool:
    if future.done():
        return False
    future.set_result(None)
    return True
