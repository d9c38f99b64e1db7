"""Run generators and functions under a node that was current elsewhere."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, ParamSpec, TypeVar

from replaykit.determinism import naming, strands
from replaykit.determinism.nodes import Node
from replaykit.determinism.strands import Strand, current, on

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")
S = TypeVar("S")


def drive_generator(generator: Generator[Y, S, R], node: Node | Strand) -> Generator[Y, S, R]:
    """Run `generator` on `node` during each of its steps, never while it is suspended."""
    strand = node if isinstance(node, Strand) else Strand(node)
    step: Callable[[Any], Y] = generator.send
    argument: Any = None
    while True:
        with on(strand):
            try:
                value = step(argument)
            except StopIteration as stop:
                result: R = stop.value
                return result
        try:
            argument = yield value
            step = generator.send
        except BaseException as error:  # GeneratorExit too: what the generator answers to `close` is its own business
            argument, step = error, generator.throw


async def drive_async_generator(generator: AsyncGenerator[Y, S], node: Node | Strand) -> AsyncGenerator[Y, S]:
    """Run `generator` on `node` during each of its steps, never while its consumer runs."""
    strand = node if isinstance(node, Strand) else Strand(node)
    step: Callable[[Any], Any] = generator.asend
    argument: Any = None
    while True:
        with on(strand):
            try:
                value: Y = await step(argument)
            except StopAsyncIteration:
                return
        try:
            argument = yield value
            step = generator.asend
        except BaseException as error:  # GeneratorExit too, as above
            argument, step = error, generator.athrow


def bind(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` tied to the node that is current now, wherever it is called: for what can't be seen.

    The segment is numbered now. Bind once for each call: calls of one bound function count together.
    Outside any run, `function` itself.
    """
    parent = current() if strands.active else None
    if parent is None:
        return function
    node = parent.child(naming.name_job(function, (), {}))
    bound: Callable[P, R] = _bound(function, node)
    return bound


def _bound(function: Any, node: Node) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with on(Strand(node)):
            return function(*args, **kwargs)

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with on(Strand(node)):
            return await function(*args, **kwargs)

    @functools.wraps(function)
    def generate(*args: Any, **kwargs: Any) -> Any:
        return (yield from drive_generator(function(*args, **kwargs), node))

    @functools.wraps(function)
    def generate_async(*args: Any, **kwargs: Any) -> Any:
        return drive_async_generator(function(*args, **kwargs), node)

    if inspect.isasyncgenfunction(function):
        return generate_async
    if inspect.isgeneratorfunction(function):
        return generate
    return call_async if inspect.iscoroutinefunction(function) else call
