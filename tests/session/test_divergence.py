"""How a divergence reaches the one who runs the replay, whatever stands in its way."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import replaykit
from tests.session.helpers import World, user


def test_no_except_exception_swallows_it(world: World) -> None:
    def agent(text: str) -> None:
        try:
            world.chat(user(text))
        except Exception as error:
            raise AssertionError("swallowed") from error

    world.record(lambda: agent("one"))

    assert world.diverge(lambda: agent("two")).position == "llm:chat[0]"


def test_what_the_agent_swallows_comes_out_at_the_close(world: World) -> None:
    def agent(text: str) -> str:
        try:
            world.chat(user(text))
        except BaseException:
            return "never mind"
        return "fine"

    world.record(lambda: agent("one"))
    divergence = world.diverge(lambda: agent("two"))

    assert divergence.level == 2
    assert not world.report.ok


@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["in its place", "in a thread"])
def test_retry_that_swallows_everything_is_not_the_first(world: World, is_elsewhere: bool) -> None:
    """No later call was recorded: the second attempt has no event to belong to, and comes after the first."""

    def attempt(text: str) -> bool:
        try:
            return bool(world.chat(user(text)))
        except BaseException:
            return False

    def agent(text: str) -> None:
        if not attempt(text):
            again = threading.Thread(target=attempt, args=(text,)) if is_elsewhere else None
            if again is None:
                attempt(text)
            else:
                again.start()
                again.join()

    world.record(lambda: agent("one"))
    divergence = world.diverge(lambda: agent("two"))

    assert (divergence.position, divergence.level) == ("llm:chat[0]", 2)


def test_every_further_call_raises_it_again(world: World) -> None:
    """Also a call that the recording has."""
    caught: list[BaseException] = []

    def agent(text: str) -> None:
        for prompt in (text, "two", "three"):
            try:
                world.chat(user(prompt))
            except replaykit.Divergence as error:
                caught.append(error)

    world.record(lambda: agent("one"))
    world.diverge(lambda: agent("changed"))

    assert [(error.position, str(error)) for error in caught] == [(caught[0].position, str(caught[0]))] * 3  # type: ignore[attr-defined]


def test_the_first_one_is_the_earliest_by_recorded_order(world: World) -> None:
    """Two tasks leave the recording in the other order; the report names what was recorded first."""

    async def agent(texts: dict[str, str], order: list[str]) -> None:
        gates = {name: asyncio.Event() for name in order}

        async def ask(name: str) -> None:
            await gates[name].wait()
            try:
                world.chat(user(texts[name]))
            finally:
                after = order[order.index(name) + 1 :]
                if after:
                    gates[after[0]].set()

        gates[order[0]].set()
        tasks = [asyncio.create_task(ask(name), name=name) for name in ("a", "b")]
        await asyncio.gather(*tasks, return_exceptions=True)

    packet = world.record(lambda: asyncio.run(agent({"a": "one", "b": "two"}, ["a", "b"])))
    divergence = world.diverge(lambda: asyncio.run(agent({"a": "one!", "b": "two!"}, ["b", "a"])))

    recorded = [item.position for item in packet.interactions]
    assert [item.position for item in world.report.divergences] == recorded
    assert divergence.position == recorded[0]


def test_a_group_around_it_is_taken_off(world: World) -> None:
    async def agent(text: str) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(world.chat, user(text)))

    world.record(lambda: asyncio.run(agent("one")))

    assert type(world.diverge(lambda: asyncio.run(agent("two")))) is replaykit.Divergence


def test_one_in_a_worker_thread_reaches_the_root(world: World) -> None:
    def agent(text: str) -> None:
        caught: list[BaseException] = []

        def work() -> None:
            try:
                world.chat(user(text))
            except BaseException as error:
                caught.append(error)

        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()

    world.record(lambda: agent("one"))

    assert world.diverge(lambda: agent("two")).root_cause == "prompt"


def test_an_error_of_the_users_own_is_not_replaced(world: World) -> None:
    """A test that fails its own assertion says so, not that the run ended in another way."""
    world.record(lambda: world.chat(user("one")))

    with pytest.raises(AssertionError, match="mine"), replaykit.replay(world.path) as rerun:
        world.chat(user("one"))
        raise AssertionError("mine")

    assert not rerun.report.ok


def test_an_error_of_the_users_own_after_a_divergence_is_replaced(world: World) -> None:
    world.record(lambda: world.chat(user("one")))

    def agent() -> None:
        try:
            world.chat(user("two"))
        finally:
            raise AssertionError("a consequence")

    assert world.diverge(agent).root_cause == "prompt"


def test_the_users_keyboard_interrupt_goes_through(world: World) -> None:
    """Also after a divergence: who presses Ctrl-C wants the program to stop."""
    world.record(lambda: world.chat(user("one")))

    def agent() -> None:
        with pytest.raises(replaykit.Divergence):
            world.chat(user("two"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.replay(agent)
    assert world.report.divergences[0].root_cause == "prompt"


def test_a_cancelled_root_stays_cancelled(world: World) -> None:
    world.record(lambda: world.chat(user("one")))

    async def main() -> None:
        with replaykit.replay(world.path):
            world.chat(user("one"))
            await asyncio.Event().wait()

    async def cancel() -> None:
        task = asyncio.create_task(main())
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())


def test_a_failure_that_was_recorded_is_ok_with_verdict_failed(world: World) -> None:
    def agent() -> None:
        world.chat(user("one"))
        raise ValueError("as ever")

    with pytest.raises(ValueError, match="as ever"), replaykit.record("demo", store=world.store) as run:
        agent()
    with pytest.raises(ValueError, match="as ever"), replaykit.replay(run.packet_path or "") as rerun:
        agent()

    assert (rerun.report.ok, rerun.report.verdict) == (True, "failed")


async def _waits_for_a_dead_worker(world: World, text: str) -> str:
    """The worker dies of the divergence; the consumer waits for its word for ever."""
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def work() -> None:
        queue.put_nowait(world.chat(user(text))["content"])

    worker = asyncio.create_task(work(), name="worker")
    try:
        return await queue.get()
    finally:
        await asyncio.gather(worker, return_exceptions=True)


def test_after_the_grace_period_the_runs_tasks_are_cancelled(world: World) -> None:
    world.record(lambda: asyncio.run(_waits_for_a_dead_worker(world, "one")))

    divergence = world.diverge(lambda: asyncio.run(_waits_for_a_dead_worker(world, "two")), grace_s=0.02)

    assert divergence.root_cause == "prompt"
    assert any("waits at" in note for note in world.report.notes)


def test_a_root_task_that_was_cancelled_by_the_watchdog_is_not_left_cancelling(world: World) -> None:
    world.record(lambda: asyncio.run(_waits_for_a_dead_worker(world, "one")))

    async def main() -> int:
        with pytest.raises(replaykit.Divergence):
            async with replaykit.replay(world.path, grace_s=0.02):
                await _waits_for_a_dead_worker(world, "two")
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert asyncio.run(main()) == 0


def test_a_main_thread_that_waits_for_ever_is_interrupted(world: World) -> None:
    def agent(text: str) -> None:
        done = threading.Event()

        def work() -> None:
            try:
                world.chat(user(text))
                done.set()
            except replaykit.Divergence:
                return

        threading.Thread(target=work, name="helper").start()
        done.wait()

    world.record(lambda: agent("one"))
    divergence = world.diverge(lambda: agent("two"), grace_s=0.02)

    assert divergence.root_cause == "prompt"
    assert any("MainThread waits at" in note for note in world.report.notes)


def test_a_tool_that_was_never_recorded_is_a_tool_miss(world: World) -> None:
    @replaykit.tool
    def pay(amount: int) -> str:
        raise AssertionError("a body must not run in a replay")

    world.record(lambda: world.chat(user("one")))
    divergence = world.diverge(lambda: pay(5))

    assert isinstance(divergence, replaykit.ToolMiss)
    assert (divergence.level, divergence.position) == (5, "tool:pay[0]")


def test_a_call_after_the_replay_is_refused(world: World) -> None:
    """A task that outlives its replay must not find the network open."""

    async def main() -> Any:
        gate = asyncio.Event()

        async def late() -> Any:
            await gate.wait()
            world.chat(user("two"))

        with pytest.raises(replaykit.Divergence):
            async with replaykit.replay(world.path):
                task = asyncio.create_task(late())
                world.chat(user("changed"))
        gate.set()
        return (await asyncio.gather(task, return_exceptions=True))[0]

    world.record(lambda: world.chat(user("one")))
    before = world.server.count

    assert isinstance(asyncio.run(main()), replaykit.Divergence)
    assert world.server.count == before
