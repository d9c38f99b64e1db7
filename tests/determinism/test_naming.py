"""A segment is the user's own function, whatever carries it."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from typing import Any

import anyio.to_thread
import pytest

from replaykit.determinism import naming
from replaykit.determinism.nodes import escape


class Agent:
    async def run(self) -> None: ...

    def look(self) -> None: ...

    def __call__(self) -> None: ...


def tool() -> None: ...


def make_local() -> Any:
    async def worker() -> None: ...

    return worker()


class Awaitable:
    def __await__(self) -> Any:
        return iter(())


@pytest.mark.parametrize(
    ("make", "name", "absorbs_job"),
    [
        (lambda: Agent().run(), "Agent.run", False),
        (make_local, "worker", False),
        (lambda: asyncio.wait_for(Agent().run(), 1), "Agent.run", False),
        (lambda: asyncio.wait_for(asyncio.wait_for(make_local(), 1), 1), "worker", False),
        (lambda: asyncio.to_thread(tool), "tool", True),
        (lambda: asyncio.wait_for(asyncio.to_thread(functools.partial(Agent().look)), 1), "Agent.look", True),
        (lambda: anyio.to_thread.run_sync(tool), "tool", True),
        (lambda: asyncio.wait_for(Awaitable(), 1), "Awaitable", False),  # type: ignore[arg-type]
    ],
)
def test_a_task_is_named_after_the_users_coroutine(make: Any, name: str, absorbs_job: bool) -> None:
    coroutine = make()
    named = naming.name_task(coroutine, None)
    close(coroutine)

    assert (named.segment, named.absorbs_job) == (name, absorbs_job)


def close(coroutine: Any) -> None:
    # Closes what the wrappers carry too: an unawaited coroutine is a warning, and warnings are errors here.
    carried = naming.arguments_of(coroutine).get("fut")
    if carried is not None and hasattr(carried, "close"):
        close(carried)
    coroutine.close()


@pytest.mark.parametrize(
    ("function", "args", "name"),
    [
        (tool, (), "tool"),
        (Agent().look, (), "Agent.look"),
        (Agent(), (), "Agent"),
        (functools.partial(functools.partial(tool)), (), "tool"),
        (contextvars.Context().run, (tool, 1), "tool"),
        (functools.partial(contextvars.Context().run, contextvars.Context().run, tool), (), "tool"),
        (len, (), "len"),
    ],
)
def test_a_job_is_named_after_the_users_function(function: Any, args: tuple[Any, ...], name: str) -> None:
    assert naming.name_job(function, args, {}) == name


def test_a_framework_may_declare_its_own_wrappers() -> None:
    def carrier(before: int, fn: Any, *args: Any) -> None: ...

    naming.register_wrapper(__name__, carrier.__qualname__, "fn")

    assert naming.name_job(carrier, (1, tool), {}) == "tool"


@pytest.mark.parametrize(
    ("given", "segment"),
    [
        ("fetch-1", "work(fetch-1)"),
        ("reindex 20240101", "work(reindex 20240101)"),
        ("Task-12", "work"),
        ("Thread-3 (work)", "work"),
        ("ThreadPoolExecutor-0_1", "work"),
        ("package.module.work", "work"),
        ("package.main.<locals>.work", "work"),
        ("call_9f86d081", "work"),
        ("call_Vx3kQ9mZt0aLpW7RbY2c", "work"),
        ("<Agent object at 0x7f736>", "work"),
        ("", "work"),
        (None, "work"),
    ],
)
def test_only_a_name_that_a_person_gave_counts(given: str | None, segment: str) -> None:
    assert naming.with_given_name("work", given) == segment


def test_a_segment_can_not_break_the_path() -> None:
    assert escape("a/b[0]%\n") == "a%2Fb%5B0%5D%25%0A"
    assert len(escape("x" * 500)) == 120
