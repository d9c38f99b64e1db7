"""What sanitizing costs: new content once, nothing on the caller's path, and how that compares with a detector alone."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

import replaykit
from replaykit.packet.exchange import HttpRequest
from replaykit.packet.journal import Journal
from replaykit.packet.model import Envelope
from replaykit.sanitizer import Sanitizer
from replaykit.session.events import HttpBegan
from replaykit.session.packer import Packer
from replaykit.wire import classify
from tests.benchmarks.workload import HEADERS, URL, body
from tests.e2e.helpers import IS_SOAK
from tests.sanitizer.cases import prose
from tests.sanitizer.planting import make_secret

TURNS = 120


# linear in new content


class Counting(Sanitizer):
    """A sanitizer that counts the characters that its search went through."""

    def __init__(self) -> None:
        super().__init__(key=b"benchmark")
        self.searched = 0
        original = self._search.spans

        def spans(text: str, **options: Any) -> Any:
            self.searched += len(text)
            return original(text, **options)

        self._search.spans = spans  # type: ignore[method-assign]


def history(turns: int) -> list[bytes]:
    """Requests of a conversation, each with all of it so far, and with an address and a key in every tenth turn."""
    random = Random(7)
    messages = [{"role": "system", "content": "You are an agent. " * 20}]
    requests = []
    for turn in range(turns):
        text = f"turn {turn} " + " ".join(prose(random) for _ in range(40))
        text += f" mail user{turn}@acme-mail.org" if turn % 10 == 0 else ""
        messages.append({"role": "user" if turn % 2 == 0 else "assistant", "content": text})
        requests.append(body(messages))
    return requests


def packed(requests: list[bytes], store: Path) -> tuple[int, float]:
    """Characters that were searched and seconds of this thread for one packet of these requests."""
    envelope = Envelope(run_id="r", trace_id="t", workflow="benchmark", started_at="2026-01-01T00:00:00+00:00")
    sanitizer = Counting()
    packer = Packer(envelope, Journal(store / f"{len(requests)}.packet.jsonl"), sanitizer)
    call = classify("POST", URL, HEADERS)
    began = time.thread_time()
    for number, data in enumerate(requests):
        request = HttpRequest("POST", URL, HEADERS, data)
        packer.handle(HttpBegan(f"c{number}", number, f"llm:chat[{number}]", call, request, None))
    return sanitizer.searched, time.thread_time() - began


def test_a_growing_history_is_searched_once(tmp_path: Path) -> None:
    """Twice as many turns are twice as much to search; all requests together are four times as long."""
    short, long = (packed(history(turns), tmp_path)[0] for turns in (TURNS, 2 * TURNS))
    sent = sum(map(len, history(2 * TURNS)))

    assert 1.5 < long / short < 2.3
    assert long < sent / 20


def test_seconds_for_a_growing_history_do_not_grow_with_its_square(tmp_path: Path) -> None:
    """What is left of the square is copying and hashing: a small part of what the first search of a text costs."""
    for turns in (20, 40):
        packed(history(turns), tmp_path)  # imports and patterns are warm from here on
    shorts, longs = zip(
        *((packed(history(TURNS), tmp_path)[1], packed(history(2 * TURNS), tmp_path)[1]) for _ in range(3)), strict=True
    )

    assert min(longs) / min(shorts) < 3.2


# off the caller's path

CALLS = 60
SECRETS = [make_secret(Random(seed)).value for seed in range(40)]


class _Nothing(Sanitizer):
    """Hands everything on as it is: recording without sanitizing."""

    def body(self, data: bytes, content_type: str = "") -> bytes:
        return data

    def chunks(self, chunks: Any, content_type: str = "") -> tuple[bytes, ...]:
        return tuple(chunks)

    def json(self, value: Any) -> Any:
        return value

    def text(self, text: str) -> str:
        return text

    def mask(self, value: Any) -> Any:
        return value, ()


def _answer(request: httpx.Request) -> httpx.Response:
    message = {"role": "assistant", "content": f"It is {SECRETS[len(request.content) % 40]} now. " + "dolor sit " * 60}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return httpx.Response(200, json={"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]})


def seconds_of_calls(store: Path) -> float:
    """Median time of the caller's thread for a recorded call whose bodies are full of secrets."""
    times = []
    with (
        httpx.Client(transport=httpx.MockTransport(_answer)) as client,
        replaykit.record("cost", store=store) as run,
    ):
        for number in range(CALLS):
            text = f"question {number} {SECRETS[number % 40]} " + "lorem ipsum " * 80
            content = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
            began = time.thread_time()
            client.post(URL, content=content, headers=dict(HEADERS)).read()
            times.append(time.thread_time() - began)
    assert run.packet_path is not None
    return statistics.median(times)


def test_sanitizing_adds_nothing_to_a_recorded_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In turns, in one process: the calls of a run with the sanitizer, and of one with none, and with it again.

    Noise is what two measurements with the same sanitizer differ by. Time of the caller's thread: the writer's work may
    take turns with it, but is no part of it.
    """

    def without(store: Path) -> float:
        with monkeypatch.context() as patch:
            patch.setattr("replaykit.api.recording.Sanitizer", _Nothing)
            return seconds_of_calls(store)

    seconds_of_calls(tmp_path), without(tmp_path)
    turns = [(seconds_of_calls(tmp_path), without(tmp_path), seconds_of_calls(tmp_path)) for _ in range(7)]
    more = statistics.median((one + again) / (2 * plain) - 1 for one, plain, again in turns)
    noise = statistics.median(abs(again / one - 1) for one, _, again in turns)

    print(f"sanitizing adds {more:+.1%} to a recorded call, noise {noise:.1%}")  # noqa: T201
    assert more < max(0.1, 2 * noise)


def test_the_callers_thread_does_not_sanitize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the noise: the work is done elsewhere."""
    import threading

    workers: set[str] = set()
    for name in ("body", "chunks", "json", "headers", "url"):
        original = getattr(Sanitizer, name)

        def noted(self: Sanitizer, *args: Any, original: Callable[..., Any] = original) -> Any:
            workers.add(threading.current_thread().name)
            return original(self, *args)

        monkeypatch.setattr(Sanitizer, name, noted)
    seconds_of_calls(tmp_path)

    assert workers == {"replaykit-writer"}


# beside a detector


def text_of_a_day(size: int) -> list[str]:
    """Lines as agents have them: prose, JSON, logs, and a secret in every thirtieth."""
    random = Random(3)
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        line = " ".join(prose(random) for _ in range(random.randint(1, 12)))
        if random.random() < 0.3:
            line = json.dumps({"role": "user", "content": line, "id": random.randrange(10**9)})
        if random.random() < 0.03:
            line += " " + make_secret(random).value.replace("\n", " ")
        lines.append(line)
    return lines


def test_speed_beside_detect_secrets(tmp_path: Path) -> None:
    """MB/s of the same text. Finding is only a part of it here: values are replaced, remembered, and looked for again."""
    pytest.importorskip("detect_secrets")
    from detect_secrets.core.scan import scan_line
    from detect_secrets.settings import default_settings

    lines = text_of_a_day(400_000 if IS_SOAK else 100_000)
    text = "\n".join(lines)
    began = time.thread_time()
    Sanitizer(key=b"benchmark").body(text.encode(), "text/plain")
    ours_s = time.thread_time() - began
    with default_settings():
        began = time.thread_time()
        found = sum(1 for line in lines for _ in scan_line(line))
        theirs_s = time.thread_time() - began

    megabytes = len(text) / 1e6
    print(f"replaykit {megabytes / ours_s:.2f} MB/s, detect-secrets alone {megabytes / theirs_s:.2f} MB/s")  # noqa: T201
    assert found > 0
    assert ours_s < 2 * theirs_s
