"""The schema of a packet: one pydantic model for each kind of line.

A packet is JSON Lines. Line 1 is the `RunLine`; then `part`, `standin`, `span`, `call`, `done` and `log` events follow
in journal order; the `OutcomeLine` comes last, so a reader knows that the file is whole.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
"""Number of the file format; it moves only with the format, never with a release."""

KEY_VERSION = 1
"""Version of the content keys; packets with an older one get their keys recomputed when they are loaded."""

BoundaryName = Literal["llm", "tool", "retrieval", "http", "human", "state", "effect"]


class Line(BaseModel):
    """What all lines share. Unknown fields are refused: a typo in a hand-edited packet must not pass as data."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Envelope(Line):
    """Who ran what, where and from which code; made before the first call."""

    run_id: str
    trace_id: str
    workflow: str
    started_at: str = Field(description="UTC, ISO 8601")
    release: str | None = None
    git_sha: str | None = None
    environment: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    parent: str | None = Field(default=None, description="run_id of the run that started this one")
    python: str = ""
    platform: str = ""
    hash_seed: str | None = None
    secret_variables: tuple[str, ...] = Field(
        default=(), description="names of secret-looking environment variables that were set; never their values"
    )


class Entry(Line):
    """How the run was started, so that a replay can start it again.

    `command` keeps argv, `callable` an importable function with its arguments, `none` nothing.
    """

    kind: Literal["command", "callable", "none"] = "none"
    argv: tuple[str, ...] = ()
    cwd: str = Field(default=".", description="relative to the folder that the command was typed in")
    variables: tuple[str, ...] = Field(default=(), description="names of the environment variables that were set")
    target: str | None = Field(default=None, description="module:qualname")
    arguments: dict[str, Any] = Field(default_factory=dict)


class RunLine(Line):
    kind: Literal["run"] = "run"
    id: str
    format: int
    key_version: int
    ruleset: str
    run: Envelope


class EntryLine(Line):
    """Follows the run line as soon as the entry point is known."""

    kind: Literal["entry"] = "entry"
    id: str
    seq: int
    entry: Entry


class Body(Line):
    """A body, without loss.

    Exactly one of `text`, `json_value` and `base64` is set, or none and `withheld` says why. `json_value` is used where
    dumping it in `style` gives back the very bytes; `{"$part": id}` and `{"$list": id}` inside it refer to parts.
    `cuts` are `[offset_ns, bytes]` for every chunk, where there was more than one.
    """

    text: str | None = None
    json_value: Any = Field(default=None, alias="json")
    style: Literal["compact", "compact-ascii", "spaced", "spaced-ascii"] | None = None
    base64: str | None = None
    cuts: tuple[tuple[int, int], ...] = ()
    encoding: str | None = Field(default=None, description="content-encoding that could not be decoded")
    withheld: str | None = Field(default=None, description="why the body was not kept")
    length: int | None = Field(default=None, description="bytes of a withheld body")
    sha256: str | None = Field(default=None, description="of a withheld body that held no secret")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class PartLine(Line):
    """A piece of a request body that later requests repeat: a system prompt, a message, a tool schema.

    With `items` it is a list: the items of list `prefix`, then these.
    """

    kind: Literal["part"] = "part"
    id: str
    seq: int
    value: Any = None
    prefix: str | None = None
    items: tuple[str, ...] | None = None


class StandInLine(Line):
    """A pseudonym that sanitizing left in this packet; the raw value is nowhere."""

    kind: Literal["standin"] = "standin"
    id: str
    seq: int
    name: str = Field(description="what it stands for: email, openai_key, env, ...")
    stand_in: str
    variable: str | None = Field(default=None, description="the environment variable that held the value")


class HttpCall(Line):
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: Body = Field(default_factory=Body)


class FunctionCall(Line):
    arguments: Any = Field(default_factory=dict)
    effect: Literal["read", "write"] | None = None


class CallLine(Line):
    """A request that left the agent. `key` and `position` are its identity."""

    kind: Literal["call"] = "call"
    id: str
    key: str
    raw: str | None = Field(
        default=None, description="hash of the request's own bytes; absent where they held a secret"
    )
    position: str
    boundary: BoundaryName
    name: str
    call_class: Literal["agent", "telemetry", "auth", "ambient"] = "agent"
    seq: int
    time_ns: int = Field(description="since the run began, monotonic")
    parent: str | None = Field(default=None, description="id of the enclosing span or tool call")
    wire_format: str | None = None
    http: HttpCall | None = None
    function: FunctionCall | None = None
    flags: tuple[str, ...] = Field(default=(), description="adopted: the task was not seen when it was started")


class FailureRecord(Line):
    """An exception as it crossed the boundary; `type` is client-neutral for HTTP, `module:qualname` for functions."""

    type: str
    message: str = ""
    arguments: tuple[Any, ...] = ()
    state: dict[str, Any] = Field(default_factory=dict)


class DoneLine(Line):
    """How a call or a span ended."""

    kind: Literal["done"] = "done"
    id: str
    seq: int
    time_ns: int
    state: Literal["complete", "closed_early", "error", "cancelled"]
    status: int | None = None
    first_byte_ns: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    value: Any = None
    has_value: bool = False
    failure: FailureRecord | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)


class SpanLine(Line):
    """A timed step: planner, retriever, graph node, agent. Its `done` line carries the status."""

    kind: Literal["span"] = "span"
    id: str
    seq: int
    time_ns: int
    position: str
    name: str
    span_kind: str = "step"
    parent: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)


class LogLine(Line):
    """Something the recorder has to say about its own work."""

    kind: Literal["log"] = "log"
    id: str
    seq: int
    time_ns: int
    message: str


class Manifest(Line):
    """What the recorder saw, and what it could not see."""

    calls: dict[str, int] = Field(default_factory=dict, description="captured calls by boundary")
    classes: dict[str, int] = Field(default_factory=dict, description="HTTP calls by class")
    withheld: int = 0
    adopted: int = 0
    possibly_missing: int = Field(default=0, description="calls that could not be attributed to any run")
    dropped_events: int = 0


class Verdict(Line):
    passed: bool
    reason: str = ""
    verifier: str | None = None


class UsageTotals(Line):
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0


class OutcomeLine(Line):
    """The last line. `digest` covers all bytes before it and this line without the digest itself."""

    kind: Literal["outcome"] = "outcome"
    id: str
    seq: int
    time_ns: int
    status: Literal["ok", "failed"]
    exception: FailureRecord | None = None
    stop_reason: str | None = None
    output: Any = None
    has_output: bool = False
    exit_code: int | None = None
    verdict: Verdict | None = None
    usage: UsageTotals = Field(default_factory=UsageTotals)
    manifest: Manifest = Field(default_factory=Manifest)
    packages: dict[str, str] = Field(default_factory=dict, description="versions of the frameworks that were loaded")
    replayable: str = Field(default="full", description="full, `until EVENT`, or no")
    digest: str = ""


AnyLine = Annotated[
    RunLine | EntryLine | PartLine | StandInLine | SpanLine | CallLine | DoneLine | LogLine | OutcomeLine,
    Field(discriminator="kind"),
]
