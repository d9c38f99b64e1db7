"""The schema of a packet: one pydantic model for each kind of line.

A packet is JSON Lines. Line 1 is the `RunLine`; then `part`, `standin`, `span`, `call`, `done`, `effect` and `log`
events follow in journal order; the `OutcomeLine` comes last, so a reader knows that the file is whole.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError

FORMAT = 1
"""Number of the file format; it moves only with the format, never with a release."""

KEY_VERSION = 2
"""Version of the content keys; packets with another one get their keys made again, in memory."""


def _check_text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "must be a string")
    return value


Text = Annotated[str, PlainValidator(_check_text, json_schema_input_type=str)]
"""Any Python string. Pydantic's own `str` refuses lone surrogates, which names and messages may hold."""

Count = Annotated[int, Field(strict=True, ge=0, lt=1 << 63)]
"""A number of things, bytes or nanoseconds; bounded, so that arithmetic with it can't overflow a float."""

Back = Annotated[int, Field(strict=True, gt=-(1 << 31), lt=1 << 31)]
"""Places back in a list; forward where negative."""

Truth = Annotated[bool, Field(strict=True)]

BoundaryName = Literal["llm", "tool", "retrieval", "http", "human", "state", "effect"]


class Line(BaseModel):
    """What all lines share. Unknown fields are refused: a typo in a hand-edited packet must not pass as data."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Envelope(Line):
    """Who ran what, where and from which code; made before the first call."""

    run_id: Text
    trace_id: Text
    workflow: Text
    started_at: Text = Field(description="UTC, ISO 8601")
    release: Text | None = None
    git_sha: Text | None = None
    environment: Text | None = None
    tags: dict[Text, Text] = Field(default_factory=dict)
    parent: Text | None = Field(default=None, description="run_id of the run that started this one")
    python: Text = ""
    platform: Text = ""
    hash_seed: Text | None = None
    timezone: Text | None = Field(default=None, description="of local times: its name, or what `time` calls it")
    effects: Truth = Field(default=False, description="reads of the clock and of chance were logged")
    secret_variables: tuple[Text, ...] = Field(
        default=(),
        description="names of secret-looking environment variables that were set, never their values; "
        "of an import, those that the SDKs of its hosts ask for",
    )


class Body(Line):
    """A body, without loss.

    Exactly one of `text`, `json_value` and `base64` is set, or none and `withheld` says why. `json_value` is used where
    dumping it in `style` gives back the very bytes; `{"$part": id}` and `{"$list": id}` inside it refer to parts.
    `cuts` are `[offset_ns, bytes]` for every chunk; absent where the body came in one piece and at once.
    """

    text: Text | None = None
    json_value: Any = Field(default=None, alias="json")
    style: Literal["compact", "compact-ascii", "spaced", "spaced-ascii"] | None = None
    base64: Text | None = None
    cuts: tuple[tuple[Count, Count], ...] = ()
    withheld: Text | None = Field(default=None, description="why the body was not kept")
    length: Count | None = Field(default=None, description="bytes of a withheld body")
    sha256: Text | None = Field(default=None, description="of a withheld body: a keyed hash (HMAC-SHA256)")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class Stdin(Line):
    """What a command read from its standard input.

    From a `terminal`, every line is an interaction of its own (boundary `human`), and there is no body.
    """

    source: Literal["terminal", "stream"]
    body: Body | None = None


class Entry(Line):
    """How the run was started, so that a replay can start it again.

    `command` keeps argv, `callable` an importable function with its arguments, `none` nothing.
    """

    kind: Literal["command", "callable", "none"] = "none"
    argv: tuple[Text, ...] = ()
    cwd: Text = Field(default=".", description="relative to the top of the project")
    variables: tuple[Text, ...] = Field(default=(), description="names of the environment variables that were set")
    target: Text | None = Field(default=None, description="module:qualname, or file.py:qualname")
    arguments: dict[Text, Any] = Field(default_factory=dict)
    is_main: Truth = Field(default=False, description="the target stood in the program itself, in `__main__`")
    stdin: Stdin | None = Field(default=None, description="absent where the command read none")


class RunLine(Line):
    kind: Literal["run"] = "run"
    id: Text
    format: Count
    key_version: Count
    ruleset: Text
    run: Envelope


class EntryLine(Line):
    """Follows the run line as soon as the entry point is known; a later one, which knows more, takes its place."""

    kind: Literal["entry"] = "entry"
    id: Text
    seq: Count
    entry: Entry


class PartLine(Line):
    """A piece of a request body that later requests repeat: a system prompt, a message, a tool schema.

    With `items` it is a list: the items of list `prefix`, then these.
    """

    kind: Literal["part"] = "part"
    id: Text
    seq: Count
    value: Any = None
    prefix: Text | None = None
    items: tuple[Text, ...] | None = None


class StandInLine(Line):
    """A pseudonym that sanitizing left in this packet; the raw value is nowhere."""

    kind: Literal["standin"] = "standin"
    id: Text
    seq: Count
    name: Text = Field(description="what it stands for: email, openai_key, env, ...")
    stand_in: Text
    variable: Text | None = Field(default=None, description="the environment variable that held the value")


class HttpCall(Line):
    method: Text
    url: Text
    headers: tuple[tuple[Text, Text], ...] = ()
    body: Body = Field(default_factory=Body)


class FunctionCall(Line):
    arguments: Any = Field(default_factory=dict)
    effect: Literal["read", "write"] | None = None


class CallLine(Line):
    """A request that left the agent. `key` and `position` are its identity."""

    kind: Literal["call"] = "call"
    id: Text
    key: Text
    raw: Text | None = Field(
        default=None, description="hash of the request's own bytes; absent where they held a secret"
    )
    position: Text
    boundary: BoundaryName
    name: Text
    call_class: Literal["agent", "telemetry", "auth", "ambient"] = "agent"
    seq: Count
    time_ns: Count = Field(description="since the run began, monotonic")
    parent: Text | None = Field(default=None, description="id of the enclosing span or tool call")
    wire_format: Text | None = None
    http: HttpCall | None = None
    function: FunctionCall | None = None
    flags: tuple[Text, ...] = Field(
        default=(),
        description="adopted: the task was not seen when it was started; "
        "unplaced: imported from a recording without positions, so this one is only a number",
    )


class FailureRecord(Line):
    """An exception as it crossed the boundary; `type` is client-neutral for HTTP, `module:qualname` for functions."""

    type: Text
    message: Text = ""
    arguments: tuple[Any, ...] = ()
    state: dict[Text, Any] = Field(default_factory=dict)
    built_from: Any = Field(default=None, description="what makes it, where that is more than its arguments")
    cause: FailureRecord | None = None
    context: FailureRecord | None = Field(default=None, description="absent where it is the cause")
    suppress_context: Truth = False
    group: tuple[FailureRecord, ...] = Field(default=(), description="the exceptions of a group")


class DoneLine(Line):
    """How a call or a span ended."""

    kind: Literal["done"] = "done"
    id: Text
    seq: Count
    time_ns: Count
    state: Literal["complete", "closed_early", "error", "cancelled"]
    status: Count | None = None
    reason: Text | None = Field(
        default=None, description="the phrase behind the status; absent where it is the usual one"
    )
    first_byte_ns: Count | None = None
    headers: tuple[tuple[Text, Text], ...] = ()
    body: Body | None = None
    value: Any = None
    has_value: Truth = False
    failure: FailureRecord | None = None
    attributes: dict[Text, Any] = Field(default_factory=dict)


class SpanLine(Line):
    """A timed step: planner, retriever, graph node, agent. Its `done` line carries the status."""

    kind: Literal["span"] = "span"
    id: Text
    seq: Count
    time_ns: Count
    position: Text
    name: Text
    span_kind: Text = "step"
    parent: Text | None = None
    attributes: dict[Text, Any] = Field(default_factory=dict)


class ScheduleLine(Line):
    """What reached the run from outside, in its order.

    An event is `[subject, back, tick, time_ns]`. Subjects: `c12.-1` a step of call c12 (-1 the head of a response, -2 a
    result, -3 its close, n the chunk after n others); `t3.0`, `s3.0`, `w3.0`, `j3.0` the first timer, sleep, timed
    wait, call from a thread that lineage 3 of this line began; `d3.0` its end, for what runs on a pool's thread.

    It came just before that `tick` of the marker of the event that stands `back` places before it; `back` is 0 where
    nothing was left that followed from earlier events.
    """

    kind: Literal["schedule"] = "schedule"
    id: Text
    seq: Count
    lineages: tuple[Text, ...] = ()
    events: tuple[tuple[Text, Back, Count, Count], ...] = ()
    loops: tuple[Text, ...] = Field(default=(), description="what the event loops were: asyncio, uvloop")
    made: tuple[tuple[Text, Count], ...] = Field(
        default=(),
        description="`t3`: how many timers lineage 3 has begun so far; the same for `w`; "
        "`c3`: the close of the call that place 3 names was cut off",
    )


class EffectLine(Line):
    """What one reader in one lineage got of one source, in order; null for a value that was not kept.

    Times are in nanoseconds since 1970, bytes and long numbers in hexadecimal digits.
    """

    kind: Literal["effect"] = "effect"
    id: Text
    seq: Count
    lineage: Text
    source: Text = Field(description="`time`, or the function that was called: uuid.uuid4, random.choice, os.urandom")
    origin: Text = Field(default="", description="the library whose code read it; empty for the program's own code")
    first: Count = Field(default=0, description="ordinal of the first of these values")
    values: tuple[Any, ...]


class LogLine(Line):
    """Something the recorder has to say about its own work."""

    kind: Literal["log"] = "log"
    id: Text
    seq: Count
    time_ns: Count
    message: Text


class EgressCount(Line):
    """One target that something of the run went to."""

    state: Literal["captured", "allowed", "uncaptured"]
    target: Text = Field(description="host of a captured request; else what was done: `connect HOST:PORT`, ...")
    count: Count = 1


class Manifest(Line):
    """What the recorder saw, and what it could not see."""

    calls: dict[Text, Count] = Field(default_factory=dict, description="captured calls by boundary")
    classes: dict[Text, Count] = Field(default_factory=dict, description="HTTP calls by class")
    withheld: Count = 0
    adopted: Count = 0
    possibly_missing: Count = Field(default=0, description="calls that could not be attributed to any run")
    uncaptured: tuple[Text, ...] = Field(default=(), description="what left the process and was not recorded")
    egress: tuple[EgressCount, ...] = Field(default=(), description="all that left the process; older packets: none")
    files: tuple[Text, ...] = Field(default=(), description="files that were written, relative to the working folder")
    more_files: Count = Field(default=0, description="files beyond those that are listed")
    overlooked: tuple[Text, ...] = Field(default=(), description="what its promotion to a test was told to overlook")
    dropped_events: Count = 0
    dropped_effects: Count = Field(default=0, description="reads of the clock and of chance that were too many to keep")
    unanswered: Count = Field(default=0, description="calls under way, without an answer, when the run ended")
    secret_variables: tuple[Text, ...] = Field(
        default=(), description="names of secret-looking environment variables that were set while the run went on"
    )


class Verdict(Line):
    passed: bool
    reason: Text = ""
    verifier: Text | None = None


class UsageTotals(Line):
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0


class OutcomeLine(Line):
    """The last line. `digest` covers all bytes before it and this line without the digest itself."""

    kind: Literal["outcome"] = "outcome"
    id: Text
    seq: Count
    time_ns: Count
    status: Literal["ok", "failed", "unknown"] = Field(description="unknown: imported from a recording that has no end")
    exception: FailureRecord | None = None
    stop_reason: Text | None = None
    output: Any = None
    has_output: Truth = False
    exit_code: int | None = None
    verdict: Verdict | None = None
    usage: UsageTotals = Field(default_factory=UsageTotals)
    manifest: Manifest = Field(default_factory=Manifest)
    packages: dict[Text, Text] = Field(default_factory=dict, description="versions of the frameworks that were loaded")
    replayable: Text = Field(default="full", description="full, `until EVENT`, or no")
    digest: Text = ""


AnyLine = Annotated[
    RunLine
    | EntryLine
    | PartLine
    | StandInLine
    | SpanLine
    | CallLine
    | DoneLine
    | ScheduleLine
    | EffectLine
    | LogLine
    | OutcomeLine,
    Field(discriminator="kind"),
]
