"""Python functions as boundaries: `@tool`, `@retriever`, `@human`; sync and async.

Outside a run a decorated function is called as if it was not decorated.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar, cast, overload

from replaykit.errors import UsageError
from replaykit.interceptors.function_calls import (
    Decision,
    decide,
    encode_arguments,
    mark_decorated,
    run,
    run_async,
)
from replaykit.packet.exchange import Boundary, Effect, FunctionRequest

F = TypeVar("F", bound=Callable[..., Any])
Normalize = Callable[[dict[str, Any]], dict[str, Any]]
ReplayMode = Literal["result", "rerun"]


class _Boundary:
    """What a decorator said about a function."""

    def __init__(
        self,
        function: Callable[..., Any],
        boundary: Boundary,
        name: str | None,
        effect: Effect | None,
        normalize: Normalize | None,
        replay: ReplayMode | None,
    ) -> None:
        self._boundary = boundary
        self._name: str = name or str(getattr(function, "__name__", type(function).__name__))
        self._effect = effect
        self._normalize = normalize
        self._replay = replay
        self._signature = inspect.signature(function)
        first = next(iter(self._signature.parameters), "")
        self._receiver = first if first in ("self", "cls") else None

    def ask(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Decision:
        """The session's decision; None outside any run, or where the arguments do not fit the function at all."""
        return decide(self._boundary, self._name, lambda: self._request(args, kwargs))

    def _request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> FunctionRequest | None:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            return None  # the function itself says it best
        bound.apply_defaults()
        named = {name: value for name, value in bound.arguments.items() if name != self._receiver}
        if self._normalize is not None:
            named = self._normalize(named)
        return FunctionRequest(self._boundary, self._name, encode_arguments(named), self._effect, self._replay)


def _wrap(boundary: _Boundary, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return run(boundary.ask(args, kwargs), lambda: function(*args, **kwargs))

    return call


def _wrap_async(boundary: _Boundary, function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return await run_async(boundary.ask(args, kwargs), lambda: function(*args, **kwargs))

    return call


def _decorate(
    function: F,
    boundary: Boundary,
    name: str | None,
    effect: Effect | None,
    normalize: Normalize | None,
    replay: ReplayMode | None,
) -> F:
    decorator = "retriever" if boundary == "retrieval" else boundary
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(
            f"@{decorator} can't take the generator {function.__qualname__}: a stream of results has no one value to "
            "record; decorate a function that returns the collected list"
        )
    if not callable(function):
        raise UsageError(f"@{decorator} takes a function, not a {type(function).__name__}")
    if name is not None and not isinstance(name, str):
        raise UsageError(f"@{decorator}(name=...) takes a text, not {name!r}")
    if normalize is not None and not callable(normalize):
        raise UsageError(f"@{decorator}(normalize=...) takes a function of the arguments by name, not {normalize!r}")
    place = _Boundary(function, boundary, name, effect, normalize, replay)
    wrap = _wrap_async if inspect.iscoroutinefunction(function) else _wrap
    wrapped = wrap(place, function)
    mark_decorated(wrapped)
    return cast(F, wrapped)


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    *,
    name: str | None = None,
    effect: Effect | None = None,
    normalize: Normalize | None = None,
    replay: ReplayMode | None = None,
) -> Callable[[F], F]: ...


def tool(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    effect: Effect | None = None,
    normalize: Normalize | None = None,
    replay: ReplayMode | None = None,
) -> Any:
    """Makes a function a tool: recorded with arguments and result, and not run again in a replay.

    Args:
        name: The tool's name; by default the function's.
        effect: `read` if calling it twice changes nothing; anything undeclared counts as a write.
        normalize: Given the arguments by name, returns those that count; for what differs in each run.
        replay: `rerun` runs the body in a replay, its own calls being replayed. Default for a body that called a model.
    """
    if effect not in (None, "read", "write"):
        raise UsageError(f'effect is "read" or "write", not {effect!r}')
    if replay not in (None, "result", "rerun"):
        raise UsageError(f'replay is "result" or "rerun", not {replay!r}')
    if function is not None:
        return _decorate(function, "tool", name, effect, normalize, replay)
    return lambda inner: _decorate(inner, "tool", name, effect, normalize, replay)


def retriever(function: Any = None, /, *, name: str | None = None) -> Any:
    """Makes a function a retrieval boundary. It returns documents, `(document, score)` pairs or dicts."""
    if function is not None:
        return _decorate(function, "retrieval", name, "read", None, None)
    return lambda inner: _decorate(inner, "retrieval", name, "read", None, None)


def human(function: Any = None, /, *, name: str | None = None) -> Any:
    """Makes a function a question to a person; their recorded answer is served in every replay."""
    if function is not None:
        return _decorate(function, "human", name, "read", None, None)
    return lambda inner: _decorate(inner, "human", name, "read", None, None)
