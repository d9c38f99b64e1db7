"""A packet becomes a cassette whole and once, or it is said why not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

import replaykit
from replaykit.errors import UsageError
from replaykit.golden.promote import promote, refusals
from replaykit.packet.journal import amend_outcome, sealed_again
from replaykit.packet.model import Entry, Manifest

ENTRY = Entry(kind="command", argv=("python", "agent.py"))


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    @replaykit.tool
    def look_up(number: int) -> str:
        return f"order {number}"

    with replaykit.record("support", store=tmp_path / "packets") as run:
        look_up(7)
    assert run.packet_path is not None
    return run.packet_path


def test_cassette_is_the_packet_under_the_workflows_name(packet: Path, tmp_path: Path) -> None:
    promoted = promote(packet, tmp_path / "cassettes", entry=ENTRY)

    assert promoted.path == tmp_path / "cassettes" / "support.packet.jsonl"
    loaded = replaykit.Packet.load(promoted.path)
    assert loaded.entry == ENTRY
    assert loaded.recovered == ()
    assert [item.arguments for item in loaded.interactions] == [{"number": 7}]
    assert packet.exists()


def test_promoting_twice_changes_nothing(packet: Path, tmp_path: Path) -> None:
    first = promote(packet, tmp_path, entry=ENTRY)
    before = first.path.stat().st_mtime_ns

    second = promote(packet, tmp_path, entry=ENTRY)

    assert second.was_there
    assert second.path.stat().st_mtime_ns == before


def test_another_cassette_of_the_name_is_not_replaced(packet: Path, tmp_path: Path) -> None:
    promote(packet, tmp_path, entry=ENTRY)

    with pytest.raises(UsageError, match=r"another cassette .*support\.packet\.jsonl.*--name"):
        promote(packet, tmp_path, entry=Entry(kind="command", argv=("python", "other.py")))


def test_run_without_an_entry_asks_for_one(packet: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)not say what was run.*--entry MODULE:FUNCTION.*-- python SCRIPT.py"):
        promote(packet, tmp_path / "cassettes")

    assert not (tmp_path / "cassettes").exists()


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (Manifest(withheld=1), "a body was withheld"),
        (Manifest(dropped_events=2), "2 events were lost"),
        (Manifest(possibly_missing=3), "3 calls at the same time belong to no run"),
        (Manifest(unanswered=1), "1 calls were under way"),
        (Manifest(uncaptured=("connect 10.0.0.5:5432",)), "connect 10.0.0.5:5432"),
    ],
    ids=["withheld", "dropped", "unattributed", "unanswered", "uncaptured"],
)
def test_what_is_not_whole_is_refused(packet: Path, tmp_path: Path, manifest: Manifest, reason: str) -> None:
    amend_outcome(packet, manifest=manifest)

    with pytest.raises(UsageError, match=reason):
        promote(packet, tmp_path / "cassettes", entry=ENTRY)


def test_uncaptured_egress_can_be_taken_knowingly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, replaykit.record("raw", store=tmp_path) as run:
        socket.create_connection(server.getsockname(), timeout=5).close()
    assert run.packet_path is not None

    first, *rest = refusals(replaykit.Packet.load(run.packet_path))
    assert "left the process unrecorded" in first
    assert "--allow-uncaptured" in rest[-1]
    promoted = promote(run.packet_path, tmp_path / "c", entry=ENTRY, may_be_uncaptured=True)
    assert promoted.overlooked == (first,)
    assert overlooked(promoted.path) == (first,)
    assert promote(run.packet_path, tmp_path / "c", entry=ENTRY, may_be_uncaptured=True).was_there


def overlooked(path: Path) -> tuple[str, ...]:
    """What a cassette says of its own promotion; it is sealed."""
    packet = replaykit.Packet.load(path)
    assert packet.recovered == ()
    assert packet.outcome is not None
    return packet.outcome.manifest.overlooked


def test_unattributed_calls_can_be_taken_knowingly(packet: Path, tmp_path: Path) -> None:
    amend_outcome(packet, manifest=Manifest(possibly_missing=3))

    promoted = promote(packet, tmp_path / "c", entry=ENTRY, may_be_uncaptured=True)
    assert overlooked(promoted.path) == ("3 calls at the same time belong to no run that is known",)


def test_allowed_egress_is_no_question(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = f"127.0.0.1:{server.getsockname()[1]}"
        with replaykit.record("raw", store=tmp_path, allow=[target]) as run:
            replaykit.tool(name="one")(lambda: 1)()
            socket.create_connection(server.getsockname(), timeout=5).close()
    assert run.packet_path is not None

    assert overlooked(promote(run.packet_path, tmp_path / "c", entry=ENTRY).path) == ()


def test_service_is_refused_since_nobody_sends_its_requests(packet: Path, tmp_path: Path) -> None:
    outcome = replaykit.Packet.load(packet).outcome
    assert outcome is not None
    entry = Entry(kind="command", argv=("uvicorn", "app:app"))
    packet.write_bytes(sealed_again(packet, entry, outcome.manifest))

    with pytest.raises(UsageError, match="nobody sends them in a replay"):
        promote(packet, tmp_path / "cassettes")


def test_run_without_a_call_is_refused(tmp_path: Path) -> None:
    with replaykit.record("idle", store=tmp_path) as run:
        pass
    assert run.packet_path is not None

    with pytest.raises(UsageError, match="nothing to replay"):
        promote(run.packet_path, tmp_path / "cassettes", entry=ENTRY)


def test_altered_packet_is_refused(packet: Path, tmp_path: Path) -> None:
    packet.write_bytes(packet.read_bytes().replace(b"order 7", b"order 8"))

    with pytest.raises(UsageError, match="altered"):
        promote(packet, tmp_path / "cassettes", entry=ENTRY)


def test_interrupted_run_is_refused(packet: Path, tmp_path: Path) -> None:
    torn = packet.with_name("torn.packet.jsonl")
    torn.write_bytes(b"".join(packet.read_bytes().splitlines(keepends=True)[:-1]))

    with pytest.raises(UsageError, match="interrupted"):
        promote(torn, tmp_path / "cassettes", entry=ENTRY)


@pytest.mark.parametrize("name", [".", "../x", ".hidden", "a/b"])
def test_name_stays_inside_the_suite(packet: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        promote(packet, tmp_path / "cassettes", name=name, entry=ENTRY)
