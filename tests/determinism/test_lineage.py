"""What `begin`, `end`, `inside` and `current` promise in a task, a thread, a generator and plain code."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
import timeit
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from replaykit.determinism import lineage, pending, strands
from tests.determinism.tape import LOOPS, run_of


def here() -> str | None:
    node = lineage.current()
    return None if node is None else f"{node.run}:{node.path}"


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    assert here() is None
    yield
    assert here() is None
    assert lineage.alive() == 0
    assert strands.variable not in contextvars.copy_context()


def test_a_run_is_seen_in_plain_code_until_it_ends() -> None:
    with run_of("a") as root:
        assert here() == "a:"
        assert lineage.current() is root.node
        assert lineage.alive() == 1


def test_an_inner_run_gives_back_the_outer_one() -> None:
    with run_of("a"):
        with run_of("b"):
            assert here() == "b:"
        assert here() == "a:"


def test_runs_may_end_in_another_order_than_they_began() -> None:
    first, second, third = (lineage.begin(name) for name in "abc")

    lineage.end(second)
    assert here() == "c:"
    lineage.end(third)
    assert here() == "a:"
    lineage.end(first)
    lineage.end(first)


def test_runs_of_two_tasks_may_overlap_and_end_in_any_order() -> None:
    async def work(run: str, start_s: float, end_s: float) -> list[str | None]:
        await asyncio.sleep(start_s)
        with run_of(run):
            first = here()
            await asyncio.sleep(end_s)
            found = [first, here(), *await asyncio.gather(child(), child())]
        return [*found, here()]

    async def child() -> str | None:
        await asyncio.sleep(0)
        return here()

    async def main() -> list[list[str | None]]:
        return await asyncio.gather(work("a", 0, 0.002), work("b", 0.001, 0.002), work("c", 0, 0))

    for run, found in zip("abc", asyncio.run(main()), strict=True):
        assert found == [f"{run}:", f"{run}:", f"{run}:child[0]", f"{run}:child[1]", None]


def test_overlapping_runs_of_one_task_unwind_in_any_order() -> None:
    async def main() -> None:
        first, second = lineage.begin("a"), lineage.begin("b")
        lineage.end(first)
        assert here() == "b:"
        lineage.end(second)
        assert here() is None
        assert strands.variable not in contextvars.copy_context()

    asyncio.run(main())


def test_a_run_begun_in_one_task_may_end_in_another() -> None:
    async def main() -> None:
        root = lineage.begin("a")
        await asyncio.create_task(asyncio.to_thread(lineage.end, root))
        assert lineage.alive() == 0

    asyncio.run(main())


def test_spans_are_left_in_any_order() -> None:
    with run_of("a") as root:
        outer, inner = (lineage.inside(root.node.child(name)) for name in ("outer", "inner"))
        outer.__enter__()
        inner.__enter__()
        assert here() == "a:inner[0]"
        outer.__exit__()
        assert here() == "a:inner[0]"
        inner.__exit__()
        assert here() == "a:"


def test_a_span_of_a_task_does_not_show_in_its_siblings_or_callbacks() -> None:
    async def main() -> list[str | None]:
        node = lineage.current()
        assert node is not None
        found: list[str | None] = []
        loop = asyncio.get_running_loop()
        sibling = asyncio.create_task(child())
        with lineage.inside(node.child("planner")):
            loop.call_soon(lambda: found.append(here()))
            await asyncio.sleep(0.001)
            found += [here(), await sibling, await asyncio.create_task(child())]
        return [*found, here()]

    async def child() -> str | None:
        await asyncio.sleep(0)
        return here()

    async def begin_and_run() -> list[str | None]:
        with run_of("a"):
            return await main()

    expected = ["a:", "a:planner[0]", "a:child[0]", "a:planner[0]/child[0]", "a:"]
    assert asyncio.run(begin_and_run()) == expected
    with run_of("a"):
        assert asyncio.run(main()) == expected


def test_a_span_given_to_unattributed_code_ties_it_to_the_run() -> None:
    with run_of("a") as root:
        node = root.node.child("tool")
    with lineage.inside(node):
        assert here() == "a:tool[0]"


def test_a_node_still_names_its_run_after_the_run_has_ended() -> None:
    async def main() -> list[str | None]:
        with run_of("a"):
            late = asyncio.create_task(child())
        return [await late, here()]

    async def child() -> str | None:
        await asyncio.sleep(0)
        return here()

    assert asyncio.run(main()) == ["a:child[0]", None]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_task_older_than_the_run_is_unattributed(loop: str) -> None:
    async def older(wake: asyncio.Event) -> str | None:
        await wake.wait()
        return here()

    async def main() -> list[str | None]:
        wake = asyncio.Event()
        task = asyncio.create_task(older(wake))
        direct = asyncio.Task(older(wake))
        await asyncio.sleep(0)
        with run_of("a"):
            wake.set()
            return [await task, await direct, here()]

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        assert runner.run(main()) == [None, None, "a:"]


def test_a_thread_older_than_the_run_is_unattributed_even_with_a_copied_context() -> None:
    def answer() -> None:
        inbox.wait()
        found.append(contexts[0].run(here))

    async def in_a_loop() -> str | None:
        return here()

    def answer_in_a_loop() -> None:
        inbox.wait()
        found.append(contexts[1].run(asyncio.run, in_a_loop()))

    inbox, found, contexts = threading.Event(), [], []
    older = [threading.Thread(target=target) for target in (answer, answer_in_a_loop)]
    for thread in older:
        thread.start()
    with run_of("a"):
        contexts += [contextvars.copy_context(), contextvars.copy_context()]
        inbox.set()
        for thread in older:
            thread.join()

    assert found == [None, None]


def test_a_new_thread_with_the_number_of_a_dead_one_is_another_thread() -> None:
    contexts: list[contextvars.Context] = []
    roots: list[lineage.Root] = []

    def begin() -> None:
        roots.append(lineage.begin("a"))
        contexts.append(contextvars.copy_context())

    found: list[str | None] = []
    first = threading.Thread(target=begin)
    first.start()
    first.join()
    strands.active.clear()  # as if no run were alive, so that the next thread is not followed
    second = threading.Thread(target=lambda: found.append(contexts[0].run(here)))
    second.start()
    second.join()
    strands.active.add(roots[0])
    lineage.end(roots[0])

    assert found == [None]


def test_one_pool_serves_two_runs_without_mixing_them() -> None:
    def job(run: str) -> bool:
        node = lineage.current()
        return node is not None and node.run == run

    def agent(run: str) -> bool:
        with run_of(run):
            return all(pool.map(job, [run] * 200))

    with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(2) as agents:
        assert list(agents.map(agent, ["a", "b"])) == [True, True]
        with run_of("c"):
            assert pool.submit(here).result() == "c:here[0]"
        assert pool.submit(here).result() is None


def test_a_job_submitted_outside_any_run_has_none_even_on_a_worker_started_inside_one() -> None:
    with ThreadPoolExecutor(1) as pool:
        with run_of("a"):
            inside = pool.submit(here).result()
        assert (inside, pool.submit(here).result()) == ("a:here[0]", None)


def test_a_run_begun_in_a_job_ends_with_it() -> None:
    def job() -> list[str | None]:
        with run_of("b"):
            found = [here()]
        return [*found, here()]

    with ThreadPoolExecutor(1) as pool:
        with run_of("a"):
            assert pool.submit(job).result() == ["b:", "a:job[0]"]
        assert pool.submit(job).result() == ["b:", None]


def test_a_thread_belongs_to_its_run_until_the_run_closes() -> None:
    found: list[str | None] = []
    wake = threading.Event()

    def work() -> None:
        wake.wait()
        found.append(here())

    with run_of("a"):
        thread = threading.Thread(target=work)
        thread.start()
        [(holder, strand)] = lineage.strands_of("a")
        assert holder is thread
        assert strand.node.path == "work[0]"
    wake.set()
    thread.join()

    assert found == ["a:work[0]"]


def test_live_tasks_threads_and_jobs_of_a_run_can_be_listed() -> None:
    async def main() -> list[Any]:
        wake = threading.Event()
        stay = [asyncio.create_task(asyncio.sleep(30), name="a"), asyncio.create_task(asyncio.to_thread(wake.wait))]
        done = asyncio.create_task(asyncio.sleep(0))
        await done
        await asyncio.sleep(0.01)
        found = [(type(holder).__name__, strand.node.path) for holder, strand in lineage.strands_of("a")]
        wake.set()
        stay[0].cancel()
        await asyncio.wait(stay)
        return sorted(found)

    with run_of("a"):
        found = asyncio.run(main())
    assert found == [("Task", ""), ("Task", "Event.wait[0]"), ("Task", "sleep(a)[0]"), ("Thread", "Event.wait[0]")]


def test_children_are_numbered_and_calls_counted_by_name() -> None:
    with run_of("a") as root:
        children = [root.node.child(name).path for name in ("x", "y", "x")]
        calls = [root.node.ordinal(key) for key in ("llm:chat", "llm:chat", "tool:x")]

    assert children == ["x[0]", "y[0]", "x[1]"]
    assert calls == [0, 1, 0]


def test_numbers_are_never_lost_or_doubled_between_threads() -> None:
    with run_of("a") as root, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: root.node.ordinal("x"), range(2000)))

    assert sorted(found) == list(range(2000))


def test_nothing_is_kept_after_a_run() -> None:
    async def main() -> None:
        await asyncio.gather(*(asyncio.create_task(asyncio.sleep(0)) for _ in range(20)))
        await asyncio.to_thread(here)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), asyncio.get_running_loop())

    gc.collect()
    before = {*strands.tasks.live(), *strands.threads}  # what other tests of this process left running
    with run_of("a"):
        asyncio.run(main())
        thread = threading.Thread(target=here)
        thread.start()
        thread.join()
        del thread
    gc.collect()

    assert {*strands.tasks.live(), *strands.threads} <= before
    assert not strands.jobs
    assert pending.count() == 0


def test_with_no_run_ever_begun_looking_costs_about_a_function_call() -> None:
    program = (
        "import sys, timeit\n"
        "from replaykit.determinism.lineage import current\n"
        "assert 'asyncio' not in sys.modules\n"
        "def plain(): return None\n"
        "best = lambda f: min(timeit.repeat(f, number=20000, repeat=7))\n"
        "print(best(current) / best(plain))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert float(done.stdout) < 8


def test_with_a_run_looking_costs_less_than_some_sixty_function_calls() -> None:
    def best(function: Any) -> float:
        return min(timeit.repeat(function, number=200, repeat=200))  # short turns: a busy machine interrupts long ones

    async def main() -> float:
        return best(lineage.current) / best(lambda: None)

    with run_of("a"):
        assert asyncio.run(main()) < 60
