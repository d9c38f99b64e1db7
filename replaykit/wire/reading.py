"""Reading JSON that may be anything: every complaint is a WireError that names the place.

Structure is checked strictly in requests, where a misread would make two different bodies look the same, and
leniently in answers, where compatible servers differ: a scalar of the wrong type counts as absent there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import NoReturn

from replaykit.errors import WireError
from replaykit.wire.call import JSON
from replaykit.wire.sse import Event, split_events

_FIELD_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")
_GZIP_MAGIC = b"\x1f\x8b"


def load_json(text: bytes | str, what: str) -> JSON:
    """The parsed JSON, whatever its type.

    Raises:
        WireError: It is not JSON, or nests deeper than the parser can follow.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise WireError(f"{what}: JSON nests too deep") from None
    except ValueError as error:
        start = text.lstrip()[:40]
        hint = ": it looks gzipped" if isinstance(text, bytes) and text.startswith(_GZIP_MAGIC) else ""
        raise WireError(f"{what}: not JSON ({error}){hint}; it starts with {start!r}") from None


def as_object(value: JSON, where: str) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise WireError(f"{where}: expected an object, found {_kind(value)}")
    return value


def as_list(value: JSON, where: str) -> list[JSON]:
    if not isinstance(value, list):
        raise WireError(f"{where}: expected a list, found {_kind(value)}")
    return value


def as_text(value: JSON, where: str) -> str:
    if not isinstance(value, str):
        raise WireError(f"{where}: expected text, found {_kind(value)}")
    return value


def maybe_object(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def maybe_list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def maybe_text(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def maybe_count(value: JSON) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parse_arguments(text: str) -> JSON:
    """Tool arguments as JSON, or the text itself.

    The text stays where parsing would lose something: a key said twice, NaN, a number beyond a float, and a text that
    is one JSON string (which would else equal the same words without quotes).
    """
    try:
        arguments = json.loads(
            text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant, parse_float=_finite_float
        )
    except (ValueError, RecursionError):
        return text
    return text if isinstance(arguments, str) else arguments


def is_event_stream(body: bytes, content_type: str) -> bool:
    """Whether a body is server-sent events; the first byte outranks the header.

    Gateways send JSON errors under `text/event-stream`, and recordings lose headers.
    """
    start = body.lstrip()[:8]
    if start.startswith((b"{", b"[")):
        return False
    return "text/event-stream" in content_type.lower() or start.removeprefix(b"\xef\xbb\xbf").startswith(_FIELD_STARTS)


def stream_events(body: bytes, what: str) -> Iterator[tuple[Event, dict[str, JSON]]]:
    """Yield each event with its data as an object; `[DONE]` comes with an empty one.

    An event that the end of the body cuts in two ends the stream; it is no error.

    Raises:
        WireError: The data of a whole event is not a JSON object.
    """
    for event in split_events([body], lenient=True):
        if event.data.startswith("[DONE]"):
            yield event, {}
            return
        if event.type == "ping" or not event.data.strip():
            continue
        where = f"{what}: event at byte {event.start}"
        try:
            data = as_object(load_json(event.data, where), where)
        except WireError:
            if event.is_terminated:
                raise
            return
        yield event, data


def load_answer(body: bytes, what: str) -> dict[str, JSON]:
    """The object of a JSON answer. Google's gateways wrap an error object in a list of one."""
    answer = load_json(body, what)
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    return as_object(answer, what)


def error_text(answer: dict[str, JSON]) -> str | None:
    """What a provider says went wrong, as "kind: message"; None where the answer holds no error.

    Shapes seen: `{"error": {...}}`, `{"error": "..."}`, the error's fields at top level (vLLM, Mistral, AWS, the
    Responses `error` event), and `{"detail": ...}` (FastAPI servers).
    """
    error = answer.get("error")
    if isinstance(error, str) and error:
        return error
    if isinstance(error, dict) and error:
        return _error_line(error)
    if isinstance(answer.get("message"), str):
        return _error_line(answer)
    detail = answer.get("detail")
    return (detail if isinstance(detail, str) else json.dumps(detail)) if detail else None


def _error_line(error: dict[str, JSON]) -> str:
    kinds = (error[key] for key in ("type", "code", "status") if isinstance(error.get(key), str | int))
    # The Responses `error` event says "error" as its type, and what happened as its code.
    kind = next((kind for kind in kinds if kind != "error"), "")
    message = maybe_text(error.get("message")) or maybe_text(error.get("detail"))
    return ": ".join(part for part in (str(kind), message) if part) or "unknown error"


def text_of(content: JSON) -> str:
    """The visible text of a string or of a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(maybe_text(maybe_object(part).get("text")) for part in maybe_list(content))


def _kind(value: JSON) -> str:
    if value is None:
        return "nothing"
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)


def _unique_keys(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a key stands twice")
    return unique


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number
