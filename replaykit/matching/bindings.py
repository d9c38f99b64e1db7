"""Which live value stands for which stand-in of the recording: one to one, for the whole run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from replaykit.sanitizer.masking import Finding


class Bindings:
    """Binds the sensitive values of a replay to those of its recording.

    Live values are known here by the stand-ins that this replay gives them, never raw. Without the project's key
    nothing proves that two values were the same: such a binding is assumed, and counted.

    Args:
        has_key: Both sides were made with the project's key.
        is_strict: What would be assumed is refused.
    """

    def __init__(self, *, has_key: bool, is_strict: bool = False) -> None:
        self._has_key = has_key
        self._is_strict = is_strict
        self._live_of: dict[str, str] = {}
        self._recorded_of: dict[str, str] = {}
        self._kinds: dict[str, str] = {}

    def bind(self, recorded: Iterable[Finding], live: Iterable[Finding]) -> str | None:
        """Binds pair by pair. Returns the kind of a value that is not the same one, or not surely, else None."""
        for old, new in zip(recorded, live, strict=False):
            if old.kind == "env":
                continue  # named by its variable on both sides; another value of it is no other thing
            if old.text == new.text:
                continue  # a stand-in that a recorded answer gave to the agent: it stands for itself
            if self._live_of.setdefault(old.text, new.text) != new.text:
                return old.kind
            if self._recorded_of.setdefault(new.text, old.text) != old.text:
                return old.kind
            if self._has_key:
                return old.kind  # the same key makes the same stand-in: another one is another value
            self._kinds[old.text] = old.kind
            if self._is_strict:
                return old.kind
        return None

    def recorded_of(self, live: str) -> str | None:
        """The recorded stand-in that a live one is bound to."""
        return self._recorded_of.get(live)

    @property
    def assumed(self) -> dict[str, int]:
        """How many values were bound on trust, by kind."""
        return dict(Counter(self._kinds.values()))
