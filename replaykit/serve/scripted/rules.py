"""What a test writes down: rules for the model, routes for the tools, faults for both."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from replaykit.errors import UsageError
from replaykit.serve.scripted.prompt import Prompt
from replaykit.serve.scripted.reply import Tool

Pattern = str | re.Pattern[str]
Endpoint = Literal["model", "embeddings", "catalog"]
FaultKind = Literal["status", "timeout", "reset", "reset_in_head", "close", "malformed_json", "stream_error"]

BROKEN_OFF = "This answer is long enough to be cut off somewhere in the middle of its text."
"""What a rule with a fault and no reply of its own begins to say."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A way in which an answer goes wrong. Make one with the class methods."""

    kind: FaultKind
    code: int = 0
    message: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    after_chunks: int = 0
    after_bytes: int = 0

    @classmethod
    def status(cls, code: int, message: str = "scripted fault", headers: Mapping[str, str] | None = None) -> Fault:
        """Answer with an error of this status, in the provider's own format."""
        return cls("status", code=code, message=message, headers=tuple((headers or {}).items()))

    @classmethod
    def rate_limited(cls, retry_after_s: float | None = None) -> Fault:
        """Answer 429, with `retry-after` unless None; SDKs wait their own time where it is 0."""
        headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
        return cls.status(429, "Rate limit reached (scripted fault)", headers)

    @classmethod
    def timeout(cls) -> Fault:
        """Take the request and never answer; ends when the client goes."""
        return cls("timeout")

    @classmethod
    def reset(cls, after_chunks: int = 0) -> Fault:
        """Reset the connection (RST) after this many events of a stream.

        0 resets before the status line. An answer that is not streamed is reset in the middle of its body.
        """
        return cls("reset", after_chunks=after_chunks)

    @classmethod
    def reset_in_head(cls) -> Fault:
        """Reset the connection in the middle of the head: the client has read a status and no body."""
        return cls("reset_in_head")

    @classmethod
    def close(cls, after_bytes: int = 0) -> Fault:
        """Close the connection (FIN) after the head and this many bytes of the body, which promised more."""
        return cls("close", after_bytes=after_bytes)

    @classmethod
    def malformed_json(cls) -> Fault:
        """Send a complete answer whose JSON breaks off; in a stream that of the second event does."""
        return cls("malformed_json")

    @classmethod
    def stream_error(cls, after_chunks: int = 1, message: str = "Overloaded") -> Fault:
        """End a stream with the provider's error event; an answer that is not streamed is not touched."""
        return cls("stream_error", after_chunks=after_chunks, message=message)


@dataclass(frozen=True, slots=True)
class Rule:
    """One answer of the model, and when it is given. All conditions that are set must hold.

    Attributes:
        when: Found in the last user message or tool results (`Prompt.last`), or a function of the whole prompt.
        reply: The text, or a function that makes it. `{n}` becomes the running number of the answer.
        system: Found in the system prompt.
        user: Found in the last user message, whatever came after it.
        model: Found in the name of the model.
        has_tool_result: The prompt ends with tool results, or does not.
        path: Found in the path of the request. A rule without it is for model calls only; with it, it can also
            answer embeddings (by `embedding`) and spoil any other request of a provider's API (by `fault`).
        tool_calls: Any number; several are parallel calls.
        usage: Input and output tokens; estimated from the texts where it is None.
        is_truncated: The answer ends at the token limit.
        embedding: The vector for every input of an embeddings request.
        delay_s: Before the first byte.
        chunk_delay_s: Before each chunk after the first.
        chunk_size: Characters in one delta of a stream.
        wire_chunk_bytes: Cut a stream anew into chunks of this size, wherever its events end.
        encoding: `gzip` compresses the body; a stream is flushed after each chunk.
        headers: Sent beside the provider's own; the same name replaces.
        times: The rule is used up after this many answers.
    """

    when: Pattern | Callable[[Prompt], bool] | None = None
    reply: str | Callable[[Prompt], str] | None = None
    system: Pattern | None = field(default=None, kw_only=True)
    user: Pattern | None = field(default=None, kw_only=True)
    model: Pattern | None = field(default=None, kw_only=True)
    has_tool_result: bool | None = field(default=None, kw_only=True)
    path: Pattern | None = field(default=None, kw_only=True)
    tool_calls: Sequence[Tool] = field(default=(), kw_only=True)
    usage: tuple[int, int] | None = field(default=None, kw_only=True)
    is_truncated: bool = field(default=False, kw_only=True)
    embedding: Sequence[float] | None = field(default=None, kw_only=True)
    delay_s: float = field(default=0.0, kw_only=True)
    chunk_delay_s: float = field(default=0.0, kw_only=True)
    chunk_size: int = field(default=8, kw_only=True)
    wire_chunk_bytes: int | None = field(default=None, kw_only=True)
    encoding: Literal["gzip"] | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    times: int | None = field(default=None, kw_only=True)
    fault: Fault | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.reply is None and not self.tool_calls and self.fault is None and self.embedding is None:
            raise UsageError(f"{self}: give it a reply, tool_calls, an embedding or a fault")
        if self.embedding is not None and self.path is None:
            raise UsageError(f'{self}: an embedding is for one path, as path="/embeddings"')
        if self.chunk_size < 1 or (self.wire_chunk_bytes is not None and self.wire_chunk_bytes < 1):
            raise UsageError(f"{self}: chunks hold at least 1")

    def suits(self, endpoint: Endpoint) -> bool:
        """Tell whether the rule holds an answer for this kind of request."""
        if self.fault is not None:
            return endpoint == "model" or self.path is not None
        if endpoint == "model":
            return self.reply is not None or bool(self.tool_calls)
        return endpoint == "embeddings" and self.embedding is not None

    def matches(self, prompt: Prompt, path: str) -> bool:
        """Tell whether every condition holds."""
        if self.has_tool_result is not None and self.has_tool_result != prompt.has_tool_result:
            return False
        texts = ((self.path, path), (self.system, prompt.system), (self.user, prompt.user), (self.model, prompt.model))
        if not all(pattern is None or is_found(pattern, text) for pattern, text in texts):
            return False
        if self.when is None:
            return True
        return is_found(self.when, prompt.last) if isinstance(self.when, str | re.Pattern) else self.when(prompt)

    def __str__(self) -> str:
        names = ("when", "system", "user", "model", "has_tool_result", "path", "times")
        values = {name: getattr(self, name) for name in names}
        shown = (f"{name}={_shown(value)}" for name, value in values.items() if value is not None)
        return f"Rule({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class Route:
    """One plain HTTP answer, for the tools that an agent calls.

    Attributes:
        path: The whole path without its query, or a pattern that must match all of it.
        json: The body, or a function of the request that makes it. In its strings `{n}` becomes the running number.
        text: A body that is not JSON.
        query: Query parameters that must be there with this value; others do not matter.
    """

    method: str
    path: Pattern
    json: Any = field(default=None, kw_only=True)
    text: str | None = field(default=None, kw_only=True)
    status: int = field(default=200, kw_only=True)
    query: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    delay_s: float = field(default=0.0, kw_only=True)
    encoding: Literal["gzip"] | None = field(default=None, kw_only=True)
    times: int | None = field(default=None, kw_only=True)
    fault: Fault | None = field(default=None, kw_only=True)

    def matches(self, method: str, path: str, query: Mapping[str, str]) -> bool:
        """Tell whether this route answers the request."""
        is_path = path == self.path if isinstance(self.path, str) else self.path.fullmatch(path) is not None
        return is_path and method == self.method.upper() and all(query.get(k) == v for k, v in self.query.items())


def is_found(pattern: Pattern, text: str) -> bool:
    """Search a text for a substring or a pattern."""
    return pattern in text if isinstance(pattern, str) else pattern.search(text) is not None


def _shown(value: object) -> str:
    if isinstance(value, re.Pattern):
        return f"/{value.pattern}/"
    return getattr(value, "__name__", None) or repr(value)
