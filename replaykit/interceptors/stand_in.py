"""A framework's object with one part replaced, for the time of one call.

Frameworks call a tool's body from inside a method of theirs, amid callbacks, validation and error handling. That method
runs unchanged, on a stand-in: so all of this happens in a replay too, and nothing is written to the user's objects.
"""

from __future__ import annotations

from typing import Any


class StandIn:
    """Passes for `own`; what a subclass defines takes the place of the object's own."""

    def __init__(self, own: Any) -> None:
        self._replaykit_own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self._replaykit_own, name)

    @property  # type: ignore[misc]  # frameworks ask an object which class it is
    def __class__(self) -> Any:
        return type(self._replaykit_own)
