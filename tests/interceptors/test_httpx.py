"""httpx and httpx2, sync and async: the contract, and what only they have (mounts, transports, older clients)."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Route
from tests.conftest import Serve
from tests.interceptors.contract import Ask, HttpContract, Seen, Session, Theatre, listed

MODULES = ("httpx", "httpx2")


def import_module(name: str) -> ModuleType:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    return importlib.import_module(name)


class Httpx:
    """Drives one of the two modules, with its sync or its async client."""

    def __init__(self, module: Any, *, is_async: bool, **options: Any) -> None:
        self.module, self.is_async, self._options = module, is_async, options

    @property
    def encodings(self) -> str:
        with self.module.Client() as client:
            return str(client.headers["accept-encoding"])

    def run(self, url: str, session: Session) -> list[Seen]:
        return asyncio.run(self._run_async(url, session)) if self.is_async else self._run_sync(url, session)

    def give_up(self, url: str, after_chunks: int) -> str:
        return asyncio.run(self._give_up(url, after_chunks))

    def _client_options(self, url: str, session: Session) -> dict[str, Any]:
        auth = self.module.DigestAuth(*session.auth) if session.auth else None
        return {"base_url": url, "auth": auth, "follow_redirects": session.follows_redirects} | self._options

    def _run_sync(self, url: str, session: Session) -> list[Seen]:
        with self.module.Client(**self._client_options(url, session)) as client:
            if not session.is_at_once:
                return [self._ask(client, ask) for ask in session.asks]
            with ThreadPoolExecutor(len(session.asks)) as pool:
                return list(pool.map(lambda ask: self._ask(client, ask), session.asks))

    async def _run_async(self, url: str, session: Session) -> list[Seen]:
        async with self.module.AsyncClient(**self._client_options(url, session)) as client:
            if not session.is_at_once:
                return [await self._ask_async(client, ask) for ask in session.asks]
            return list(await asyncio.gather(*(self._ask_async(client, ask) for ask in session.asks)))

    def _ask(self, client: Any, ask: Ask) -> Seen:
        chunks: list[bytes] = []
        status, headers, error = None, (), None
        try:
            with client.stream(ask.method, ask.path, **request_options(ask)) as response:
                status, headers = response.status_code, tuple(response.headers.multi_items())
                for chunk in response.iter_raw() if ask.is_raw else response.iter_bytes():
                    chunks.append(chunk)
                    ask.on_chunk()
                    if len(chunks) == ask.stop_after:
                        break
        except self.module.HTTPError as failure:
            error = type(failure).__name__
        return Seen(status, headers, tuple(chunks), error)

    async def _ask_async(self, client: Any, ask: Ask) -> Seen:
        chunks: list[bytes] = []
        status, headers, error = None, (), None
        options = request_options(ask)
        if callable(ask.body):
            options["content"] = as_async(ask.body())
        try:
            async with client.stream(ask.method, ask.path, **options) as response:
                status, headers = response.status_code, tuple(response.headers.multi_items())
                async for chunk in response.aiter_raw() if ask.is_raw else response.aiter_bytes():
                    chunks.append(chunk)
                    ask.on_chunk()
                    if len(chunks) == ask.stop_after:
                        break
        except self.module.HTTPError as failure:
            error = type(failure).__name__
        return Seen(status, headers, tuple(chunks), error)

    async def _give_up(self, url: str, after_chunks: int) -> str:
        chunks: list[bytes] = []
        has_enough = asyncio.Event()

        async def read() -> None:
            async with self.module.AsyncClient(timeout=20) as client, client.stream("GET", url) as response:
                async for chunk in response.aiter_raw():
                    chunks.append(chunk)
                    has_enough.set()

        reading = asyncio.create_task(read())
        if after_chunks:
            await has_enough.wait()
        try:
            await asyncio.wait_for(reading, 0.2)
        except TimeoutError:
            return f"TimeoutError after {len(chunks)} chunks"
        return f"the end after {len(chunks)} chunks"


def request_options(ask: Ask) -> dict[str, Any]:
    body = ask.body() if callable(ask.body) else ask.body
    return {"content": body, "files": ask.files, "timeout": ask.timeout_s}


async def as_async(items: Iterator[bytes]) -> AsyncIterator[bytes]:
    for item in items:
        yield item


@pytest.fixture(params=[(name, mode) for name in MODULES for mode in ("sync", "async")], ids="-".join)
def driver(request: pytest.FixtureRequest) -> Httpx:
    name, mode = request.param
    return Httpx(import_module(name), is_async=mode == "async")


@pytest.fixture(params=MODULES)
def module(request: pytest.FixtureRequest) -> Any:
    return import_module(request.param)


class TestHttpx(HttpContract):
    @pytest.mark.parametrize("mode", ["sync", "async"])
    @pytest.mark.parametrize("modules", [MODULES, MODULES[::-1]], ids="-to-".join)
    def test_a_packet_of_one_module_replays_through_the_other(
        self, theatre: Theatre, modules: tuple[str, str], mode: str
    ) -> None:
        first, second = (Httpx(import_module(name), is_async=mode == "async") for name in modules)
        asks = [Ask("/echo", "POST", b"same"), Ask("/encoded/gzip"), Ask("/never", timeout_s=0.2)]
        url = theatre.origin.url
        then, path = theatre.record(lambda: first.run(url, Session(asks)))
        now = theatre.replay(path, lambda: second.run(url, Session(asks)))

        assert [(seen.status, seen.body, seen.error) for seen in now] == [
            (seen.status, seen.body, seen.error) for seen in then
        ]
        assert [listed(seen) for seen in now] == [listed(seen) for seen in then]

    @pytest.mark.parametrize("phrase", ["Quota-Exceeded-For-Team", "Too-Many-Requests", ""])
    def test_the_phrase_behind_a_status_comes_back(self, theatre: Theatre, module: Any, phrase: str) -> None:
        then, now = theatre.both(lambda: module.get(f"{theatre.origin.url}/phrased/{phrase}").reason_phrase)

        assert now == then == phrase.replace("-", " ")

    def test_a_client_made_before_the_recording_is_recorded(self, theatre: Theatre, module: Any) -> None:
        with module.Client(base_url=theatre.origin.url) as client:
            then, now = theatre.both(lambda: client.get("/number").text)

        assert now == then == "1"

    def test_a_mounted_transport_is_recorded(self, theatre: Theatre, module: Any) -> None:
        with module.Client(mounts={"http://": module.HTTPTransport(retries=1)}) as client:
            then, now = theatre.both(lambda: client.get(theatre.origin.url + "/number").text)

        assert now == then == "1"

    def test_a_custom_transport_is_recorded_and_not_called_again(self, theatre: Theatre, module: Any) -> None:
        asked: list[str] = []

        def answer(request: Any) -> Any:
            asked.append(str(request.url))
            return module.Response(200, json={"n": len(asked)})

        with module.Client(transport=module.MockTransport(answer)) as client:
            then, now = theatre.both(lambda: client.get("http://service.test/a").json())

        assert now == then == {"n": 1}
        assert asked == ["http://service.test/a"]

    def test_an_error_of_a_custom_transport_is_raised_as_its_own_class(self, theatre: Theatre, module: Any) -> None:
        def answer(request: Any) -> Any:
            raise QuotaError("three left")

        def act() -> str:
            with module.Client(transport=module.MockTransport(answer)) as client:
                try:
                    return str(client.get("http://service.test/a"))
                except QuotaError as error:
                    return f"QuotaError: {error}"

        then, now = theatre.both(act)

        assert now == then == "QuotaError: three left"

    def test_calls_that_a_custom_transport_makes_below_it_are_its_own(self, theatre: Theatre, module: Any) -> None:
        def answer(request: Any) -> Any:
            with module.Client() as inner:
                return module.Response(200, text=inner.get(theatre.origin.url + "/number").text)

        with module.Client(transport=module.MockTransport(answer)) as client:
            then, now = theatre.both(lambda: client.get("http://service.test/a").text)

        assert now == then == "1"
        assert theatre.report is not None
        assert [item.name for item in theatre.report.interactions] == ["GET service.test"]

    def test_a_request_is_left_as_the_client_made_it(self, theatre: Theatre, module: Any) -> None:
        def act() -> bool:
            with module.Client() as client:
                request = client.build_request("POST", theatre.origin.url + "/echo", content=iter([b"a"]))
                stream = request.stream
                client.send(request)
                return request.stream is stream

        then, _ = theatre.record(act)

        assert then

    def test_without_a_run_the_very_transport_is_used(self, module: Any) -> None:
        with replaykit.record("x", store="/dev/null/nowhere"):
            pass  # the hooks are in place from here on
        for client in (module.Client(), module.AsyncClient()):
            assert client._transport_for_url(module.URL("http://a.test")) is client._transport

    def test_an_upload_streams_while_it_is_recorded(self, theatre: Theatre, module: Any) -> None:
        was_read: list[bool] = []

        class Transport(module.BaseTransport):  # type: ignore[misc, name-defined]  # whichever module it is
            def handle_request(self, request: Any) -> Any:
                was_read.append(hasattr(request, "_content"))
                return module.Response(200, text=request.read().decode())

        with module.Client(transport=Transport()) as client:
            _, path = theatre.record(lambda: client.post("http://service.test/", content=iter([b"a", b"b"])))

        assert was_read == [False]
        assert replaykit.Packet.load(path).interactions[0].request_body == b"ab"


class QuotaError(Exception):
    pass


def test_an_error_raised_by_the_handler_of_a_stream_keeps_its_place(tmp_path: Path) -> None:
    """Two requests that fail differently come back in their order."""
    module = import_module("httpx")
    errors: list[Callable[[], Exception]] = [
        lambda: module.ConnectTimeout("slow"),
        lambda: module.RemoteProtocolError("odd"),
    ]

    def act() -> list[str]:
        found = []
        made = iter(errors)

        def answer(request: Any) -> Any:
            raise next(made)()

        with module.Client(transport=module.MockTransport(answer)) as client:
            for _ in range(2):
                with pytest.raises(module.HTTPError) as caught:
                    client.get("http://service.test/a")
                found.append(f"{type(caught.value).__name__}: {caught.value}")
        return found

    with replaykit.record("x", store=tmp_path) as run:
        then = act()
    with replaykit.replay(run.packet_path):
        assert act() == then == ["ConnectTimeout: slow", "RemoteProtocolError: odd"]


def test_an_async_stream_that_is_left_leaves_no_generator_of_ours(serve: Serve, tmp_path: Path) -> None:
    """The loop has to close each one that is left, and complains of those that it finds running."""
    httpx, server, ours = import_module("httpx"), serve(routes=[Route("GET", "/page", text="a page")]), list[str]()

    def note_first(generator: AsyncGenerator[Any, Any]) -> None:
        code = generator.ag_code  # type: ignore[attr-defined]  # every native one has it
        if Path(replaykit.__file__).parent in Path(code.co_filename).parents:
            ours.append(code.co_qualname)

    async def agent() -> None:
        hooks = sys.get_asyncgen_hooks()
        async with httpx.AsyncClient() as client, client.stream("GET", f"{server.url}/page") as response:
            sys.set_asyncgen_hooks(firstiter=note_first)
            async for _ in response.aiter_raw():
                break
            sys.set_asyncgen_hooks(*hooks)

    with replaykit.record("demo", store=tmp_path) as run:
        asyncio.run(agent())

    assert run.packet_path is not None
    assert [item.done.status for item in replaykit.Packet.load(run.packet_path).interactions if item.done] == [200]
    assert ours == []
