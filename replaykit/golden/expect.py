"""What is demanded of a cassette that has no test code of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from replaykit.errors import PacketError
from replaykit.launch.replaying import Options, Replayed, replay_run
from replaykit.packet import Packet
from replaykit.packet.model import OutcomeLine
from replaykit.session.closing import THE_END


@dataclass(frozen=True, slots=True)
class Checked:
    """A cassette that was replayed.

    Attributes:
        packet: The cassette.
        problem: Why it did not pass, at most a dozen lines; None: it passed.
    """

    packet: Packet
    replayed: Replayed
    problem: str | None


def check(path: Path, root: Path, *, allow: tuple[str, ...] = (), output: int | None = None) -> Checked:
    """Replays a cassette in a process of its own.

    A good run has to be the same run. Of a run that had failed, the failure has to be gone: red until it is fixed.

    Args:
        root: Top of the project, where its command is run.
        output: Where the command prints; default: where this process does.

    Raises:
        UsageError: The cassette can't be run.
        PacketError: It can't be read, or lacks its end, and with it what there is to compare.
    """
    packet = Packet.load(path)
    if packet.outcome is None:
        reason = "the cassette was cut short: its last line, with the end of the run, is not there; restore the file"
        raise PacketError(reason, path=path)
    replayed = replay_run(str(path), root=root, options=Options(allow=allow), stdout=output, stderr=output)
    return Checked(packet, replayed, _problem(packet, replayed))


def _problem(packet: Packet, replayed: Replayed) -> str | None:
    report = replayed.report
    if report is None:
        return replayed.silence
    assert packet.outcome is not None
    failure = _failure(packet.outcome)
    if failure is None:
        return None if report.ok else report.divergences[0].message
    if report.ok:
        return (
            f"the recorded failure is still there: {failure}\n"
            f"  every call came back exactly; mend the code until the run ends well\n"
            f"  look closer: replaykit show {report.packet}"
        )
    first = report.divergences[0]
    has_ended_well = replayed.exit_code == 0 and report.status == "ok"
    return None if first.position == THE_END and has_ended_well else first.message


def _failure(outcome: OutcomeLine) -> str | None:
    """What was wrong with the recorded run; None for a good one."""
    if outcome.status == "failed":
        error = outcome.exception
        return f"{error.type.rpartition(':')[2]}: {error.message}" if error else f"exit code {outcome.exit_code}"
    if outcome.verdict is not None and not outcome.verdict.passed:
        return f"judged bad: {outcome.verdict.reason or 'no reason given'}"
    return None
