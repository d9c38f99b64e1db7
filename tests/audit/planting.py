"""A clean packet of every kind of line, and places in its file where somebody may have put a secret by hand."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from replaykit.packet.body import encode_body
from replaykit.packet.codec import dump_line
from replaykit.packet.exchange import Chunk
from replaykit.packet.model import (
    DoneLine,
    EffectLine,
    Entry,
    EntryLine,
    FailureRecord,
    HttpCall,
    LogLine,
    ScheduleLine,
    SpanLine,
    StandInLine,
    Stdin,
)
from replaykit.packet.parts import PartWriter
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.packet.building import RUN, http_call, http_done, run_line, seal_bytes, tool_call

STAND_IN = "sk-proj-Qd7fJw3kXo1tZpV9rNb2Lc8mHy5GsA4e"
HEADERS = (("content-type", "application/json"), ("authorization", f"Bearer {STAND_IN}"))

Fields = dict[str, Any]
Plant = Callable[[Fields, str], None]


def clean_packet() -> bytes:
    """A run with model calls, a tool, a span, effects and a schedule, as sanitizing leaves it."""
    lines: list[Any] = [
        EntryLine(
            id=RUN,
            seq=1,
            entry=Entry(
                kind="command",
                argv=("python", "agent.py", "--city", "Oslo"),
                stdin=Stdin(source="stream", body=encode_body(b"go\n")),
            ),
        ),
        StandInLine(id="s1", seq=1, name="env", stand_in=STAND_IN, variable="OPENAI_API_KEY"),
    ]
    writer = PartWriter(lines.append)
    request = {"model": "m", "messages": [{"role": "user", "content": "What is the weather in Tromsø? " * 3}]}
    body = writer.split(encode_body(json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode()))
    http = HttpCall(method="POST", url="https://api.openai.com/v1/chat/completions", headers=HEADERS, body=body)
    lines += [
        http_call(0, body, http=http, wire_format="openai.chat"),
        http_done(0, [Chunk(5, sse("It rains", chat))], headers=(("content-type", "text/event-stream"),), seq=12),
        SpanLine(id="sp1", seq=30, time_ns=1, position="planner", name="planner", attributes={"top_k": 3}),
        tool_call({"city": "Tromsø"}),
        DoneLine(id="t1", seq=32, time_ns=2, state="complete", value={"celsius": -4.5}, has_value=True),
        DoneLine(id="sp1", seq=33, time_ns=2, state="error", failure=FailureRecord(type="m:E", message="no way")),
        EffectLine(id="e0", seq=34, lineage="", source="time", values=(1700000000000000000, 1700000000000000001)),
        ScheduleLine(id="w0", seq=35, lineages=("main",)),
        LogLine(id="log1", seq=36, time_ns=3, message="one task was adopted"),
    ]
    head = dump_line(run_line(ruleset=Sanitizer.ruleset)) + b"".join(map(dump_line, lines))
    return seal_bytes(head, output="cold", has_output=True)


def chat(piece: str) -> object:
    return {"choices": [{"index": 0, "delta": {"content": piece}}]}


def partial_json(piece: str) -> object:
    return {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": piece}}


def sse(text: str, event: Callable[[str], object]) -> bytes:
    return "".join(f"data: {json.dumps(event(char))}\n\n" for char in text).encode()


def plant(path: Path, secret: str, place: str) -> None:
    """Writes the clean packet with a secret in it, as an editor would."""
    kind, name, change = PLACES[place]
    lines = [json.loads(line) for line in clean_packet().splitlines()]
    line = next(line for line in lines if line["kind"] == kind and name in ("", line["id"]))
    change(line, secret)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def _in(*path: str | int, say: Callable[[str], Any] = lambda secret: f"it is {secret} here") -> Plant:
    """Sets the field at that path."""

    def change(line: Fields, secret: str) -> None:
        holder: Any = line
        for step, after in pairwise(path):
            if isinstance(holder, dict) and step not in holder:
                holder[step] = [] if isinstance(after, int) else {}
            holder = holder[step]
        if isinstance(holder, list):
            holder.append(say(secret))
        else:
            holder[path[-1]] = say(secret)

    return change


def _base64(secret: str) -> str:
    return base64.b64encode(f"it is {secret} here".encode()).decode()


def _gzipped(secret: str) -> str:
    return base64.b64encode(gzip.compress(f"it is {secret} here".encode(), mtime=0)).decode()


def _header(name: str, say: Callable[[str], str] = lambda secret: f"it is {secret} here") -> Callable[[str], Any]:
    return lambda secret: [name, say(secret)]


def _text_body(make: Callable[[str], str]) -> Callable[[str], Any]:
    return lambda secret: {"text": make(secret)}


def _deltas(event: Callable[[str], object]) -> Callable[[str], Any]:
    return _text_body(lambda secret: sse(f"it is {secret} here", event).decode())


def _arguments(secret: str) -> str:
    return sse(json.dumps({"a": {"note": f"it is {secret} here"}}), partial_json).decode()


def _in_json_strings(secret: str) -> Any:
    return json.dumps({"a": json.dumps({"b": json.dumps({"c": f"it is {secret} here"})})})


def _escaped(secret: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in f"it is {secret} here")


def _percent(secret: str) -> str:
    return "".join(f"%{byte:02X}" for byte in f"it is {secret} here".encode())


def _cookie(secret: str) -> str:
    return f"a=b; s={_percent(secret)}"


def _failure(secret: str) -> Any:
    return {"type": "x:Y", "message": f"it is {secret} here"}


_RAW = "it is {} here".format

PLACES: dict[str, tuple[str, str, Plant]] = {
    "message in a request": ("part", "", lambda line, secret: _planted_part(line, secret)),
    "json, nested": ("done", "t1", _in("value", say=lambda secret: {"a": [{"b": {"c": _RAW(secret)}}]})),
    "json in strings": ("done", "t1", _in("value", say=_in_json_strings)),
    "base64": ("done", "t1", _in("value", say=lambda secret: {"blob": _base64(secret)})),
    "packed bytes": ("done", "t1", _in("value", say=lambda secret: {"$type": "bytes", "value": _base64(secret)})),
    "gzip in base64": ("done", "t1", _in("value", say=lambda secret: {"blob": _gzipped(secret)})),
    "escapes in prose": ("done", "t1", _in("value", say=_escaped)),
    "percent": ("done", "t1", _in("value", say=lambda secret: f"/back?to={_percent(secret)}")),
    "hex": ("done", "t1", _in("value", say=lambda secret: _RAW(secret).encode().hex())),
    "name of a field": ("done", "t1", _in("value", say=lambda secret: {_RAW(secret): 1})),
    "pieces in a list": ("done", "t1", _in("value", say=lambda secret: [{"t": char} for char in _RAW(secret)])),
    "compressed body": ("done", "c0", _in("body", say=lambda secret: {"base64": _gzipped(secret)})),
    "text deltas": ("done", "c0", _in("body", say=_deltas(chat))),
    "argument deltas": ("done", "c0", _in("body", say=_text_body(_arguments))),
    "comment of a stream": ("done", "c0", _in("body", say=_text_body(": it is {}\n\ndata: x\n\n".format))),
    "request header": ("call", "c0", _in("http", "headers", 0, say=_header("x-note"))),
    "response header": ("done", "c0", _in("headers", 0, say=_header("x-note"))),
    "cookie": ("call", "c0", _in("http", "headers", 0, say=_header("cookie", _cookie))),
    "query of a URL": ("call", "c0", _in("http", "url", say=lambda secret: f"https://a.io/x?q={_percent(secret)}")),
    "path of a URL": ("call", "c0", _in("http", "url", say=lambda secret: f"https://a.io/{_percent(secret)}/x")),
    "arguments": ("call", "t1", _in("function", "arguments", "city")),
    "name of a call": ("call", "t1", _in("name")),
    "position": ("call", "t1", _in("position")),
    "attribute of a span": ("span", "", _in("attributes", "note")),
    "attribute at its end": ("done", "sp1", _in("attributes", "note")),
    "message of an exception": ("done", "sp1", _in("failure", "message")),
    "cause of an exception": ("done", "sp1", _in("failure", "cause", say=_failure)),
    "state of an exception": ("done", "sp1", _in("failure", "state", "note")),
    "log": ("log", "", _in("message")),
    "output": ("outcome", "", _in("output")),
    "stop reason": ("outcome", "", _in("stop_reason")),
    "last exception": ("outcome", "", _in("exception", say=_failure)),
    "verdict": ("outcome", "", _in("verdict", say=lambda secret: {"passed": True, "reason": _RAW(secret)})),
    "files": ("outcome", "", _in("manifest", "files", 0)),
    "egress": ("outcome", "", _in("manifest", "uncaptured", 0)),
    "word of the command": ("entry", "", _in("entry", "argv", 0)),
    "standard input": ("entry", "", _in("entry", "stdin", "body", say=_text_body(_RAW))),
    "tag": ("run", "", _in("run", "tags", "note")),
    "release": ("run", "", _in("run", "release")),
    "effect": ("effect", "", _in("values", 0)),
    "schedule": ("schedule", "", _in("lineages", 0)),
}  # fmt: skip


def _planted_part(line: Fields, secret: str) -> None:
    line["value"] = {"role": "user", "content": f"it is {secret} here"}
