"""What every interceptor of an HTTP client promises. A client's test module brings a driver and inherits the tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

import replaykit
from replaykit.session.report import Report
from tests.interceptors.origin import ENCODERS, TEXT, Origin

T = TypeVar("T")

CODECS = {"br": "brotli", "zstd": "zstandard"}  # what the origin needs to encode them


@dataclass(frozen=True)
class Ask:
    """One request, and how its answer is read.

    Attributes:
        body: Bytes, or a function that makes an iterator: such a body streams.
        files: Sent as multipart, under a boundary that differs each time.
        on_chunk: Called after each chunk of the answer.
        stop_after: Stop reading after this many chunks.
        is_raw: Read what came over the wire, without content-decoding.
    """

    path: str
    method: str = "GET"
    body: bytes | Callable[[], Iterator[bytes]] | None = None
    files: dict[str, Any] | None = None
    on_chunk: Callable[[], Any] = lambda: None
    stop_after: int | None = None
    is_raw: bool = False
    timeout_s: float = 10.0


@dataclass(frozen=True)
class Seen:
    """What the client's user saw of one answer."""

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    chunks: tuple[bytes, ...] = ()
    error: str | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


@dataclass(frozen=True)
class Session:
    """Requests of one client object. `auth` is (user, password) for digest authentication."""

    asks: Sequence[Ask]
    is_at_once: bool = False
    auth: tuple[str, str] | None = None
    follows_redirects: bool = False
    options: dict[str, Any] = field(default_factory=dict)


class Driver(Protocol):
    """One client library in one mode."""

    is_async: bool

    @property
    def encodings(self) -> str:
        """What the client accepts: `gzip, deflate`."""

    def run(self, url: str, session: Session) -> list[Seen]: ...

    def give_up(self, url: str, after_chunks: int) -> str:
        """Asks, cancels the reading a while after that many chunks, and names what came of it. Async drivers only."""


def listed(seen: Seen) -> list[tuple[str, str]]:
    """The headers that a replay gives back: an encoding, and a length that is not the body's, are not among them."""
    names = {name.lower() for name, _ in seen.headers}
    travel = {"transfer-encoding", "content-encoding"} | ({"content-length"} if "content-encoding" in names else set())
    return [item for item in seen.headers if item[0].lower() not in travel]


class Theatre:
    """Records a piece against the origin, and plays it again with the origin gone."""

    def __init__(self, origin: Origin, store: Path) -> None:
        self.origin, self._store = origin, store
        self.report: Report | None = None

    def record(self, act: Callable[[], T]) -> tuple[T, Path]:
        with replaykit.record("contract", store=self._store) as run:
            result = act()
        assert run.packet_path is not None
        return result, run.packet_path

    def replay(self, path: Path, act: Callable[[], T], **options: Any) -> T:
        self.origin.stop()
        rerun = None
        try:
            with replaykit.replay(path, **options) as rerun:
                return act()
        finally:
            self.report = rerun.report if rerun is not None else None

    def both(self, act: Callable[[], T]) -> tuple[T, T]:
        then, path = self.record(act)
        count = self.origin.count
        now = self.replay(path, act)
        assert self.report is not None
        assert self.report.ok
        assert self.origin.count == count
        return then, now


class HttpContract:
    """Inherit it beside a fixture `driver`."""

    @pytest.fixture
    def origin(self) -> Iterator[Origin]:
        origin = Origin()
        yield origin
        origin.stop()

    @pytest.fixture
    def theatre(self, origin: Origin, tmp_path: Path) -> Theatre:
        return Theatre(origin, tmp_path)

    @pytest.fixture
    def run(self, driver: Driver, origin: Origin) -> Callable[..., list[Seen]]:
        def run(*asks: Ask, **options: Any) -> list[Seen]:
            return driver.run(origin.url, Session(asks, **options))

        return run

    def test_status_body_and_headers_come_back(self, theatre: Theatre, run: Any) -> None:
        [then], [now] = theatre.both(lambda: run(Ask("/echo", "POST", b"hello")))

        assert (now.status, now.body) == (then.status, then.body)
        assert listed(now) == listed(then)
        assert "content-length" in [name.lower() for name, _ in now.headers]

    def test_repeated_headers_keep_their_order_and_case_of_value(self, theatre: Theatre, run: Any) -> None:
        _, [now] = theatre.both(lambda: run(Ask("/repeated")))

        assert [value for name, value in now.headers if name.lower() == "x-shard"] == ["one", "two"]
        assert ("x-case", "Kept As Is") in [(name.lower(), value) for name, value in now.headers]

    def test_the_agent_has_each_chunk_before_the_next_one_is_sent(self, theatre: Theatre, run: Any) -> None:
        (then,), _ = theatre.record(lambda: run(Ask("/signed", on_chunk=theatre.origin.sign.release)))

        assert then.chunks == (b"first", b"second", b"third")

    def test_replayed_chunks_are_the_recorded_ones(self, theatre: Theatre, run: Any) -> None:
        [then], [now] = theatre.both(lambda: run(Ask("/signed", on_chunk=theatre.origin.sign.release, is_raw=True)))

        assert now.chunks == then.chunks

    @pytest.mark.parametrize("encoding", ENCODERS)
    def test_compressed_bodies_come_back_decoded_chunk_by_chunk(
        self, theatre: Theatre, driver: Driver, run: Any, encoding: str
    ) -> None:
        if encoding not in driver.encodings or importlib.util.find_spec(CODECS.get(encoding, "zlib")) is None:
            pytest.skip(f"nothing here decodes {encoding}")
        [then], [now] = theatre.both(lambda: run(Ask(f"/encoded/{encoding}")))

        assert now.body == then.body == TEXT
        assert [chunk for chunk in now.chunks if chunk] == [chunk for chunk in then.chunks if chunk]

    def test_a_refused_connection_fails_in_the_same_way(self, theatre: Theatre, run: Any) -> None:
        theatre.origin.stop()
        [then], [now] = theatre.both(lambda: run(Ask("/echo")))

        assert then.error is not None
        assert now == then

    def test_a_read_timeout_fails_in_the_same_way(self, theatre: Theatre, run: Any) -> None:
        [then], [now] = theatre.both(lambda: run(Ask("/never", timeout_s=0.2)))

        assert then.error is not None
        assert now == then

    @pytest.mark.parametrize("path", ["/reset", "/cut", "/stalls"])
    def test_a_body_that_breaks_off_fails_after_the_same_chunk(self, theatre: Theatre, run: Any, path: str) -> None:
        ask = Ask(path, on_chunk=theatre.origin.sign.release, is_raw=True, timeout_s=0.5)
        [then], [now] = theatre.both(lambda: run(ask))

        assert len(then.chunks) == 1
        assert then.error is not None
        assert (now.chunks, now.error) == (then.chunks, then.error)

    def test_an_answer_that_was_closed_early_is_closed_early_again(self, theatre: Theatre, run: Any) -> None:
        sign = theatre.origin.sign
        [then], [now] = theatre.both(lambda: run(Ask("/signed", on_chunk=sign.release, stop_after=2)))

        assert now.chunks == then.chunks == (b"first", b"second")

    def test_reading_past_an_early_close_diverges(self, theatre: Theatre, run: Any) -> None:
        sign = theatre.origin.sign
        _, path = theatre.record(lambda: run(Ask("/signed", on_chunk=sign.release, stop_after=1)))
        chunks: list[None] = []

        with pytest.raises(replaykit.Divergence, match="stopped reading"):
            theatre.replay(path, lambda: run(Ask("/signed", on_chunk=lambda: chunks.append(None))))
        assert len(chunks) == 1

    def test_a_streamed_upload_is_content(self, theatre: Theatre, run: Any) -> None:
        ask = Ask("/echo", "POST", lambda: iter([b"one ", b"two"]))
        _, path = theatre.record(lambda: run(ask))

        assert replaykit.Packet.load(path).interactions[0].request_body == b"one two"
        [now] = theatre.replay(path, lambda: run(ask))
        assert b"one two" in now.body
        with pytest.raises(replaykit.Divergence):
            theatre.replay(path, lambda: run(Ask("/echo", "POST", lambda: iter([b"one ", b"three"]))))

    def test_a_multipart_boundary_is_not_content(self, theatre: Theatre, run: Any) -> None:
        ask = Ask("/echo", "POST", files={"report": ("report.txt", b"all is well", "text/plain")})
        [then], [now] = theatre.both(lambda: run(ask))

        assert now.body == then.body

    def test_redirects_are_followed_from_the_packet(self, theatre: Theatre, run: Any) -> None:
        ask = Ask("/redirect/307", "POST", b"kept")
        _, [now] = theatre.both(lambda: run(ask, follows_redirects=True))

        assert b'"text": "kept"' in now.body
        assert theatre.origin.count == 2

    def test_cookies_are_the_clients_own_business(self, theatre: Theatre, run: Any) -> None:
        then, now = theatre.both(lambda: run(Ask("/login"), Ask("/basket")))

        assert [seen.body for seen in now] == [seen.body for seen in then] == [b"welcome", b"three apples"]

    def test_an_authentication_flow_runs_again(self, theatre: Theatre, run: Any) -> None:
        [then], [now] = theatre.both(lambda: run(Ask("/digest"), auth=("user", "password")))

        assert now.body == then.body == b"let in"
        assert theatre.report is not None
        assert len(theatre.report.interactions) == 2

    def test_answers_without_a_body_have_none_again(self, theatre: Theatre, run: Any) -> None:
        _, now = theatre.both(lambda: run(Ask("/empty"), Ask("/sized", "HEAD")))

        assert [(seen.status, seen.body) for seen in now] == [(204, b""), (200, b"")]
        assert ("content-length", str(len(TEXT))) in [(name.lower(), value) for name, value in now[1].headers]

    def test_equal_requests_made_at_once_each_get_their_own_answer(self, theatre: Theatre, run: Any) -> None:
        then, now = theatre.both(lambda: run(*[Ask("/number")] * 8, is_at_once=True))

        assert [seen.body for seen in now] == [seen.body for seen in then]
        assert len({seen.body for seen in then}) == 8

    def test_a_cancelled_request_is_cancelled_again(self, theatre: Theatre, driver: Driver) -> None:
        if not driver.is_async:
            pytest.skip("only tasks are cancelled")
        then, now = theatre.both(lambda: driver.give_up(theatre.origin.url + "/never", after_chunks=0))

        assert now == then == "TimeoutError after 0 chunks"

    def test_a_cancelled_read_is_cancelled_again(self, theatre: Theatre, driver: Driver) -> None:
        if not driver.is_async:
            pytest.skip("only tasks are cancelled")
        then, now = theatre.both(lambda: driver.give_up(theatre.origin.url + "/stalls", after_chunks=1))

        assert now == then == "TimeoutError after 1 chunks"
