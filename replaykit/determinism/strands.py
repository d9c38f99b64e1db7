"""Which strand of execution runs right now, and on which node it is.

A strand is one thread of execution: a task, an executor's job, a started thread, or synchronous code.
Evidence, strongest first: the current asyncio task, then the seat of this thread (the job that runs on it, or the
strand the thread was born with), then a context variable. The variable counts only in the thread where it was set:
contexts get copied to threads that are older than the run.
"""

from __future__ import annotations

import contextvars
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from replaykit.determinism.by_task import ByTask
from replaykit.determinism.nodes import Node

_lock = threading.RLock()
_begun = False  # whether any run was ever begun in this process: until then `current` costs next to nothing
_running_loop: Callable[[], Any] = lambda: None  # noqa: E731  bound to asyncio's by `begin_looking`
_task_of: Callable[[Any], Any] = lambda loop: None  # noqa: E731


class Strand:
    """One thread of execution and the node it is on.

    Attributes:
        base: Where the strand started.
        node: Where it is: `base`, or the node pushed last.
        absorbs_job: The strand is named after the function it will hand to a worker thread
            (`create_task(to_thread(f))`), so that job adds no segment of its own.
        seat: For a strand held by a context variable: the only thread seat at which it counts.
        outer: What the holder (task, seat or context) held before this strand.
    """

    __slots__ = ("__weakref__", "_pushed", "absorbs_job", "base", "is_held", "node", "outer", "seat", "token")

    def __init__(self, node: Node, *, absorbs_job: bool = False, seat: Seat | None = None) -> None:
        self.base = self.node = node
        self.absorbs_job = absorbs_job
        self.seat = seat
        self.outer: Strand | None = None
        self.token: contextvars.Token[Strand | None] | None = None
        self.is_held = False
        self._pushed: list[Pushed] = []

    def push(self, node: Node) -> Pushed:
        pushed = Pushed(self, node)
        self._pushed.append(pushed)
        self.node = node
        return pushed

    def pop(self, pushed: Pushed) -> None:
        # By identity and from anywhere in the stack: a span inside an async generator may end after its outer one.
        for index in range(len(self._pushed) - 1, -1, -1):
            if self._pushed[index] is pushed:
                del self._pushed[index]
                break
        self.node = self._pushed[-1].node if self._pushed else self.base

    def __repr__(self) -> str:
        return f"Strand({self.node.path!r})"


class Spawned:
    """A task whose number is taken, and that nobody has asked about: most never need a place, and pay for none."""

    __slots__ = ("_absorbs_job", "_number", "_parent", "_segment")

    def __init__(self, parent: Node, segment: str, absorbs_job: bool) -> None:
        self._parent, self._segment, self._absorbs_job = parent, segment, absorbs_job
        self._number = parent.next_number(segment)

    def strand(self) -> Strand:
        return Strand(self._parent.child_at(self._segment, self._number), absorbs_job=self._absorbs_job)


class Pushed:
    """A node pushed on a strand: the receipt to pop it with."""

    __slots__ = ("node", "strand")

    def __init__(self, strand: Strand, node: Node) -> None:
        self.strand = strand
        self.node = node


class Seat:
    """One thread's place: the strand that runs on it outside any task, and its identity (thread ids are reused)."""

    __slots__ = ("__weakref__", "strand")

    def __init__(self, strand: Strand | None) -> None:
        self.strand = strand


class _Local(threading.local):
    def __init__(self) -> None:  # runs once in each thread, when that thread first looks
        self.seat = Seat(threads.get(threading.current_thread()))
        self.job: Any = None  # that runs on this thread now
        self.last_job: Any = None  # that ran before: its result is handed on when it is over


active: Final[set[object]] = set()  # the roots of the runs that have begun and not ended
tasks: Final[ByTask[Strand | Spawned]] = ByTask()
threads: Final[weakref.WeakKeyDictionary[threading.Thread, Strand]] = weakref.WeakKeyDictionary()
jobs: Final[dict[int, Strand]] = {}  # thread id -> the job that runs on it now
variable: Final[contextvars.ContextVar[Strand | None]] = contextvars.ContextVar("replaykit_strand", default=None)
local: Final = _Local()

# Set by `adoption`: finds or makes the strand of a task that `tasks` does not know.
find_unseen: Callable[[Any], Strand | None] = lambda task: None  # noqa: E731


def begin_looking() -> None:
    """Bind asyncio. Not at import: it would cost every `import replaykit` some 40 ms."""
    global _begun, _running_loop, _task_of
    if not _begun:
        import asyncio

        _running_loop = asyncio._get_running_loop
        _task_of = asyncio.current_task
        _begun = True


def current_task() -> Any:
    """Return the asyncio task that runs now, or None."""
    loop = _running_loop()
    return _task_of(loop) if loop is not None else None


def is_any() -> bool:
    """False if nothing is left of any run that the code which runs now could belong to. Cheap; for when none is active.

    Tasks that are still to be made do not count: they go with the last run.
    """
    return len(tasks) > 0 or variable.get() is not None or local.seat.strand is not None


def of_task(task: Any) -> Strand | None:
    """Return the strand of a task that was seen when it was spawned."""
    found = tasks.get(task)
    if not isinstance(found, Spawned):
        return found
    with _lock:  # a task has one strand, whoever asks first
        found = tasks.get(task)
        if isinstance(found, Spawned):
            found = found.strand()
            tasks.put(task, found)
        return found


def current_strand() -> Strand | None:
    """Return the strand that runs now, or None where nothing ties this code to a run."""
    if not _begun:
        return None
    loop = _running_loop()
    if loop is not None:
        task = _task_of(loop)
        if task is not None:
            return of_task(task) or find_unseen(task)
    seat = local.seat
    if seat.strand is not None:
        return seat.strand
    strand = variable.get()
    return strand if strand is not None and strand.seat is seat else None


def current() -> Node | None:
    """Return the node of the code that runs now; None: it belongs to no run.

    After its run has ended a node is still returned (`node.run` says which): the call came late.
    """
    strand = current_strand()
    return strand.node if strand is not None else None


class on:
    """Hold the current task (or thread seat, outside any task) with `strand`; give back exactly what was there.

    May be exited from another thread or task, and in any order.
    """

    __slots__ = ("_strand", "_task", "_where")

    def __init__(self, strand: Strand) -> None:
        self._strand = strand
        self._where: Seat | None = None
        self._task: weakref.ref[Any] | None = None

    def __enter__(self) -> Strand:
        strand = self._strand
        if strand.is_held:  # stepped from two places at once: the second one gets a strand of its own
            strand = self._strand = Strand(strand.node)
        strand.is_held = True
        task = current_task()
        if task is not None:
            self._task = weakref.ref(task)
            strand.outer = of_task(task) or find_unseen(task)
            tasks.put(task, strand)
        else:
            self._where = local.seat
            strand.outer = self._where.strand
            self._where.strand = strand
        return strand

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        tb: TracebackType | None = None,
    ) -> None:
        strand = self._strand
        if not strand.is_held:
            return
        task = self._task() if self._task is not None else None
        top = of_task(task) if task is not None else self._where.strand if self._where is not None else None
        if top is strand:
            if self._where is not None:
                self._where.strand = strand.outer
            elif strand.outer is None:
                tasks.pop(task)
            else:
                tasks.put(task, strand.outer)
        elif top is not None:
            unlink(top, strand)
        strand.is_held = False
        strand.outer = None


def unlink(top: Strand, gone: Strand) -> Strand | None:
    """Take `gone` out of the chain under `top`; return the strand that stood on it."""
    above: Strand | None = top
    while above is not None and above.outer is not gone:
        above = above.outer
    if above is not None:
        above.outer = gone.outer
    return above


class inside:
    """Be on `node` for a while: a span, a tool, an agent. Outside any strand, the code gets one of its own."""

    __slots__ = ("_held", "_node", "_pushed")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._pushed: Pushed | None = None
        self._held: on | None = None

    def __enter__(self) -> Node:
        strand = current_strand()
        if strand is None:
            self._held = on(Strand(self._node))
            self._held.__enter__()
        else:
            self._pushed = strand.push(self._node)
        return self._node

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        tb: TracebackType | None = None,
    ) -> None:
        if self._pushed is not None:
            self._pushed.strand.pop(self._pushed)
            self._pushed = None
        if self._held is not None:
            self._held.__exit__()
            self._held = None


def strands_of(run: object) -> list[tuple[Any, Strand]]:
    """List the live tasks and threads of a run with their strands, jobs on worker threads included."""
    found: list[tuple[Any, Strand]] = []
    for task in tasks.live():
        strand = of_task(task) if not task.done() else None
        if strand is not None and strand.node.run is run:
            found.append((task, strand))
    # `keyrefs` is a list: safe while other threads spawn.
    for thread in [ref() for ref in threads.keyrefs()]:
        strand = threads.get(thread) if thread is not None and thread.is_alive() else None
        if strand is not None and strand.node.run is run:
            found.append((thread, strand))
    running = dict(jobs)
    if running:
        found += [
            (thread, running[thread.ident])
            for thread in threading.enumerate()
            if thread.ident in running and running[thread.ident].node.run is run
        ]
    return found
