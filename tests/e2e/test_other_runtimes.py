"""What one Python or one event loop recorded, another one replays."""

from __future__ import annotations

from pathlib import Path

import pytest

import replaykit
from tests.e2e.mixed_agent import record, run_agent

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("mixed-*.packet.jsonl"))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name.partition(".")[0])
def test_a_recording_of_another_python_replays_exactly(recording: Path, loop: str) -> None:
    """Recorded on 3.11, 3.12 and 3.13, on asyncio and on uvloop: every call comes back at its own position."""
    with replaykit.replay(recording) as rerun:
        rerun.finish(output=run_agent("http://127.0.0.1:9", loop))

    assert rerun.report.ok
    assert {item.level for item in rerun.report.interactions} == {0}
    assert rerun.report.output_compared


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_fresh_recording_replays_again_and_again(tmp_path: Path, loop: str) -> None:
    """Random timings move nothing: ten replays, each with the recorded answers in the recorded places."""
    target = tmp_path / "mixed.packet.jsonl"
    record(target, loop)

    for _ in range(10):
        with replaykit.replay(target) as rerun:
            rerun.finish(output=run_agent("http://127.0.0.1:9", loop))
        assert rerun.report.ok
