"""What a task, a job or a thread is called: the user's own function, never the wrappers around it."""

from __future__ import annotations

import contextvars
import functools
import re
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Namer = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], "str | None"]

# Made by the interpreter or by a library, not by a person; or different in every execution.
_AUTOMATIC_NAME = re.compile(
    r"(?:Task|Thread|Dummy|AnyIO worker thread|asyncio|uvloop|ThreadPoolExecutor)[-_ ]?\d*(?:[-_]\d+)?(?: \(.*\))?"
)
_VOLATILE_NAME = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # a uuid
    r"|0x[0-9a-f]{4,}"  # an address
    r"|(?<![0-9a-z])(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}(?![0-9a-z])"  # a piece of a digest or a uuid
    r"|(?<![0-9a-z])(?=[a-z]*[0-9])(?=[0-9]*[a-z])[0-9a-z]{16,}(?![0-9a-z])"  # the id of a call or a request
    r"|[0-9]{10,}",  # a timestamp or a database id
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A function of the standard library or a framework that only carries the user's function.

    Attributes:
        variable: Its parameter or closure variable that holds what it carries (`self._coro`: an attribute of one).
        is_job: It hands that function to a worker thread.
    """

    variable: str
    is_job: bool = False


_wrappers: dict[tuple[str, str], Wrapper] = {
    ("asyncio.tasks", "wait_for"): Wrapper("fut"),
    ("asyncio.tasks", "_wrap_awaitable"): Wrapper("awaitable"),
    ("asyncio.tasks", "ensure_future.<locals>._wrap_awaitable"): Wrapper("awaitable"),  # where 3.12 has it
    ("asyncio.threads", "to_thread"): Wrapper("func", is_job=True),
    ("anyio.to_thread", "run_sync"): Wrapper("func", is_job=True),
    ("anyio._core._tasks", "TaskHandle._run_coro"): Wrapper("self._coro"),
    ("anyio._backends._asyncio", "AsyncIOBackend.run_async_from_thread.<locals>.task_wrapper"): Wrapper("func"),
    ("anyio.from_thread", "BlockingPortal._call_func"): Wrapper("func"),
}
# These spawn a coroutine and await it at once: on other versions, or called differently, they spawn nothing.
_in_place: set[tuple[str, str]] = {("asyncio.tasks", "wait_for"), ("asyncio.runners", "Runner.run")}
_namers: dict[Namer, frozenset[str] | None] = {}

_known: dict[str, Named] = {}
"""By qualified name: what coroutines are called that carry no other one, and that no namer is asked about."""

MAX_KNOWN = 10_000
"""Programs that make functions as they run must not fill the memory."""


def register(namer: Namer, coroutines: Iterable[str] | None = None) -> None:
    """Ask `namer(target, args, kwargs)` for the segment of tasks and jobs before any other rule.

    Args:
        namer: `target` is a coroutine (then args and kwargs are empty; see `arguments_of`) or a job's function. Returns
            None for what is not its own.
        coroutines: The qualified names of the only coroutines that it knows; None: it is asked about each one. It is
            asked about each job in any case.
    """
    _namers[namer] = frozenset(coroutines) if coroutines is not None else None
    _known.clear()


def unregister(namer: Namer) -> None:
    _namers.pop(namer, None)
    _known.clear()


def register_wrapper(module: str, qualname: str, variable: str, *, is_job: bool = False) -> None:
    """Declare that this function of a framework only carries another one, so that it never becomes a segment."""
    _wrappers[module, qualname] = Wrapper(variable, is_job)
    _known.clear()


def register_in_place(module: str, qualname: str) -> None:
    """Declare that this function awaits each task it spawns at once, so that the task adds no segment."""
    _in_place.add((module, qualname))
    spawners.add(module)


def spawns_in_place(module: str, qualname: str) -> bool:
    return (module, qualname) in _in_place


@dataclass(frozen=True, slots=True)
class Named:
    """What a spawn is called.

    Attributes:
        absorbs_job: The user's function will run as a job that must not add a segment of its own.
    """

    segment: str
    absorbs_job: bool = False


spawners = {module for module, _ in _in_place} | {"asyncio.taskgroups"}
"""Modules with functions that spawn for others. All that is looked at of most callers of `create_task`: an audit hook
makes `f_code` and `cr_code` dear."""


def name_task(coroutine: Any, given: str | None) -> Named:
    """Name a task after the user's coroutine and the name the user gave it."""
    qualname = getattr(coroutine, "__qualname__", None)
    known = _known.get(qualname) if qualname is not None and given is None else None
    if known is not None:
        return known
    named = _name_task(coroutine, given)
    if isinstance(qualname, str) and given is None and not _is_special(qualname):
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[qualname] = named
    return named


def _is_special(qualname: str) -> bool:
    """True if coroutines of that name do not all have one name."""
    is_asked = any(names is None or qualname in names for names in _namers.values())
    return is_asked or any(qualname == wrapper for _, wrapper in _wrappers)


def _name_task(coroutine: Any, given: str | None) -> Named:
    absorbs_job = False
    target = coroutine
    # anyio names each task after its function, which may be a wrapper that is peeled off here.
    said_by_library = set()
    for _ in range(8):  # wrappers nest a few levels deep; a cycle must not hang the agent
        segment = _from_namers(target, (), {})
        if segment is not None:
            return Named(segment, absorbs_job)
        said_by_library.add(".".join(module_and_qualname(target)))
        found = _wrapper_of(target)
        carried = _variable_of(target, found.variable) if found is not None else None
        if found is None or carried is None or _is_future(carried):
            break
        absorbs_job = absorbs_job or found.is_job
        target = carried
    segment = name_job(target, (), {})
    return Named(segment if given in said_by_library else with_given_name(segment, given), absorbs_job)


def name_job(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Name an executor's job or a thread after the user's function."""
    for _ in range(8):
        segment = _from_namers(function, args, kwargs)
        if segment is not None:
            return segment
        if isinstance(function, functools.partial):
            function, args, kwargs = function.func, function.args + args, {**function.keywords, **kwargs}
        elif _is_context_run(function) and args:
            function, args = args[0], args[1:]
        elif (found := _wrapper_of(function)) is not None:
            carried, rest = _carried_by(function, found.variable, args)
            if carried is None:
                break
            function, args = carried, rest
        else:
            break
    return tidy(_qualname(function))


def arguments_of(coroutine: Any) -> Mapping[str, Any]:
    """Return the local variables of a coroutine: before its first step these are its arguments."""
    frame = _frame_of(coroutine)
    # Before 3.13 this keeps the arguments alive as long as the frame: read it only for functions you know.
    return frame.f_locals if frame is not None else {}


def module_and_qualname(target: Any) -> tuple[str, str]:
    """Return where a coroutine or function was defined, as its code says."""
    frame = _frame_of(target)
    if frame is not None:
        return frame.f_globals.get("__name__", ""), frame.f_code.co_qualname
    target = getattr(target, "__func__", target)
    return getattr(target, "__module__", None) or "", getattr(target, "__qualname__", "")


_COMPREHENSION = re.compile(r"^(?:<(?:list|set|dict)comp>\.)+")


def tidy(qualname: str) -> str:
    """Remove what a function was defined in: `main.<locals>.worker` is `worker`.

    Comprehensions are a scope of their own before Python 3.12 only (PEP 709).
    """
    return _COMPREHENSION.sub("", qualname.rpartition("<locals>.")[2])


def with_given_name(segment: str, given: str | None) -> str:
    """Add the name a person gave, unless it says nothing new or would differ in the next execution."""
    if not given or _AUTOMATIC_NAME.fullmatch(given) or _VOLATILE_NAME.search(given):
        return segment
    if given == segment or tidy(given).endswith(segment):  # anyio names each task after its function
        return segment
    return f"{segment}({given})"


def _from_namers(target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    for namer in _namers:
        segment = namer(target, args, kwargs)
        if segment is not None:
            return segment
    return None


def _frame_of(target: Any) -> types.FrameType | None:
    if isinstance(target, types.CoroutineType):
        return target.cr_frame
    if isinstance(target, types.GeneratorType):  # `types.coroutine`: 3.11's `_wrap_awaitable`
        return target.gi_frame
    return None


def _wrapper_of(target: Any) -> Wrapper | None:
    return _wrappers.get(module_and_qualname(target))


def _variable_of(coroutine: Any, variable: str) -> Any:
    name, _, attribute = variable.partition(".")
    value = arguments_of(coroutine).get(name)
    return getattr(value, attribute, None) if attribute else value


def _carried_by(function: Any, variable: str, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Return the function that `function` will call, from its closure or its arguments, and the arguments left."""
    code = getattr(function, "__code__", None)
    if code is None:
        return None, args
    if variable in code.co_freevars:
        return function.__closure__[code.co_freevars.index(variable)].cell_contents, args
    parameters = code.co_varnames[: code.co_argcount]
    if variable in parameters and parameters.index(variable) < len(args):
        index = parameters.index(variable)
        return args[index], args[index + 1 :]
    return None, args


def _is_context_run(function: Any) -> bool:
    return getattr(function, "__name__", "") == "run" and isinstance(
        getattr(function, "__self__", None), contextvars.Context
    )


def _is_future(value: Any) -> bool:
    return hasattr(value, "_asyncio_future_blocking")


def _qualname(target: Any) -> str:
    name = getattr(target, "__qualname__", None)
    return name if isinstance(name, str) and name else type(target).__qualname__
