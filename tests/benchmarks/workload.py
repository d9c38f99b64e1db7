"""Packets of any size, made by the recorder's own writer side."""

from __future__ import annotations

import json
from pathlib import Path

from replaykit.packet.exchange import Chunk, HttpRequest
from replaykit.packet.journal import Journal
from replaykit.packet.model import Envelope
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.session.egress import Left
from replaykit.session.events import HttpBegan, HttpEnded, RunEnded
from replaykit.session.packer import Packer
from replaykit.wire import classify

URL = "http://127.0.0.1:9/v1/chat/completions"
HEADERS = (("content-type", "application/json"),)


def body(messages: list[dict[str, str]]) -> bytes:
    return json.dumps({"model": "m", "messages": messages}, separators=(",", ":")).encode()


def question(number: int) -> bytes:
    """The flat call number `number`, about 2 kB."""
    return body([{"role": "user", "content": f"question {number} " + "lorem ipsum " * 160}])


def answer(number: int) -> bytes:
    """About 1 kB."""
    message = {"role": "assistant", "content": f"answer {number} " + "dolor sit " * 80}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"id": f"chatcmpl-{number}", "object": "chat.completion", "choices": [choice]}).encode()


def write_packet(path: Path, requests: list[tuple[str, bytes]]) -> Path:
    """A packet of `(position, request body)`; call number n was answered by `answer(n)`."""
    envelope = Envelope(run_id="r", trace_id="t", workflow="benchmark", started_at="2026-01-01T00:00:00+00:00")
    journal = Journal(path)
    packer = Packer(envelope, journal, Sanitizer(key=b"benchmark"))
    call = classify("POST", URL, HEADERS)
    for number, (position, data) in enumerate(requests):
        request = HttpRequest("POST", URL, HEADERS, data)
        packer.handle(HttpBegan(f"c{number}", number, position, call, request, None))
        packer.handle(
            HttpEnded(
                id=f"c{number}",
                time_ns=number,
                position=position,
                call=call,
                state="complete",
                status=200,
                headers=HEADERS,
                chunks=(Chunk(0, answer(number)),),
                length=1,
                failure=None,
                first_byte_ns=0,
            )
        )
    ended = RunEnded(
        time_ns=len(requests),
        status="ok",
        failure=None,
        stop_reason=None,
        output=None,
        has_output=False,
        verdict=None,
        counts={},
        possibly_missing=0,
        left=Left(),
        adopted=0,
        dropped_events=0,
    )
    return journal.seal(packer.finish(ended))
