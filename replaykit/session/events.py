"""What the agent's threads hand to the writer: references and times, nothing worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from replaykit.determinism.schedule import Batch
from replaykit.packet.exchange import Chunk, EndState, FunctionRequest, Headers, HttpRequest
from replaykit.packet.failures import Failure
from replaykit.packet.model import Entry, Verdict
from replaykit.session.egress import Left
from replaykit.wire import Call


@dataclass(frozen=True, slots=True)
class HttpBegan:
    """`dropped_bytes`: length of a body that the queue had no room for; then the request is without it."""

    id: str
    time_ns: int
    position: str
    call: Call
    request: HttpRequest
    parent: str | None
    flags: tuple[str, ...] = ()
    dropped_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class HttpEnded:
    """`chunks` are as they came off the wire: still content-encoded. None: dropped, `length` bytes."""

    id: str
    time_ns: int
    position: str
    call: Call
    state: EndState
    status: int | None
    headers: Headers
    chunks: tuple[Chunk, ...] | None
    length: int
    failure: Failure | None
    first_byte_ns: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CallBegan:
    """`withheld` says why the request has no arguments."""

    id: str
    time_ns: int
    position: str
    request: FunctionRequest
    parent: str | None
    flags: tuple[str, ...] = ()
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class CallEnded:
    """`withheld` says why there is no value although the function returned.

    Attributes:
        is_secret: All of the value is a secret.
        is_made_again: A replay needs no value: it runs the body.
    """

    id: str
    time_ns: int
    value: Any = None
    has_value: bool = False
    failure: Failure | None = None
    withheld: str | None = None
    is_cancelled: bool = False
    is_secret: bool = False
    is_made_again: bool = False


@dataclass(frozen=True, slots=True)
class SpanBegan:
    id: str
    time_ns: int
    position: str
    name: str
    kind: str
    parent: str | None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanEnded:
    id: str
    time_ns: int
    failure: Failure | None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntryFound:
    """`stdin` is what the command has read by now, as it came; None where it is not known, or was too much."""

    entry: Entry
    stdin: bytes | None = None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What has reached the run from outside since it was last said."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Stream:
    """Consecutive values that one reader in one lineage got of one source; None for a value that was not kept."""

    lineage: str
    source: str
    origin: str
    first: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class EffectsRead:
    streams: tuple[Stream, ...]


@dataclass(frozen=True, slots=True)
class RunEnded:
    """`unanswered`: HTTP calls that were under way without an answer."""

    time_ns: int
    status: str
    failure: Failure | None
    stop_reason: str | None
    output: Any
    has_output: bool
    verdict: Verdict | None
    counts: Mapping[str, Mapping[str, int]]
    possibly_missing: int
    left: Left
    adopted: int
    dropped_events: int
    dropped_effects: int = 0
    unanswered: int = 0


Event = (
    HttpBegan
    | HttpEnded
    | CallBegan
    | CallEnded
    | SpanBegan
    | SpanEnded
    | EntryFound
    | Scheduled
    | EffectsRead
    | RunEnded
)
