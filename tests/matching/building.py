"""Packets of model calls and tool calls, written down in a line or two."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from replaykit.matching.content import Content, function_content, http_content
from replaykit.matching.ids import IdTable
from replaykit.matching.index import Index, lineage_of
from replaykit.matching.recorded import RecordedContents
from replaykit.packet import Packet
from replaykit.packet.body import encode_body
from replaykit.packet.model import CallLine, DoneLine, FunctionCall, HttpCall, Line
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.wire import classify
from tests.packet.building import sealed

URL = "https://api.openai.com/v1/chat/completions"


def body_of(*messages: Any, **options: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages), **options}


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def content_of(body: Any, *, ids: IdTable | None = None, lineage: str = "", url: str = URL, kind: str = "") -> Content:
    """Content of a live HTTP request; `body` as bytes or JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sanitizer = Sanitizer(key=b"k")
    return http_content(
        call=classify("POST", url),
        method="POST",
        url=url,
        body=sanitizer.body(data, kind),
        content_type=kind,
        mask=sanitizer.mask,
        ids=ids or IdTable(),
        lineage=lineage,
    )


def tool_content(name: str, arguments: Any) -> Content:
    mask = Sanitizer().mask
    return function_content(label=f"tool:{name}", arguments=arguments, mask=mask, ids=IdTable(), lineage="")


def tool_lines(calls: Iterable[tuple[str, Any]]) -> Iterator[Line]:
    """Tool calls as `(position, arguments)`, answered in turn."""
    for number, (position, arguments) in enumerate(calls):
        name = position.rpartition("tool:")[2].partition("[")[0]
        key = tool_content(name, arguments).key
        function = FunctionCall(arguments=arguments)
        basic = {"id": f"c{number}", "time_ns": number}
        yield CallLine(
            **basic, key=key, position=position, boundary="tool", name=name, function=function, seq=2 * number + 1
        )
        yield DoneLine(**basic, seq=2 * number + 2, state="complete", value=number, has_value=True)


def model_lines(calls: Iterable[tuple[str, Any, Any]], flags: tuple[str, ...] = ()) -> Iterator[Line]:
    """Model calls as `(position, request, answer)`."""
    for number, (position, request, answer) in enumerate(calls):
        body = encode_body(json.dumps(request).encode())
        http = HttpCall(method="POST", url=URL, body=body)
        basic = {"id": f"c{number}", "time_ns": number}
        yield CallLine(
            **basic,
            key="stale",
            position=position,
            boundary="llm",
            name="chat",
            wire_format="openai.chat",
            http=http,
            seq=2 * number + 1,
            flags=flags,
        )
        done = encode_body(json.dumps(answer).encode())
        yield DoneLine(**basic, seq=2 * number + 2, state="complete", status=200, body=done)


def packet_of(lines: Iterable[Line]) -> Packet:
    return Packet.loads(sealed(lines))


def index_of(packet: Packet) -> Index:
    return Index(packet.interactions, RecordedContents(packet, Sanitizer()).of)


def answer_with_calls(*ids: str) -> dict[str, Any]:
    """A model's answer that asks for one tool call per id."""
    calls = [{"id": name, "type": "function", "function": {"name": "t", "arguments": "{}"}} for name in ids]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    return {"id": "chatcmpl-1", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


__all__ = ["lineage_of"]
