"""What a request says, apart from where it was made: its segments, and one key over all of them.

Both sides come here in the same form: sanitized. Sensitive values are then masked by their kind and ids named by who
issued them, so that a live request and its recording have equal segments exactly where they mean the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from replaykit.errors import SanitizeError, WireError
from replaykit.matching.ids import IdTable
from replaykit.sanitizer.charsets import codec_of
from replaykit.sanitizer.compressed import packing_of, unpack
from replaykit.sanitizer.masking import Finding
from replaykit.sanitizer.multipart import find_parts
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.wire import Call, read_request

Mask = Callable[[Any], tuple[Any, tuple[Finding, ...]]]


@dataclass(frozen=True, slots=True)
class Content:
    """The identity of a request by content.

    Attributes:
        segments: By name: `system`, `tools`, `messages[0]`, ... for model calls; `arguments` for functions; `method`,
            `url` and `body` for other HTTP.
        findings: Sensitive values in order of appearance, as stand-ins.
        hashes: One for each segment: segments are compared by these, never by `==`, to which `1` and `True` are equal.
        key: Hash over boundary, name and segments.
    """

    segments: Mapping[str, Any]
    findings: tuple[Finding, ...]
    hashes: Mapping[str, str]
    key: str


WITHHELD_KEY = "withheld"
"""Key of a request of which nothing was kept: it equals none."""

NO_CONTENT = Content({}, (), {}, "")


def clean_name(sanitizer: Sanitizer, text: str) -> str:
    """A position or a name as both sides know it: what is sensitive in it is masked by its kind.

    A stand-in would not do: without the project's key it differs from run to run.
    """
    clean = sanitizer.text(text)
    return text if clean == text else str(sanitizer.mask(clean)[0])


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
            segments = dict(read_request(call.wire_format, body, call.model).segments)
        except WireError:
            segments = None
    if segments is None:
        address = _split_url(url)
        found: tuple[Finding, ...] = ()
        if isinstance(address, dict):  # a segment may be a person's number, which nothing in the whole path would show
            names, found = mask(address["path"].split("/"))
            address["path"] = "/".join(names)
        segments = {"method": method.upper(), "url": address, "body": read_body(body, content_type)}
        content = _finish(label, segments, mask, ids, lineage)
        return replace(content, findings=(*found, *content.findings))
    return _finish(label, segments, mask, ids, lineage)


def function_content(*, label: str, arguments: Any, mask: Mask, ids: IdTable, lineage: str) -> Content:
    """Content of a sanitized function call."""
    return _finish(label, {"arguments": arguments}, mask, ids, lineage)


def _finish(label: str, segments: dict[str, Any], mask: Mask, ids: IdTable, lineage: str) -> Content:
    masked, findings = mask(segments)
    named = ids.name_all(masked, lineage)
    if "options" in named:
        named["options"] = ids.number_random(named["options"], lineage)
    hashes = {name: hashlib.sha256(canonical(value).encode()).hexdigest()[:16] for name, value in named.items()}
    key = hashlib.sha256(canonical([label, hashes]).encode()).hexdigest()[:32]
    return Content(named, findings, hashes, key)


def canonical(value: Any) -> str:
    """JSON text that is equal for equal values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def raw_key(call: Call, method: str, url: str, body: bytes) -> str:
    """Hash of a request's own bytes: the quick first look, and only ever compared for equality.

    A model call counts by its body and by the model that its path names, as its content does.
    """
    hashed = hashlib.sha256(f"{call.boundary}:{call.name}\0{call.model or ''}\0".encode())
    if call.boundary != "llm":
        hashed.update(f"{method.upper()}\0{url}\0".encode("utf-8", "surrogatepass"))
    hashed.update(body)
    return hashed.hexdigest()[:32]


_DEFAULT_PORTS = {"http": ":80", "https": ":443"}  # some clients write them, most do not


def _split_url(url: str) -> Any:
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:  # an address that no client could call; it is compared as it stands
        return url
    userinfo, at, host = parts.netloc.rpartition("@")
    host = host.lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ":"))
    return {
        "origin": f"{parts.scheme}://{userinfo}{at}{host}",
        "path": parts.path,
        "query": [list(pair) for pair in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)],
    }


_DEEPEST = 4  # archives in archives


def read_body(body: bytes, content_type: str, depth: int = 0) -> Any:
    """A request body as JSON: parsed where it is JSON or a form, text or base64 otherwise; no multipart boundary.

    One that is compressed by itself counts by what is in it.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return None
    packing = packing_of(body) if depth < _DEEPEST else None
    inner = _unpacked(body, packing) if packing is not None else None
    if inner is not None:
        return {"packing": packing, "body": read_body(inner, "", depth + 1)}
    mark, codec = codec_of(body, content_type)
    if codec != "utf-8":
        try:
            text = body[len(mark) :].decode(codec)
        except UnicodeDecodeError:
            pass  # not what its header says
        else:
            return {"charset": codec, "body": read_body(text.encode("utf-8", "surrogatepass"), kind, depth + 1)}
    if kind == "application/x-www-form-urlencoded":
        return [list(pair) for pair in urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)]
    if kind.startswith("multipart/"):
        text = body.decode("utf-8", "surrogateescape")
        # A field's value stands alone, so that one that is a secret is known by all of it.
        parts = [
            [text[part.start : part.body].strip(), _readable(text[part.body : part.end])]
            for part in find_parts(text, content_type)
        ]
        if parts:
            return parts
    try:
        if body[:1] in b'{["' or kind.endswith("json"):
            return json.loads(body, object_pairs_hook=_unique_names)
    except (ValueError, RecursionError):
        pass  # not JSON after all, or with a name said twice: text
    return _readable(body.decode("utf-8", "surrogateescape"))


def _unpacked(body: bytes, packing: str) -> bytes | None:
    try:
        return unpack(body, packing)
    except SanitizeError:
        return None


def _readable(text: str) -> Any:
    """Text as it stands, or base64 of bytes that are none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"base64": base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()}
    return text


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a name stands twice")
    return unique
