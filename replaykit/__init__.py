"""Record an LLM agent run in production, replay it in pytest, keep every failure fixed.

    with replaykit.record("support-agent") as run:
        answer(question)

    with replaykit.replay(run.packet_path):
        answer(question)            # offline, the same to the last byte, or a Divergence that says why not

Nothing heavy is imported until it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from replaykit.errors import (
    Divergence,
    EgressRefused,
    PacketError,
    ReplayKitError,
    SanitizeError,
    ToolMiss,
    UsageError,
    WireError,
)

if TYPE_CHECKING:
    from replaykit.api.entry import agent, disable, span
    from replaykit.api.recording import Run, record
    from replaykit.api.replaying import Rerun, replay
    from replaykit.api.sanitizing import sanitize
    from replaykit.determinism.lineage import bind
    from replaykit.interceptors.functions import human, retriever, tool
    from replaykit.packet import Packet
    from replaykit.session.report import Report

__version__ = "0.1.0"

_HOMES = {
    "Packet": "replaykit.packet",
    "Report": "replaykit.session.report",
    "Rerun": "replaykit.api.replaying",
    "Run": "replaykit.api.recording",
    "agent": "replaykit.api.entry",
    "bind": "replaykit.determinism.lineage",
    "disable": "replaykit.api.entry",
    "human": "replaykit.interceptors.functions",
    "record": "replaykit.api.recording",
    "replay": "replaykit.api.replaying",
    "retriever": "replaykit.interceptors.functions",
    "sanitize": "replaykit.api.sanitizing",
    "span": "replaykit.api.entry",
    "tool": "replaykit.interceptors.functions",
}

__all__ = [
    "Divergence",
    "EgressRefused",
    "Packet",
    "PacketError",
    "ReplayKitError",
    "Report",
    "Rerun",
    "Run",
    "SanitizeError",
    "ToolMiss",
    "UsageError",
    "WireError",
    "agent",
    "bind",
    "disable",
    "human",
    "record",
    "replay",
    "retriever",
    "sanitize",
    "span",
    "tool",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*globals(), *_HOMES))
