"""Every error replaykit raises.

::

    ReplayKitError(Exception)
    ├── UsageError            the caller must act: wrong arguments, wrong place, wrong state
    ├── PacketError           a packet file can't be used; names file, line and field
    ├── WireError             bytes of a model provider that its reader can't read
    └── SanitizeError         a value could not be sanitized, so it was withheld

    Divergence(BaseException) the agent left the recording
    ├── ToolMiss              it asked a tool for something that was never recorded
    └── EgressRefused         it tried to reach something that nobody intercepted

`Divergence` is a `BaseException` because the retry layers of model SDKs swallow every `Exception`
and turn it into a connection error seconds later.
"""

from __future__ import annotations

from pathlib import Path


class ReplayKitError(Exception):
    """Base of all errors that say: replaykit, a file or a call of it is at fault, not the agent."""


class UsageError(ReplayKitError):
    """The caller must act; the message says how."""


class PacketError(ReplayKitError):
    """A packet can't be used.

    Attributes:
        path: The file, where there is one.
        line: Line number in the file, counted from 1.
        field: Dotted path of the field inside the line.
    """

    def __init__(
        self, reason: str, *, path: Path | str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        self.reason = reason
        self.path = Path(path) if path is not None else None
        self.line = line
        self.field = field
        where = str(path) if path is not None else "packet"
        if line is not None:
            where += f":{line}"
        if field:
            where += f" ({field})"
        super().__init__(f"{where}: {reason}")


class WireError(ReplayKitError):
    """The bytes of a model provider do not follow its wire format."""


class SanitizeError(ReplayKitError):
    """A value could not be sanitized; nothing of it was kept."""


class Divergence(BaseException):
    """The first place where a replay left its recording, and why.

    Attributes:
        position: Where the agent was: `lineage / spans / boundary:name[ordinal]`.
        root_cause: One of the causes listed in `replaykit.matching.divergence`.
        level: 0 to 5, how far the nearest recorded interaction is away (5: there is none).
    """

    # Traceback printers that know this flag (pytest) do not show frames that raise it.
    __tracebackhide__ = True

    def __init__(self, message: str, *, position: str = "", root_cause: str = "", level: int = 5) -> None:
        super().__init__(message)
        self.position = position
        self.root_cause = root_cause
        self.level = level


class ToolMiss(Divergence):
    """The agent asked a tool something that the recording has no result for."""


class EgressRefused(Divergence):
    """The agent tried to reach something outside that no interceptor handled."""
