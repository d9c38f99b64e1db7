"""LangGraph and LangChain: graph node names as segments, instead of the functions of their executors.

Neither is imported: their objects are recognised by module and type name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from replaykit.determinism import naming

_TASK_TYPE = "PregelExecutableTask"  # what a graph hands to its executor: one node of one step
_ASYNC_RUNNERS = {("langgraph.pregel._retry", "arun_with_retry")}
_WRAPPERS = (
    ("langgraph.pregel._executor", "gated", "coro"),
    ("langgraph.pregel._executor", "next_tick", "fn"),
    ("langchain_core.runnables.config", "run_in_executor.<locals>.wrapper", "func"),
    ("langchain_core.runnables.config", "ContextThreadPoolExecutor.map.<locals>._wrapped_fn", "fn"),
)
# Each awaits its task at once; the task is there only to carry a context.
_IN_PLACE = (
    ("langgraph._internal._runnable", "RunnableCallable.ainvoke"),
    ("langgraph._internal._runnable", "RunnableSeq.ainvoke"),
    ("langgraph._internal._runnable", "RunnableSeq.astream"),
    ("langchain_core.runnables.utils", "coro_with_context"),
)


def install() -> None:
    """Name the tasks and jobs of graphs after their nodes. May be called again."""
    for module, qualname, variable in _WRAPPERS:
        naming.register_wrapper(module, qualname, variable)
    for module, qualname in _IN_PLACE:
        naming.register_in_place(module, qualname)
    naming.register(name_of_node, {qualname for _, qualname in _ASYNC_RUNNERS})


def name_of_node(target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Return the name of the graph node that this job or coroutine runs; None: it runs no node."""
    candidates: tuple[Any, ...] = args[:1]
    if naming.module_and_qualname(target) in _ASYNC_RUNNERS:
        candidates = (naming.arguments_of(target).get("task"),)
    for candidate in candidates:
        kind = type(candidate)
        if kind.__name__ == _TASK_TYPE and kind.__module__.startswith("langgraph."):
            return str(candidate.name)
    return None
