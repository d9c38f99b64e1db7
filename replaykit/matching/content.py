"""What a request says, apart from where it was made: its segments, and one key over all of them.

Both sides come here in the same form: sanitized. Sensitive values are then masked by their kind and ids named by who
issued them, so that a live request and its recording have equal segments exactly where they mean the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from replaykit.errors import WireError
from replaykit.matching.ids import IdTable
from replaykit.sanitize import Finding
from replaykit.wire import Call, read_request

Mask = Callable[[Any], tuple[Any, tuple[Finding, ...]]]


@dataclass(frozen=True, slots=True)
class Content:
    """The identity of a request by content.

    Attributes:
        segments: By name: `system`, `tools`, `messages[0]`, ... for model calls; `arguments` for functions; `method`,
            `url` and `body` for other HTTP.
        findings: Sensitive values in order of appearance, as stand-ins.
        key: Hash over boundary, name and segments.
    """

    segments: Mapping[str, Any]
    findings: tuple[Finding, ...]
    key: str


def http_content(
    *,
    call: Call,
    method: str,
    url: str,
    body: bytes,
    content_type: str,
    mask: Mask,
    ids: IdTable,
    lineage: str,
) -> Content:
    """Content of a sanitized HTTP request; a model call whose body can't be read counts as plain HTTP."""
    label = f"{call.boundary}:{call.name}"
    segments: dict[str, Any] | None = None
    if call.wire_format is not None:
        try:
            segments = dict(read_request(call.wire_format, body).segments)
        except WireError:
            segments = None
        else:
            segments["model"] = segments.get("model") or call.model
    if segments is None:
        segments = {"method": method.upper(), "url": _split_url(url), "body": read_body(body, content_type)}
    return _finish(label, segments, mask, ids, lineage)


def function_content(*, label: str, arguments: Any, mask: Mask, ids: IdTable, lineage: str) -> Content:
    """Content of a sanitized function call."""
    return _finish(label, {"arguments": arguments}, mask, ids, lineage)


def _finish(label: str, segments: dict[str, Any], mask: Mask, ids: IdTable, lineage: str) -> Content:
    masked, findings = mask(segments)
    named = ids.name_all(masked, lineage)
    text = json.dumps([label, named], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Content(named, findings, hashlib.sha256(text.encode()).hexdigest()[:32])


def raw_key(label: str, method: str, url: str, body: bytes, *, is_llm: bool) -> str:
    """Hash of a request's own bytes: the quick first look, and only ever compared for equality.

    A model call counts by its body alone, as its content does.
    """
    hashed = hashlib.sha256(label.encode())
    if not is_llm:
        hashed.update(f"\0{method.upper()}\0{url}\0".encode())
    hashed.update(body)
    return hashed.hexdigest()[:32]


def _split_url(url: str) -> dict[str, Any]:
    parts = urllib.parse.urlsplit(url)
    return {
        "origin": f"{parts.scheme}://{parts.netloc}",
        "path": parts.path,
        "query": [list(pair) for pair in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)],
    }


_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)


def read_body(body: bytes, content_type: str) -> Any:
    """A request body as JSON: parsed where it is JSON or a form, text or base64 otherwise; no multipart boundary."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return None
    if kind == "application/x-www-form-urlencoded":
        return [list(pair) for pair in urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)]
    boundary = _BOUNDARY.search(content_type) if kind.startswith("multipart/") else None
    if boundary is not None:
        body = body.replace(boundary[1].encode(), b"boundary")
    try:
        if body[:1] in b'{["' or kind.endswith("json"):
            return json.loads(body)
    except (ValueError, RecursionError):
        pass  # not JSON after all: text
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
