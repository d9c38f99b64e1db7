"""Neutral requests and responses: what an interceptor and a session say to each other.

No class here knows a client library. A packet made through one client replays through another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, Protocol

from replaykit.packet.failures import Failure

Boundary = Literal["llm", "tool", "retrieval", "http", "human", "state", "effect"]
EndState = Literal["complete", "closed_early", "error", "cancelled"]
CallClass = Literal["agent", "telemetry", "auth", "ambient"]
Effect = Literal["read", "write"]
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request as the client hands it to its transport, after auth and redirects."""

    method: str
    url: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class FunctionRequest:
    """A call of a Python function: a tool, a retriever or a question to a person.

    Attributes:
        arguments: By parameter name, encoded as JSON.
        effect: None means undeclared, which counts as a write.
        replay: What a replay does with it: serve the recorded result, or run its body again over recorded crossings.
            None leaves it to the recording: a body that called a model is run again.
        is_secret: All of the result is a secret: a typed password. A stand-in is kept of it, and served.
        is_declared: False for a tool that nobody declared and that its framework calls. Where a recording can't give
            its result back, a replay runs the body; for a declared one that is a divergence.
    """

    boundary: Boundary
    name: str
    arguments: Mapping[str, Any]
    effect: Effect | None = None
    replay: Literal["result", "rerun"] | None = None
    is_secret: bool = False
    is_declared: bool = True


Request = HttpRequest | FunctionRequest


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a body. `offset_ns` counts from the start of the request."""

    offset_ns: int
    data: bytes


class Gate(Protocol):
    """Lets a recorded answer come when its turn has come.

    A step is one that the agent waited for: `HEAD`, `RESULT`, or the number of chunks that had come before.
    """

    async def reach(self, step: int) -> None: ...

    def reach_blocking(self, step: int) -> None: ...


HEAD = -1
RESULT = -2
CLOSE = -3


class NoGate:
    """Everything comes at once."""

    async def reach(self, step: int) -> None:
        return None

    def reach_blocking(self, step: int) -> None:
        return None


class HttpObserver(Protocol):
    """Told what happens to a forwarded HTTP request. No method blocks or raises."""

    def arrived(self, step: int, *, is_blocking: bool) -> None:
        """The agent goes on after it has waited for that step of the answer; see `Gate`."""

    def stopped_closing(self) -> None:
        """The agent was cancelled while it waited for the response to close."""

    def responded(self, status: int, headers: Headers, reason: str | None = None) -> None:
        """The head of the response; `reason` is the phrase behind the status, where it is not the usual one."""

    def awaited(self) -> None:
        """The agent waits for the next chunk of the response, or for its end."""

    def received(self, data: bytes) -> None:
        """A chunk of the response as it came off the wire, before content-decoding."""

    def sent(self, data: bytes) -> None:
        """A chunk of a request body that could not be read beforehand."""

    def ended(self, state: EndState, failure: Failure | None = None) -> None: ...


class ValueObserver(Protocol):
    """Told how a forwarded function call ended."""

    def arrived(self, step: int, *, is_blocking: bool) -> None:
        """The agent goes on after it has waited for the function."""

    def returned(self, value: Any) -> None: ...

    def raised(self, error: BaseException) -> None: ...

    def withheld(self, reason: str) -> None:
        """It ended in a way that no recording can give back."""


@dataclass(frozen=True, slots=True)
class ForwardHttp:
    """Send it on; `observer` is None where nobody wants to know."""

    observer: HttpObserver | None


@dataclass(frozen=True, slots=True)
class ForwardCall:
    """Run the function's body.

    Attributes:
        place: The node of the call: what the body crosses belongs below it. None where nobody wants to know.
    """

    observer: ValueObserver | None
    place: Any


@dataclass(frozen=True, slots=True)
class ServedResponse:
    """Answer with a recorded response.

    Attributes:
        status: None if the recorded request failed, or was cancelled, before there was a response.
        headers: Without those that say how the bytes travelled, where these no longer do: a body is served decoded.
        overread: Raises the divergence for reading past the end of a body that the recorded agent stopped reading.
        gate: When each step of it comes. Those of a request that was cancelled come never.
        reason: The phrase behind the status, where it is not the usual one.
        error: The exception itself, where `failure` names a class of the user's own.
    """

    status: int | None
    headers: Headers
    chunks: tuple[Chunk, ...]
    state: EndState
    failure: Failure | None
    overread: Callable[[], NoReturn]
    error: BaseException | None = None
    gate: Gate = NoGate()  # noqa: RUF009  it holds nothing
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ServedValue:
    """Answer with a recorded result, or raise the recorded exception.

    Attributes:
        overrun: For a call that was cancelled: raises the divergence, should no cancellation come this time.
        gate: When it comes.
    """

    value: Any
    error: BaseException | None = None
    overrun: Callable[[], NoReturn] | None = None
    gate: Gate = NoGate()  # noqa: RUF009  it holds nothing
