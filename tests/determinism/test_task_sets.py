"""The siblings of a task that failed are cancelled in the order in which they were started."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from replaykit.determinism import hooks
from replaykit.determinism.task_sets import TaskSet

COUNT = 40  # sets of as many tasks come in no order by luck


class Siblings:
    """Tasks that say in which order they were cancelled."""

    def __init__(self) -> None:
        self.cancelled: list[int] = []

    async def wait(self, number: int) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise


async def task_group_that_fails(siblings: Siblings) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            for number in range(COUNT):
                group.create_task(siblings.wait(number))
            group.create_task(fail())


async def scope_that_is_cancelled(siblings: Siblings) -> None:
    async with anyio.create_task_group() as group:
        for number in range(COUNT):
            group.start_soon(siblings.wait, number)
        await asyncio.sleep(0)
        group.cancel_scope.cancel()


async def groups_in_a_time_limit(siblings: Siblings) -> None:
    async def group_of(first: int) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(siblings.wait, first)
            group.start_soon(siblings.wait, first + 1)

    with anyio.move_on_after(0.01):
        async with anyio.create_task_group() as outer:
            for first in range(0, COUNT, 2):
                outer.start_soon(group_of, first)


@pytest.mark.parametrize("form", [task_group_that_fails, scope_that_is_cancelled, groups_in_a_time_limit])
def test_siblings_are_cancelled_in_the_order_of_their_start(
    form: Callable[[Siblings], Coroutine[Any, Any, None]],
) -> None:
    siblings = Siblings()
    hooks.install()
    try:
        asyncio.run(form(siblings))
    finally:
        hooks.uninstall()

    assert siblings.cancelled == list(range(COUNT))


def test_it_is_a_set_in_order() -> None:
    tasks = TaskSet.fromkeys([3, 1])
    tasks.add(2)
    tasks.add(3)
    tasks.discard(1)
    tasks.discard(7)

    assert (list(tasks), len(tasks), 2 in tasks, 1 in tasks, bool(TaskSet())) == ([3, 2], 2, True, False, False)
    with pytest.raises(KeyError):
        tasks.remove(7)
    assert repr(tasks) == "{3, 2}"
