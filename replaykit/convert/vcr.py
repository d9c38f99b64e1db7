"""vcrpy cassettes, in every layout that a release of vcrpy or a project around it has written.

The last step is vcrpy's own deserializer: which requests and responses a cassette holds is its word. Before it stands
reading of our own, because vcrpy can't do it safely or not at all:

- the text to data (see `vcr_yaml`);
- `parsed_body` in place of `body` (pydantic-ai): vcrpy raises a TypeError;
- the httpx stub before 6.0 (`content`, `status_code`): vcrpy converts it only as it serves it, inside httpx;
- the layout before 1.0, which vcrpy only has a script for, and LangChain's two lists;
- further values of a request header: vcrpy keeps the first one.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from replaykit.convert import layouts
from replaykit.convert.recording import OtherFormat, RecordedCall, Recording
from replaykit.errors import PacketError, UsageError
from replaykit.packet.exchange import Headers, HttpRequest

MISSING = (
    "a vcrpy cassette has no positions, no times, no chunk borders and no outcome; "
    "reason phrases and HTTP versions are not part of a packet"
)

# The rest is named where it is found. `url` is where a redirect ended; `protocol` and `http_version` say how it
# travelled, as the headers do that a replay drops.
_REQUEST_KEYS = frozenset({"method", "uri", "body", "parsed_body", "headers"})
_RESPONSE_KEYS = frozenset(
    {"status", "status_code", "headers", "body", "parsed_body", "content", "http_version", "protocol", "url"}
)
_OLD_ADDRESS = ("protocol", "host", "port", "path")
_STATUS = re.compile(r"[1-9][0-9]{2}")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def require_vcrpy() -> None:
    """Checks that the extra is installed.

    Raises:
        UsageError: It is not.
    """
    if importlib.util.find_spec("vcr") is None:
        raise UsageError('reading vcrpy cassettes needs vcrpy: pip install "agent-replaykit[vcr]"') from None


def read_cassette(path: Path) -> Recording:
    """The recording in a cassette.

    Raises:
        OtherFormat: It is the recording of another tool, or none; the message names it.
        PacketError: It is damaged; the message names the line where that is known.
        UsageError: vcrpy is not installed.
    """
    require_vcrpy()
    from replaykit.convert.vcr_yaml import load

    documents, text, notes = load(path)
    layout = layouts.find_layout(documents, text)
    if layout not in (layouts.VCRPY, layouts.VCRPY_OLD, layouts.LANGCHAIN):
        what = f"this is {layout}, not a vcrpy cassette" if layout else "this is no vcrpy cassette"
        raise OtherFormat(f"{path}: {what}", layout)
    document = documents[0]
    reader = _Reader(path, notes)
    calls = tuple(reader.read(_interactions(layout, document)))
    reader.name_extra(document)
    return Recording("vcr", _version(document) if layout == layouts.VCRPY else layout, MISSING, calls, reader.notes)


def _version(document: Any) -> str:
    return f"vcrpy, version {document['version']}" if "version" in document else "vcrpy, no version"


def _interactions(layout: str, document: Any) -> list[Any]:
    """Every layout as a list of `{"request": ..., "response": ...}`."""
    if layout == layouts.VCRPY:
        return document["interactions"] or []
    if layout == layouts.VCRPY_OLD:
        return [{**item, "request": _new_address(item["request"])} for item in document]
    requests, responses = document["requests"], document["responses"]
    rest = [None] * (len(requests) - len(responses))
    return [
        {"request": request, "response": response}
        for request, response in zip(requests, [*responses, *rest], strict=False)
    ]


def _new_address(request: dict[str, Any]) -> dict[str, Any]:
    """A request from before 1.0, with its address as one."""
    if "uri" in request or not all(key in request for key in _OLD_ADDRESS):
        return request
    protocol, host, port, path = (request[key] for key in _OLD_ADDRESS)
    origin = f"{protocol}://{host}" + (f":{port}" if port != _DEFAULT_PORTS.get(protocol) else "")
    return {**{key: value for key, value in request.items() if key not in _OLD_ADDRESS}, "uri": origin + path}


class _Reader:
    """Reads the interactions of one cassette, and keeps what it can't represent by name."""

    def __init__(self, path: Path, notes: Iterable[str]) -> None:
        self._path = path
        self._notes = list(notes)
        self._extra: Counter[str] = Counter()

    @property
    def notes(self) -> tuple[str, ...]:
        extra = [
            f"{what} was not imported" + (f" ({count} times)" if count > 1 else "")
            for what, count in self._extra.items()
        ]
        return (*self._notes, *extra)

    def name_extra(self, document: Any) -> None:
        """Names what stands beside the interactions."""
        if isinstance(document, dict):
            known = {"version", "interactions", "requests", "responses"}
            self._extra.update(f"the cassette's {key!r}" for key in document if key not in known)
            surplus = len(document.get("responses") or ()) - len(document.get("requests") or ())
            if surplus > 0:
                self._notes.append(f"{surplus} responses without a request were not imported")

    def read(self, items: list[Any]) -> Iterator[RecordedCall]:
        for number, item in enumerate(items, 1):
            if not isinstance(item, dict) or not isinstance(item.get("request"), dict):
                raise PacketError(f"interaction {number} has no request", path=self._path)
            self._extra.update(f"an interaction's {key!r}" for key in item if key not in ("request", "response"))
            yield self._call(number, item["request"], item.get("response"))

    def _call(self, number: int, request: dict[str, Any], response: Any) -> RecordedCall:
        self._extra.update(f"a request's {key!r}" for key in request if key not in _REQUEST_KEYS)
        method, uri = request.get("method"), request.get("uri")
        if not isinstance(method, str) or not isinstance(uri, str):
            raise PacketError(f"interaction {number}: its request has no method or no uri", path=self._path)
        headers = _headers(request.get("headers"))
        plain = {"method": method, "uri": uri, "headers": {}, "body": self._body(number, request, "body")}
        status, body = None, {"string": b""}
        if isinstance(response, dict):
            self._extra.update(f"a response's {key!r}" for key in response if key not in _RESPONSE_KEYS)
            if response.get("url") not in (None, uri):
                self._extra["a response's other 'url'"] += 1
            status, body["string"] = self._status(number, response), self._response_body(number, response)
        else:
            self._notes.append(f"interaction {number} has no response: a replay can't answer it")
        sent, received = _through_vcrpy(plain, {"body": body})
        return RecordedCall(
            number=number,
            request=HttpRequest(sent.method.upper(), sent.uri, headers, sent.body),
            status=status,
            headers=_headers(response.get("headers")) if isinstance(response, dict) else (),
            body=received["body"]["string"],
        )

    def _status(self, number: int, response: dict[str, Any]) -> int | None:
        status = response.get("status", response.get("status_code"))
        code = status.get("code") if isinstance(status, dict) else status
        word = str(code).partition(" ")[0]  # some write "200 OK"
        if _STATUS.fullmatch(word):
            return int(word)
        self._notes.append(f"interaction {number}: its response has no status: a replay can't answer it")
        return None

    def _body(self, number: int, holder: Mapping[str, Any], key: str) -> bytes:
        if holder.get(key) is None and "parsed_body" in holder:
            return self._json(number, holder["parsed_body"])
        return self._bytes(number, holder.get(key))

    def _response_body(self, number: int, response: dict[str, Any]) -> bytes:
        body = response.get("body")
        if not isinstance(body, dict):
            return self._body(number, response, "content" if body is None and "content" in response else "body")
        known = ("string", "base64_string", "encoding")
        self._extra.update(f"a body's {key!r}" for key in body if key not in known)
        if body.get("string") is not None or "base64_string" not in body:
            return self._bytes(number, body.get("string"))
        try:
            return base64.b64decode("".join(body["base64_string"].split()), validate=True)
        except (AttributeError, ValueError):
            raise PacketError(f"interaction {number}: its body is not base64", path=self._path) from None

    def _bytes(self, number: int, value: Any) -> bytes:
        """A body in whatever form it stands; vcrpy writes texts, bytes, and the pieces of an iterator."""
        if value is None:
            return b""
        if isinstance(value, str):
            return value.encode("utf-8", "surrogatepass")
        if isinstance(value, bytes):
            return value
        if isinstance(value, list | tuple) and all(isinstance(piece, str | bytes) for piece in value):
            return b"".join(self._bytes(number, piece) for piece in value)
        self._notes.append(f"interaction {number}: a {type(value).__name__} in place of a body was read as JSON")
        return self._json(number, value)

    def _json(self, number: int, value: Any) -> bytes:
        """JSON as SDKs send it. Only its meaning was kept: spaces and escapes of the original are not known."""

        def other(item: Any) -> Any:
            self._notes.append(f"interaction {number}: a {type(item).__name__} in a parsed body was read as text")
            return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)

        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=other).encode()
        except UnicodeEncodeError:  # half a surrogate pair, which only an escape can hold
            return json.dumps(value, separators=(",", ":"), default=other).encode()
        except (RecursionError, TypeError, ValueError):  # no nesting, and no names, that JSON can have
            raise PacketError(f"interaction {number}: its parsed body is no JSON", path=self._path) from None


def _through_vcrpy(request: dict[str, Any], response: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What vcrpy makes of one interaction in its own layout: its request, and its response with a body of bytes."""
    from vcr.serialize import deserialize

    class Loaded:
        """A serializer whose text was read already."""

        @staticmethod
        def deserialize(_: str) -> dict[str, Any]:
            return {"interactions": [{"request": request, "response": response}]}

    requests, responses, *_ = deserialize("", Loaded)
    return requests[0], responses[0]


def _headers(headers: Any) -> Headers:
    """Header pairs of any layout: names to a value or to a list of them, pairs, or whole lines."""
    if isinstance(headers, Mapping):
        return tuple(
            (_text(name), _text(value))
            for name, values in headers.items()
            for value in (values if isinstance(values, list | tuple) else (values,))
        )
    pairs: list[tuple[str, str]] = []
    for item in headers if isinstance(headers, list | tuple) else ():
        if isinstance(item, list | tuple) and len(item) == 2:
            pairs.append((_text(item[0]), _text(item[1])))
        elif isinstance(item, str | bytes):
            name, _, value = _text(item).partition(":")
            pairs.append((name.strip(), " ".join(value.split())))
    return tuple(pairs)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
