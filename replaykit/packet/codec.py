"""Lines to and from bytes.

Kind, id and identity stand first in each line, so a reader can index a packet without decoding it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from replaykit.errors import PacketError
from replaykit.packet.migrations import migrate_line
from replaykit.packet.model import (
    FORMAT,
    CallLine,
    DoneLine,
    EffectLine,
    EntryLine,
    Line,
    LogLine,
    OutcomeLine,
    PartLine,
    RunLine,
    ScheduleLine,
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
    "effect": EffectLine,
    "log": LogLine,
    "schedule": ScheduleLine,
    "outcome": OutcomeLine,
}

MAX_DEPTH = 200
"""Deeper nesting than this is refused: no provider sends it, and the JSON parser's own limit is the stack."""

_HEAD = re.compile(rb'\{"kind":"([a-z]+)","id":"([^"\\]*)"')
_DIGEST = re.compile(rb',"digest":"([0-9a-f]{64})"\}\n?\Z')


# writing


def dump_line(line: BaseModel) -> bytes:
    """One line of the file, newline included; fields at their default are left out."""
    fields = {"kind": getattr(line, "kind"), **line.model_dump(exclude_defaults=True, by_alias=True)}  # noqa: B009
    try:
        return _dump(fields)
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 can't hold
        return _dump(fields, is_ascii=True)
    except ValueError:  # a number that JSON has no word for, in a value that nobody encoded
        return _dump(_with_plain_numbers(fields), is_ascii=True)


def _dump(fields: Any, *, is_ascii: bool = False) -> bytes:
    return json.dumps(fields, ensure_ascii=is_ascii, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _with_plain_numbers(value: Any) -> Any:
    """`value` with NaN, infinities and integers too long to print as text: the line must stay readable."""
    if isinstance(value, dict):
        return {key: _with_plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_plain_numbers(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > 10_000:
        return hex(value)
    return value


# reading


def read_head(data: bytes) -> tuple[str, str] | None:
    """Kind and id of a line, without decoding it; None where it does not begin as replaykit writes it."""
    match = _HEAD.match(data)
    try:
        return (match[1].decode(), match[2].decode()) if match else None
    except UnicodeDecodeError:
        return None


def parse_line(data: bytes, *, path: Path | None, number: int, file_format: int = FORMAT) -> Line:
    """The event in one line.

    Raises:
        PacketError: It is not JSON, not of a known kind, or a field has the wrong type.
    """
    fields = parse_object(data, path=path, number=number)
    if file_format < FORMAT:
        try:
            fields = migrate_line(fields, file_format)
        except (LookupError, TypeError, ValueError, AttributeError) as error:  # the step met a line it can't know
            reason = f"no line of format {file_format}: {type(error).__name__}"
            raise PacketError(reason, path=path, line=number) from None
    kind = fields.get("kind")
    model = LINES.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise PacketError(f"unknown kind of line {str(kind)[:40]!r}", path=path, line=number, field="kind")
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:120].encode(errors="backslashreplace").decode()
        raise PacketError(first["msg"], path=path, line=number, field=field or "?") from None


def parse_object(data: bytes, *, path: Path | None, number: int) -> dict[str, Any]:
    """The JSON object in one line.

    Raises:
        PacketError: There is none.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise PacketError(f"not UTF-8 at byte {error.start}", path=path, line=number) from None
    if text.startswith("\ufeff"):
        raise PacketError("begins with a byte order mark; save it as UTF-8 without one", path=path, line=number)
    if is_too_deep(text):
        raise PacketError(f"nested deeper than {MAX_DEPTH} levels", path=path, line=number)
    try:
        fields = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise PacketError(f"not JSON at column {error.colno}: {error.msg}", path=path, line=number) from None
    except (ValueError, RecursionError):
        raise PacketError("not JSON: a number is out of range", path=path, line=number) from None
    if not isinstance(fields, dict):
        raise PacketError("not a JSON object", path=path, line=number)
    return fields


class _Repeating(dict[str, Any]):
    """An object that says one of its names twice; `name` is which."""

    name = ""


def find_repeated_name(data: bytes) -> str | None:
    """Dotted path of a name that stands twice in one object of a line; None where there is none.

    The parser takes the last of two. What a file is taken for must not hang on which one a reader believes.
    """

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) == len(pairs):
            return fields
        repeating = _Repeating(fields)
        repeating.name = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return repeating

    return _path_to_repeating(json.loads(data, object_pairs_hook=build))


def _path_to_repeating(value: Any) -> str | None:
    waiting: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, _Repeating):
            return ".".join((*path, item.name))
        children = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        waiting += [((*path, str(name)), child) for name, child in children]
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


# A string without an end is taken to the end of the text: trying again from each quote would be quadratic.
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]+|[\]}]+', re.DOTALL)


def is_too_deep(text: str, limit: int = MAX_DEPTH) -> bool:
    """True if the brackets of a JSON text stand more than `limit` deep."""
    if text.count("[") + text.count("{") <= limit:
        return False
    depth = 0
    for match in _BRACKETS.finditer(text):
        run = match[0]
        if run[0] in "[{":
            depth += len(run)
            if depth > limit:
                return True
        elif run[0] in "]}":
            depth -= len(run)
    return False


# the digest


def seal(line: OutcomeLine, hashed: hashlib._Hash) -> OutcomeLine:
    """The outcome with its digest; `hashed` has seen all bytes before it and is left as it was."""
    data = dump_line(line.model_copy(update={"digest": ""}))
    return line.model_copy(update={"digest": _digest(data, hashed)})


def check_digest(data: bytes, hashed: hashlib._Hash) -> str | None:
    """The digest in the bytes of an outcome line, if it is right.

    It covers bytes, not what they say: an outcome that was written anew in other words is altered too.
    """
    match = _DIGEST.search(data)
    if match is None:
        return None
    claimed = match[1].decode()
    return claimed if _digest(data[: match.start()] + b"}\n", hashed) == claimed else None


def _digest(data: bytes, hashed: hashlib._Hash) -> str:
    total = hashed.copy()
    total.update(data)
    return total.hexdigest()
