"""Bodies of every type that say a text: documents, forms, archives, and streams that spell it piece by piece."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import brotli
import zstandard

from tests.sanitizer.cases import prose
from tests.sanitizer.planting import Secret, dump, field_of, make_text, nested


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent.

    Attributes:
        how: In a word or two.
        data: All of it, before the transport compresses it.
        is_stream: It comes in events.
    """

    how: str
    data: bytes
    content_type: str
    is_stream: bool = False


# whole documents


def _json(random: Random, secret: Secret) -> Body:
    return Body("json", dump(random, nested(random, field_of(random, secret))).encode(), "application/json")


def _json_with_text(random: Random, secret: Secret) -> Body:
    text = make_text(random, secret)
    return Body(f"json: {text.how}", dump(random, nested(random, {"note": text.text})).encode(), "application/json")


def _form(random: Random, secret: Secret) -> Body:
    fields = {"user": "me", "x": "1"}
    how = "form"
    if random.random() < 0.5:
        fields[secret.name or "note"] = secret.value
    else:
        text = make_text(random, secret)
        fields["note"], how = text.text, f"form: {text.how}"
    return Body(how, urlencode(fields).encode(), "application/x-www-form-urlencoded")


def _multipart(random: Random, secret: Secret) -> Body:
    boundary = f"----boundary{random.randrange(10**9)}"
    name, value, how = secret.name or "note", secret.value, "multipart"
    filename = ""
    if random.random() < 0.5:
        text = make_text(random, secret)
        name, value, how = "file", text.text, f"multipart file: {text.how}"
        filename = '; filename="a.txt"\r\nContent-Type: text/plain'
    parts = f'--{boundary}\r\nContent-Disposition: form-data; name="n"\r\n\r\n7\r\n'
    parts += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n{value}\r\n'
    return Body(how, f"{parts}--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}")


def _xml(random: Random, secret: Secret) -> Body:
    name = secret.name or "note"
    data = f'<?xml version="1.0"?>\n<order><{name}>{escape(secret.value)}</{name}><n>7</n></order>'
    return Body("xml", data.encode(), random.choice(("application/xml", "text/xml; charset=utf-8")))


def _plain(random: Random, secret: Secret) -> Body:
    text = make_text(random, secret)
    kind = random.choice(("text/plain", "text/plain; charset=utf-8", "text/html", "text/plain; charset=utf-16", ""))
    return Body(f"text: {text.how}", text.text.encode("utf-16" if "utf-16" in kind else "utf-8"), kind)


def _packed(random: Random, secret: Secret) -> Body:
    text = make_text(random, secret)
    how, pack = random.choice(
        (("gzip", gzip.compress), ("zlib", zlib.compress), ("zstd", zstandard.ZstdCompressor().compress))
    )
    kind = random.choice(("application/octet-stream", f"application/{how}", ""))
    return Body(f"bare {how}: {text.how}", pack(text.text.encode()), kind)


# streams


def split(random: Random, text: str, most: int = 6) -> list[str]:
    """A text as a model says it, a few characters at a time."""
    pieces, start = [], 0
    size = random.choice((1, 3, most, 40))
    while start < len(text):
        end = start + random.randint(1, size)
        pieces.append(text[start:end])
        start = end
    return pieces


def chat_text(pieces: list[str]) -> Iterator[Any]:
    for piece in pieces:
        yield _chat({"content": piece})


def chat_arguments(pieces: list[str]) -> Iterator[Any]:
    head = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "send", "arguments": ""}}
    yield _chat({"role": "assistant", "tool_calls": [head]})
    for piece in pieces:
        yield _chat({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})


def _chat(delta: dict[str, Any], index: int = 0) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": None}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def _two_choices(pieces: list[str]) -> Iterator[Any]:
    for number, piece in enumerate(pieces):
        yield _chat({"content": piece})
        yield _chat({"content": f"word {number} "}, index=1)


def responses_text(pieces: list[str]) -> Iterator[Any]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    for number, piece in enumerate(pieces):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "sequence_number": number}
    yield {"type": "response.output_text.done", **place, "text": "".join(pieces), "sequence_number": len(pieces)}


def responses_arguments(pieces: list[str]) -> Iterator[Any]:
    place = {"item_id": "fc_1", "output_index": 0}
    for number, piece in enumerate(pieces):
        yield {"type": "response.function_call_arguments.delta", **place, "delta": piece, "sequence_number": number}
    yield {"type": "response.function_call_arguments.done", **place, "arguments": "".join(pieces)}


def anthropic_text(pieces: list[str]) -> Iterator[Any]:
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for piece in pieces:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop", "index": 0}


def anthropic_arguments(pieces: list[str]) -> Iterator[Any]:
    block = {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {}}
    yield {"type": "content_block_start", "index": 1, "content_block": block}
    for piece in pieces:
        yield {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": piece},
        }
    yield {"type": "content_block_stop", "index": 1}


def _lines(pieces: list[str]) -> Iterator[Any]:
    for piece in pieces:
        yield {"model": "m", "response": piece, "done": False}


def _converse(pieces: list[str]) -> Iterator[Any]:
    for piece in pieces:
        yield {"contentBlockIndex": 0, "delta": {"text": piece}}


Events = Callable[[list[str]], Iterator[Any]]
_SAYING_TEXT: dict[str, Events] = {
    "chat": chat_text,
    "two choices": _two_choices,
    "responses": responses_text,
    "anthropic": anthropic_text,
}
_SAYING_ARGUMENTS: dict[str, Events] = {
    "chat arguments": chat_arguments,
    "responses arguments": responses_arguments,
    "anthropic arguments": anthropic_arguments,
}


def sse(random: Random, events: Iterator[Any], *, has_names: bool = False) -> bytes:
    """As server-sent events."""
    end = random.choice(("\n", "\n", "\r\n"))
    style: dict[str, Any] = random.choice(({}, {"separators": (",", ":")}, {"ensure_ascii": False}))
    made = []
    for event in events:
        name = f"event: {event['type']}{end}" if has_names else ""
        made.append(f"{name}data: {json.dumps(event, **style)}{end}{end}")
    if not has_names:
        made.append(f"data: [DONE]{end}{end}")
    return "".join(made).encode()


def _model_stream(random: Random, secret: Secret) -> Body:
    if random.random() < 0.5:
        how, events = random.choice(list(_SAYING_TEXT.items()))
        text = make_text(random, secret)
        how, said = f"{how}: {text.how}", text.text
    else:
        how, events = random.choice(list(_SAYING_ARGUMENTS.items()))
        said = dump(random, nested(random, field_of(random, secret)))
    has_names = "response" in how or "anthropic" in how
    data = sse(random, events(split(random, said)), has_names=has_names)
    return Body(f"sse {how}", data, "text/event-stream; charset=utf-8", is_stream=True)


def _plain_stream(random: Random, secret: Secret) -> Body:
    text = make_text(random, secret, is_line=True) if secret.is_line else None
    if text is None:
        return _model_stream(random, secret)
    pieces = split(random, text.text) if random.random() < 0.5 else [text.text]
    data = "".join(f"data: {piece}\n\n" for piece in ("so ", *pieces, " on"))
    return Body(f"sse plain: {text.how}", data.encode(), "text/event-stream", is_stream=True)


def _line_stream(random: Random, secret: Secret) -> Body:
    if random.random() < 0.4:
        rows = [{"n": 1}, nested(random, field_of(random, secret)), {"n": 2}]
        how, data = "ndjson rows", "\n".join(map(json.dumps, rows)) + "\n"
    else:
        text = make_text(random, secret)
        how = f"ndjson spelled: {text.how}"
        data = "\n".join(map(json.dumps, _lines(split(random, text.text)))) + "\n"
    return Body(how, data.encode(), random.choice(("application/x-ndjson", "application/jsonl")), is_stream=True)


def frame(payload: bytes) -> bytes:
    """One message of a binary event stream."""
    name, value = b":event-type", b"chunk"
    headers = bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _frame_stream(random: Random, secret: Secret) -> Body:
    text = make_text(random, secret)
    if random.random() < 0.5:
        events, how = anthropic_text(split(random, text.text)), "frames of base64"
        payloads = [{"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "ab"} for event in events]
    else:
        payloads, how = list(_converse(split(random, text.text))), "frames"
    data = b"".join(frame(json.dumps(payload).encode()) for payload in payloads)
    return Body(f"{how}: {text.how}", data, "application/vnd.amazon.eventstream", is_stream=True)


_DOCUMENTS = (_json, _json_with_text, _form, _multipart, _xml, _plain, _packed)
_STREAMS = (_model_stream, _model_stream, _model_stream, _plain_stream, _line_stream, _frame_stream)


def make_document(random: Random, secret: Secret) -> Body:
    """A body of any type that is sent whole."""
    return random.choice(_DOCUMENTS)(random, secret)


def make_body(random: Random, secret: Secret) -> Body:
    """A body of any type."""
    return random.choice((make_document, random.choice(_STREAMS)))(random, secret)


def compressed(random: Random, data: bytes) -> tuple[str, bytes]:
    """The data as it goes over the wire, and the name of the encoding; empty for none."""
    name = random.choice(("", "", "gzip", "deflate", "br", "zstd"))
    return name, compress(name, data)


def compress(name: str, data: bytes) -> bytes:
    """The data in that content-encoding."""
    if name == "gzip":
        return gzip.compress(data)
    if name == "deflate":
        return zlib.compress(data)
    if name == "br":
        return bytes(brotli.compress(data, quality=3))
    if name == "zstd":
        return zstandard.ZstdCompressor().compress(data)
    return data


def chunked(random: Random, data: bytes) -> list[bytes]:
    """The data cut anywhere."""
    size = random.choice((1, 7, 40, 300, len(data) + 1))
    if size < 7 and len(data) > 600:
        size = 40
    chunks, start = [], 0
    while start < len(data):
        end = start + random.randint(1, size)
        chunks.append(data[start:end])
        start = end
    return chunks


def spaced(random: Random) -> str:
    """A word or two."""
    return prose(random)
