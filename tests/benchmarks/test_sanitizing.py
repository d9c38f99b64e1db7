"""What sanitizing costs: new content once, nothing on the caller's path; and a detector's speed beside it."""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
import uuid
from collections import Counter
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
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.serve.scripted import Rule
from replaykit.session.events import HttpBegan
from replaykit.session.packer import Packer
from replaykit.wire import classify
from tests.benchmarks.workload import HEADERS, URL, body
from tests.conftest import Serve
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
    journal = Journal(store / f"{uuid.uuid4().hex}.packet.jsonl")
    packer = Packer(envelope, journal, sanitizer)
    call = classify("POST", URL, HEADERS)
    began = time.thread_time()
    for number, data in enumerate(requests):
        request = HttpRequest("POST", URL, HEADERS, data)
        packer.handle(HttpBegan(f"c{number}", number, f"llm:chat[{number}]", call, request, None))
    took_s = time.thread_time() - began
    journal.close()
    return sanitizer.searched, took_s


def test_a_growing_history_is_searched_once(tmp_path: Path) -> None:
    """Twice as many turns are twice as much to search; all requests together are four times as long."""
    short, long = (packed(history(turns), tmp_path)[0] for turns in (TURNS, 2 * TURNS))
    sent = sum(map(len, history(2 * TURNS)))

    assert 1.5 < long / short < 2.3
    assert long < sent / 20


def seconds_of_search(requests: list[bytes]) -> float:
    """Of one sanitizer that sees them all, one after the other."""
    sanitizer = Sanitizer(key=b"benchmark")
    began = time.thread_time()
    for data in requests:
        sanitizer.body(data, "application/json")
    return time.thread_time() - began


def test_what_was_searched_before_costs_a_small_part_of_what_is_new() -> None:
    """Each request is still walked through; but only what is new in it is searched."""
    requests = history(60)
    seconds_of_search(requests[:20])  # imports and patterns are warm from here on
    old = min(seconds_of_search(requests) for _ in range(3)) / sum(map(len, requests))
    new = min(seconds_of_search(requests[-1:]) for _ in range(3)) / len(requests[-1])

    print(f"{1e-6 / new:.1f} MB/s of new text, {1e-6 / old:.1f} MB/s of a growing history")  # noqa: T201
    assert old < new / 3


# off the caller's path

CALLS = 12
DELAY_S = 0.05  # a model takes ten times as long; in less the writer is not done, and holds the interpreter
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

    def left_in(self, data: bytes) -> str | None:
        return None

    def mask(self, value: Any) -> Any:
        return value, ()


def _nobody_sanitizes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("replaykit.session.rules.Sanitizer", _Nothing)


def ask(client: httpx.Client, url: str, number: int) -> None:
    text = f"question {number} {SECRETS[number % 40]} " + "lorem ipsum " * 80
    content = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    client.post(f"{url}/v1/chat/completions", content=content, headers=dict(HEADERS)).read()


def seconds_of_calls(url: str, store: Path) -> float:
    """Median time of a recorded call whose bodies are full of secrets."""
    times = []
    with httpx.Client(verify=False, trust_env=False) as client, replaykit.record("cost", store=store):
        for number in range(CALLS):
            began = time.perf_counter()
            ask(client, url, number)
            times.append(time.perf_counter() - began)
    return statistics.median(times)


@pytest.fixture
def url(serve: Serve) -> str:
    """Of a model whose answers hold secrets."""
    says = [f"It is {value} now. " + "dolor sit " * 60 for value in SECRETS]
    return serve(*(Rule(when=f"question {n} ", reply=text, delay_s=DELAY_S) for n, text in enumerate(says))).url


def test_sanitizing_adds_nothing_to_a_recorded_call(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In turns, in one process: the calls of a run with the sanitizer, and of one with none, and with it again.

    Noise is what two measurements with the same sanitizer differ by.
    """

    def without() -> float:
        with monkeypatch.context() as patch:
            _nobody_sanitizes(patch)
            return seconds_of_calls(url, tmp_path)

    seconds_of_calls(url, tmp_path), without()
    turns = [(seconds_of_calls(url, tmp_path), without(), seconds_of_calls(url, tmp_path)) for _ in range(7)]
    more = statistics.median((one + again) / (2 * plain) - 1 for one, plain, again in turns)
    noise = statistics.median(abs(again / one - 1) for one, _, again in turns)

    print(f"sanitizing adds {more:+.1%} to a recorded call of {DELAY_S * 1000:g} ms, noise {noise:.1%}")  # noqa: T201
    assert more < max(0.05, 2 * noise)


def functions_of_calls(url: str, store: Path) -> Counter[str]:
    """How often each function was called on the caller's thread by recorded calls."""
    counted: Counter[str] = Counter()

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call" and "replaykit" in frame.f_code.co_filename:
            counted[frame.f_code.co_qualname] += 1

    with httpx.Client(verify=False, trust_env=False) as client, replaykit.record("cost", store=store):
        ask(client, url, 0)
        sys.setprofile(note)  # of this thread alone
        try:
            for number in range(5):
                ask(client, url, number)
        finally:
            sys.setprofile(None)
    return counted


def test_the_caller_runs_the_same_code_with_a_sanitizer_and_without(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free of noise, but for who runs a finalizer and how often a socket is asked."""
    with_it = functions_of_calls(url, tmp_path)
    _nobody_sanitizes(monkeypatch)
    without = functions_of_calls(url, tmp_path)

    finalizers = {"HttpObserver.__del__", "HttpObserver.id", "Recorder.was_left"}
    assert set(with_it) - finalizers == set(without) - finalizers
    assert 50 < sum(with_it.values()) < 1.05 * sum(without.values())


def test_the_callers_thread_does_not_sanitize(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the noise: the work is done elsewhere."""
    workers: set[str] = set()
    for name in ("body", "chunks", "json", "headers", "url"):
        original = getattr(Sanitizer, name)

        def noted(self: Sanitizer, *args: Any, original: Callable[..., Any] = original) -> Any:
            workers.add(threading.current_thread().name)
            return original(self, *args)

        monkeypatch.setattr(Sanitizer, name, noted)
    seconds_of_calls(url, tmp_path)

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
    """MB/s of the same text. Finding is only a part of it: values are replaced, remembered, and looked for again."""
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
