"""uvicorn: each request that comes in is a span, so that requests which overlap do not mix.

`Config.load` is where every protocol of uvicorn finds the application; it is public, and the application is wrapped
there once. uvicorn itself is not imported.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any, Protocol, cast

from replaykit.determinism import lineage, naming
from replaykit.determinism.imports import when_imported

TESTED = {"uvicorn": "0.54"}
KIND = "request"

_MODULE = "uvicorn.config"
_PROTOCOLS = "uvicorn.protocols.http."
_CYCLE = "RequestResponseCycle.run_asgi"

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Spans(Protocol):
    """A session, as a request sees it."""

    is_closed: bool

    @property
    def is_foreign(self) -> bool: ...

    def begin_span(self, node: lineage.Node, name: str, kind: str, attributes: dict[str, Any]) -> str: ...

    def end_span(self, span: str, error: BaseException | None, attributes: dict[str, Any]) -> None: ...


def install() -> None:
    """Wraps the application of every server that starts from here on. May be called again."""
    naming.register(name_of_request, {_CYCLE})
    when_imported(_MODULE, _hook)


def name_of_request(target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """The name of the request that this task answers; None: it answers none."""
    module, qualname = naming.module_and_qualname(target)
    if qualname != _CYCLE or not module.startswith(_PROTOCOLS):
        return None
    return _name(getattr(naming.arguments_of(target).get("self"), "scope", {}))


def _name(scope: Mapping[str, Any]) -> str:
    return f"{scope.get('method', '')} {scope.get('path', '')}".strip()


def _hook(module: ModuleType) -> None:
    config = vars(module).get("Config")
    load = getattr(config, "load", None)
    if load is None or getattr(load, "is_replaykit", False):
        return  # another uvicorn than we know: its requests are told apart by their tasks all the same

    @functools.wraps(load)
    def load_wrapped(self: Any) -> None:
        load(self)
        application = getattr(self, "loaded_app", None)
        if application is not None:
            self.loaded_app = _Application(application)

    cast(Any, load_wrapped).is_replaykit = True
    cast(Any, config).load = load_wrapped


class _Application:
    """An ASGI application whose requests are spans."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        node = lineage.current()
        session = cast(Spans, node.run) if node is not None else None
        if node is None or session is None or scope.get("type") != "http" or session.is_closed or session.is_foreign:
            await self._inner(scope, receive, send)
            return
        status: dict[str, Any] = {}

        async def send_noted(message: Any) -> None:
            if message.get("type") == "http.response.start":
                status["status"] = message.get("status")
            await send(message)

        # The task of the request has its name already: the span is that very place.
        attributes = {"method": scope.get("method"), "path": scope.get("path")}
        span = session.begin_span(node, _name(scope), KIND, attributes)
        error: BaseException | None = None
        try:
            await self._inner(scope, receive, send_noted)
        except BaseException as raised:
            error = raised
            raise
        finally:
            session.end_span(span, error, status)
