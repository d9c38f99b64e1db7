"""The packet: a sanitized recording of one run, as a file and in memory.

Nothing is imported until it is used: a function that is only decorated must not cost its program pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from replaykit.packet.packet import Interaction, Packet, Span

__all__ = ["Interaction", "Packet", "Span"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from replaykit.packet import packet

    return getattr(packet, name)
