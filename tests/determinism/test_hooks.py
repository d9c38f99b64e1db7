"""What the hooks leave alone: contexts, originals, other people's patches. And what they refuse."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
import subprocess
import sys
import threading
from typing import Any

import anyio._backends._asyncio
import anyio.from_thread
import anyio.to_thread
import pytest
import uvloop

from replaykit.determinism import hooks, lineage
from replaykit.determinism.patches import Patch
from replaykit.errors import UsageError
from tests.determinism.tape import EAGER, LOOPS, run_of

HOOKED: list[tuple[Any, str]] = [
    (asyncio.base_events.BaseEventLoop, "create_task"),
    (asyncio.base_events.BaseEventLoop, "run_until_complete"),
    (asyncio.base_events.BaseEventLoop, "call_soon_threadsafe"),
    (uvloop.Loop, "create_task"),
    (asyncio, "as_completed"),
    (asyncio.tasks, "as_completed"),
    (concurrent.futures.ThreadPoolExecutor, "submit"),
    (threading.Thread, "start"),
    (anyio._backends._asyncio.AsyncIOBackend, "run_sync_in_worker_thread"),
]


def path() -> str | None:
    node = lineage.current()
    return None if node is None else node.path


async def where() -> str | None:
    await asyncio.sleep(0)
    return path()


def hooked_now() -> list[object]:
    return [vars(owner).get(name) for owner, name in HOOKED]


def test_hooks_are_there_while_a_run_is_and_gone_without_a_trace() -> None:
    before = hooked_now()
    with run_of("a"):
        with run_of("b"):
            pass
        during = hooked_now()

    assert hooked_now() == before
    assert not [name for (_, name), old, new in zip(HOOKED, before, during, strict=True) if old is new]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_task_gets_the_very_context_it_was_given(loop: str) -> None:
    given = contextvars.Context()

    async def main() -> tuple[bool, dict[Any, Any]]:
        marker = contextvars.ContextVar[object]("marker")

        async def child() -> None:
            marker.set(1)
            assert path() == "child[0]"

        await asyncio.create_task(child(), context=given)
        return marker in given, {variable: given[variable] for variable in given if variable is not marker}

    with run_of("a"), asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        assert runner.run(main()) == (True, {})


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_is_added_to_the_context_of_a_task(loop: str) -> None:
    async def main() -> set[contextvars.ContextVar[Any]]:
        return set(contextvars.copy_context())

    with run_of("a"):
        expected = set(contextvars.copy_context())
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            assert runner.run(main()) == expected


@pytest.mark.skipif(not EAGER, reason="eager tasks came with 3.12")
def test_an_eager_task_knows_its_place_in_its_first_step() -> None:
    async def at_once() -> list[str | None]:
        found = [path()]
        await asyncio.sleep(0)
        return [*found, path()]

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        by_loop = await asyncio.gather(at_once(), at_once())
        loop.set_task_factory(None)
        return [*by_loop, await asyncio.eager_task_factory(loop, at_once())]

    with run_of("a"):
        assert asyncio.run(main()) == [[f"at_once[{n}]"] * 2 for n in range(3)]


@pytest.mark.skipif(not EAGER, reason="eager tasks came with 3.12")
def test_a_run_begun_in_the_first_step_of_an_eager_task_stays_its_own() -> None:
    async def begins() -> list[str | None]:
        with run_of("b"):
            await asyncio.sleep(0)
            found = [lineage.current().run]  # type: ignore[union-attr]
        return [*found, path()]

    async def main() -> list[str | None]:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await asyncio.create_task(begins())

    with run_of("a"):
        assert asyncio.run(main()) == ["b", "begins[0]"]


def test_direct_tasks_are_adopted_in_the_order_they_were_made() -> None:
    async def worker(delay_s: float) -> str | None:
        await asyncio.sleep(delay_s)
        return path()

    async def main() -> list[str | None]:
        return await asyncio.gather(*[asyncio.Task(worker(delay_s)) for delay_s in (0.003, 0.001, 0.002)])

    with run_of("a"):
        assert asyncio.run(main()) == ["adopted:worker[0]", "adopted:worker[1]", "adopted:worker[2]"]


def test_a_direct_task_in_the_loop_of_a_job_belongs_to_the_job() -> None:
    async def main() -> str | None:
        return await asyncio.Task(where())

    def agent() -> str | None:
        return asyncio.run(main())

    with run_of("a"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(agent).result() == "agent[0]/adopted:where[0]"


def test_a_name_that_differs_in_each_execution_is_not_part_of_a_position() -> None:
    names = ["Task-7", "job-3f2a9c1b", "0x7f7360cb4d00", "5a1c2d3e-0000-4000-8000-abcdefabcdef", "at-1732181234"]

    async def main() -> list[str | None]:
        return [await asyncio.create_task(where(), name=name) for name in [*names, "fetch-1"]]

    with run_of("a"):
        assert asyncio.run(main()) == [*(f"where[{n}]" for n in range(5)), "where(fetch-1)[0]"]


def test_as_completed_imported_by_name_follows_the_order_of_its_list() -> None:
    from asyncio import as_completed  # before the hook is there

    async def numbered(number: int) -> tuple[int, str | None]:
        return number, await where()

    async def main() -> list[Any]:
        return sorted([await done for done in as_completed([numbered(n) for n in range(20)])])

    with run_of("a"):
        assert asyncio.run(main()) == [(n, f"numbered[{n}]") for n in range(20)]


def test_a_reused_anyio_thread_keeps_nothing_of_the_run_that_started_it() -> None:
    async def main() -> list[Any]:
        with run_of("a"):
            inside = await anyio.to_thread.run_sync(lambda: (path(), threading.get_ident()))
        outside = await anyio.to_thread.run_sync(lambda: (path(), threading.get_ident()))
        assert inside[1] == outside[1]
        return [inside[0], outside[0]]

    assert asyncio.run(main()) == ["<lambda>[0]", None]


def test_anyio_threads_call_back_into_the_loop_as_themselves() -> None:
    def tool() -> str | None:
        return anyio.from_thread.run(where)

    async def main() -> list[str | None]:
        return [await anyio.to_thread.run_sync(tool) for _ in range(2)]

    with run_of("a"):
        assert asyncio.run(main()) == ["tool[0]/where[0]", "tool[1]/where[0]"]


def test_a_portal_older_than_the_run_runs_what_the_run_asks_of_it() -> None:
    def ask(portal: anyio.from_thread.BlockingPortal) -> list[str | None]:
        return [portal.call(where), portal.call(functools.partial(path)), portal.start_task_soon(where).result()]

    with anyio.from_thread.start_blocking_portal() as portal:
        with run_of("a"), concurrent.futures.ThreadPoolExecutor(1) as pool:
            assert ask(portal) == ["where[0]", "path[0]", "where[1]"]
            assert pool.submit(ask, portal).result() == ["ask[0]/where[0]", "ask[0]/path[0]", "ask[0]/where[1]"]
        assert ask(portal) == [None, None, None]


def test_without_a_strand_the_original_is_called_untouched() -> None:
    def submitted(pool: concurrent.futures.ThreadPoolExecutor) -> None:
        pool.submit(given).result()

    def given() -> None:
        found.append(path())

    found: list[str | None] = []
    older = concurrent.futures.ThreadPoolExecutor(1)
    older.submit(int).result()
    with run_of("a"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        contextvars.Context().run(submitted, pool)
    older.shutdown()

    assert found == [None]


@pytest.mark.parametrize(
    ("imported", "run", "expected"),
    [
        ("uvloop", "uvloop.run(main())", "where[0]"),
        ("anyio.to_thread", "anyio.run(anyio.to_thread.run_sync, path)", "path[0]"),
    ],
)
def test_a_library_imported_inside_the_run_is_followed_too(imported: str, run: str, expected: str) -> None:
    program = f"""
import asyncio, sys
from replaykit.determinism import lineage
def path(): return lineage.current().path
async def where(): return path()
async def main(): return await asyncio.create_task(where())
root = lineage.begin("a")
assert "uvloop" not in sys.modules and "anyio" not in sys.modules
import {imported}
print({run})
lineage.end(root)
assert not [finder for finder in sys.meta_path if "replaykit" in type(finder).__module__]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == expected


class Moved:
    def create_task(self, coroutine: Any) -> None: ...


def test_a_function_that_has_moved_is_refused_with_the_versions_found() -> None:
    patch = Patch(Moved, "create_task", lambda original: original, ("coro", "context"))

    with pytest.raises(UsageError, match=r"Moved\.create_task is \(self, coroutine\).*Python 3\."):
        patch.apply()
    with pytest.raises(UsageError, match=r"Moved\.gone is not there"):
        Patch(Moved, "gone", lambda original: original).apply()


def test_a_refused_hook_leaves_nothing_hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    before = hooked_now()
    refused = [*hooks._make("python"), Patch(Moved, "create_task", lambda original: original, ("coro",))]
    monkeypatch.setitem(hooks._patches, "python", refused)

    with pytest.raises(UsageError):
        lineage.begin("a")
    assert hooked_now() == before
    assert lineage.alive() == 0


def test_somebody_elses_patch_over_ours_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    original = threading.Thread.start
    with run_of("a"):
        ours = threading.Thread.start

        def theirs(self: threading.Thread) -> None:
            ours(self)

        threading.Thread.start = theirs  # type: ignore[method-assign]
    try:
        assert threading.Thread.start is theirs
        found: list[str | None] = []
        with run_of("b"):
            thread = threading.Thread(target=lambda: found.append(path()))
            thread.start()
            thread.join()
        assert found == ["<lambda>[0]"]
    finally:
        threading.Thread.start = ours  # type: ignore[method-assign]
        with run_of("c"):
            pass

    assert threading.Thread.start is original
