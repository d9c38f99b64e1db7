"""See jobs being handed to worker threads, and threads being started.

Worker threads are reused: a job brings its strand along and takes it away again. Nothing stays with the thread.
"""

from __future__ import annotations

import concurrent.futures.thread
import functools
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from replaykit.determinism import naming, pending, strands
from replaykit.determinism.crossing import inside_transport, is_inside_transport
from replaykit.determinism.patches import Patch
from replaykit.determinism.schedule import of_run as schedule_of
from replaykit.determinism.strands import Strand, current_strand, on


def worker_patches() -> list[Patch]:
    return [
        Patch(concurrent.futures.ThreadPoolExecutor, "submit", _wrap_submit, ("fn", "kwargs")),
        Patch(threading.Thread, "start", _wrap_start, ("self",)),
        Patch(concurrent.futures, "as_completed", _wrap_as_completed, ("fs", "timeout")),
        Patch(concurrent.futures._base, "as_completed", _wrap_as_completed, ("fs", "timeout")),
    ]


def anyio_patches(backend: type) -> list[Patch]:
    return [Patch(backend, "run_sync_in_worker_thread", _wrap_run_sync, ("func", "args"))]


_finished = itertools.count(1)


class Job:
    """A function that runs under a strand of its own, on whatever thread it lands.

    Attributes:
        native_id: The system's number of the thread that it runs on; None until it does.
        pool: The executor that it was handed to.
        number: Running number among all that have returned.
    """

    __slots__ = ("_function", "_future", "_is_over", "_lock", "native_id", "number", "pool", "strand")

    def __init__(self, function: Callable[..., Any], strand: Strand, pool: Any = None) -> None:
        self.pool = pool
        self.number = 0
        self._function = function
        self.strand = strand
        self.native_id: int | None = None
        self._future: concurrent.futures.Future[Any] | None = None
        self._is_over = False
        self._lock = threading.Lock()
        schedule = schedule_of(strand.node.run)
        if schedule is not None:
            schedule.job_submitted(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        thread_id = threading.get_ident()
        outer = strands.jobs.get(thread_id)
        strands.jobs[thread_id] = self.strand
        local = strands.local
        outer_job, local.job = local.job, self
        self.native_id = threading.get_native_id()
        try:
            with on(self.strand):
                try:
                    return self._function(*args, **kwargs)
                finally:
                    schedule = schedule_of(self.strand.node.run)
                    if schedule is not None:
                        schedule.job_returns(self.strand.base)
        finally:
            local.job, local.last_job = outer_job, self
            del self._function  # the thread keeps the job until its next one, but not what was in it
            if outer is None:
                strands.jobs.pop(thread_id, None)
            else:
                strands.jobs[thread_id] = outer
            self._returned()

    def belongs_to(self, future: concurrent.futures.Future[Any]) -> None:
        """Told of the future that hands the result on."""
        pending.jobs[future] = self
        with self._lock:
            self._future = future
            is_over = self._is_over
        if is_over:
            future.add_done_callback(self.ended)

    def _returned(self) -> None:
        with self._lock:
            self._is_over = True
            self.number = next(_finished)
            future = self._future
        if future is not None:
            future.add_done_callback(self.ended)  # the last one: those who wait for the result know of it by then

    def ended(self, future: object = None) -> None:
        """Nothing more follows from it on its own thread."""
        schedule = schedule_of(self.strand.node.run)
        if schedule is not None:
            schedule.job_ended(self)


def make_job(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], pool: Any = None) -> Any:
    """Return `function` as a job of the strand that runs now; `function` itself where there is none."""
    parent = current_strand()
    if parent is None:
        return function
    if parent.absorbs_job:  # `create_task(to_thread(f))`: the task is called `f` already
        parent.absorbs_job = False
        strand = Strand(parent.node)
    else:
        strand = Strand(parent.node.child(naming.name_job(function, args, kwargs)))
    return Job(_inside(function) if is_inside_transport() else function, strand, pool)


def _inside(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a transport hands to a thread (asyncio looks names up there) is its own business as well."""

    def run(*args: Any, **kwargs: Any) -> Any:
        with inside_transport():
            return function(*args, **kwargs)

    return run


def _wrap_submit(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not strands.active:
            return original(self, fn, *args, **kwargs)
        job = make_job(fn, args, kwargs, self)
        try:
            future = original(self, job, *args, **kwargs)
        except BaseException:
            if isinstance(job, Job):
                job.ended()
            raise
        if isinstance(job, Job):
            job.belongs_to(future)
        return future

    return submit


def _wrap_as_completed(original: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    @functools.wraps(original)
    def as_completed(fs: Iterable[Any], timeout: float | None = None) -> Iterator[Any]:
        return _in_order(original, fs, timeout) if strands.active else original(fs, timeout)

    return as_completed


def _in_order(original: Callable[..., Iterator[Any]], fs: Iterable[Any], timeout: float | None) -> Iterator[Any]:
    """Those that are done already come in the order in which they were, and not in that of their addresses."""
    until = time.monotonic() + timeout if timeout is not None else None
    futures = list(dict.fromkeys(fs))
    done = {future: getattr(pending.jobs.get(future), "number", 0) for future in futures if future.done()}
    yield from sorted(done, key=lambda future: done[future])
    left = [future for future in futures if future not in done]
    if left:
        yield from original(left, max(until - time.monotonic(), 0) if until is not None else None)


def _wrap_run_sync(original: Any) -> Any:
    run_sync: Callable[..., Any] = original.__func__

    @functools.wraps(run_sync)
    def run_sync_in_worker_thread(cls: Any, func: Any, args: Any, *rest: Any, **kwargs: Any) -> Any:
        if strands.active:
            func = make_job(func, tuple(args), {})
        return run_sync(cls, func, args, *rest, **kwargs)

    return classmethod(run_sync_in_worker_thread)


def _wrap_start(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        parent = current_strand() if strands.active and not _is_worker(self) else None
        if parent is None:
            original(self)
            return
        strands.threads[self] = Strand(parent.node.child(_name_thread(self)))
        schedule = schedule_of(parent.node.run)
        if schedule is not None:
            schedule.thread_started(self)
        try:
            original(self)
        except BaseException:
            strands.threads.pop(self, None)
            raise

    return start


def _is_worker(thread: threading.Thread) -> bool:
    """Whether the thread outlives the jobs it gets, so that it must not belong to the run that happened to need it."""
    if getattr(thread, "_target", None) is concurrent.futures.thread._worker:
        return True
    kind = type(thread)
    return kind.__name__ == "WorkerThread" and kind.__module__.startswith("anyio.")


def _name_thread(thread: threading.Thread) -> str:
    function = getattr(thread, "_target", None) or getattr(thread, "function", None)  # the second is `Timer`'s
    if function is None:
        segment = naming.tidy(type(thread).__qualname__)
    else:
        segment = naming.name_job(function, tuple(getattr(thread, "_args", ()) or ()), {})
    return naming.with_given_name(segment, thread.name)
