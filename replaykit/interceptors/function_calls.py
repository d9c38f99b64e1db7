"""What every boundary that is a Python function does: ask the session, then serve its answer or run the body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from replaykit.determinism import lineage
from replaykit.interceptors.base import find_decider
from replaykit.packet import values
from replaykit.packet.exchange import Boundary, ForwardCall, FunctionRequest, ServedValue

Decision = ForwardCall | ServedValue | None


def decide(boundary: Boundary, name: str, make: Callable[[], FunctionRequest | None]) -> Decision:
    """The session's decision; None outside any run.

    Args:
        make: The request, made only if somebody asks. None from it means: this call is not the session's business.
    """
    found = find_decider(lambda: f"{boundary} {name}")
    if found is None:
        return None
    decider, node = found
    request = make()
    return decider.decide_call(request, node) if request is not None else None


def encode_arguments(named: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON, as they are now: the function, or the agent after it, may change what it was given."""
    return {name: values.encode(value, is_lossy=True) for name, value in named.items()}


def run(decision: Decision, body: Callable[[], Any]) -> Any:
    """The recorded result, or that of the body."""
    if isinstance(decision, ServedValue):
        return _served(decision)
    if decision is None or decision.place is None:
        return body()
    with lineage.inside(decision.place):
        try:
            result = body()
        except BaseException as error:
            _raised(decision, error)
            raise
        _returned(decision, result)
        return result


async def run_async(decision: Decision, body: Callable[[], Awaitable[Any]]) -> Any:
    """The same for a coroutine."""
    if isinstance(decision, ServedValue):
        if decision.overrun is not None:
            import asyncio  # here: decorating a function must not cost its program this import

            await asyncio.sleep(decision.answers_never_s)  # until the agent cancels it, as it did then
        return _served(decision)
    if decision is None or decision.place is None:
        return await body()
    with lineage.inside(decision.place):
        try:
            result = await body()
        except BaseException as error:
            _raised(decision, error)
            raise
        _returned(decision, result)
        return result


def _served(decision: ServedValue) -> Any:
    if decision.overrun is not None:
        decision.overrun()
    error = decision.error
    if error is not None:
        context = error.__context__
        try:
            raise error
        finally:
            error.__context__ = context  # else it is what the agent handles just now
    return decision.value


def _returned(decision: ForwardCall, value: Any) -> None:
    if decision.observer is not None:
        decision.observer.returned(value)


def _raised(decision: ForwardCall, error: BaseException) -> None:
    if decision.observer is not None:
        decision.observer.raised(error)
