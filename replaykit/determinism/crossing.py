"""Whether the code that runs now is a hooked transport at work: its connections, timers and time-outs are its own."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from replaykit.determinism import strands
from replaykit.determinism.by_task import ByTask

T = TypeVar("T")

_inside: ContextVar[bool] = ContextVar("replaykit_inside_transport", default=False)
_tasks: ByTask[int] = ByTask()
_depths = threading.local()


def is_inside_transport() -> bool:
    """True where a hooked transport is at work: what leaves the process here was asked about."""
    return _is_inside(strands.current_task())


def _is_inside(task: Any) -> bool:
    if task is not None:
        return task in _tasks
    return getattr(_depths, "depth", 0) > 0 or _inside.get()


@contextmanager
def inside_transport() -> Iterator[None]:
    """While a transport works, the transports below it are its own business: the outermost hook wins.

    Noted for the task and not in its context, which several tasks may share; nor for the thread, which has many tasks.
    The context variable is for callbacks alone: they have no task, and copies of the context of who scheduled them.
    """
    task = strands.current_task()
    token = _inside.set(True)
    if task is not None:
        _tasks.put(task, (_tasks.get(task) or 0) + 1)
    else:
        _depths.depth = getattr(_depths, "depth", 0) + 1
    try:
        yield
    finally:
        try:
            _inside.reset(token)
        except ValueError:  # a coroutine closed by the garbage collector, in another context: nothing to restore there
            pass
        if task is None:
            _depths.depth -= 1
        elif (depth := _tasks.get(task) or 0) > 1:
            _tasks.put(task, depth - 1)
        else:
            _tasks.pop(task)


def spawned(task: Any, by: Any) -> None:
    """Told of a task that `by`, which runs now, has made: what a transport spawns belongs to it for good."""
    if _is_inside(by):
        _tasks.put(task, 1)


class Watched(Generic[T]):
    """An awaitable that is awaited for its own sake; afterwards it is known whether anybody else ran meanwhile.

    Attributes:
        is_suspended: It gave way to the loop at least once.
    """

    __slots__ = ("_inner", "is_suspended")

    def __init__(self, inner: Awaitable[T]) -> None:
        self._inner = inner
        self.is_suspended = False

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._inner.__await__()
        try:
            waiting_for = next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        self.is_suspended = True
        while True:
            try:
                sent = yield waiting_for
            except GeneratorExit:
                close = getattr(steps, "close", None)
                if close is not None:
                    close()
                raise
            except BaseException as error:
                throw = getattr(steps, "throw", None)
                if throw is None:
                    raise
                step, argument = throw, error
            else:
                step, argument = getattr(steps, "send", None) or _plain_next(steps), sent
            try:
                waiting_for = step(argument)
            except StopIteration as stop:
                result = stop.value
                return result


def _plain_next(steps: Any) -> Any:
    return lambda sent: next(steps)
