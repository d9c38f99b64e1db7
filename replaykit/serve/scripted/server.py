"""The server: a thread with an event loop of its own, real sockets, counters."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from replaykit.errors import UsageError
from replaykit.serve.scripted.answering import Answerer, ReceivedRequest
from replaykit.serve.scripted.http1 import HEAD_LIMIT_BYTES, Answer, BadRequest, read_request, write_answer
from replaykit.serve.scripted.rules import Route, Rule
from replaykit.serve.scripted.script import Script

BACKLOG = 1024
STOP_TIMEOUT_S = 10.0


class ScriptedServer:
    """A model provider that says what it was told to.

    ::

        with ScriptedServer([Rule(when="refund", reply="Sure.")]) as server:
            client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="any")

    It speaks OpenAI chat completions, Responses, embeddings and Anthropic messages under any path prefix, and answers
    plain routes for tools. The first rule that matches wins. Answers depend on nothing but the script and the order of
    the requests: ids, times and dates are made from a running number.

    Args:
        script: Rules, or what `load_rules` gives, routes and models included.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        script: Script | Sequence[Rule] = (),
        *,
        routes: Sequence[Route] = (),
        models: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        base = script if isinstance(script, Script) else Script(rules=tuple(script))
        self._script = Script(base.rules, base.routes + tuple(routes), tuple(models) or base.models)
        self._address = (host, port)
        self._changed = threading.Condition()
        self._answerer = Answerer(self._script)
        self._accepted = 0
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> Self:
        """Listen, and return as soon as clients can connect."""
        if self._thread is not None:
            raise UsageError(f"the scripted server is running already, at {self.url}")
        # Bound here and by number: a taken port raises in the caller's thread, and no name is looked up.
        # The protocol is named because asyncio sets TCP_NODELAY only where it is, and 40 ms an answer are at stake.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(self._address)
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
        self._address = listener.getsockname()
        is_ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(listener, is_ready), name="scripted-server", daemon=True
        )
        self._thread.start()
        is_ready.wait()
        return self

    def close(self) -> None:
        """Stop listening and drop open connections; when this returns, connecting is refused."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        assert self._loop is not None
        assert self._stopping is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join(STOP_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port, once the server has started."""
        return self._address[1]

    @property
    def url(self) -> str:
        """Where it listens, without a path: `http://127.0.0.1:43210`."""
        return f"http://{self._address[0]}:{self._address[1]}"

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """All requests so far, in the order of arrival."""
        with self._changed:
            return tuple(self._answerer.requests)

    @property
    def count(self) -> int:
        """How many requests came."""
        with self._changed:
            return len(self._answerer.requests)

    @property
    def connections(self) -> int:
        """How many connections were accepted; fewer than requests where clients keep them alive."""
        with self._changed:
            return self._accepted

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._changed:
            return len(self._writers)

    def reset(self, rules: Sequence[Rule] | None = None, *, routes: Sequence[Route] | None = None) -> None:
        """Be as if newly started: no requests, no rule used, answers numbered from 1.

        Args:
            rules: Take the place of the present ones; None keeps them.
        """
        with self._changed:
            old = self._script
            self._script = Script(
                old.rules if rules is None else tuple(rules),
                old.routes if routes is None else tuple(routes),
                old.models,
            )
            self._answerer = Answerer(self._script)
            self._accepted = 0
            self._changed.notify_all()

    def wait_until(self, is_reached: Callable[[ScriptedServer], bool], timeout_s: float = 10.0) -> bool:
        """Wait until a condition on the counters holds, as `lambda s: s.count == 2`; False when time is up."""
        with self._changed:
            return self._changed.wait_for(lambda: is_reached(self), timeout_s)

    def _run(self, listener: socket.socket, is_ready: threading.Event) -> None:
        # The plain selector loop whatever policy the process has set: all faults below need its sockets.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve(listener, is_ready))

    async def _serve(self, listener: socket.socket, is_ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._connect, sock=listener, limit=HEAD_LIMIT_BYTES, backlog=BACKLOG)
        is_ready.set()
        await self._stopping.wait()
        server.close()
        # In turns, for a connection may be on its way from the listener to its task.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others & self._writers.keys():
                self._writers[task].transport.abort()
                task.cancel()
            await asyncio.sleep(0)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        with self._changed:
            self._accepted += 1
            self._writers[task] = writer
            self._changed.notify_all()
        # Draining then means that the client's kernel has all of it, which a reset must not take back.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.CancelledError):
            # The client went, or `close` stops the server; nobody else cancels this task.
            pass
        finally:
            writer.close()
            with self._changed:
                del self._writers[task]
                self._changed.notify_all()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False where the connection ends with it."""
        try:
            request = await read_request(reader, writer)
        except BadRequest as error:
            text = f"{error}\n".encode()
            await write_answer(reader, writer, Answer(400, (("connection", "close"),), (text,)))
            return False
        if request is None:
            return False
        with self._changed:
            answer = self._answerer.answer(request)
            self._changed.notify_all()
        can_go_on = await write_answer(reader, writer, answer, has_body=request.method != "HEAD")
        return can_go_on and not request.is_last
