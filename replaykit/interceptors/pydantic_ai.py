"""pydantic-ai: the tools of all toolsets, at the one place where its tool manager calls a toolset.

Validation, capability hooks, retries and the prompt after a `ModelRetry` stay its own. External and deferred tools
never get there; output tools are structured answers, and no tools.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from replaykit.interceptors import libraries
from replaykit.interceptors.base import is_idle, tell_asked
from replaykit.interceptors.function_calls import decide, encode_arguments, is_decorated, run_async
from replaykit.interceptors.stand_in import StandIn
from replaykit.packet.exchange import FunctionRequest

MODULE = "pydantic_ai"

_INTERNAL = frozenset({"tool-search", "capability-load"})
"""Kinds of tools that change the state of the agent's own run; they cross nothing."""


def install() -> None:
    """Hooks the tool manager as soon as it is imported."""
    libraries.hook(MODULE, "pydantic_ai.tool_manager", _hook)


def _hook(module: Any) -> None:
    owner = module.ToolManager
    libraries.check_uses(MODULE, owner, "_raw_execute", ("toolset", "call_tool", "validated"))
    libraries.check_uses(MODULE, owner, "validate_tool_call", ("call",))
    libraries.check_uses(MODULE, owner, "validate_output_tool_call", ("call",))
    execute = owner._raw_execute

    @functools.wraps(execute)
    async def _raw_execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await execute(self if is_idle() else _Manager(self), *args, **kwargs)

    owner._raw_execute = _raw_execute
    owner.validate_tool_call = _telling(owner.validate_tool_call)
    owner.validate_output_tool_call = _telling(owner.validate_output_tool_call)


def _telling(original: Callable[..., Any]) -> Callable[..., Any]:
    """Every call of a tool, or of a structured output, is validated first."""

    @functools.wraps(original)
    async def validate(self: Any, call: Any, *args: Any, **kwargs: Any) -> Any:
        tell_asked(call.tool_name)
        return await original(self, call, *args, **kwargs)

    return validate


class _Manager(StandIn):
    """A tool manager for the time of one call."""

    def __init__(self, own: Any) -> None:
        super().__init__(own)
        self.toolset = _Toolset(own.toolset)


class _Toolset(StandIn):
    """A toolset for the time of one call."""

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
        def body() -> Any:
            return self._replaykit_own.call_tool(name, tool_args, ctx, tool)

        if getattr(tool.tool_def, "tool_kind", None) in _INTERNAL or is_decorated(_function_of(tool)):
            return await body()

        def make() -> FunctionRequest:
            return FunctionRequest("tool", name, encode_arguments(tool_args), is_declared=False)

        return await run_async(decide("tool", name, make), body)


def _function_of(tool: Any) -> Any:
    """The user's function, below all toolsets that wrap its own; None for other kinds of tools."""
    while (inner := getattr(tool, "source_tool", None)) is not None:
        tool = inner
    return getattr(getattr(getattr(tool, "call_func", None), "__self__", None), "function", None)
