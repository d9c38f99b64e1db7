"""In `exact` the run must also end as it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import replaykit
from tests.session.helpers import World, user

POLICIES = pytest.mark.parametrize("policy", ["exact", "refactor"])


def _ending(world: World, output: Any = "done", stop_reason: str | None = "final") -> None:
    with replaykit.record("demo", store=world.store) as run:
        world.chat(user("one"))
        run.finish(output=output, stop_reason=stop_reason)
    assert run.packet_path is not None
    world.path = run.packet_path


def _replay(world: World, policy: str, **ending: Any) -> Any:
    with replaykit.replay(world.path, policy) as rerun:
        world.chat(user("one"))
        rerun.finish(**ending)
    return rerun.report


@POLICIES
def test_another_output_is_a_divergence_named_by_its_field(world: World, policy: str) -> None:
    _ending(world, {"answer": [1, 2], "by": "model"})

    with pytest.raises(replaykit.Divergence) as caught:
        _replay(world, policy, output={"by": "model", "answer": [1, 3]}, stop_reason="final")

    assert (caught.value.root_cause, caught.value.position) == ("code", "the end")
    assert str(caught.value).splitlines()[2:5] == ["  output.answer[1]", "  - 2", "  + 3"]


@POLICIES
def test_the_order_of_keys_in_an_output_does_not_count(world: World, policy: str) -> None:
    _ending(world, {"a": 1, "b": {2, 1}})
    report = _replay(world, policy, output={"b": {1, 2}, "a": 1}, stop_reason="final")

    assert (report.ok, report.output_compared) == (True, True)


@POLICIES
def test_another_stop_reason_is_a_divergence(world: World, policy: str) -> None:
    _ending(world)

    with pytest.raises(replaykit.Divergence, match="stop_reason"):
        _replay(world, policy, output="done", stop_reason="step limit")


def test_an_output_that_only_one_side_declares_is_not_compared(world: World) -> None:
    _ending(world)

    with replaykit.replay(world.path) as rerun:
        world.chat(user("one"))

    assert (rerun.report.ok, rerun.report.output_compared) == (True, False)


def test_sensitive_values_of_an_output_compare_by_their_kind(world: World) -> None:
    _ending(world, "mailed bob@acme.com", stop_reason="told bob@acme.com")

    assert _replay(world, "exact", output="mailed bob@acme.com", stop_reason="told bob@acme.com").ok


def _fail(world: World, error: Callable[[], BaseException] | None) -> None:
    world.chat(user("one"))
    if error is not None:
        raise error()


@pytest.mark.parametrize(
    ("then", "now"),
    [(None, ValueError), (ValueError, KeyError), (ValueError, asyncio.CancelledError)],
    ids=["failed where it was ok", "another exception", "cancelled where it failed"],
)
def test_another_end_is_not_ok_and_the_agents_own_error_goes_through(
    world: World, then: type[Exception] | None, now: type[BaseException]
) -> None:
    with pytest.raises(then) if then else replaykit.span("x"), replaykit.record("demo", store=world.store) as run:
        _fail(world, then)
    with pytest.raises(now), replaykit.replay(run.packet_path or "") as rerun:
        _fail(world, now)

    assert not rerun.report.ok
    assert "how it ended" in rerun.report.divergences[0].message


def test_a_failure_that_is_gone_is_a_divergence(world: World) -> None:
    with pytest.raises(ValueError, match=r"^$"), replaykit.record("demo", store=world.store) as run:
        _fail(world, ValueError)

    divergence = world.diverge(lambda: _fail(world, None), packet=run.packet_path)

    assert "- failed: builtins:ValueError" in str(divergence)


@pytest.mark.parametrize("code", [None, 0])
def test_leaving_early_with_success_is_no_failure(world: World, code: int | None) -> None:
    with pytest.raises(SystemExit), replaykit.record("demo", store=world.store) as run:
        raise SystemExit(code)
    packet = replaykit.Packet.load(run.packet_path or "")
    assert packet.outcome is not None
    assert packet.outcome.status == "ok"

    with replaykit.replay(packet) as rerun:
        pass
    assert rerun.report.ok


@replaykit.tool
def book(seat: int) -> str:
    return f"booked {seat}"


@replaykit.tool
def mail(seat: int) -> str:
    return f"mailed {seat}"


@replaykit.tool(effect="read")
def look(seat: int) -> str:
    return f"looked {seat}"


def _write(*tools: Callable[[int], str]) -> None:
    for tool in tools:
        tool(1)


@POLICIES
def test_writes_in_another_order_are_a_divergence(world: World, policy: str) -> None:
    """Each of them is at its recorded position; only their order is another one."""
    world.record(lambda: _write(book, mail))
    divergence = world.diverge(lambda: _write(mail, book), policy)

    assert divergence.root_cause == "order"
    assert str(divergence).splitlines()[2:4] == ["  - tool:book[0]", "  + tool:mail[0]"]


def test_reads_may_come_in_any_order(world: World) -> None:
    world.record(lambda: _write(look, book))

    assert world.replay(lambda: _write(book, look)).ok


def test_writes_of_other_lineages_may_come_in_any_order(world: World) -> None:
    """Which of two branches writes first is the schedule's business."""

    async def agent(order: list[str]) -> None:
        gates = {name: asyncio.Event() for name in order}

        async def write(name: str) -> None:
            await gates[name].wait()
            book(len(name))
            after = order[order.index(name) + 1 :]
            if after:
                gates[after[0]].set()

        gates[order[0]].set()
        async with asyncio.TaskGroup() as group:
            for name in ("a", "bb"):
                group.create_task(write(name), name=name)

    world.record(lambda: asyncio.run(agent(["a", "bb"])))

    assert world.replay(lambda: asyncio.run(agent(["bb", "a"]))).ok


def test_a_recording_without_an_end_is_never_ok(world: World) -> None:
    """It was interrupted; that this run came to its end is already another story."""
    world.record(lambda: world.chat(user("one")))
    path = world.rewrite(lambda lines: lines)
    divergence = world.diverge(lambda: world.chat(user("one")), packet=path)

    assert divergence.root_cause == "recording ends"
    assert world.report.interactions[0].level == 0
