"""In a replay nothing leaves the process unasked: not past the hooks, not from old threads, not after the end."""

from __future__ import annotations

import asyncio
import http.client
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import replaykit
from replaykit.errors import EgressRefused
from replaykit.serve.scripted import Route, Rule
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage, run_on, user

openai = pytest.importorskip("openai")

MODEL = "gpt-4o-mini"
WAIT_S = 10.0


def ask(client: Any, text: str = "hi") -> str:
    return client.chat.completions.create(model=MODEL, messages=user(text)).choices[0].message.content


def with_urllib(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5) as response:
        return response.read().decode()


def with_http_client(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def with_a_socket(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return connection.makefile("rb").read().partition(b"\r\n\r\n")[2].decode()


def with_a_program(port: int) -> str:
    code = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{port}/ping').read().decode(), end='')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=20).stdout.decode()


WAYS = [with_urllib, with_http_client, with_a_socket, with_a_program]


@pytest.fixture
def play(stage: MakeStage) -> Stage:
    """One recorded model call; the server also answers `/ping`."""
    made = stage(Rule(reply="answer {n}"), routes=[Route("GET", "/ping", text="pong")])
    with openai.OpenAI(api_key="k") as client:
        made.record(lambda: ask(client))
    return made


def refuses(play: Stage, act: Callable[[], Any]) -> None:
    count, connections = play.server.count, play.server.connections
    with pytest.raises(EgressRefused):
        play.replay(act, grace_s=0.2)

    assert (play.server.count, play.server.connections) == (count, connections)
    assert play.report.refused
    assert not play.report.ok


@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_nobody_hooks_is_refused(play: Stage, way: Callable[[int], str]) -> None:
    assert way(play.server.port) == "pong"
    refuses(play, lambda: way(play.server.port))


@pytest.mark.parametrize("way", WAYS[:3])
def test_it_is_refused_in_worker_threads_of_a_loop_too(
    play: Stage, loop_factory: LoopFactory, way: Callable[[int], str]
) -> None:
    refuses(play, run_on(loop_factory, lambda: asyncio.to_thread(way, play.server.port)))


def test_a_stream_opened_by_a_loop_is_refused(play: Stage, loop_factory: LoopFactory) -> None:
    async def act() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", play.server.port)
        writer.close()

    refuses(play, run_on(loop_factory, act))


def test_a_refusal_that_is_swallowed_still_fails_at_the_close(play: Stage) -> None:
    def act() -> str:
        try:
            return with_urllib(play.server.port)
        except BaseException:
            with openai.OpenAI() as client:
                return ask(client)

    refuses(play, act)


def test_an_older_thread_with_an_open_connection_is_refused(play: Stage) -> None:
    """Its socket is connected already: only the hook on the client can tell."""
    asked, answered = threading.Event(), threading.Event()
    outcome: list[Any] = []

    def work(client: Any) -> None:
        outcome.append(ask(client))
        answered.set()
        asked.wait(WAIT_S)
        try:
            outcome.append(ask(client))
        except BaseException as error:
            outcome.append(type(error))
        answered.set()

    with openai.OpenAI(api_key="k") as client:
        thread = threading.Thread(target=work, args=(client,))
        thread.start()
        assert answered.wait(WAIT_S)
        answered.clear()

        def act() -> str:
            asked.set()
            assert answered.wait(WAIT_S)
            return "answer 1"

        refuses(play, act)
        thread.join(WAIT_S)
    assert outcome == ["answer 2", EgressRefused]


@pytest.mark.parametrize("way", ["hooked", "unhooked"])
def test_a_task_that_outlives_the_replay_is_refused(play: Stage, loop_factory: LoopFactory, way: str) -> None:
    async def act() -> list[str]:
        over = asyncio.Event()

        async def late(client: Any) -> str:
            await over.wait()
            try:
                if way == "unhooked":
                    await asyncio.open_connection("127.0.0.1", play.server.port)
                return (await client.chat.completions.create(model=MODEL, messages=user("hi"))).to_json()
            except BaseException as error:
                return type(error).__name__

        async with openai.AsyncOpenAI(api_key="k") as client:
            with pytest.raises(replaykit.Divergence, match="not asked for any more"):
                async with replaykit.replay(play.path):
                    task = asyncio.create_task(late(client))
            over.set()
            after = await client.chat.completions.create(model=MODEL, messages=user("hi"))
            return [await task, after.choices[0].message.content]

    assert run_on(loop_factory, act)() == ["EgressRefused", "answer 2"]


def test_an_older_pool_is_part_of_the_run_that_submits_to_it(play: Stage) -> None:
    with ThreadPoolExecutor(1) as pool, openai.OpenAI(api_key="k") as client:
        pool.submit(int).result()
        play.record(lambda: pool.submit(ask, client).result())
        count = play.server.count

        assert play.replay(lambda: pool.submit(ask, client).result()) == "answer 2"
        play.assert_nothing_went_out(count)


def test_what_is_allowed_by_name_goes_through_and_nothing_else(play: Stage, stage: MakeStage) -> None:
    other = stage(routes=[Route("GET", "/ping", text="pong")]).server
    name = f"127.0.0.1:{play.server.port}"

    def act(port: int) -> str:
        with openai.OpenAI(base_url="http://127.0.0.1:9/v1") as client:
            with_urllib(port)
            return ask(client)

    assert play.replay(lambda: act(play.server.port), allow=[name]) == "answer 1"
    assert play.report.ok
    assert set(play.report.allowed) == {f"connect {name}"} or name in play.report.allowed[0]
    with pytest.raises(EgressRefused):
        play.replay(lambda: act(other.port), allow=[name])
    assert other.count == 0


def test_two_runs_through_one_pool_never_mix(stage: MakeStage) -> None:
    """Two recordings at once, in two threads, whose jobs run on the same workers."""
    made = stage()
    packets: dict[str, Any] = {}
    both = threading.Barrier(2, timeout=WAIT_S)

    with ThreadPoolExecutor(2) as pool, openai.OpenAI(api_key="k") as client:
        list(pool.map(lambda _: both.wait(), range(2)))  # the workers are older than either run

        def run(name: str) -> None:
            with replaykit.record(name, store=made.store) as recorded:
                both.wait()
                answers = list(pool.map(lambda number: ask(client, f"{name} {number}"), range(6)))
                recorded.finish(output=answers)
            packets[name] = recorded.packet_path

        threads = [threading.Thread(target=run, args=(name,)) for name in ("left", "right")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        made.server.close()

        for name in ("left", "right"):
            packet = replaykit.Packet.load(packets[name])
            bodies = [item.request_body.decode() for item in packet.interactions]
            assert sorted(bodies) == [body for body in sorted(bodies) if f'"{name} ' in body]
            assert len(bodies) == 6
            with replaykit.replay(packet) as rerun:
                rerun.finish(output=list(pool.map(lambda n, name=name: ask(client, f"{name} {n}"), range(6))))
            assert rerun.report.ok
