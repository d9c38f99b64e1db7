"""What a scripted model says, before a wire format writes it down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from replaykit.serve.scripted.prompt import Json, Prompt, count_tokens

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
EPOCH_S = 1_700_000_000
"""The scripted clock: answer n is given n seconds after this, so that answers do not depend on the day."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool call of an answer.

    Attributes:
        arguments: The arguments, or the raw text to send as arguments, which need not be JSON.
    """

    name: str
    arguments: Mapping[str, Any] | str = ""

    @property
    def arguments_text(self) -> str:
        if isinstance(self.arguments, str):
            return self.arguments or "{}"
        return dump(dict(self.arguments))


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model.

    Attributes:
        number: Running number of the answer, from 1. All ids and times are derived from it.
        is_truncated: The answer ended at the token limit.
        chunk_size: Characters in one delta of a stream.
    """

    number: int
    prompt: Prompt
    text: str | None
    tool_calls: tuple[Tool, ...] = ()
    is_truncated: bool = False
    chunk_size: int = 8
    usage: tuple[int, int] | None = None

    @property
    def created_s(self) -> int:
        return EPOCH_S + self.number

    @property
    def input_tokens(self) -> int:
        return self.prompt.token_count if self.usage is None else self.usage[0]

    @property
    def output_tokens(self) -> int:
        if self.usage is not None:
            return self.usage[1]
        return count_tokens((self.text or "") + "".join(call.name + call.arguments_text for call in self.tool_calls))

    def pieces(self, text: str) -> Iterator[str]:
        """Cut a text as a streaming model would."""
        for start in range(0, len(text), self.chunk_size):
            yield text[start : start + self.chunk_size]


class WireFormat(Protocol):
    """What a module that writes one provider's format offers; modules are its implementations."""

    NAME: str
    SUFFIX: str

    def read(self, body: Json) -> Prompt:
        """Read the request."""

    def whole(self, reply: Reply) -> Json:
        """Build the body of an answer that is not streamed."""

    def events(self, reply: Reply) -> Iterator[bytes]:
        """Yield the server-sent events of a streamed answer."""

    def error(self, status: int, message: str, request_id: str) -> Json:
        """Build the body of an error."""

    def stream_error(self, message: str, position: int) -> bytes:
        """Build the event that reports an error after `position` events went out."""

    def headers(self, request_id: str, processing_ms: int) -> tuple[tuple[str, str], ...]:
        """Name the headers that this provider adds."""


def dump(value: object) -> str:
    """Write JSON as providers do on the wire: no spaces, no escapes beyond what JSON needs."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def sse(data: Json | str, event: str | None = None) -> bytes:
    """Frame one server-sent event."""
    text = data if isinstance(data, str) else dump(data)
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {text}\n\n".encode()


def hex_id(prefix: str, *key: object, length: int = 48) -> str:
    """Make an id of the shape `resp_689f74e9...`; the same key gives the same id."""
    return prefix + _digest(prefix, key).hex()[:length]


def base62_id(prefix: str, *key: object, length: int = 24) -> str:
    """Make an id of the shape `call_SnH1PYUSn2A1TrgEx8dlna09`; the same key gives the same id."""
    number = int.from_bytes(_digest(prefix, key))
    letters = []
    for _ in range(length):
        number, remainder = divmod(number, len(BASE62))
        letters.append(BASE62[remainder])
    return prefix + "".join(letters)


def _digest(prefix: str, key: tuple[object, ...]) -> bytes:
    return hashlib.sha256("/".join(map(str, (prefix, *key))).encode()).digest()
