"""Lines to and from bytes.

Kind, id and identity stand first in each line, so a reader can index a packet without decoding it.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from replaykit.errors import PacketError
from replaykit.packet.migrations import migrate_line
from replaykit.packet.model import (
    FORMAT,
    CallLine,
    DoneLine,
    EntryLine,
    Line,
    LogLine,
    OutcomeLine,
    PartLine,
    RunLine,
    SpanLine,
    StandInLine,
)

LINES: dict[str, type[Line]] = {
    "run": RunLine,
    "entry": EntryLine,
    "part": PartLine,
    "standin": StandInLine,
    "span": SpanLine,
    "call": CallLine,
    "done": DoneLine,
    "log": LogLine,
    "outcome": OutcomeLine,
}

MAX_DEPTH = 200
"""Deeper nesting than this is refused: no provider sends it, and the JSON parser's own limit is the stack."""

_HEAD = re.compile(rb'\{"kind":"([a-z]+)","id":"([^"\\]*)"')


def dump_line(line: BaseModel) -> bytes:
    """One line of the file, newline included; fields at their default are left out."""
    fields = {"kind": getattr(line, "kind"), **line.model_dump(exclude_defaults=True, by_alias=True)}  # noqa: B009
    try:
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 can't hold
        return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def read_head(data: bytes) -> tuple[str, str] | None:
    """Kind and id of a line, without decoding it; None where it does not begin as replaykit writes it."""
    match = _HEAD.match(data)
    return (match[1].decode(), match[2].decode()) if match else None


def parse_line(data: bytes, *, path: Path | None, number: int, file_format: int = FORMAT) -> Line:
    """The event in one line.

    Raises:
        PacketError: It is not JSON, not of a known kind, or a field has the wrong type.
    """
    fields = parse_object(data, path=path, number=number)
    if file_format < FORMAT:
        fields = migrate_line(fields, file_format)
    kind = fields.get("kind")
    model = LINES.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise PacketError(f"unknown kind of line {str(kind)[:40]!r}", path=path, line=number, field="kind")
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise PacketError(first["msg"], path=path, line=number, field=field) from None


def parse_object(data: bytes, *, path: Path | None, number: int) -> dict[str, Any]:
    """The JSON object in one line."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise PacketError(f"not UTF-8 at byte {error.start}", path=path, line=number) from None
    if _is_too_deep(text):
        raise PacketError(f"nested deeper than {MAX_DEPTH} levels", path=path, line=number)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "number or nesting out of range"
        column = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise PacketError(f"not JSON{column}: {reason}", path=path, line=number) from None
    if not isinstance(fields, dict):
        raise PacketError("not a JSON object", path=path, line=number)
    return fields


_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]+|[\]}]+', re.DOTALL)


def _is_too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _BRACKETS.finditer(text):
        run = match[0]
        if run[0] in "[{":
            depth += len(run)
            if depth > MAX_DEPTH:
                return True
        elif run[0] in "]}":
            depth -= len(run)
    return False


def seal(line: OutcomeLine, hashed: hashlib._Hash) -> OutcomeLine:
    """The outcome with its digest; `hashed` has seen all bytes before it and is left as it was."""
    return line.model_copy(update={"digest": outcome_digest(line, hashed)})


def outcome_digest(line: OutcomeLine, hashed: hashlib._Hash) -> str:
    """Digest over all earlier bytes and over the outcome without its digest."""
    total = hashed.copy()
    total.update(dump_line(line.model_copy(update={"digest": ""})))
    return total.hexdigest()
