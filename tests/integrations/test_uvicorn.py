"""A service under `replaykit record -- uvicorn`, and one that records each request."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from replaykit.packet import Packet
from replaykit.serve.scripted import Rule, ScriptedServer
from tests.cli.conftest import AGENT, KEY, Shop, clean_environ

pytest.importorskip("uvicorn")

APP = """
import agent, asyncio, replaykit

@replaykit.agent("answer")
def answer(path):
    return agent.ask(path)

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    text = await asyncio.to_thread(answer, scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})
"""
SERVE = ["uvicorn", "app:app", "--port", "0", "--lifespan", "off"]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    rules = [Rule(when=f"/q{number}", reply=f"answer {number}") for number in range(4)]
    with ScriptedServer(rules) as server:
        made = Shop(tmp_path, server, clean_environ())
        made.write("agent.py", AGENT)
        made.write("app.py", APP)
        yield made


@contextmanager
def serving(shop: Shop, command: list[str], **environ: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The service, and where it is."""
    process = subprocess.Popen(
        command,
        cwd=shop.folder,
        env=shop.environ | {"BASE_URL": shop.server.url, "OPENAI_API_KEY": KEY} | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        line = next(line for line in process.stderr if "running on" in line)
        yield re.findall(r"http://[\d.:]+", line)[0], process
    finally:
        process.kill()
        process.communicate(timeout=20)


def ask_all(url: str) -> list[str]:
    """Four requests at once."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda number: httpx.get(f"{url}/q{number}", timeout=30).text, range(4)))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_requests_that_overlap_do_not_mix(shop: Shop, number: signal.Signals, code: int) -> None:
    """Each is a span with its own calls, and the packet is sealed however the service is stopped."""
    with serving(shop, [sys.executable, "-m", "replaykit", "record", "--", *SERVE]) as (url, process):
        answers = ask_all(url)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)

    assert answers == [f"answer {number}" for number in range(4)]
    assert process.returncode == code, errors
    packet = shop.packet
    requests = [span for span in packet.spans if span.line.span_kind == "request"]
    assert {span.line.name for span in requests} == {f"GET /q{number}" for number in range(4)}
    assert all(span.done is not None and span.done.attributes["status"] == 200 for span in requests)
    for item in packet.interactions:
        place = re.match(r"GET %2F(q\d)\[0\]/", item.position)
        assert place is not None, item.position
        assert place[1].encode() in item.request_body


def test_a_service_is_not_replayed_and_does_not_hang(shop: Shop) -> None:
    """It says what to do instead."""
    with serving(shop, [sys.executable, "-m", "replaykit", "record", "--", *SERVE]) as (url, process):
        ask_all(url)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    ended = shop.run("replay", "last", timeout_s=20)

    assert ended.code == 2
    assert "uvicorn is a service: its 4 requests (GET /q" in ended.err
    assert f"REPLAYKIT_MODE=record {' '.join(SERVE)}" in ended.err
    assert "nobody sends the 4 requests" in shop.run("show", "last").out


def test_each_request_can_be_a_run_of_its_own(shop: Shop) -> None:
    """As the message advises; each of these packets replays alone."""
    with serving(shop, [sys.executable, "-m", *SERVE], REPLAYKIT_MODE="record") as (url, process):
        answers = ask_all(url)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    shop.server.close()

    outputs = [packet.outcome.output for path in shop.packets if (packet := Packet.load(path)).outcome is not None]
    assert sorted(outputs) == answers
    replayed = shop.run("replay", "last")
    assert replayed.code == 0, replayed.text
    assert "same run  1 of 1 exact" in replayed.out
