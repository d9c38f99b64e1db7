"""`@replaykit.agent`: the entry point; `replaykit.span`: a step; `replaykit.disable`: a part that is not recorded."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import Any, Protocol, TypeVar, cast, overload

from replaykit.api import arguments
from replaykit.api.recording import record
from replaykit.api.settings import read_mode
from replaykit.determinism import lineage
from replaykit.packet import values
from replaykit.packet.model import Entry
from replaykit.session.positions import disabled_below, is_disabled

F = TypeVar("F", bound=Callable[..., Any])


class Spans(Protocol):
    """A session, as a span sees it."""

    owner: Any
    is_closed: bool

    @property
    def is_foreign(self) -> bool: ...

    def begin_span(self, node: lineage.Node, name: str, kind: str, attributes: dict[str, Any]) -> str: ...

    def end_span(self, span: str, error: BaseException | None, attributes: dict[str, Any]) -> None: ...


def _session(node: lineage.Node | None) -> Spans | None:
    """The session that a place belongs to, if it goes on and wants to know of the place."""
    if node is None or _is_disabled(node):
        return None
    session = cast(Spans, node.run)
    return None if session.is_closed or session.is_foreign else session


def _is_disabled(node: lineage.Node | None) -> bool:
    return node is not None and is_disabled(node)


class span:
    """A timed step of the run: planner, retriever, verifier, graph node. `with` and `async with`.

    What is called inside it has the span in its position. Outside a run it does nothing.

    Args:
        kind: What sort of step it is.
        attributes: Facts about it; more can be added with `set` while it lasts.
    """

    def __init__(self, name: str, kind: str = "step", **attributes: Any) -> None:
        self._name, self._kind = str(name), str(kind)
        self._attributes = attributes
        self._added: dict[str, Any] = {}
        self._session: Spans | None = None
        self._inside: lineage.inside | None = None

    def set(self, **attributes: Any) -> None:
        """Adds facts that are known only now: `cache_hit`, `retrieved_count`, `verifier_verdict`, ..."""
        self._added.update(attributes)

    def __enter__(self) -> span:
        place = self._begin(lineage.current())
        if place is not None:
            self._inside = lineage.inside(place)
            self._inside.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inside is not None:
            self._inside.__exit__()
            self._inside = None
        self._end(error)

    async def __aenter__(self) -> span:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _begin(self, node: lineage.Node | None) -> lineage.Node | None:
        """Notes the span. Returns its place; None outside a run."""
        self._session = _session(node)
        if self._session is None or node is None:
            return None
        place = node.child(self._name)
        self._span = self._session.begin_span(place, self._name, self._kind, self._attributes)
        return place

    def _end(self, error: BaseException | None) -> None:
        if self._session is not None:
            self._session.end_span(self._span, error, self._added)
            self._session = None


class _Step:
    """One call of an entry point: a run of its own, the entry of the run around it, or a span inside it."""

    def __init__(self, agent: _Agent, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._agent, self._args, self._kwargs = agent, args, kwargs
        self._record: record | None = None
        self._owner: Any = None
        self._span: span | None = None
        self._inside: lineage.inside | None = None

    def begin(self) -> lineage.Node | None:
        """Begins the step without entering it. Returns the place of what it does; None where nobody wants to know."""
        node = lineage.current()
        session = _session(node)
        if session is None and read_mode() == "record" and not _is_disabled(node):
            self._record = record(self._agent.name)
            node = self._record.begin_detached()
            session = _session(node)
        if session is None:
            return None
        if not session.owner.has_entry:
            session.owner.has_entry = True
            self._owner = session.owner
            self._owner.entered(self._agent.entry(self._args, self._kwargs))
        self._span = span(self._agent.name, "agent")
        return self._span._begin(node)

    def returned(self, value: Any) -> None:
        if self._owner is not None:
            self._owner.returned(value)

    def end(self, error: BaseException | None) -> None:
        if self._span is not None:
            self._span._end(error)
        if self._record is not None:
            self._record.__exit__(type(error) if error is not None else None, error, None)

    def __enter__(self) -> _Step:
        place = self.begin()
        if place is not None:
            self._inside = lineage.inside(place)
            self._inside.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inside is not None:
            self._inside.__exit__()
        self.end(error)


class _Agent:
    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.name = name
        self._is_main = function.__module__ == "__main__"
        self._target = f"{_main_module() if self._is_main else function.__module__}:{function.__qualname__}"
        self._signature = inspect.signature(function)

    def entry(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Entry:
        """How to call it again."""
        entry = Entry(kind="callable", target=self._target, is_main=self._is_main)
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            return entry
        arguments = {name: values.encode(value, is_lossy=True) for name, value in bound.arguments.items()}
        return entry.model_copy(update={"arguments": arguments})


def _main_module() -> str:
    """How the program itself is imported: by its file, or by the name that `python -m` was given."""
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name)
    return os.path.relpath(file) if file is not None else "__main__"


@overload
def agent(function: F, /) -> F: ...


@overload
def agent(name: str | None = None) -> Callable[[F], F]: ...


def agent(name: Any = None) -> Any:
    """Marks the entry point of an agent: a function, a coroutine function or a generator function.

    `@agent("support")`, or bare `@agent`: then the function's own name is the agent's.

    Inside `record()` or a replay it is the run's entry point: its arguments are kept, its result is the run's output.
    With `REPLAYKIT_MODE=record` each call of it is recorded as a run of its own. Otherwise it does nothing.
    """

    def decorate(function: F) -> F:
        arguments.check_function(function, "agent")
        return cast(F, _wrap(_Agent(function, named or function.__name__), function))

    named = name if isinstance(name, str) else None
    return decorate if name is None or named is not None else decorate(name)


def _wrap(agent: _Agent, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _Step(agent, args, kwargs) as step:
            result = function(*args, **kwargs)
            step.returned(result)
            return result

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with _Step(agent, args, kwargs) as step:
            result = await function(*args, **kwargs)
            step.returned(result)
            return result

    @functools.wraps(function)
    def generate(*args: Any, **kwargs: Any) -> Any:
        return _generate(agent, function, args, kwargs)

    @functools.wraps(function)
    def generate_async(*args: Any, **kwargs: Any) -> Any:
        return _generate_async(agent, function, args, kwargs)

    if inspect.isasyncgenfunction(function):
        return generate_async
    if inspect.isgeneratorfunction(function):
        return generate
    return call_async if inspect.iscoroutinefunction(function) else call


def _generate(
    agent: _Agent, function: Callable[..., Generator[Any, Any, Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Generator[Any, Any, Any]:
    """A generator as an entry point: its run is active during each step, never across a yield."""
    items: list[Any] = []
    step = _Step(agent, args, kwargs)
    inner = step.begin()
    with _Ending(step):
        generator = function(*args, **kwargs)
        driven = lineage.drive_generator(generator, inner) if inner is not None else generator
        result = yield from _noting(driven, items)
        step.returned(items)
        return result


def _noting(generator: Generator[Any, Any, Any], items: list[Any]) -> Generator[Any, Any, Any]:
    """The same generator; what it yields is kept as the run's output."""
    step: Callable[[Any], Any] = generator.send
    argument: Any = None
    while True:
        try:
            item = step(argument)
        except StopIteration as stop:
            return stop.value
        items.append(item)
        try:
            argument = yield item
            step = generator.send
        except GeneratorExit:
            generator.close()
            raise
        except BaseException as error:  # thrown in: the generator may answer it
            argument, step = error, generator.throw


async def _generate_async(
    agent: _Agent, function: Callable[..., AsyncGenerator[Any, Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> AsyncGenerator[Any, Any]:
    items: list[Any] = []
    step = _Step(agent, args, kwargs)
    inner = step.begin()
    with _Ending(step):
        generator = function(*args, **kwargs)
        driven = lineage.drive_async_generator(generator, inner) if inner is not None else generator
        try:
            async for item in driven:
                items.append(item)
                yield item
        finally:
            await driven.aclose()
        step.returned(items)


class _Ending:
    """Ends a step that was begun before; a consumer that goes away early is no error of the agent."""

    def __init__(self, step: _Step) -> None:
        self._step = step

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._step.end(None if isinstance(error, GeneratorExit) else error)


class disable:
    """A part of a run that is not recorded: `with`, or a decorator of a function or coroutine function.

    While recording, what is called inside goes out unseen, and no packet holds any of it. Inside a replay the recording
    can therefore stand for none of it: a call that would leave the process is refused like any other unknown one.
    """

    def __enter__(self) -> disable:
        node = lineage.current()
        self._inside = lineage.inside(disabled_below(node)) if node is not None else None
        if self._inside is not None:
            self._inside.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inside is not None:
            self._inside.__exit__()

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with disable():
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            with disable():
                return await function(*args, **kwargs)

        return cast(F, call_async if inspect.iscoroutinefunction(function) else call)
