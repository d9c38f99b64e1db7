"""What nobody hooks: in a recording it stands in the manifest, in a replay it is refused, naming the call."""

from __future__ import annotations

import asyncio
import http.client
import multiprocessing
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

import replaykit
from replaykit.errors import EgressRefused
from replaykit.packet.model import EgressCount
from replaykit.serve.scripted import Route
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage

REQUEST = b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n"


def ping(sock: socket.socket) -> bool:
    sock.sendall(REQUEST)
    received = b""
    while part := sock.recv(4096):
        received += part
        if received.endswith(b"pong"):
            return True
    return False


def with_a_socket(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        assert ping(sock)


def with_http_client(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/ping")
    connection.getresponse().read()
    connection.close()


def with_urllib(port: int) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5).close()


def with_requests(port: int) -> None:
    requests = pytest.importorskip("requests", reason="a client that nobody hooks")
    assert requests.get(f"http://127.0.0.1:{port}/ping", timeout=5).text == "pong"


def with_aiohttp(port: int) -> None:
    aiohttp = pytest.importorskip("aiohttp", reason="a client that nobody hooks")

    async def ask() -> None:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/ping") as response:
            assert await response.text() == "pong"

    asyncio.run(ask())


def with_curl(port: int) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    url = f"http://127.0.0.1:{port}/ping"
    assert subprocess.run(["curl", "-s", url], capture_output=True, check=True, timeout=20).stdout == b"pong"


def with_a_python(port: int) -> None:
    code = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/ping').close()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def with_uvloop(port: int) -> None:
    uvloop = pytest.importorskip("uvloop", reason="its connections raise no event")

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        await reader.readuntil(b"pong")
        writer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())


def with_pycurl(port: int) -> None:
    pycurl = pytest.importorskip("pycurl", reason="its connections are made in C")
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, f"http://127.0.0.1:{port}/ping")
    curl.setopt(pycurl.WRITEFUNCTION, lambda data: len(data))
    curl.perform()
    curl.close()


def with_many_curls(port: int) -> None:
    pycurl = pytest.importorskip("pycurl", reason="its connections are made in C")
    curl, multi = pycurl.Curl(), pycurl.CurlMulti()
    curl.setopt(pycurl.URL, f"http://127.0.0.1:{port}/ping")
    curl.setopt(pycurl.WRITEFUNCTION, lambda data: len(data))
    multi.add_handle(curl)
    while multi.perform()[1]:
        multi.select(0.1)
    multi.remove_handle(curl)


def with_curl_cffi(port: int) -> None:
    curl_cffi = pytest.importorskip("curl_cffi", reason="its connections are made in C")
    assert curl_cffi.get(f"http://127.0.0.1:{port}/ping").text == "pong"


def with_async_curl_cffi(port: int) -> None:
    curl_cffi = pytest.importorskip("curl_cffi", reason="its connections are made in C")

    async def ask() -> None:
        async with curl_cffi.AsyncSession() as session:
            assert (await session.get(f"http://127.0.0.1:{port}/ping")).text == "pong"

    asyncio.run(ask())


def with_psycopg(port: int) -> None:
    """The server speaks no Postgres: libpq finds that out when it has connected."""
    psycopg = pytest.importorskip("psycopg", reason="its connections are made in C")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"postgresql://user@127.0.0.1:{port}/db?connect_timeout=5&sslmode=disable")


@dataclass(frozen=True)
class Client:
    """A way out, what names it in `allow=[...]`, and how the manifest shows it."""

    act: Callable[[int], None]
    allow: str = "127.0.0.1:{port}"
    shown: str = "connect 127.0.0.1:{port}"


CLIENTS = {
    "raw socket": Client(with_a_socket),
    "http.client": Client(with_http_client),
    "urllib": Client(with_urllib),
    "requests": Client(with_requests),
    "aiohttp": Client(with_aiohttp),
    "curl": Client(with_curl, "exec:curl", "subprocess curl -s ..."),
    "program": Client(with_a_python, "exec:{python}", "subprocess {python} -c ..."),
    "uvloop": Client(with_uvloop),
    "pycurl": Client(with_pycurl, "lib:pycurl", "library 127.0.0.1:{port} (pycurl)"),
    "pycurl multi": Client(with_many_curls, "lib:pycurl", "library 127.0.0.1:{port} (pycurl)"),
    "curl_cffi": Client(with_curl_cffi, "lib:curl_cffi", "library 127.0.0.1:{port} (curl_cffi)"),
    "curl_cffi async": Client(with_async_curl_cffi, "lib:curl_cffi", "library 127.0.0.1:{port} (curl_cffi)"),
    "psycopg": Client(with_psycopg, "lib:psycopg", "library 127.0.0.1:{port} (psycopg)"),
}


@dataclass
class Way:
    """One client, on one server."""

    client: Client
    play: Stage

    def act(self) -> None:
        self.client.act(self.play.server.port)

    @property
    def allow(self) -> str:
        return self._filled(self.client.allow)

    @property
    def shown(self) -> str:
        return self._filled(self.client.shown)

    def _filled(self, text: str) -> str:
        return text.format(port=self.play.server.port, python=sys.executable.rpartition("/")[2])

    def egress(self, **options: Any) -> list[tuple[str, str]]:
        """State and target of what a recorded run of it left in the manifest."""
        with replaykit.record("way", store=self.play.store, **options) as run:
            self.act()
        assert run.packet_path is not None
        return [(item.state, item.target) for item in manifest_of(run).egress]


def manifest_of(run: Any) -> Any:
    outcome = replaykit.Packet.load(run.packet_path).outcome
    assert outcome is not None
    return outcome.manifest


@pytest.fixture
def play(stage: MakeStage) -> Stage:
    """A recorded run without any call; the server answers `/ping`."""
    made = stage(routes=[Route("GET", "/ping", text="pong")])
    made.record(lambda: None, declares_output=False)
    return made


@pytest.fixture(params=CLIENTS)
def way(request: pytest.FixtureRequest, play: Stage) -> Way:
    return Way(CLIENTS[request.param], play)


def refused(play: Stage, act: Callable[[], Any], entry: str = "") -> str:
    """The refusal, which nothing got past; it names the call and what would let it out."""
    count, connections = play.server.count, play.server.connections
    with pytest.raises(EgressRefused) as caught:
        play.replay(act, declares_output=False, grace_s=0.2)

    assert (play.server.count, play.server.connections) == (count, connections)
    assert (len(play.report.refused), play.report.ok) == (1, False)
    message = str(caught.value)
    let_out = next(line for line in message.splitlines() if line.startswith("  let it out:"))
    assert entry in let_out
    return message


def test_in_a_recording_it_stands_in_the_manifest(way: Way) -> None:
    assert ("uncaptured", way.shown) in way.egress()


def test_in_a_replay_it_is_refused_and_named(way: Way) -> None:
    way.act()  # it works, outside

    message = refused(way.play, way.act, way.allow)

    assert f"refused: {way.shown}; nothing was sent" in message
    assert "test_hermetic.py:" in message


def test_allowed_by_name_it_goes_out(way: Way) -> None:
    way.play.replay(way.act, declares_output=False, allow=[way.allow])

    assert way.play.report.ok
    assert way.play.report.allowed == (way.shown,)


def test_allowed_by_name_it_is_no_gap_of_the_recording(way: Way) -> None:
    assert way.egress(allow=[way.allow]) == [("allowed", way.shown)]


# connected before


@contextmanager
def pooled_socket(port: int) -> Iterator[Callable[[], object]]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        assert ping(sock)
        yield lambda: ping(sock)


@contextmanager
def pooled_http_client(port: int) -> Iterator[Callable[[], object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)

    def ask() -> bytes:
        connection.request("GET", "/ping")
        return connection.getresponse().read()

    ask()
    yield ask
    connection.close()


@contextmanager
def pooled_requests(port: int) -> Iterator[Callable[[], object]]:
    requests = pytest.importorskip("requests", reason="a client that nobody hooks")
    with requests.Session() as session:
        session.get(f"http://127.0.0.1:{port}/ping", timeout=5)
        yield lambda: session.get(f"http://127.0.0.1:{port}/ping", timeout=5)


@contextmanager
def pooled_stream(port: int) -> Iterator[Callable[[], object]]:
    """A connection of an event loop that runs before the replay and in it."""
    with asyncio.Runner() as runner:
        reader, writer = runner.run(asyncio.open_connection("127.0.0.1", port))

        async def ask() -> bytes:
            writer.write(REQUEST)
            await writer.drain()
            return await reader.readuntil(b"pong")

        runner.run(ask())
        yield lambda: runner.run(ask())
        writer.close()


POOLS = {
    "raw socket": pooled_socket,
    "http.client": pooled_http_client,
    "requests": pooled_requests,
    "asyncio": pooled_stream,
}


@pytest.fixture(params=POOLS)
def pooled(request: pytest.FixtureRequest, play: Stage) -> Iterator[Callable[[], object]]:
    """Asks over a connection that is older than any run of the test."""
    with POOLS[request.param](play.server.port) as ask:
        yield ask


def test_a_pooled_connection_is_refused_at_its_first_use(play: Stage, pooled: Callable[[], object]) -> None:
    peer = f"127.0.0.1:{play.server.port}"

    message = refused(play, pooled, peer)

    assert f"refused: send {peer} (connected before); nothing was sent" in message
    assert f"tcp {peer}" in play.report.already_connected


def test_a_pooled_connection_goes_on_where_it_is_allowed(play: Stage, pooled: Callable[[], object]) -> None:
    peer = f"127.0.0.1:{play.server.port}"
    play.replay(lambda: (pooled(), pooled()), declares_output=False, allow=[peer])

    assert play.report.ok
    assert play.report.allowed == (f"send {peer} (connected before)",)


def test_a_pooled_connection_stands_in_the_manifest(play: Stage, pooled: Callable[[], object]) -> None:
    with replaykit.record("pool", store=play.store) as run:
        pooled()
        pooled()

    assert manifest_of(run).uncaptured == (f"send 127.0.0.1:{play.server.port} (connected before)",)


def test_a_pooled_connection_of_an_older_thread_is_nobodys(play: Stage) -> None:
    """A debugger's or a test runner's; the call that a run hands to such a thread is the run's."""
    with pooled_socket(play.server.port) as ask, ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        asked: list[object] = []
        begin, done = threading.Event(), threading.Event()
        pool.submit(lambda: (begin.wait(10), asked.append(ask()), done.set()))

        def act() -> None:
            begin.set()
            assert done.wait(10)

        play.replay(act, declares_output=False)
        assert (asked, play.report.ok) == ([True], True)


def test_a_pool_of_processes_that_is_older_than_the_run_is_asked_about(play: Stage) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(int).result()

        def act() -> None:
            pool.submit(int).result()

        message = refused(play, act, "exec:workers")
        with replaykit.record("pool", store=play.store) as run:
            act()

    assert "refused: subprocess a worker process of ProcessPoolExecutor; nothing was sent" in message
    assert manifest_of(run).uncaptured == ("subprocess a worker process of ProcessPoolExecutor",)


def test_a_name_that_is_only_looked_up_stands_in_the_manifest(play: Stage) -> None:
    """One that a connect follows is that connect's."""

    def act() -> None:
        with_a_socket(play.server.port)
        with pytest.raises(OSError):
            socket.gethostbyname("a-secret.invalid")
        with socket.create_connection(("localhost", play.server.port), timeout=5) as sock:
            assert ping(sock)

    with replaykit.record("names", store=play.store) as run:
        act()

    connects = {f"connect 127.0.0.1:{play.server.port}", f"connect 127.0.0.1:{play.server.port} (localhost)"}
    assert {*manifest_of(run).uncaptured} == {*connects, "dns a-secret.invalid"}


def test_a_name_that_a_hooked_client_looks_up_is_its_own_business(play: Stage) -> None:
    """asyncio does that in a thread of a pool."""

    async def act() -> None:
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("http://api.invalid/")

    with replaykit.record("names", store=play.store) as run:
        asyncio.run(act())

    assert manifest_of(run).uncaptured == ()


def test_what_the_recorded_run_did_as_well_is_no_fault_of_the_code(play: Stage) -> None:
    def act() -> None:
        with_a_socket(play.server.port)

    play.record(act, declares_output=False)

    assert "(root cause: recorder)" in refused(play, act)


def test_a_strict_guard_does_not_begin(play: Stage) -> None:
    with pooled_socket(play.server.port), pytest.raises(replaykit.UsageError, match="connected before the replay"):
        play.replay(lambda: None, guard="strict")


def test_sockets_of_this_process_alone_are_free(play: Stage) -> None:
    """Pairs, the pipe by which a loop wakes up, and what a server of the run accepted from an allowed client."""

    def pair() -> bytes:
        left, right = socket.socketpair()
        with left, right:
            left.sendall(b"x")
            return right.recv(1)

    async def serve() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", free)
        async with server:
            reader, writer = await asyncio.open_connection("127.0.0.1", free)
            writer.write(b"echo\n")
            line = await reader.read()
            writer.close()
            await asyncio.get_running_loop().run_in_executor(None, int)
            return line

    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    results: list[bytes] = []
    play.replay(
        lambda: results.extend((pair(), asyncio.run(serve()))), declares_output=False, allow=[f"127.0.0.1:{free}"]
    )

    assert results == [b"x", b"echo\n"]
    assert play.report.allowed == (f"connect 127.0.0.1:{free}",)


def test_an_answer_of_a_server_that_is_older_than_the_run_is_no_egress(play: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=5)
        accepted, _ = listening.accept()
        with client, accepted:
            play.replay(lambda: accepted.sendall(b"x"), declares_output=False)
            with replaykit.record("serving", store=play.store) as run:
                accepted.sendall(b"y")

            assert client.recv(2, socket.MSG_WAITALL) == b"xy"
    assert (play.report.ok, manifest_of(run).egress) == (True, ())


# the core of grpc


@pytest.fixture
def grpc_target() -> Iterator[str]:
    grpc = pytest.importorskip("grpc", reason="its connections are made in C")

    class Echo(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            if details.method == "/echo/one":
                return grpc.unary_unary_rpc_method_handler(lambda request, _: request)
            return grpc.unary_stream_rpc_method_handler(lambda request, _: iter([request, request]))

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def grpc_one(channel: Any) -> None:
    assert channel.unary_unary("/echo/one")(b"x", timeout=10) == b"x"


def grpc_future(channel: Any) -> None:
    assert channel.unary_unary("/echo/one").future(b"x", timeout=10).result() == b"x"


def grpc_stream(channel: Any) -> None:
    assert list(channel.unary_stream("/echo/many")(b"x", timeout=10)) == [b"x", b"x"]


def grpc_connecting(channel: Any) -> None:
    __import__("grpc").channel_ready_future(channel).result(timeout=10)


GRPC = pytest.mark.parametrize("call", [grpc_one, grpc_future, grpc_stream, grpc_connecting])


@GRPC
def test_a_call_over_an_older_channel_of_grpc_is_refused(
    play: Stage, grpc_target: str, call: Callable[[Any], None]
) -> None:
    import grpc

    with grpc.insecure_channel(grpc_target) as channel:
        call(channel)

        message = refused(play, lambda: call(channel), "lib:grpc")
        assert f"refused: library {grpc_target} (grpc); nothing was sent" in message


@GRPC
def test_a_call_of_grpc_stands_in_the_manifest(play: Stage, grpc_target: str, call: Callable[[Any], None]) -> None:
    import grpc

    with replaykit.record("grpc", store=play.store) as run, grpc.insecure_channel(grpc_target) as channel:
        call(channel)

    assert manifest_of(run).uncaptured == (f"library {grpc_target} (grpc)",)


def test_a_channel_of_grpc_that_nobody_uses_is_free(play: Stage, grpc_target: str) -> None:
    import grpc

    play.replay(lambda: grpc.insecure_channel(grpc_target).close(), declares_output=False)
    assert play.report.ok


def test_a_call_of_asynchronous_grpc_is_refused(play: Stage, grpc_target: str) -> None:
    """Its thread, which would keep a guard that is younger in force, is older than the replay."""
    import grpc.aio

    async def open_channel() -> Any:
        return grpc.aio.insecure_channel(grpc_target)

    async def ask(channel: Any) -> None:
        assert await channel.unary_unary("/echo/one")(b"x", timeout=10) == b"x"

    with asyncio.Runner() as runner:
        channel = runner.run(open_channel())
        runner.run(ask(channel))

        assert "refused: library " in refused(play, lambda: runner.run(ask(channel)), "lib:grpc")
        play.replay(lambda: runner.run(ask(channel)), declares_output=False, allow=["lib:grpc"])
        runner.run(channel.close())


# clients that are hooked


def test_closing_a_hooked_client_is_no_egress(play: Stage) -> None:
    """Its connection is older than the replay; closing a TLS connection sends something."""
    httpx = pytest.importorskip("httpx")
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(verify=False)
        runner.run(client.get(f"{play.server.url}/ping"))
        play.replay(lambda: runner.run(client.aclose()), declares_output=False)
    assert play.report.ok


def test_what_a_hooked_client_does_is_captured_by_its_host(play: Stage) -> None:
    httpx = pytest.importorskip("httpx")
    with replaykit.record("hooked", store=play.store) as run, httpx.Client() as client:
        for _ in range(3):
            client.get(f"{play.server.url}/ping")

    host = f"127.0.0.1:{play.server.port}"
    assert manifest_of(run).egress == (EgressCount(state="captured", target=host, count=3),)
