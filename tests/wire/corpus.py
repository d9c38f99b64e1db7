"""Reads the HTTP exchanges out of recordings that are not part of this repository (vcrpy, Ruby VCR, go-vcr, HAR)."""

from __future__ import annotations

import base64
import gzip
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("REPLAYKIT_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "cassettes"


@dataclass(frozen=True, slots=True)
class Exchange:
    file: str
    method: str
    url: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: bytes
    status: int
    content_type: str
    response_body: bytes


def exchanges() -> Iterator[Exchange]:
    for path in sorted(SHARED.rglob("*")):
        if path.suffix in (".yaml", ".yml", ".har"):
            yield from exchanges_of(path)


def exchanges_of(path: Path) -> Iterator[Exchange]:
    """Every exchange of one file."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", _python_tag)
    Loader.add_constructor("!binary", lambda _, node: base64.b64decode(node.value))
    documents = [json.loads(path.read_text())] if path.suffix == ".har" else yaml.load_all(path.read_text(), Loader)
    for document in documents:
        if not isinstance(document, dict):
            continue
        log = document.get("log") or {}
        for entry in document.get("interactions") or document.get("http_interactions") or log.get("entries") or []:
            if isinstance(entry, dict) and (entry.get("request") or {}).get("method"):
                yield _read_entry(str(path), entry["request"], entry.get("response") or {})


def _python_tag(loader: Any, _suffix: str, node: Any) -> Any:
    # `multidict.istr` as a header's name is a call with the one string as its argument; other objects are not read.
    value = node.value[0] if node.id == "sequence" else node
    return loader.construct_scalar(value) if value.id == "scalar" else None


def _read_entry(file: str, request: dict[str, Any], response: dict[str, Any]) -> Exchange:
    headers = _headers(response.get("headers"))
    status = response.get("code") or response.get("status") or response.get("status_code") or 0
    return Exchange(
        file=file,
        method=str(request["method"]).upper(),
        url=str(request.get("uri") or request.get("url")),
        request_headers=_headers(request.get("headers")),
        request_body=_body(request.get("postData") or request),
        status=int(status.get("code") if isinstance(status, dict) else status),
        content_type=next((value for name, value in headers if name == "content-type"), ""),
        response_body=_body(response.get("content") if isinstance(response.get("content"), dict) else response),
    )


def _headers(headers: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(headers, list):  # HAR
        return tuple((str(header["name"]).lower(), str(header["value"])) for header in headers)
    pairs = ((name, value if isinstance(value, list) else [value]) for name, value in (headers or {}).items())
    return tuple((str(name).lower(), str(value)) for name, values in pairs for value in values)


def _body(holder: dict[str, Any]) -> bytes:
    if holder.get("parsed_body") is not None:
        return json.dumps(holder["parsed_body"]).encode()
    body = next((holder[key] for key in ("body", "text", "content") if holder.get(key) is not None), b"")
    if isinstance(body, dict):
        body = body.get("string") or base64.b64decode(body.get("base64_string") or b"")
    data = body.encode() if isinstance(body, str) else bytes(body)
    if holder.get("encoding") == "base64":
        data = b"".join(base64.b64decode(part) for part in _har_parts(data))
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return data


def _har_parts(data: bytes) -> list[str]:
    try:
        parts = json.loads(data)
    except ValueError:
        return [data.decode()]
    return parts if isinstance(parts, list) else [str(parts)]
