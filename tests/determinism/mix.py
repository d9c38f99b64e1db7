"""A fixed workload of 135 calls that spawns in every way the package follows."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import random
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import anyio.to_thread

from replaykit.determinism import lineage
from tests.determinism.tape import EAGER, Tape


async def leaf(tape: Tape, number: int) -> tuple[int, str, str]:
    return number, await tape.ask(), await tape.ask()


async def branch(tape: Tape, number: int) -> tuple[int, str, list[Any]]:
    first = await tape.ask()
    return number, first, await asyncio.gather(*(leaf(tape, n) for n in range(3)))


async def nested_gather(tape: Tape) -> Any:
    return await asyncio.gather(*(branch(tape, n) for n in range(3)))


async def groups(tape: Tape) -> Any:
    """Named siblings start in any order; unnamed ones in program order."""
    order = list(range(4))
    random.shuffle(order)
    async with asyncio.TaskGroup() as group:
        named = {n: group.create_task(tape.ask(), name=f"fetch-{n}") for n in order}
        unnamed = [group.create_task(tape.ask()) for _ in range(3)]
    return [named[n].result() for n in range(4)], [task.result() for task in unnamed]


async def waits(tape: Tape) -> Any:
    found: list[Any] = [await asyncio.wait_for(leaf(tape, 0), 30)]
    found += await asyncio.gather(*(asyncio.wait_for(leaf(tape, n), 30) for n in range(3)))
    found.append(await asyncio.create_task(asyncio.wait_for(asyncio.to_thread(tape.ask_sync), 30)))
    found.append(await asyncio.wait_for(asyncio.to_thread(tape.ask_sync), 30))
    tasks = [asyncio.create_task(leaf(tape, n)) for n in range(2)]
    await asyncio.wait(tasks)
    return found + [task.result() for task in tasks]


async def completed(tape: Tape) -> Any:
    from_list = [await done for done in asyncio.as_completed([leaf(tape, n) for n in range(4)])]
    # 3.11 takes no generator here, but any other iterator.
    from_iterator = [await done for done in asyncio.as_completed(map(leaf, [tape] * 4, range(4)))]
    return sorted(from_list), sorted(from_iterator)


async def shields(tape: Tape) -> Any:
    return await asyncio.shield(leaf(tape, 0)), await asyncio.gather(*(asyncio.shield(tape.ask()) for _ in range(2)))


class Question:
    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def __await__(self) -> Generator[Any, None, str]:
        return self.tape.ask().__await__()


async def awaitables(tape: Tape) -> Any:
    """Objects with `__await__`: the standard library wraps them in coroutines of its own."""
    found: list[Any] = [
        await asyncio.gather(Question(tape), Question(tape)),
        await asyncio.ensure_future(Question(tape)),
    ]
    await asyncio.gather(*asyncio.as_completed([Question(tape) for _ in range(3)]))
    return [*found, await asyncio.wait_for(Question(tape), 30)]


async def contexts(tape: Tape) -> Any:
    loop = asyncio.get_running_loop()
    shared = contextvars.Context()
    tasks = [loop.create_task(tape.ask(), context=contextvars.Context()) for _ in range(3)]
    tasks += [asyncio.create_task(tape.ask(), context=shared) for _ in range(3)]
    return [await task for task in tasks]


async def eager(tape: Tape) -> Any:
    async def at_once(number: int) -> tuple[int, str, str]:
        return number, tape.ask_now(), await tape.ask()

    return await asyncio.gather(*(at_once(n) for n in range(3)))


async def direct(tape: Tape) -> Any:
    loop = asyncio.get_running_loop()
    return await asyncio.gather(*[asyncio.Task(leaf(tape, n), loop=loop) for n in range(3)])


async def threads_of_asyncio(tape: Tape) -> Any:
    loop = asyncio.get_running_loop()
    found = list(await asyncio.gather(*(asyncio.to_thread(tape.ask_sync) for _ in range(3))))
    found.append(await asyncio.to_thread(tape.ask_sync))
    return found + list(await asyncio.gather(*(loop.run_in_executor(None, tape.ask_sync) for _ in range(3))))


def use_pool(tape: Tape) -> list[str]:
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: tape.ask_sync(), range(4)))
        futures = [pool.submit(tape.ask_sync) for _ in range(2)]
        futures.append(pool.submit(contextvars.copy_context().run, functools.partial(tape.ask_sync, "vote")))
        return found + [future.result() for future in futures]


async def pools(tape: Tape) -> Any:
    return await asyncio.to_thread(use_pool, tape)


async def threads(tape: Tape) -> Any:
    found: dict[int, tuple[str, str]] = {}

    def work(number: int) -> None:
        found[number] = tape.ask_sync(), tape.ask_sync()

    started = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    started.append(threading.Thread(target=work, args=(2,), name="indexer"))
    for thread in started:
        thread.start()
    for thread in started:
        await asyncio.to_thread(thread.join)
    return sorted(found.items())


async def groups_of_anyio(tape: Tape) -> Any:
    found: dict[int, Any] = {}

    async def work(number: int) -> None:
        found[number] = await tape.ask(), await anyio.to_thread.run_sync(tape.ask_sync)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(work, number)
        group.start_soon(anyio.to_thread.run_sync, tape.ask_sync)
    return sorted(found.items())


async def generators(tape: Tape) -> Any:
    """Two generators stepped in turns by a third party, each on its own node; between steps nothing is left over."""
    node = lineage.current()
    assert node is not None

    def plain() -> Generator[str, None, None]:
        yield tape.ask_now()
        yield tape.ask_now()

    async def streamed() -> AsyncGenerator[str, None]:
        yield await tape.ask()
        yield await tape.ask()

    first = lineage.drive_generator(plain(), node.child("plain"))
    second = lineage.drive_generator(plain(), node.child("plain"))
    third = lineage.drive_async_generator(streamed(), node.child("streamed"))
    found = [next(first), next(second), await anext(third), tape.ask_now(), next(first), await anext(third)]
    return [*found, next(second), tape.ask_now()]


async def threadsafe(tape: Tape) -> Any:
    loop = asyncio.get_running_loop()

    def submit() -> list[Any]:
        futures = [asyncio.run_coroutine_threadsafe(leaf(tape, n), loop) for n in range(3)]
        return [future.result() for future in futures]

    return await asyncio.to_thread(submit)


async def callbacks(tape: Tape) -> Any:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    found: list[str] = []

    def later() -> None:
        found.append(tape.ask_now())
        done.set_result(None)

    loop.call_soon(lambda: found.append(tape.ask_now()))
    loop.call_later(0.0005, later)
    await done
    return found


async def nested_loop(tape: Tape) -> Any:
    async def inner() -> Any:
        return await tape.ask(), await asyncio.gather(*(leaf(tape, n) for n in range(2)))

    return await asyncio.to_thread(lambda: asyncio.run(inner()))


SECTIONS = (
    nested_gather,
    groups,
    waits,
    completed,
    shields,
    awaitables,
    contexts,
    direct,
    threads_of_asyncio,
    pools,
    threads,
    groups_of_anyio,
    generators,
    threadsafe,
    callbacks,
    nested_loop,
)


async def everything(tape: Tape) -> Any:
    loop = asyncio.get_running_loop()
    if EAGER:
        loop.set_task_factory(start_eagerly)
    found = [await eager(tape)]
    loop.set_task_factory(None)
    return found + list(await asyncio.gather(*(section(tape) for section in SECTIONS)))


def start_eagerly(loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
    # `asyncio.eager_task_factory` of 3.13.0 lacks the argument that uvloop hands it.
    kwargs.pop("eager_start", None)
    return asyncio.Task(coro, loop=loop, eager_start=True, **kwargs)  # type: ignore[call-arg]  # 3.12
