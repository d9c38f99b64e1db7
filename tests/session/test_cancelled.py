"""What was cancelled while recording never answers in a replay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import replaykit


@replaykit.tool(effect="read")
async def slow() -> str:
    await asyncio.Event().wait()
    return "too late"


async def _hedge(*, cancels: bool = True) -> str:
    """Asks a slow tool, and does not wait for it."""
    task = asyncio.create_task(slow())
    await asyncio.sleep(0)
    if not cancels:
        return await task
    task.cancel()
    return (
        "cancelled"
        if isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
        else "?"
    )


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    with replaykit.record("hedge", store=tmp_path) as run:
        run.finish(output=asyncio.run(_hedge()))
    assert run.packet_path is not None
    return run.packet_path


def test_a_cancelled_tool_is_cancelled_again(packet: Path) -> None:
    with replaykit.replay(packet) as rerun:
        rerun.finish(output=asyncio.run(_hedge()))

    assert rerun.report.ok and rerun.report.output_compared


def test_waiting_for_a_cancelled_tool_ends_in_a_divergence(packet: Path) -> None:
    """It has no result to give; as soon as nothing else can go on, it says so."""

    with pytest.raises(replaykit.Divergence, match="nobody cancelled it") as raised, replaykit.replay(packet):
        asyncio.run(_hedge(cancels=False))

    assert raised.value.root_cause == "recording ends"


@replaykit.tool(effect="read")
def interrupted() -> str:
    raise KeyboardInterrupt


def test_ctrl_c_in_a_tool_comes_again(tmp_path: Path) -> None:
    """A person's interrupt is no cancellation: it is served where it came."""
    with replaykit.record("chat", store=tmp_path) as run, pytest.raises(KeyboardInterrupt):
        interrupted()
    assert run.packet_path is not None

    with replaykit.replay(run.packet_path) as rerun, pytest.raises(KeyboardInterrupt):
        interrupted()

    assert rerun.report.ok
    assert rerun.report.not_executed == ("tool:interrupted[0]",)
