from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from replaykit.errors import UsageError
from replaykit.serve.scripted import Fault, Route, Rule, ScriptedServer
from tests.serve.scripted.clients import chat, chat_text, connect, fetch, openai_options, user
from tests.serve.scripted.conftest import Serve

ROOT = Path(__file__).parents[3]
STREAMED = {"model": "m", "messages": user("x"), "stream": True}


def send_chat(connection: socket.socket, body: dict[str, object]) -> None:
    data = json.dumps(body).encode()
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(data), data))


def test_closed_server_refuses_connections_and_frees_its_port() -> None:
    with ScriptedServer([Rule(reply="one")]) as first:
        port = first.port
        chat(first, "x")

    with pytest.raises(ConnectionRefusedError):
        connect(first)
    with ScriptedServer([Rule(reply="two")], port=port) as second:
        assert chat_text(second, "x") == "two"


@pytest.mark.parametrize(
    "rule", [Rule(reply="x", delay_s=30), Rule(fault=Fault.timeout()), Rule(reply="x" * 99, chunk_delay_s=30)]
)
def test_close_drops_connections_that_wait_for_an_answer(rule: Rule) -> None:
    with ScriptedServer([rule]) as server, connect(server) as waiting, connect(server) as idle:
        send_chat(waiting, STREAMED)
        assert server.wait_until(lambda s: s.count == 1 and s.open_connections == 2)

        server.close()

        assert b"\r\n0\r\n" not in b"".join(iter(lambda: waiting.recv(65536), b""))
        assert idle.recv(1) == b""


def test_close_drops_a_client_that_does_not_read() -> None:
    body = "x" * 50_000_000
    with ScriptedServer(routes=[Route("GET", "/big", text=body)]) as server, connect(server) as connection:
        connection.sendall(b"GET /big HTTP/1.1\r\n\r\n")
        assert server.wait_until(lambda s: s.count == 1)
        connection.recv(1)

        server.close()

        rest = iter(lambda: connection.recv(1 << 20), b"")
        try:
            received_bytes = sum(map(len, rest))
        except ConnectionResetError:
            received_bytes = 0
        assert received_bytes < len(body)


def test_close_and_start_may_come_again() -> None:
    server = ScriptedServer([Rule(reply="x")])
    for _ in range(3):
        with server:
            assert chat_text(server, "x") == "x"
        server.close()


def test_second_start_is_refused(serve: Serve) -> None:
    server = serve()

    with pytest.raises(UsageError, match=server.url):
        server.start()


def test_taken_port_raises_where_the_server_is_started(serve: Serve) -> None:
    server = serve()

    with pytest.raises(OSError, match="in use"):
        ScriptedServer(port=server.port).start()


def test_no_thread_is_left() -> None:
    with ScriptedServer():
        pass

    assert "scripted-server" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    "rule", [Rule(reply="x" * 9000, chunk_delay_s=0.001), Rule(reply="x" * 20_000_000, chunk_size=10_000)]
)
def test_client_that_leaves_early_harms_nobody(serve: Serve, rule: Rule) -> None:
    server = serve(rule)
    with connect(server) as connection:
        send_chat(connection, STREAMED)
        assert connection.recv(100)

    assert server.wait_until(lambda s: s.open_connections == 0)
    server.reset([Rule(reply="still here")])
    assert chat_text(server, "x") == "still here"


def test_client_that_leaves_within_its_request_is_not_counted(serve: Serve) -> None:
    server = serve(Rule(reply="x"))
    with connect(server) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 100\r\n\r\n{")

    assert server.wait_until(lambda s: s.connections == 1 and s.open_connections == 0)
    assert server.count == 0


def test_hundred_connections_are_answered_together(serve: Serve) -> None:
    """One after another they would take 20 s."""
    server = serve(routes=[Route("GET", "/wait", json=lambda request: request.query["n"], delay_s=0.2)])

    async def ask(number: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /wait?n=%d HTTP/1.1\r\nconnection: close\r\n\r\n" % number)
        received = await reader.read()
        writer.close()
        await writer.wait_closed()
        return received.rpartition(b"\r\n\r\n")[2]

    async def ask_all() -> list[bytes]:
        return await asyncio.wait_for(asyncio.gather(*(ask(n) for n in range(100))), timeout=15)

    assert asyncio.run(ask_all()) == [b'"%d"' % n for n in range(100)]
    assert server.connections == 100


def test_hundred_streams_of_an_sdk_do_not_mix(serve: Serve) -> None:
    openai = pytest.importorskip("openai")
    server = serve(Rule(reply=lambda prompt: prompt.last * 5, chunk_size=3, chunk_delay_s=0.001))

    async def ask(client, text: str) -> str:
        stream = await client.chat.completions.create(model="m", messages=user(text), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def ask_all() -> list[str]:
        async with openai.AsyncOpenAI(**openai_options(server)) as client:
            return await asyncio.gather(*(ask(client, f"<{n}>") for n in range(100)))

    assert asyncio.run(ask_all()) == [f"<{n}>" * 5 for n in range(100)]


def test_answers_on_one_connection_do_not_wait_for_acknowledgements(serve: Serve) -> None:
    """With the delayed acknowledgements of TCP each answer would take 40 ms, together 8 s."""
    server = serve(Rule(reply="x"))
    started_s = time.monotonic()

    with connect(server) as connection:
        for _ in range(200):
            send_chat(connection, STREAMED)
            received = b""
            while not received.endswith(b"\r\n0\r\n\r\n"):
                received += connection.recv(65536)

    assert time.monotonic() - started_s < 4


def test_stream_arrives_while_it_is_made(serve: Serve) -> None:
    """The first chunk is there before the rest, which comes much later than this test may last."""
    server = serve(Rule(reply="one two", chunk_delay_s=600))

    with connect(server) as connection:
        send_chat(connection, STREAMED)
        received = b""
        while b'"role":"assistant"' not in received:
            received += connection.recv(65536)

    assert b"one" not in received


def test_requests_are_kept_as_they_came(serve: Serve) -> None:
    rule, route = Rule("hi", "x"), Route("GET", "/weather", json={})
    server = serve(rule, routes=[route])
    chat(server, "hi")
    fetch(server, "GET", "/weather?city=K%C3%B6ln", headers={"X-Token": "a"})

    first, second = server.requests

    assert (first.number, first.method, first.path) == (1, "POST", "/v1/chat/completions")
    assert first.json == json.loads(first.body) == {"model": "m", "messages": user("hi")}
    assert (second.query, second.headers["x-token"], second.json) == ({"city": "Köln"}, "a", None)
    assert (first.answered_by, second.answered_by) == (rule, route)
    assert first.started_s < second.started_s


def test_reset_makes_the_server_as_new(serve: Serve) -> None:
    server = serve(Rule(reply="first {n}", times=1), Rule(reply="other"))
    before = [chat(server, "x") for _ in range(2)]

    server.reset()

    assert (server.count, server.connections) == (0, 0)
    assert [chat(server, "x") for _ in range(2)] == before


def test_reset_takes_other_rules_and_keeps_the_routes(serve: Serve) -> None:
    server = serve(Rule(reply="old"), routes=[Route("GET", "/weather", json=1)])

    server.reset([Rule(reply="new")])

    assert chat_text(server, "x") == "new"
    assert fetch(server, "GET", "/weather")[0] == 200


def test_wait_that_is_in_vain_ends(serve: Serve) -> None:
    assert not serve().wait_until(lambda s: s.count == 1, timeout_s=0.01)


def test_server_loads_no_http_client_and_no_sdk() -> None:
    probe = "import sys, replaykit.serve.scripted; print(sorted({'httpx', 'httpx2', 'openai'} & sys.modules.keys()))"

    # The package's own __init__ may load more; what counts is what the server adds.
    added = subprocess.run(
        [sys.executable, "-c", f"import replaykit; {probe}"], cwd=ROOT, capture_output=True, text=True
    )
    base = subprocess.run(
        [sys.executable, "-c", probe.replace(".serve.scripted", "")], cwd=ROOT, capture_output=True, text=True
    )

    assert (added.returncode, added.stdout) == (0, base.stdout)


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "replaykit.serve.scripted", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_child_process_prints_its_url_and_ends_at_a_signal(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"routes": [{"method": "GET", "path": "/weather", "json": {"c": 21}}]}', encoding="utf-8")

    with child("--rules", str(rules)) as process:
        port = int(process.stdout.readline().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b"GET /weather HTTP/1.1\r\nconnection: close\r\n\r\n")
            received = b"".join(iter(lambda: connection.recv(4096), b""))
        process.send_signal(signal.SIGTERM)
        assert (process.wait(timeout=20), process.stderr.read()) == (0, "")

    assert received.endswith(b'{"c":21}')


def test_child_process_with_a_wrong_script_says_where_it_is_wrong(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('[{"replay": "x"}]', encoding="utf-8")

    with child("--rules", str(rules)) as process:
        assert process.wait(timeout=20) == 2
        assert "rules[0]: unknown replay" in process.stderr.read()
