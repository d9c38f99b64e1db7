"""The recorded bodies beside the tests: `recordings/<wire format>/<name>.request.json` and `.response.json|sse`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from replaykit.wire import LLMRequest, LLMResponse, read_request, read_response

RECORDINGS = Path(__file__).parent / "recordings"
REQUESTS = sorted(RECORDINGS.rglob("*.request.json"))
RESPONSES = sorted(RECORDINGS.rglob("*.response.*"))
STREAMS = sorted(RECORDINGS.rglob("*.response.sse"))


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.name.partition('.')[0]}"


def body(name: str, kind: str) -> bytes:
    """The bytes of e.g. `openai.chat/tool_call`; kind is "request" or "response"."""
    (path,) = RECORDINGS.glob(f"{name}.{kind}.*")
    return path.read_bytes()


def request(name: str) -> LLMRequest:
    return read_request(name.partition("/")[0], body(name, "request"))


def response(name: str) -> LLMResponse:
    return read_response(name.partition("/")[0], body(name, "response"))


def sse(*events: Any) -> bytes:
    """A stream of these objects; a string is sent as it is."""
    data = (event if isinstance(event, str) else json.dumps(event) for event in events)
    return "".join(f"data: {one}\n\n" for one in data).encode()
