"""What exceptions of common libraries carry, and exceptions that only their library can make.

HTTP status errors (`httpx`, `openai`, `anthropic`, `requests`, ...) hold the response and its request; pydantic's
validation error is made by pydantic alone. A library is imported only to give back what a recording names.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from replaykit.packet import values
from replaykit.packet.model import FailureRecord

TAG = values.TAG
MESSAGES = ("http_request", "http_response")

MAX_BODY_BYTES = 1024 * 1024
"""A larger body is not kept with an exception."""

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any]

_HTTPX = ("httpx", "httpx2")
_REQUESTS = "requests.models"
_VALIDATION_ERROR = "pydantic_core._pydantic_core:ValidationError"


# HTTP messages


def describe_message(value: Any) -> dict[str, Any] | None:
    """A client's request or response; None where `value` is neither, or is too large.

    JSON but for the body, which is bytes: it is sanitized by its content type before it is written.
    """
    module, _, name = values.class_name(type(value)).partition(":")
    if module in _HTTPX and name in ("Request", "Response"):
        made = _describe_httpx(value, name)
    elif module == _REQUESTS and name in ("PreparedRequest", "Response"):
        made = _describe_requests(value, name)
    else:
        return None
    if made["body"] is not None and len(made["body"]) > MAX_BODY_BYTES:
        return None
    return {TAG: MESSAGES[name == "Response"], "class": f"{module}:{name}", **made}


def _describe_httpx(value: Any, name: str) -> dict[str, Any]:
    made = {
        "headers": [[key.decode("latin-1"), item.decode("latin-1")] for key, item in value.headers.raw],
        "body": getattr(value, "_content", None),  # None: it streams, or nobody has read it
    }
    if name == "Request":
        return {**made, "method": value.method, "url": str(value.url)}
    request = value._request
    return {
        **made,
        "status": value.status_code,
        "reason": value.reason_phrase,
        "version": value.http_version,
        "request": describe_message(request) if request is not None else None,
    }


def _describe_requests(value: Any, name: str) -> dict[str, Any]:
    headers = [[str(key), str(item)] for key, item in (value.headers or {}).items()]
    if name == "PreparedRequest":
        body = value.body.encode() if isinstance(value.body, str) else value.body
        body = body if isinstance(body, bytes) else None
        return {"headers": headers, "body": body, "method": value.method, "url": value.url or ""}
    return {
        "headers": headers,
        "body": value._content if isinstance(value._content, bytes) else None,
        "url": value.url or "",
        "status": value.status_code,
        "reason": value.reason,
        "encoding": value.encoding,
        "request": describe_message(value.request),
    }


def build_message(item: dict[str, Any]) -> Any:
    """The request or response that `describe_message` saw.

    Raises:
        ImportError: Its library is not installed.
        UnencodableError: It is of no class that is known here.
    """
    module, _, name = str(item.get("class")).partition(":")
    body = values.decode(item["body"])
    body = body.encode() if isinstance(body, str) else body
    if module in _HTTPX:
        library = importlib.import_module(module)
        return _build_httpx_request(library, item, body) if name == "Request" else _build_httpx(library, item, body)
    if module == _REQUESTS:
        library = importlib.import_module(module)
        return _build_requests(library, item, body)
    raise values.UnencodableError(f"{module}:{name} is not known")


def _pairs(item: dict[str, Any]) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in item["headers"]]


def _build_httpx_request(library: Any, item: dict[str, Any], body: bytes | None) -> Any:
    made = library.Request(item["method"], item["url"], headers=_pairs(item), content=body)
    if body is None:
        vars(made).pop("_content", None)
    return made


def _build_httpx(library: Any, item: dict[str, Any], body: bytes | None) -> Any:
    """A response that was read, or closed before that: as the client's own pickling leaves it."""
    extensions = {"http_version": str(item["version"]).encode(), "reason_phrase": str(item["reason"]).encode()}
    request = build_message(item["request"]) if item["request"] is not None else None
    made = library.Response(item["status"], request=request, extensions=extensions)
    made.headers = library.Headers(_pairs(item))  # now: the body is decoded already, whatever they say of it
    made.is_closed = True
    if body is None:
        vars(made).pop("_content", None)
    else:
        made.is_stream_consumed = True
        made._content = body
    return made


def _build_requests(library: Any, item: dict[str, Any], body: bytes | None) -> Any:
    if item[TAG] == "http_request":
        request = library.PreparedRequest()
        request.method, request.url, request.body = item["method"], item["url"], body
        request.headers = importlib.import_module("requests.structures").CaseInsensitiveDict(_pairs(item))
        return request
    made = library.Response()
    made.status_code, made.url, made.reason, made.encoding = (
        item[name] for name in ("status", "url", "reason", "encoding")
    )
    made.headers.update(_pairs(item))
    made.request = build_message(item["request"]) if item["request"] is not None else None
    if body is not None:
        made._content = body
    made._content_consumed = True
    return made


# exceptions


def has_adapter(kind: str) -> bool:
    """True where only the library itself can make the exception."""
    return kind == _VALIDATION_ERROR


def describe_exception(error: Any, encode: Encode) -> dict[str, Any] | None:
    """What `build_exception` makes it from; None for exceptions without an adapter."""
    if values.class_name(type(error)) != _VALIDATION_ERROR:
        return None
    return {
        "title": error.title,
        "hide_input": "input_value=" not in str(error),
        "errors": [
            {
                "type": item["type"],
                "loc": list(item["loc"]),
                "message": item["msg"],
                "input": encode(item["input"]),
                "context": {name: encode(value) for name, value in item.get("ctx", {}).items()},
            }
            for item in error.errors(include_url=False)
        ],
    }


def build_exception(record: FailureRecord, decode: Decode) -> BaseException:
    """The exception that `describe_exception` saw.

    Raises:
        ImportError: Its library is not installed.
    """
    core: Any = importlib.import_module("pydantic_core")
    facts = record.built_from
    errors = [_line_error(core, item, decode) for item in facts["errors"]]
    made: BaseException | None = None
    for mode in ("python", "json"):  # the wording differs, and only the wording tells which one it was
        made = core.ValidationError.from_exception_data(facts["title"], errors, mode, facts["hide_input"])
        if str(made) == record.message:
            break
    assert made is not None
    return made


def _line_error(core: Any, item: dict[str, Any], decode: Decode) -> dict[str, Any]:
    context = {name: decode(value) for name, value in item["context"].items()}
    kind: Any = item["type"]
    try:
        core.PydanticKnownError(kind, context or None)
    except KeyError:  # the user's own
        kind = core.PydanticCustomError(kind, item["message"], context or None)
    made = {"type": kind, "loc": tuple(item["loc"]), "input": decode(item["input"])}
    return {**made, "ctx": context} if context and isinstance(kind, str) else made
