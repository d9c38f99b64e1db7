"""In `exact` the run must also end as it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Rule, ScriptedServer
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


def _end(world: World, output: Any, prompt: str = "one") -> Any:
    """The agent says something, and gives `output`."""
    return lambda: (world.chat(user(prompt)), output)[1]


ADA, EVE = "ada.doe@shop.net", "eve.roe@shop.net"


@pytest.mark.parametrize(
    ("prompt", "then", "now"),
    [
        (f"for {ADA}", f"to {ADA}", f"to {EVE}"),
        (f"for {ADA} or {EVE}", f"to {ADA}", f"to {EVE}"),
        (f"for {ADA} or {EVE}", {ADA: 1, EVE: 2}, {ADA: 2, EVE: 1}),
        (f"for {ADA} or {EVE}", [{ADA, EVE}], [{ADA}]),
    ],
    ids=["another one than in the prompt", "the other one of the prompt", "as keys", "in a set"],
)
def test_another_sensitive_value_in_the_output_is_a_divergence(world: World, prompt: str, then: Any, now: Any) -> None:
    world.record(_end(world, then, prompt))
    assert world.replay(_end(world, then, prompt)).ok

    divergence = world.diverge(_end(world, now, prompt))
    assert (divergence.root_cause, divergence.position) == ("code", "the end")
    assert not any(address in str(divergence) for address in (ADA, EVE))


def test_a_sensitive_value_that_only_the_output_has_is_assumed_to_be_the_same(world: World) -> None:
    world.record(_end(world, f"to {ADA}"))

    assert world.replay(_end(world, f"to {ADA}")).assumed == {"email": 1}
    assert "a value of kind email" in str(world.diverge(_end(world, f"to {ADA}"), strict_substitutions=True))


def test_the_order_of_keys_and_sets_does_not_change_what_stands_for_what(world: World) -> None:
    prompt = f"for {ADA} or {EVE}"
    world.record(_end(world, {"a": ADA, "e": EVE, "all": {ADA, EVE}, ADA: 1}, prompt))

    assert world.replay(_end(world, {ADA: 1, "all": {EVE, ADA}, "e": EVE, "a": ADA}, prompt)).ok


def test_stand_ins_of_recorded_answers_come_out_in_any_order(tmp_path: Any) -> None:
    """A set of addresses that a model gave is sorted by what they were then, and by their stand-ins now."""
    addresses = [f"{name}@shop.net" for name in ("ada", "bob", "cyd", "dan", "eve", "fay")]
    with ScriptedServer([Rule(reply=" ".join(addresses))]) as server:
        world = World(server, tmp_path)
        with world.client:
            act = lambda: set(world.chat(user("who?"))["content"].split())  # noqa: E731  # record and replay it
            world.record(act)
            assert world.replay(act).output_compared


def test_another_sensitive_stop_reason_is_a_divergence(world: World) -> None:
    with replaykit.record("demo", store=world.store) as run:
        world.chat(user(f"for {ADA}"))
        run.finish(output=1, stop_reason=f"told {ADA}")

    with pytest.raises(replaykit.Divergence, match="stop_reason"), replaykit.replay(run.packet_path or "") as rerun:
        world.chat(user(f"for {ADA}"))
        rerun.finish(output=1, stop_reason=f"told {EVE}")


def _raised(world: World, then: BaseException, now: BaseException, prompt: str = "one") -> Any:
    """The report of a run that raised `then`, and raises `now`."""

    def act(error: BaseException) -> None:
        world.chat(user(prompt))
        raise error

    with pytest.raises(type(then)), replaykit.record("demo", store=world.store) as run:
        act(then)
    with pytest.raises(type(now)), replaykit.replay(run.packet_path or "") as rerun:
        act(now)
    return rerun.report


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (ValueError("refund 10 EUR"), ValueError("refund 9999 EUR")),
        (ValueError(f"no {ADA}"), ValueError(f"no {EVE}")),
        (SystemExit(2), SystemExit(3)),
        (ExceptionGroup("g", [ValueError("refund 10")]), ExceptionGroup("g", [ValueError("refund 99")])),
        (ExceptionGroup("g", [ValueError("a")]), ExceptionGroup("g", [KeyError("a")])),
    ],
    ids=["text", "sensitive value", "exit code", "inside a group", "type inside a group"],
)
def test_another_message_of_the_same_exception_is_not_ok(world: World, then: BaseException, now: BaseException) -> None:
    report = _raised(world, then, now, f"for {ADA} or {EVE}")

    assert not report.ok
    assert "exception" in report.divergences[0].message


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (ValueError("<x at 0x7f01>"), ValueError("<x at 0x7f02>")),
        (ValueError(f"no {ADA}"), ValueError(f"no {ADA}")),
        (ExceptionGroup("g", [ValueError("a"), KeyError("b")]), ExceptionGroup("g", [KeyError("b"), ValueError("a")])),
    ],
    ids=["address", "sensitive value", "order of a group"],
)
def test_what_does_not_count_about_an_exception(world: World, then: BaseException, now: BaseException) -> None:
    assert _raised(world, then, now, f"for {ADA} or {EVE}").ok


def test_a_time_in_a_message_is_blamed_on_the_clock(world: World) -> None:
    report = _raised(world, ValueError("since 2026-01-31T08:15:00Z"), ValueError("since 2026-02-01T09:00:00Z"))

    assert report.divergences[0].root_cause == "clock or random"


class Opaque:
    def __init__(self, value: int) -> None:
        self.value = value


@pytest.mark.parametrize("wrap", [lambda item: item, lambda item: {"r": [item], "n": 1}], ids=["alone", "inside"])
def test_an_output_that_can_not_be_read_is_not_said_to_be_compared(world: World, wrap: Callable[[Any], Any]) -> None:
    world.record(_end(world, wrap(Opaque(1))))
    report = world.replay(_end(world, wrap(Opaque(2))))

    assert (report.ok, report.output_compared) == (True, False)
    assert "test_outcome:Opaque" in report.notes[0]


def test_what_stands_beside_an_opaque_value_is_compared(world: World) -> None:
    world.record(_end(world, {"r": Opaque(1), "n": 1}))

    assert "output.n" in str(world.diverge(_end(world, {"r": Opaque(1), "n": 2})))
    assert world.report.output_compared is False


@pytest.mark.parametrize(("policy", "is_said"), [("exact", True), ("refactor", True), ("wiring", False)])
def test_a_replay_that_gives_no_output_is_said_to_have_compared_none(world: World, policy: str, is_said: bool) -> None:
    world.record(_end(world, "fine"))

    with replaykit.replay(world.path, policy) as rerun:
        _end(world, "bad")()

    report = rerun.report
    assert (report.ok, report.output_compared, report.lacks_output) == (True, False, is_said)
    assert ("output not compared" in report.summary()) == is_said
    assert any("recorded output was not compared" in note for note in report.notes) == is_said
