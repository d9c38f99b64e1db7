"""What frameworks call things: their graph nodes and wrappers, by name and module, without importing them."""

from __future__ import annotations

from replaykit.determinism import naming
from replaykit.integrations import langgraph, uvicorn

_is_installed = False


def install() -> None:
    """Makes lineage use the frameworks' own names for their steps; once per process."""
    global _is_installed
    if _is_installed:
        return
    _is_installed = True
    langgraph.install()
    uvicorn.install()
    # pydantic-ai runs synchronous tools in worker threads, wrapped; the tool itself is the segment.
    naming.register_wrapper("pydantic_ai._utils", "run_in_executor.<locals>.call_with_sync_agent_guard", "func")
