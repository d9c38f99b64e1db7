"""LangChain's tools and retrievers, which are LangGraph's too, at the one place where each calls its own body.

`BaseTool.run` and `BaseRetriever.invoke` (and their async twins) run as they are: callbacks, validation, error handling
and the message around the result are LangChain's own, in a replay as well. Only the body asks the session first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from replaykit.interceptors import libraries
from replaykit.interceptors.base import is_idle, tell_asked
from replaykit.interceptors.function_calls import Decision, decide, encode_arguments, is_decorated, run, run_async
from replaykit.interceptors.stand_in import StandIn
from replaykit.packet.exchange import FunctionRequest

MODULE = "langchain_core"

_OWN = ("run_manager", "callbacks")  # what LangChain passes beside what it was asked with


def install() -> None:
    """Hooks both as soon as they are imported."""
    libraries.hook(MODULE, "langchain_core.tools.base", _hook_tools)
    libraries.hook(MODULE, "langchain_core.retrievers", _hook_retrievers)


def _hook_tools(module: ModuleType) -> None:
    owner: Any = module.BaseTool
    libraries.check_uses(MODULE, owner, "run", ("_to_args_and_kwargs", "_run"))
    libraries.check_uses(MODULE, owner, "arun", ("_to_args_and_kwargs", "_arun"))
    libraries.check_uses(MODULE, owner, "_filter_injected_args", ("tool_input",))
    owner.run = _on_stand_in(owner.run, _Tool)
    owner.arun = _on_stand_in_async(owner.arun, _Tool)


def _hook_retrievers(module: ModuleType) -> None:
    owner: Any = module.BaseRetriever
    libraries.check_uses(MODULE, owner, "invoke", ("_get_relevant_documents",))
    libraries.check_uses(MODULE, owner, "ainvoke", ("_aget_relevant_documents",))
    owner.invoke = _on_stand_in(owner.invoke, _Retriever)
    owner.ainvoke = _on_stand_in_async(owner.ainvoke, _Retriever)


def _on_stand_in(original: Callable[..., Any], stand_in: Callable[[Any], Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return original(self if is_idle() else stand_in(self), *args, **kwargs)

    return call


def _on_stand_in_async(original: Callable[..., Any], stand_in: Callable[[Any], Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await original(self if is_idle() else stand_in(self), *args, **kwargs)

    return call


class _Tool(StandIn):
    """A tool for the time of one call."""

    def __init__(self, own: Any) -> None:
        super().__init__(own)
        tell_asked(own.name)

    def _to_args_and_kwargs(self, *args: Any, **kwargs: Any) -> Any:
        found = self._replaykit_own._to_args_and_kwargs(*args, **kwargs)
        # Before LangChain adds its callbacks and its configuration to the same dict.
        self._replaykit_given = found[0], dict(found[1])
        return found

    @property
    def _run(self) -> Any:
        own = self._replaykit_own
        if is_decorated(getattr(own, "func", None), own._run):
            return own._run

        @functools.wraps(own._run)
        def body(*args: Any, **kwargs: Any) -> Any:
            return run(self._replaykit_decide(), lambda: own._run(*args, **kwargs), withheld=_control_flow)

        return body

    @property
    def _arun(self) -> Any:
        own = self._replaykit_own
        if is_decorated(getattr(own, "coroutine", None) or getattr(own, "func", None), own._arun, own._run):
            return own._arun

        @functools.wraps(own._arun)
        async def body(*args: Any, **kwargs: Any) -> Any:
            return await run_async(self._replaykit_decide(), lambda: own._arun(*args, **kwargs), withheld=_control_flow)

        return body

    def _replaykit_decide(self) -> Decision:
        own = self._replaykit_own

        def make() -> FunctionRequest:
            args, kwargs = self._replaykit_given
            # State, stores and runtimes are injected: they are not what the model asked with, and differ in every run.
            named = {**_by_place(args), **own._filter_injected_args(kwargs)}
            return FunctionRequest("tool", own.name, encode_arguments(named), is_declared=False)

        return decide("tool", own.name, make)


class _Retriever(StandIn):
    """A retriever for the time of one call."""

    @property
    def _get_relevant_documents(self) -> Any:
        own = self._replaykit_own
        if is_decorated(own._get_relevant_documents):
            return own._get_relevant_documents

        @functools.wraps(own._get_relevant_documents)
        def body(*args: Any, **kwargs: Any) -> Any:
            decision = self._replaykit_decide(args, kwargs)
            return run(decision, lambda: own._get_relevant_documents(*args, **kwargs), withheld=_control_flow)

        return body

    @property
    def _aget_relevant_documents(self) -> Any:
        own = self._replaykit_own
        if is_decorated(own._get_relevant_documents, own._aget_relevant_documents):
            return own._aget_relevant_documents

        @functools.wraps(own._aget_relevant_documents)
        async def body(*args: Any, **kwargs: Any) -> Any:
            decision = self._replaykit_decide(args, kwargs)
            return await run_async(
                decision, lambda: own._aget_relevant_documents(*args, **kwargs), withheld=_control_flow
            )

        return body

    def _replaykit_decide(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Decision:
        name = self._replaykit_own.get_name()

        def make() -> FunctionRequest:
            named = {**_by_place(args, "query"), **{key: item for key, item in kwargs.items() if key not in _OWN}}
            return FunctionRequest("retrieval", name, encode_arguments(named), "read", is_declared=False)

        return decide("retrieval", name, make)


def _by_place(args: tuple[Any, ...], name: str = "input") -> dict[str, Any]:
    """Positional arguments by names of ours: a tool of one text has no name for it."""
    return {f"{name}{number or ''}": item for number, item in enumerate(args)}


def _control_flow(error: BaseException) -> str | None:
    """Why an exception can't be served: LangGraph's interrupts and commands belong to the graph that raises them."""
    if any(base.__name__ == "GraphBubbleUp" and base.__module__ == "langgraph.errors" for base in type(error).__mro__):
        return f"it raised {type(error).__name__}, which only its own graph can raise"
    return None
