"""Bound functions and driven generators: the node is there in each step, and nothing else has changed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest

from replaykit.determinism import lineage
from tests.determinism.tape import run_of


def path() -> str | None:
    node = lineage.current()
    return None if node is None else node.path


async def path_async() -> str | None:
    await asyncio.sleep(0)
    return path()


def paths() -> Generator[str | None, None, str]:
    yield path()
    yield path()
    return "done"


async def paths_async() -> AsyncGenerator[str | None, None]:
    yield path()
    await asyncio.sleep(0)
    yield path()


def collect(generator: Any) -> list[Any]:
    return list(generator)


async def collect_async(generator: Any) -> list[Any]:
    return [item async for item in generator]


@pytest.mark.parametrize(
    ("function", "call", "expected"),
    [
        (path, lambda bound: bound(), "path[0]"),
        (path_async, lambda bound: asyncio.run(bound()), "path_async[0]"),
        (paths, lambda bound: collect(bound()), ["paths[0]"] * 2),
        (paths_async, lambda bound: asyncio.run(collect_async(bound())), ["paths_async[0]"] * 2),
    ],
    ids=["function", "coroutine", "generator", "async generator"],
)
def test_a_bound_function_runs_under_its_run_on_a_thread_older_than_it(
    function: Any, call: Callable[[Any], Any], expected: Any
) -> None:
    bound: list[Any] = []
    found: list[Any] = []
    ready = threading.Event()
    older = threading.Thread(target=lambda: (ready.wait(), found.extend([call(bound[0]), path()])))
    older.start()
    with run_of("a"):
        bound.append(lineage.bind(function))
        ready.set()
        older.join()

    assert found == [expected, None]


def test_binding_outside_a_run_changes_nothing() -> None:
    assert lineage.bind(path) is path


def test_a_driven_generator_leaves_its_consumer_alone() -> None:
    with run_of("a") as root:
        generator = lineage.drive_generator(paths(), root.node.child("stream"))
        found = [next(generator), path(), next(generator), path()]

    assert found == ["stream[0]", "", "stream[0]", ""]


def test_a_span_open_across_a_yield_does_not_show_in_the_consumer() -> None:
    def spanned() -> Generator[str | None, None, None]:
        node = lineage.current()
        assert node is not None
        with lineage.inside(node.child("span")):
            yield path()
            yield path()

    with run_of("a") as root:
        generator = lineage.drive_generator(spanned(), root.node.child("stream"))
        found = [next(generator), path(), next(generator), path()]
        generator.close()

    assert found == ["stream[0]/span[0]", "", "stream[0]/span[0]", ""]


def echo() -> Generator[Any, Any, str]:
    received: Any = "started"
    while received != "stop":
        try:
            received = yield (received, path())
        except KeyError as error:
            received = f"caught {error}"
    return "returned"


def test_send_throw_and_return_reach_through() -> None:
    with run_of("a") as root:
        generator = lineage.drive_generator(echo(), root.node.child("g"))
        found = [next(generator), generator.send(1), generator.throw(KeyError("k"))]
        with pytest.raises(StopIteration) as stop:
            generator.send("stop")

    assert found == [("started", "g[0]"), (1, "g[0]"), ("caught 'k'", "g[0]")]
    assert stop.value.value == "returned"


def test_close_reaches_through_and_an_error_comes_out_unchanged() -> None:
    closed: list[str | None] = []

    def closing() -> Generator[int, None, None]:
        try:
            yield 1
        finally:
            closed.append(path())

    def failing() -> Generator[int, None, None]:
        yield 1
        raise LookupError("as it was")

    with run_of("a") as root:
        generator = lineage.drive_generator(closing(), root.node.child("g"))
        next(generator)
        generator.close()
        failing_one = lineage.drive_generator(failing(), root.node.child("g"))
        next(failing_one)
        with pytest.raises(LookupError, match="as it was"):
            next(failing_one)

    assert closed == ["g[0]"]


def test_asend_athrow_and_aclose_reach_through() -> None:
    closed: list[str | None] = []

    async def echo_async() -> AsyncGenerator[Any, Any]:
        received: Any = "started"
        try:
            while True:
                try:
                    received = yield (received, path())
                except KeyError as error:
                    received = f"caught {error}"
        finally:
            await asyncio.sleep(0)
            closed.append(path())

    async def main() -> list[Any]:
        generator = lineage.drive_async_generator(echo_async(), root.node.child("g"))
        found = [await anext(generator), await generator.asend(1), path(), await generator.athrow(KeyError("k"))]
        await generator.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(generator)
        return found

    with run_of("a") as root:
        assert asyncio.run(main()) == [("started", "g[0]"), (1, "g[0]"), "", ("caught 'k'", "g[0]")]
    assert closed == ["g[0]"]
