"""Values on their way into a packet: sanitized, or withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from replaykit.errors import SanitizeError
from replaykit.matching.content import clean_name
from replaykit.matching.recorded import header
from replaykit.packet import values
from replaykit.packet.body import encode_body, withhold_body
from replaykit.packet.codec import MAX_DEPTH
from replaykit.packet.exchange import Headers
from replaykit.packet.failure_adapters import MESSAGES
from replaykit.packet.failures import Failure
from replaykit.packet.model import Body, FailureRecord, Verdict
from replaykit.sanitizer import Sanitizer

NO_ROOM = "it was too large for the recorder's memory"
UNSANITIZED = "it could not be sanitized"
UNDECODED = "its content-encoding could not be undone, so it could not be sanitized"
_DEPTH_OF_LINE = 8  # levels that a line itself may add around a value


class Cleaner:
    """Sanitizes for one packet. What can't be sanitized is replaced by the reason, and counted.

    Attributes:
        withheld: How many values were not kept.
    """

    def __init__(self, sanitizer: Sanitizer) -> None:
        self.sanitizer = sanitizer
        self.withheld = 0

    def withhold(self, reason: str, length: int | None = None) -> Body:
        """A body that is not kept."""
        self.withheld += 1
        return withhold_body(None, reason, length=length)

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
            self.withheld += 1
            return UNSANITIZED
        return clean[0]

    def text(self, text: str) -> str:
        try:
            return self.sanitizer.text(text)
        except SanitizeError:
            self.withheld += 1
            return UNSANITIZED

    def secret(self, text: str) -> str:
        """A text that is a secret, all of it; wherever it comes up later it is replaced too."""
        try:
            return self.sanitizer.secret(text)
        except SanitizeError:
            self.withheld += 1
            return UNSANITIZED

    def stdin(self, data: bytes) -> Body:
        """What a command was given on its standard input."""
        try:
            return encode_body(self.sanitizer.body(data, "text/plain"))
        except SanitizeError:
            return self.withhold(UNSANITIZED, len(data))

    def command(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words of a command line."""
        try:
            return self.sanitizer.command(words)
        except SanitizeError:
            self.withheld += 1
            return (UNSANITIZED,)

    def url(self, url: str) -> str:
        try:
            return self.sanitizer.url(url)
        except SanitizeError:
            self.withheld += 1
            return UNSANITIZED

    def headers(self, headers: Headers) -> Headers:
        try:
            return self.sanitizer.headers(headers)
        except SanitizeError:
            self.withheld += 1
            return ()

    def attributes(self, items: Mapping[str, Any]) -> dict[str, Any]:
        clean = self.json(dict(items))
        return clean if isinstance(clean, dict) else {}

    def failure(self, failure: Failure | None) -> FailureRecord | None:
        if failure is None:
            return None
        clean = clean_failure(self.sanitizer, failure)
        self.withheld += clean.message == UNSANITIZED
        return clean


def clean_failure(sanitizer: Sanitizer, failure: Failure) -> FailureRecord:
    """The exception as it may be stored; where it can't be sanitized, its class alone.

    In one piece: a value that its text gives away as a secret stands in its arguments too.
    """
    try:
        found = _clean_bytes(sanitizer, failure.to_json())
        if depth_of(found) < MAX_DEPTH - _DEPTH_OF_LINE:
            return FailureRecord.model_validate(sanitizer.json(found))
    except (SanitizeError, ValidationError):
        pass
    return FailureRecord(type=failure.kind, message=UNSANITIZED)


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
