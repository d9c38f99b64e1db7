"""What every boundary that is a Python function does: ask the session, then serve its answer or run the body."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from replaykit.determinism import lineage
from replaykit.determinism.crossing import Watched
from replaykit.interceptors.base import find_decider
from replaykit.packet import values
from replaykit.packet.exchange import RESULT, Boundary, ForwardCall, FunctionRequest, ServedValue
from replaykit.packet.failures import is_cancellation

logger = logging.getLogger("replaykit")

Decision = ForwardCall | ServedValue | None
Withheld = Callable[[BaseException], str | None]

_MARK = "__replaykit_decorated__"


def decide(boundary: Boundary, name: str, make: Callable[[], FunctionRequest | None]) -> Decision:
    """The session's decision; None outside any run.

    Args:
        make: The request, made only if somebody asks. None from it means: this call is not the session's business.
    """
    found = find_decider(lambda: f"{boundary} {name}")
    if found is None:
        return None
    decider, node = found
    try:
        request = make()
    except Exception as error:
        if decider.is_replay:
            raise
        # The agent's call comes first; the packet says that it may be missing something.
        decider.unattributed(f"{boundary} {name}")
        logger.warning("%s %s could not be recorded: %s", boundary, name, type(error).__name__)
        return None
    return decider.decide_call(request, node) if request is not None else None


def encode_arguments(named: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON, as they are now: the function, or the agent after it, may change what it was given."""
    return {name: values.encode(value, is_lossy=True) for name, value in named.items()}


def run(decision: Decision, body: Callable[[], Any], *, withheld: Withheld = lambda error: None) -> Any:
    """The recorded result, or that of the body.

    Args:
        withheld: Says of an exception of the body why no replay can raise it instead; None: it can.
    """
    if isinstance(decision, ServedValue):
        decision.gate.reach_blocking(RESULT)
        return _served(decision)
    if decision is None or decision.place is None:
        return body()
    with lineage.inside(decision.place):
        try:
            result = body()
        except BaseException as error:
            _raised(decision, error, withheld)
            raise
        finally:
            _arrived(decision, is_blocking=True)
        _returned(decision, result)
        return result


async def run_async(
    decision: Decision, body: Callable[[], Awaitable[Any]], *, withheld: Withheld = lambda error: None
) -> Any:
    """The same for a coroutine."""
    if isinstance(decision, ServedValue):
        await decision.gate.reach(RESULT)  # where the agent cancelled it: until it does so again
        return _served(decision)
    if decision is None or decision.place is None:
        return await body()
    with lineage.inside(decision.place):
        waiting, is_stopped = Watched(body()), False
        try:
            result = await waiting
        except BaseException as error:
            is_stopped = is_cancellation(error)
            _raised(decision, error, withheld)
            raise
        finally:
            if waiting.is_suspended and not is_stopped:
                _arrived(decision, is_blocking=False)
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


def _arrived(decision: ForwardCall, *, is_blocking: bool) -> None:
    if decision.observer is not None:
        decision.observer.arrived(RESULT, is_blocking=is_blocking)


def _returned(decision: ForwardCall, value: Any) -> None:
    if decision.observer is not None:
        decision.observer.returned(value)


def _raised(decision: ForwardCall, error: BaseException, withheld: Withheld) -> None:
    if decision.observer is None:
        return
    reason = withheld(error)
    if reason is None:
        decision.observer.raised(error)
    else:
        decision.observer.withheld(reason)


def mark_decorated(function: Any) -> None:
    """Notes that a function asks the session itself, so that a framework that calls it does not ask as well."""
    setattr(function, _MARK, True)


def is_decorated(*functions: Any) -> bool:
    """True if any of these asks the session itself: a decorated function, a method of one, or a partial of one."""
    inner = (item.func if isinstance(item, functools.partial) else item for item in functions)
    return any(getattr(item, _MARK, None) is True for item in inner)
