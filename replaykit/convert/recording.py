"""What every reader of a foreign recording produces, whatever the recording looked like."""

from __future__ import annotations

from dataclasses import dataclass

from replaykit.errors import UsageError
from replaykit.packet.exchange import Headers, HttpRequest


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request and its response, as the recording has them: bodies may still be content-encoded.

    Attributes:
        number: Its place in the recording, counted from 1.
        status: None where the recording has no response.
    """

    number: int
    request: HttpRequest
    status: int | None
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Recording:
    """A foreign recording, read.

    Attributes:
        tool: Who made it: `vcr`, ...
        layout: Which of its layouts it has, in words.
        missing: What recordings of this kind never hold, in words.
        notes: What this one holds and a packet can't, one sentence each.
    """

    tool: str
    layout: str
    missing: str
    calls: tuple[RecordedCall, ...]
    notes: tuple[str, ...] = ()


class OtherFormat(UsageError):
    """The file is none that this reader reads.

    Attributes:
        name: What it is; None where it is no recording that replaykit knows.
    """

    def __init__(self, message: str, name: str | None) -> None:
        super().__init__(message)
        self.name = name
