"""Values on their way into a packet: sanitized, or withheld."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from replaykit.errors import SanitizeError
from replaykit.matching.content import WITHHELD_KEY, clean_name
from replaykit.matching.recorded import header
from replaykit.packet import values
from replaykit.packet.body import encode_body, withhold_body
from replaykit.packet.codec import MAX_DEPTH, dump_line
from replaykit.packet.exchange import Headers
from replaykit.packet.failure_adapters import MESSAGES
from replaykit.packet.failures import Failure
from replaykit.packet.model import (
    Body,
    CallLine,
    DoneLine,
    EffectLine,
    EntryLine,
    FailureRecord,
    HttpCall,
    OutcomeLine,
    RunLine,
    SpanLine,
    Verdict,
)
from replaykit.sanitizer.sanitizer import Sanitizer

NO_ROOM = "it was too large for the recorder's memory"
UNSANITIZED = "it could not be sanitized"
LEFT = "a secret was left in it"
UNDECODED = "its content-encoding could not be undone, so it could not be sanitized"
_DEPTH_OF_LINE = 8  # levels that a line itself may add around a value


logger = logging.getLogger("replaykit")


SomeLine = TypeVar("SomeLine", bound=BaseModel)


class Cleaner:
    """Sanitizes for one packet. What can't be sanitized is replaced by the reason, and counted.

    Args:
        is_quiet: No warning where a value is withheld.

    Attributes:
        withheld: How many values were not kept.
    """

    def __init__(self, sanitizer: Sanitizer, *, is_quiet: bool = False) -> None:
        self.sanitizer = sanitizer
        self.withheld = 0
        self._is_quiet = is_quiet

    def withhold(self, reason: str, length: int | None = None, *, data: bytes | None = None) -> Body:
        """A body that is not kept; of `data`, where there is any, its length and a keyed hash stay."""
        self._count(reason)
        if data is None:
            return withhold_body(reason, length=length)
        return withhold_body(reason, length=len(data), digest=self.sanitizer.digest(data))

    def _count(self, reason: str) -> None:
        if not self.withheld and not self._is_quiet:
            logger.warning(
                "a packet will not hold everything, so it can't be promoted: a value was withheld: %s", reason
            )
        self.withheld += 1

    def checked(self, line: SomeLine) -> SomeLine:
        """The line, whose finished bytes are looked at once more: a secret in them takes its value with it.

        Raises:
            SanitizeError: It stands where no line can do without.
        """
        kind = self.sanitizer.left_in(dump_line(line))
        if kind is None:
            return line
        self._count(f"{LEFT}: {kind}")
        for less in without_values(line, f"{LEFT}: {kind}"):
            if self.sanitizer.left_in(dump_line(less)) is None:
                return less
        raise SanitizeError(f"a line of kind {getattr(line, 'kind', '?')} holds a secret")

    def body(self, data: bytes, content_type: str) -> bytes:
        """A body of a request. Raises SanitizeError if it can't be sanitized."""
        return self.sanitizer.body(data, content_type)

    def chunks(self, chunks: Sequence[bytes], content_type: str) -> tuple[bytes, ...]:
        """A body of an answer. Raises SanitizeError if it can't be sanitized."""
        return self.sanitizer.chunks(chunks, content_type)

    def name(self, text: str) -> str:
        """A position or a name; see `clean_name`."""
        try:
            return clean_name(self.sanitizer, text)
        except SanitizeError:
            return UNSANITIZED

    def readable(self, value: Any) -> Any:
        """Sanitized JSON that can be written and read again; None if it can't be."""
        try:
            return self.sanitizer.json(value) if depth_of(value) < MAX_DEPTH - _DEPTH_OF_LINE else None
        except SanitizeError:
            return None

    def json(self, value: Any) -> Any:
        clean = self.readable([value])
        if clean is None:
            self._count(UNSANITIZED)
            return UNSANITIZED
        return clean[0]

    def output(self, value: Any) -> Any:
        """What the run gave."""
        if not isinstance(value, str):
            return self.json(value)
        try:
            return self.sanitizer.output(value)
        except SanitizeError:
            self._count(UNSANITIZED)
            return UNSANITIZED

    def text(self, text: str) -> str:
        try:
            return self.sanitizer.text(text)
        except SanitizeError:
            self._count(UNSANITIZED)
            return UNSANITIZED

    def secret(self, text: str) -> str:
        """A text that is a secret, all of it; wherever it comes up later it is replaced too."""
        try:
            return self.sanitizer.secret(text)
        except SanitizeError:
            self._count(UNSANITIZED)
            return UNSANITIZED

    def stdin(self, data: bytes) -> Body:
        """What a command was given on its standard input."""
        try:
            return encode_body(self.body(data, "text/plain"))
        except SanitizeError:
            return self.withhold(UNSANITIZED, data=data)

    def command(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words of a command line."""
        try:
            return self.sanitizer.command(words)
        except SanitizeError:
            self._count(UNSANITIZED)
            return (UNSANITIZED,)

    def url(self, url: str) -> str:
        try:
            return self.sanitizer.url(url)
        except SanitizeError:
            self._count(UNSANITIZED)
            return UNSANITIZED

    def headers(self, headers: Headers) -> Headers:
        try:
            return self.sanitizer.headers(headers)
        except SanitizeError:
            self._count(UNSANITIZED)
            return ()

    def attributes(self, items: Mapping[str, Any]) -> dict[str, Any]:
        clean = self.json(dict(items))
        return clean if isinstance(clean, dict) else {}

    def verdict(self, verdict: Verdict) -> Verdict:
        """The verdict, without what can't be sanitized."""
        verifier = self.text(verdict.verifier) if verdict.verifier is not None else None
        return verdict.model_copy(update={"reason": self.text(verdict.reason), "verifier": verifier})

    def failure(self, failure: Failure | None) -> FailureRecord | None:
        if failure is None:
            return None
        clean = clean_failure(self.sanitizer, failure)
        self.withheld += clean.message == UNSANITIZED
        return clean


def without_values(line: SomeLine, reason: str) -> Iterator[SomeLine]:
    """The line with less and less in it: first without what an answer or a request says, then without its names."""
    body = withhold_body(reason)
    if isinstance(line, CallLine):
        update: dict[str, Any] = {"key": WITHHELD_KEY, "raw": None}
        if line.http is not None:
            yield line.model_copy(update={**update, "http": line.http.model_copy(update={"body": body})})
            bare = HttpCall(method=line.http.method, url=UNSANITIZED, body=body)
            yield line.model_copy(update={**update, "http": bare})
            yield line.model_copy(update={**update, "http": bare, "name": UNSANITIZED})
        elif line.function is not None:
            less = line.function.model_copy(update={"arguments": {}})
            yield line.model_copy(update={**update, "function": less})
            yield line.model_copy(update={**update, "function": less, "name": UNSANITIZED})
    elif isinstance(line, DoneLine):
        update = {"value": None, "has_value": False, "attributes": {}, "body": body}
        failure = line.failure
        yield line.model_copy(update=update)
        bare_failure = FailureRecord(type=failure.type, message=UNSANITIZED) if failure is not None else None
        yield line.model_copy(update={**update, "headers": (), "reason": None, "failure": bare_failure})
    elif isinstance(line, SpanLine):
        yield line.model_copy(update={"attributes": {}})
        yield line.model_copy(update={"attributes": {}, "name": UNSANITIZED})
    elif isinstance(line, EntryLine):
        yield line.model_copy(
            update={"entry": line.entry.model_copy(update={"argv": (), "arguments": {}, "stdin": None})}
        )
    elif isinstance(line, EffectLine):
        yield line.model_copy(update={"values": (None,) * len(line.values)})
    elif isinstance(line, RunLine):
        run = line.run
        yield line.model_copy(update={"run": run.model_copy(update={"tags": {}})})
        bare_run: dict[str, Any] = {
            "tags": {},
            "workflow": UNSANITIZED,
            "release": None,
            "environment": None,
            "git_sha": None,
        }
        yield line.model_copy(update={"run": run.model_copy(update=bare_run)})
    elif isinstance(line, OutcomeLine):
        failure = line.exception
        bare_failure = FailureRecord(type=failure.type, message=UNSANITIZED) if failure is not None else None
        update = {"output": None, "has_output": False, "replayable": "no"}
        yield line.model_copy(update=update)
        yield line.model_copy(update={**update, "exception": bare_failure, "stop_reason": None, "verdict": None})


def clean_failure(sanitizer: Sanitizer, failure: Failure) -> FailureRecord:
    """The exception as it may be stored; where it can't be sanitized, its class alone.

    In one piece: a value that its text gives away as a secret stands in its arguments too.
    """
    try:
        found = _clean_bytes(sanitizer, failure.to_json())
        if depth_of(found) < MAX_DEPTH - _DEPTH_OF_LINE:
            clean = sanitizer.json(found)
            _say_the_same(found, clean)
            return FailureRecord.model_validate(clean)
    except (SanitizeError, ValidationError):
        pass
    return FailureRecord(type=failure.kind, message=UNSANITIZED)


def _say_the_same(before: Any, clean: Any) -> None:
    """The text of an exception that is `repr` of its argument, as a KeyError's is, stays so: it is not read apart."""
    if isinstance(before, list):
        for one, other in zip(before, clean, strict=True):
            _say_the_same(one, other)
    elif isinstance(before, dict):
        arguments = before.get("arguments")
        if isinstance(arguments, list | tuple) and len(arguments) == 1 and before.get("message") == repr(arguments[0]):
            clean["message"] = repr(clean["arguments"][0])
        for name in ("cause", "context", "group"):
            _say_the_same(before.get(name), clean.get(name))


def clean_record(sanitizer: Sanitizer, record: FailureRecord) -> FailureRecord:
    """A recorded exception, sanitized once more: by newer rules there may be more to find in it."""
    detail = _with_bodies(record.model_dump(exclude_defaults=True))
    return clean_failure(sanitizer, Failure(detail.pop("type"), detail.pop("message", ""), detail))


def _with_bodies(value: Any) -> Any:
    """The JSON of a recorded exception with the bodies of HTTP messages as bytes, as they were before it was stored."""
    if isinstance(value, list | tuple):
        return [_with_bodies(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: _with_bodies(item) for name, item in value.items()}
    if value.get(values.TAG) in MESSAGES and isinstance(value.get("body"), str):
        made["body"] = value["body"].encode("utf-8", "surrogatepass")
    elif value.get(values.TAG) in MESSAGES and isinstance(value.get("body"), dict):
        made["body"] = values.decode(value["body"])
    return made


def _clean_bytes(sanitizer: Sanitizer, value: Any) -> Any:
    """HTTP messages and bytes in the JSON of an exception, each sanitized by what it is."""
    if isinstance(value, list | tuple):
        return [_clean_bytes(sanitizer, item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(values.TAG) == "bytes":
        return values.encode(sanitizer.body(values.decode(value)))
    if value.get(values.TAG) not in MESSAGES:
        return {name: _clean_bytes(sanitizer, item) for name, item in value.items()}
    headers = sanitizer.headers(tuple((name, item) for name, item in value["headers"]))
    made = {name: _clean_bytes(sanitizer, item) for name, item in value.items() if name not in ("headers", "body")}
    if "url" in made:
        made["url"] = sanitizer.url(made["url"])
    body = value["body"]
    if body is not None:
        body = _readable(sanitizer.body(body, header(headers, "content-type")))
    return {**made, "headers": [list(pair) for pair in headers], "body": body}


def _readable(body: bytes) -> Any:
    """A body as text, where it is text."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return values.encode(body)


def clean_verdict(sanitizer: Sanitizer, verdict: Verdict) -> Verdict:
    """The verdict as it may be stored."""
    verifier = sanitizer.text(verdict.verifier) if verdict.verifier is not None else None
    return verdict.model_copy(update={"reason": sanitizer.text(verdict.reason), "verifier": verifier})


def depth_of(value: Any) -> int:
    """How deep a JSON value nests."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth
