"""httpx and httpx2: one hook on the client, which hands out the transport of each request.

`Client._transport_for_url` covers clients made before the hook, mounts, proxies and custom transports; cookies,
redirects and auth stay httpx's own business around it. It is a private name: its signature is checked at install.
"""

from __future__ import annotations

import asyncio
import functools
import http.client
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

from replaykit.determinism.crossing import Watched, inside_transport
from replaykit.determinism.imports import when_imported
from replaykit.determinism.lineage import Node
from replaykit.errors import UsageError
from replaykit.interceptors import libraries
from replaykit.interceptors.base import Decider, find_decider, is_quiet
from replaykit.packet.exchange import CLOSE, HEAD, EndState, HttpObserver, HttpRequest, ServedResponse
from replaykit.packet.failures import Failure

MODULES = ("httpx", "httpx2")

# Client-neutral names of what a transport can raise; both modules use the same class names.
_KINDS = {
    "ConnectTimeout": "connect_timeout",
    "ReadTimeout": "read_timeout",
    "WriteTimeout": "write_timeout",
    "PoolTimeout": "pool_timeout",
    "ConnectError": "connect",
    "ReadError": "read",
    "WriteError": "write",
    "CloseError": "close",
    "ProxyError": "proxy",
    "UnsupportedProtocol": "unsupported_protocol",
    "LocalProtocolError": "local_protocol",
    "RemoteProtocolError": "remote_protocol",
    "TimeoutException": "timeout",
    "NetworkError": "network",
    "ProtocolError": "protocol",
    "TransportError": "transport",
}
_CLASSES = {kind: name for name, kind in _KINDS.items()}

_CLOSING = {True: ("close", "__exit__"), False: ("aclose", "__aexit__")}

_is_installed = False


def install_once() -> None:
    """Hooks both modules, each as soon as it is imported.

    The hooks stay: with no run they cost one look at a tuple, and a task that outlives its replay must not find the
    network open behind it.

    Raises:
        UsageError: A module that is imported already is not as replaykit knows it.
    """
    global _is_installed
    if not _is_installed:
        for name in MODULES:
            when_imported(name, lambda module: _Hooks(module).install())
        _is_installed = True


class _Hooks:
    """The two hooks of one module, and the transport classes they hand out."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._originals = {owner: _transport_for_url(owner, module) for owner in (module.Client, module.AsyncClient)}
        self._kit = _Kit(module)

    def install(self) -> None:
        for owner, original in self._originals.items():
            is_sync = owner is self._module.Client
            transport = self._kit.sync_transport if is_sync else self._kit.async_transport
            owner._transport_for_url = _make_hook(original, functools.partial(transport, self._kit))
            for name in _CLOSING[is_sync]:
                setattr(owner, name, _inside(getattr(owner, name), is_sync=is_sync))
        libraries.mark_hooked(self._module.__name__)


def _transport_for_url(owner: Any, module: ModuleType) -> Callable[[Any, Any], Any]:
    found = getattr(owner, "_transport_for_url", None)
    if found is None or list(inspect.signature(found).parameters) != ["self", "url"]:
        name, version = module.__name__, getattr(module, "__version__", "?")
        raise UsageError(
            f"{name} {version}: {owner.__name__}._transport_for_url is not as replaykit knows it "
            f"(tested with {name} {libraries.find(name).tested}); no call of this client could be recorded or replayed"
        )
    return found  # type: ignore[no-any-return]  # an attribute of a module that is found at run time


def _inside(close: Callable[..., Any], *, is_sync: bool) -> Callable[..., Any]:
    """The method, as a transport's own business: closing a TLS connection sends something, and is no request."""

    @functools.wraps(close)
    def closing(*args: Any, **kwargs: Any) -> Any:
        with inside_transport():
            return close(*args, **kwargs)

    @functools.wraps(close)
    async def closing_async(*args: Any, **kwargs: Any) -> Any:
        with inside_transport():
            return await close(*args, **kwargs)

    return closing if is_sync else closing_async


def _make_hook(original: Callable[[Any, Any], Any], transport_of: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    def _transport_for_url(self: Any, url: Any) -> Any:
        transport = original(self, url)
        if is_quiet():
            return transport
        found = find_decider(lambda: f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path}")
        return transport if found is None else transport_of(transport, *found)

    return _transport_for_url


def _neutral(request: Any) -> HttpRequest:
    return HttpRequest(request.method, str(request.url), _headers_of(request), getattr(request, "_content", b""))


def _headers_of(message: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in message.headers.raw)


def _reason_of(response: Any, usual: str) -> str | None:
    """The phrase behind the status, where it is not what this client and the standard library take it to be."""
    sent = response.extensions.get("reason_phrase")  # HTTP/2 has none
    reason = sent.decode("latin-1") if isinstance(sent, bytes) else None
    return None if reason == usual == http.client.responses.get(response.status_code) else reason


def _raw(text: str) -> bytes:
    """A header's own bytes: httpx takes only ASCII as text. Beyond Latin-1 it was not read off a wire by us."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _is_unread(request: Any) -> bool:
    return not hasattr(request, "_content")


def _is_stopped(error: BaseException) -> bool:
    """True if the agent itself stopped waiting."""
    return isinstance(error, asyncio.CancelledError | GeneratorExit | KeyboardInterrupt)


def _end_of(error: BaseException) -> tuple[EndState, Failure | None]:
    """How a request ended that raised `error`: cancelled from outside, or failed in the transport."""
    if _is_stopped(error):
        return "cancelled", None
    kind = _KINDS.get(type(error).__name__)
    if kind is None or type(error).__module__.partition(".")[0] not in MODULES:
        return "error", Failure.of(error, is_served=True)  # a transport that is not httpx's own
    return "error", Failure(kind, str(error))


class _SentSync:
    """A request body that streams: noted as it is sent."""

    def __init__(self, inner: Any, observer: HttpObserver) -> None:
        self._inner, self._observer = inner, observer

    def __iter__(self) -> Iterator[bytes]:
        for data in self._inner:
            self._observer.sent(data)
            yield data

    def close(self) -> None:
        self._inner.close()


class _SentAsync:
    def __init__(self, inner: Any, observer: HttpObserver) -> None:
        self._inner, self._observer = inner, observer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._inner:
            self._observer.sent(data)
            yield data

    async def aclose(self) -> None:
        await self._inner.aclose()


class _TeeSync:
    """A response body, passed on as it comes and noted; of its ends, the observer keeps the first."""

    def __init__(self, inner: Any, observer: HttpObserver) -> None:
        self._inner, self._observer = inner, observer
        self._count = 0

    def __iter__(self) -> Iterator[bytes]:
        self._observer.awaited()
        try:
            for data in self._inner:
                self._observer.received(data)
                self._observer.arrived(self._count, is_blocking=True)
                self._count += 1
                yield data
                self._observer.awaited()
        except GeneratorExit:
            raise  # the reader went away; `close` says so
        except BaseException as error:
            self._observer.arrived(self._count, is_blocking=True)
            self._observer.ended(*_end_of(error))
            raise
        self._observer.arrived(self._count, is_blocking=True)
        self._observer.ended("complete")

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._observer.ended("closed_early")


class _NotedAsync:
    """The chunks of `_TeeAsync`. No generator: one more of these, left by a `break`, is one more for the loop to close,
    and asyncio complains of those that it finds running."""

    def __init__(self, chunks: AsyncIterator[bytes], observer: HttpObserver, count: Iterator[int]) -> None:
        self._chunks, self._observer, self._count = chunks, observer, count

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        waiting, number = Watched(anext(self._chunks)), next(self._count)
        self._observer.awaited()
        error: BaseException | None = None
        try:
            with inside_transport():
                data = await waiting
        except StopAsyncIteration:
            self._observer.ended("complete")
            raise
        except GeneratorExit as stopped:
            error = stopped
            raise
        except BaseException as failure:
            error = failure
            self._observer.ended(*_end_of(failure))
            raise
        finally:
            if waiting.is_suspended and (error is None or not _is_stopped(error)):
                self._observer.arrived(number, is_blocking=False)
        self._observer.received(data)
        return data


class _TeeAsync:
    def __init__(self, inner: Any, observer: HttpObserver) -> None:
        self._inner, self._observer = inner, observer
        self._count = itertools.count()  # of all readers: the openai SDK reads on after it has found the last event

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _NotedAsync(aiter(self._inner), self._observer, self._count)

    async def aclose(self) -> None:
        waiting = Watched(self._inner.aclose())
        try:
            with inside_transport():
                await waiting
        except asyncio.CancelledError:
            if waiting.is_suspended:
                self._observer.stopped_closing()
            raise
        finally:
            self._observer.ended("closed_early")
        if waiting.is_suspended:
            self._observer.arrived(CLOSE, is_blocking=False)


class _Served:
    """A recorded body, chunk by chunk, with its recorded end."""

    def __init__(self, served: ServedResponse, kit: _Kit) -> None:
        self._served, self._kit = served, kit
        self._chunks = enumerate(served.chunks)  # of all readers: a second one reads on where the first one stopped

    def __iter__(self) -> Iterator[bytes]:
        gate = self._served.gate
        for number, chunk in self._chunks:
            gate.reach_blocking(number)
            if chunk.data:
                yield chunk.data
        gate.reach_blocking(len(self._served.chunks))
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        gate = self._served.gate
        for number, chunk in self._chunks:
            await gate.reach(number)
            if chunk.data:
                yield chunk.data
        await gate.reach(len(self._served.chunks))  # where the agent cancelled it: until it does so again
        self._end()

    async def aclose(self) -> None:
        await self._served.gate.reach(CLOSE)

    def _end(self) -> None:
        if self._served.state == "error":
            raise self._kit.error(self._served)
        if self._served.state != "complete":
            self._served.overread()


class _Transport:
    """What the sync and the async transport of one request have in common."""

    def __init__(self, kit: _Kit, inner: Any, decider: Decider, node: Node) -> None:
        self._kit, self._inner, self._decider, self._node = kit, inner, decider, node

    def _decide(self, request: Any) -> ServedResponse | HttpObserver | None:
        decision = self._decider.decide_http(_neutral(request), self._node)
        return decision if isinstance(decision, ServedResponse) else decision.observer


class _SyncTransport(_Transport):
    def handle_request(self, request: Any) -> Any:
        if self._decider.reads_body:
            request.read()
        decision = self._decide(request)
        if isinstance(decision, ServedResponse):
            decision.gate.reach_blocking(HEAD)
            return self._kit.respond(decision)
        with inside_transport():
            if decision is None:
                return self._inner.handle_request(request)
            original = request.stream
            sent = request.stream = self._kit.sent_sync(original, decision) if _is_unread(request) else original
            try:
                response = self._inner.handle_request(request)
            except BaseException as error:
                decision.ended(*_end_of(error))
                raise
            finally:
                decision.arrived(HEAD, is_blocking=True)
                if request.stream is sent:  # a redirect or an auth flow may send the same one again
                    request.stream = original
        return self._kit.tee(response, self._kit.tee_sync(response.stream, decision), decision)


class _AsyncTransport(_Transport):
    async def handle_async_request(self, request: Any) -> Any:
        if self._decider.reads_body:
            await request.aread()
        decision = self._decide(request)
        if isinstance(decision, ServedResponse):
            await decision.gate.reach(HEAD)
            return self._kit.respond(decision)
        with inside_transport():
            if decision is None:
                return await self._inner.handle_async_request(request)
            original = request.stream
            sent = request.stream = self._kit.sent_async(original, decision) if _is_unread(request) else original
            waiting, is_stopped = Watched(self._inner.handle_async_request(request)), False
            try:
                response = await waiting
            except BaseException as error:
                is_stopped = _is_stopped(error)
                decision.ended(*_end_of(error))
                raise
            finally:
                if waiting.is_suspended and not is_stopped:
                    decision.arrived(HEAD, is_blocking=False)
                if request.stream is sent:
                    request.stream = original
        return self._kit.tee(response, self._kit.tee_async(response.stream, decision), decision)


class _Kit:
    """The classes above on the base classes of one of the two modules."""

    def __init__(self, module: Any) -> None:
        self._module = module
        sync, both = (module.SyncByteStream,), (module.SyncByteStream, module.AsyncByteStream)
        self.sent_sync = type("SentStream", (_SentSync, *sync), {})
        self.sent_async = type("SentStream", (_SentAsync, module.AsyncByteStream), {})
        self.tee_sync = type("RecordedStream", (_TeeSync, *sync), {})
        self.tee_async = type("RecordedStream", (_TeeAsync, module.AsyncByteStream), {})
        self._served = type("ServedStream", (_Served, *both), {})
        self.sync_transport = type("ReplaykitTransport", (_SyncTransport, module.BaseTransport), {})
        self.async_transport = type("ReplaykitTransport", (_AsyncTransport, module.AsyncBaseTransport), {})

    def error(self, served: ServedResponse) -> BaseException:
        """The exception that this client raises for a recorded failure."""
        if served.error is not None:
            return served.error
        kind, message = (served.failure.kind, served.failure.message) if served.failure else ("", "")
        name = _CLASSES.get(kind, "TransportError")
        return getattr(self._module, name)(message)  # type: ignore[no-any-return]  # one of the names above

    def tee(self, response: Any, stream: Any, observer: HttpObserver) -> Any:
        """A fresh response over the noted stream: one that was read already must not be changed."""
        usual = self._module.codes.get_reason_phrase(response.status_code)
        observer.responded(response.status_code, _headers_of(response), _reason_of(response, usual))
        return self._module.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )

    def respond(self, served: ServedResponse) -> Any:
        if served.status is None:
            if served.state == "error":
                raise self.error(served)
            served.overread()
        extensions = {"http_version": b"HTTP/1.1"}
        if served.reason is not None:
            extensions["reason_phrase"] = _raw(served.reason)
        stream = self._served(served, self)
        headers = [(_raw(name), _raw(value)) for name, value in served.headers]
        return self._module.Response(served.status, headers=headers, stream=stream, extensions=extensions)
