"""Packets for tests: built line by line, sealed as the journal seals them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from replaykit.packet.body import encode_body
from replaykit.packet.codec import dump_line, seal
from replaykit.packet.exchange import Chunk
from replaykit.packet.model import (
    FORMAT,
    KEY_VERSION,
    Body,
    CallLine,
    DoneLine,
    Entry,
    EntryLine,
    Envelope,
    FunctionCall,
    HttpCall,
    Line,
    LogLine,
    OutcomeLine,
    PartLine,
    RunLine,
    SpanLine,
    StandInLine,
)
from replaykit.packet.parts import PartWriter

RUN = "run-1"


def run_line(**fields: Any) -> RunLine:
    envelope = Envelope(run_id=RUN, trace_id="trace-1", workflow="demo", started_at="2030-01-01T00:00:00+00:00")
    return RunLine(
        **{"id": RUN, "format": FORMAT, "key_version": KEY_VERSION, "ruleset": "1", "run": envelope, **fields}
    )


def http_call(number: int, body: Body, **fields: Any) -> CallLine:
    http = HttpCall(method="POST", url="https://api.openai.com/v1/chat/completions", body=body)
    position = f"llm:chat[{number}]"
    return CallLine(
        **{
            "id": f"c{number}",
            "key": f"k{number}",
            "position": position,
            "boundary": "llm",
            "name": "chat",
            "seq": number * 10 + 1,
            "time_ns": number,
            "http": http,
            **fields,
        }
    )


def tool_call(arguments: dict[str, Any]) -> CallLine:
    """The first call of a tool inside a span."""
    return CallLine(
        id="t1",
        key="kt",
        position="planner/tool:weather[0]",
        boundary="tool",
        name="weather",
        seq=31,
        time_ns=1,
        parent="sp1",
        function=FunctionCall(arguments=arguments),
    )


def http_done(number: int, chunks: Sequence[Chunk] = (), **fields: Any) -> DoneLine:
    body = encode_body(b"".join(chunk.data for chunk in chunks), chunks=chunks)
    basic = {"id": f"c{number}", "seq": number * 10 + 5, "time_ns": number, "state": "complete", "status": 200}
    return DoneLine(**{**basic, "body": body, **fields})


def sealed(lines: Iterable[Line], **outcome: Any) -> bytes:
    """The file: run line, the lines given, and an outcome with the right digest."""
    data = dump_line(run_line()) + b"".join(dump_line(line) for line in lines)
    return seal_bytes(data, **outcome)


def seal_bytes(data: bytes, **outcome: Any) -> bytes:
    """Any bytes with an outcome line that vouches for them."""
    line = OutcomeLine(**{"id": RUN, "seq": 9_000, "time_ns": 9, "status": "ok", **outcome})
    return data + dump_line(seal(line, hashlib.sha256(data)))


def example() -> bytes:
    """One of each kind of line: a model call with parts and chunks, a tool call inside a span, and the rest."""
    parts: list[Line] = []
    writer = PartWriter(parts.append)
    request = {"model": "m", "messages": [{"role": "user", "content": "What is the weather in Tromsø? " * 3}], "n": 1}
    body = writer.split(encode_body(json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()))
    return sealed(
        [
            EntryLine(id=RUN, seq=1, entry=Entry(kind="callable", target="agent:main", arguments={"city": "Tromsø"})),
            StandInLine(id="s1", seq=1, name="email", stand_in="abc@defg.com"),
            *(part.model_copy(update={"seq": 1}) for part in parts),
            http_call(0, body),
            http_done(0, [Chunk(5, b"data: {}\n"), Chunk(9, b"\n\xc3"), Chunk(11, b"\xa9")]),
            SpanLine(id="sp1", seq=30, time_ns=1, position="planner", name="planner", attributes={"top_k": 3}),
            tool_call({"city": "Tromsø"}),
            DoneLine(id="t1", seq=32, time_ns=2, state="complete", value={"celsius": -4.5}, has_value=True),
            DoneLine(id="sp1", seq=33, time_ns=2, state="complete"),
            LogLine(id="log1", seq=34, time_ns=3, message="one task was adopted"),
        ],
        output="cold",
        has_output=True,
    )


def write(folder: Path, data: bytes) -> Path:
    path = folder / "x.packet.jsonl"
    path.write_bytes(data)
    return path


def read_all(packet: Any) -> list[Any]:
    """Everything that a packet can be asked for; lazily read fields are read."""
    found: list[Any] = [packet.run, packet.entry, packet.outcome, packet.stand_ins, packet.logs, packet.digest]
    found += [(span.line, span.done) for span in packet.spans]
    for interaction in packet.interactions:
        found += [interaction.call, interaction.done, interaction.arguments, interaction.content_type]
        if not interaction.is_withheld:
            found += [interaction.request_body, interaction.response_chunks]
    return found


__all__ = [
    "PartLine",
    "example",
    "http_call",
    "http_done",
    "read_all",
    "run_line",
    "seal_bytes",
    "sealed",
    "tool_call",
    "write",
]
