"""See asyncio tasks being spawned, on the standard loops and on uvloop.

The strand of a task is found by the task object. Its context is never looked at, replaced or written to: a task given
`context=` gets that very object.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from replaykit.determinism import crossing, naming, pending, strands
from replaykit.determinism.patches import Patch
from replaykit.determinism.schedule import is_bypassed
from replaykit.determinism.schedule import of_run as schedule_of
from replaykit.determinism.strands import Spawned, Strand, current_strand, on

_PASSING, _NAMING = "", "name"
# Functions of asyncio that spawn for their callers, and the variable that tells more: of those that spawn in the order
# of a set, that is of memory addresses, the one with the user's order; of those that name the task after spawning it
# (before 3.13), its name. The others have none.
_SPAWNERS = {
    ("asyncio.tasks", "ensure_future"): _PASSING,
    ("asyncio.tasks", "_ensure_future"): _PASSING,
    ("asyncio.tasks", "<setcomp>"): _PASSING,
    ("asyncio.tasks", "as_completed.<locals>.<setcomp>"): _PASSING,
    ("asyncio.tasks", "_AsCompletedIterator.__init__.<locals>.<setcomp>"): _PASSING,
    ("asyncio.tasks", "as_completed"): "fs",
    ("asyncio.tasks", "_AsCompletedIterator.__init__"): "aws",
    ("asyncio.tasks", "create_task"): _NAMING,
    ("asyncio.taskgroups", "TaskGroup.create_task"): _NAMING,
}
_OWN = frozenset({"asyncio.tasks", "asyncio.taskgroups"})
_THREADSAFE_CALLBACK = "run_coroutine_threadsafe.<locals>.callback"  # asyncio's, and LangGraph's copy of it


def loop_patches(loop_class: type) -> list[Patch]:
    return [
        Patch(loop_class, "create_task", _wrap_create_task, ("coro", "name", "context")),
        Patch(loop_class, "run_until_complete", _wrap_run_until_complete, ("future",)),
        Patch(loop_class, "call_soon_threadsafe", _wrap_call_soon_threadsafe, ("callback", "context")),
    ]


def asyncio_patches() -> list[Patch]:
    patches = loop_patches(asyncio.base_events.BaseEventLoop)
    for module in (asyncio, asyncio.tasks):
        patches.append(Patch(module, "as_completed", _wrap_as_completed, ("fs",)))
        if sys.version_info >= (3, 12):
            patches.append(Patch(module, "eager_task_factory", _EagerFactory, ("loop", "coro", "name", "context")))
    return patches


def _wrap_create_task(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def create_task(self: Any, coro: Any, **kwargs: Any) -> Any:
        if not strands.active:
            return original(self, coro, **kwargs)
        name, caller = kwargs.get("name"), sys._getframe(1)
        if self.get_task_factory() is not None or kwargs.get("eager_start"):
            return _spawn(coro, name, caller, functools.partial(original, self, coro, **kwargs))
        # No task is made but by asyncio itself, and it takes its first step later.
        by = strands.current_task()
        strand = _strand_for(coro, name, caller, by)
        task = original(self, coro, **kwargs)
        if strand is not None:
            crossing.spawned(task, by)
            strands.tasks.put(task, strand)
        return task

    return create_task


class _EagerFactory:
    """`asyncio.eager_task_factory`, also when a library calls it directly (LangGraph does for each node)."""

    def __init__(self, original: Any) -> None:
        functools.update_wrapper(self, original)
        self._original = original
        # anyio recognises the factory by its code object and takes the task class out of its closure.
        self.__code__ = original.__code__
        self.__closure__ = original.__closure__

    def __call__(self, loop: Any, coro: Any, **kwargs: Any) -> Any:
        if not strands.active:
            return self._original(loop, coro, **kwargs)
        return _spawn(coro, kwargs.get("name"), sys._getframe(1), lambda: self._original(loop, coro, **kwargs))


def _spawn(coro: Any, name: str | None, caller: types.FrameType, make: Callable[[], Any]) -> Any:
    by = strands.current_task()
    strand = _strand_for(coro, name, caller, by)
    if strand is None:
        return make()
    if isinstance(strand, Spawned):
        strand = strand.strand()
    pending.put(coro, strand)
    try:
        task = make()
    finally:
        pending.take(coro)
    crossing.spawned(task, by)
    if strands.tasks.get(task) is None:  # an eager task has run already, and may even have begun a run of its own
        strands.tasks.put(task, strand)
    return task


def _strand_for(coro: Any, name: str | None, caller: types.FrameType, by: Any) -> Strand | Spawned | None:
    """The strand of a task that `by` makes now; None: it belongs to no run."""
    strand = _find_pending(coro) if pending.count() else None
    if strand is not None:
        return strand
    parent = (strands.of_task(by) if by is not None else None) or current_strand()
    if parent is None:
        return None
    return _look_up(coro, name, caller, parent)


def _find_pending(coro: Any) -> Strand | None:
    strand = pending.take(coro)
    if strand is None and getattr(coro, "__name__", "") == "_wrap_awaitable":
        strand = pending.take(naming.arguments_of(coro).get("awaitable"))
    return strand


def _look_up(coro: Any, name: str | None, frame: types.FrameType | None, parent: Strand) -> Strand | Spawned:
    """Look at who spawns: some do it for others, in an order of their own."""
    while frame is not None and (module := frame.f_globals.get("__name__")) in naming.spawners:
        # The commonest are told by their variables: an audit hook makes it dear to ask a frame for its code.
        variables = frame.f_locals
        variable: str | None
        caller: tuple[str, str] | None
        if module in _OWN and "coro" in variables and "name" in variables:
            variable, caller = _NAMING, None
        elif module in _OWN and "coro_or_future" in variables:
            variable, caller = _PASSING, None
        elif module in _OWN and "coros_or_futures" in variables:
            break  # `gather`, which spawns in the order in which it was called
        else:
            caller = (str(module), frame.f_code.co_qualname)
            variable = _SPAWNERS.get(caller)
        if variable == _NAMING:
            name = name or variables.get("name")
        elif variable is None:
            if caller is not None and naming.spawns_in_place(*caller):
                return transparent(parent)
            break
        elif variable != _PASSING:
            awaitables = variables.get(variable)
            if isinstance(awaitables, list | tuple):
                _number_in_order(awaitables, parent)
                strand = _find_pending(coro)
                if strand is not None:
                    return strand
            break
        frame = frame.f_back
    return _spawned(coro, name, parent)


def transparent(parent: Strand) -> Strand:
    """Return a strand for a spawn that is none of the user's: it shares its parent's place and counters."""
    return Strand(parent.node, absorbs_job=parent.absorbs_job)


def _spawned(coro: Any, name: Any, parent: Strand) -> Spawned:
    named = naming.name_task(coro, str(name) if name is not None else None)
    return Spawned(parent.node, named.segment, named.absorbs_job)


def _child_strand(coro: Any, name: Any, parent: Strand) -> Strand:
    return _spawned(coro, name, parent).strand()


def _wrap_run_until_complete(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def run_until_complete(self: Any, future: Any) -> Any:
        parent = current_strand() if strands.active and asyncio.iscoroutine(future) else None
        if parent is None:
            return original(self, future)
        pending.put(future, transparent(parent))
        try:
            return original(self, future)
        finally:
            pending.take(future)

    return run_until_complete


def _wrap_call_soon_threadsafe(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call_soon_threadsafe(self: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        if not strands.active or is_bypassed():
            return original(self, callback, *args, **kwargs)
        is_own = asyncio._get_running_loop() is self
        job = _job_of(args, is_own=is_own)
        strand = job.strand if job is not None else current_strand()
        if strand is None:
            return original(self, callback, *args, **kwargs)
        if _is_finalizer(callback, args):
            if self.is_running():
                pending.put(args[0], transparent(strand))
            return original(self, callback, *args, **kwargs)
        is_submitting = getattr(callback, "__qualname__", "") == _THREADSAFE_CALLBACK
        if is_submitting:
            _number_submitted(callback, strand)
        if is_own and job is None:
            return original(self, callback, *args, **kwargs)
        if job is None and not is_submitting:
            callback = functools.partial(_call_on, Strand(strand.node), callback)
        schedule = schedule_of(strand.node.run)
        if schedule is None:
            return original(self, callback, *args, **kwargs)
        handle = schedule.call_from_thread(
            self, strand.node, callback, args, lambda wrapped: original(self, wrapped, *args, **kwargs)
        )
        if job is not None:
            job.ended()
        return handle

    return call_soon_threadsafe


def _is_finalizer(callback: Any, args: tuple[Any, ...]) -> bool:
    """True where a loop closes a generator that was thrown away: when, is up to the garbage collector.

    It may do so in the middle of any code, and even for a loop of an earlier run, which nobody runs any more.
    """
    return len(args) == 1 and type(args[0]).__name__ == "async_generator_athrow" and _name_of(callback) == "create_task"


def _name_of(callback: Any) -> str:
    return str(getattr(callback, "__name__", ""))


def _job_of(args: tuple[Any, ...], *, is_own: bool) -> Any:
    """The job whose result is handed to the loop; also in the loop's own thread, where it was there at once."""
    for item in args:
        job = pending.jobs.get(item) if isinstance(item, concurrent.futures.Future) else None
        if job is not None:
            return job
    return strands.local.last_job if not is_own and current_strand() is None else None


def _number_submitted(callback: Any, parent: Strand) -> None:
    """Number the coroutine of `run_coroutine_threadsafe` now, in the program order of the thread that submits it."""
    held = dict(zip(callback.__code__.co_freevars, callback.__closure__ or (), strict=False))
    if "coro" in held:
        name = held["name"].cell_contents if "name" in held else None
        coro = held["coro"].cell_contents
        pending.put(coro, _child_strand(coro, name, parent))


def _call_on(strand: Strand, callback: Callable[..., Any], *args: Any) -> None:
    # The loop may run in a thread older than the run (a portal, a test client): the callback brings its place along.
    with on(strand):
        callback(*args)


def _wrap_as_completed(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def as_completed(fs: Any, **kwargs: Any) -> Any:
        if strands.active and not hasattr(fs, "__await__") and not asyncio.iscoroutine(fs):
            fs = _InOrder(fs)
        return original(fs, **kwargs)

    return as_completed


class _InOrder:
    """The awaitables given to `as_completed`, numbered in the caller's order when it takes them, not before."""

    def __init__(self, awaitables: Iterable[Any]) -> None:
        self._awaitables = awaitables

    def __iter__(self) -> Iterator[Any]:
        items = list(self._awaitables)
        parent = current_strand() if strands.active else None
        if parent is not None:
            _number_in_order(items, parent)
        return iter(items)


def _number_in_order(awaitables: Iterable[Any], parent: Strand) -> None:
    for awaitable in awaitables:
        if not asyncio.isfuture(awaitable) and pending.get(awaitable) is None:
            pending.put(awaitable, _child_strand(awaitable, None, parent))
