"""openai-agents: function tools, at the one place where the runner invokes them.

Timeouts, guardrails, approvals, tracing and the text that a failed tool gives the model stay the SDK's own. Hosted
tools run at the provider: there is nothing to record but the model call that they are part of.
"""

from __future__ import annotations

import copy
import functools
import json
import sys
from types import ModuleType
from typing import Any, Literal

from replaykit.interceptors import libraries
from replaykit.interceptors.base import is_idle, tell_asked
from replaykit.interceptors.function_calls import Decision, decide, encode_arguments, is_decorated, run_async
from replaykit.interceptors.stand_in import StandIn
from replaykit.packet.exchange import FunctionRequest

MODULE = "agents"

_INVOKE = "_invoke_function_tool_with_metadata"


def install() -> None:
    """Hooks the runner as soon as it is imported."""
    libraries.hook(MODULE, "agents.tool", _hook_tools)
    libraries.hook(MODULE, "agents.run_internal.tool_execution", _hook_runner)
    libraries.hook(MODULE, "agents.handoffs", _hook_handoffs)


def _hook_tools(module: Any) -> None:
    libraries.check_uses(MODULE, module, _INVOKE, ("function_tool", "on_invoke_tool", "arguments"))
    libraries.check_uses(MODULE, module._FailureHandlingFunctionToolInvoker, "__call__", ("_invoke_tool_impl",))
    original = getattr(module, _INVOKE)

    @functools.wraps(original)
    async def invoke(*, function_tool: Any, **rest: Any) -> Any:
        tool = function_tool if is_idle() else _Tool(function_tool, module._FailureHandlingFunctionToolInvoker)
        return await original(function_tool=tool, **rest)

    setattr(module, _INVOKE, invoke)


def _hook_runner(module: ModuleType) -> None:
    """The runner has the function by name; it may have been imported before it was hooked."""
    if not hasattr(module, _INVOKE):
        raise libraries.unfit(MODULE, f"{module.__name__}.{_INVOKE}")
    setattr(module, _INVOKE, getattr(sys.modules["agents.tool"], _INVOKE))


def _hook_handoffs(module: Any) -> None:
    owner = module.Handoff
    libraries.check_uses(MODULE, owner, "get_transfer_message", ("self",))
    original = owner.get_transfer_message

    @functools.wraps(original)
    def get_transfer_message(self: Any, *args: Any, **kwargs: Any) -> Any:
        tell_asked(self.tool_name)
        return original(self, *args, **kwargs)

    owner.get_transfer_message = get_transfer_message


class _Tool(StandIn):
    """A function tool for the time of one call."""

    def __init__(self, own: Any, invoker_class: type) -> None:
        super().__init__(own)
        tell_asked(own.name)
        self.on_invoke_tool = own.on_invoke_tool
        if is_decorated(getattr(own, "__wrapped__", None), own.on_invoke_tool):
            return
        if isinstance(own.on_invoke_tool, invoker_class):
            # Below what turns an exception into a text for the model: that, too, stays the SDK's own.
            invoker: Any = copy.copy(own.on_invoke_tool)
            invoker._invoke_tool_impl = self._replaykit_body(invoker._invoke_tool_impl)
            self.on_invoke_tool = invoker
        else:
            self.on_invoke_tool = self._replaykit_body(own.on_invoke_tool)

    def _replaykit_body(self, original: Any) -> Any:
        @functools.wraps(original)
        async def body(context: Any, arguments: str) -> Any:
            return await run_async(self._replaykit_decide(arguments), lambda: original(context, arguments))

        return body

    def _replaykit_decide(self, text: str) -> Decision:
        own = self._replaykit_own

        def make() -> FunctionRequest:
            arguments = encode_arguments(_read(text))
            # An agent as a tool keeps more of its run than its answer: it always runs again.
            is_agent = bool(getattr(own, "_is_agent_tool", False))
            replay: Literal["rerun"] | None = "rerun" if is_agent else None
            return FunctionRequest("tool", own.name, arguments, replay=replay, is_declared=False)

        return decide("tool", own.name, make)


def _read(text: str) -> dict[str, Any]:
    """What the model asked with; as it stands, if that is no JSON object."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {"input": text}
    return found if isinstance(found, dict) else {"input": found}
