"""A journal becomes a packet, or stays as the record of a run that was killed. Nothing is ever lost to another file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from replaykit.errors import PacketError
from replaykit.packet import Packet
from replaykit.packet import journal as journal_module
from replaykit.packet.codec import dump_line
from replaykit.packet.exchange import Chunk
from replaykit.packet.journal import Journal, amend_outcome, create_file, replace_file
from replaykit.packet.model import Body, OutcomeLine, Verdict
from tests.packet.building import example, http_call, http_done, run_line, write

OUTCOME = OutcomeLine(id="run-1", seq=9, time_ns=9, status="ok")
PASSED = Verdict(passed=True, reason="good")


def begun(folder: Path) -> Journal:
    """A journal with one finished call."""
    journal = Journal(folder / "store" / "x.packet.jsonl")
    journal.append(dump_line(run_line()))
    journal.append(dump_line(http_call(0, Body(text="hi"))) + dump_line(http_done(0, [Chunk(0, b"yes")])))
    return journal


def test_sealed_journal_is_a_whole_packet(tmp_path: Path) -> None:
    path = begun(tmp_path).seal(OUTCOME)

    packet = Packet.load(path)
    assert packet.recovered == ()
    assert packet.interactions[0].response_body == b"yes"
    assert [item.name for item in path.parent.iterdir()] == ["x.packet.jsonl"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (journal.path, journal.path.parent)]
    path = journal.seal(OUTCOME)

    assert [*modes, stat.S_IMODE(path.stat().st_mode)] == [0o600, 0o700, 0o600]


def test_two_runs_of_one_name_do_not_share_a_journal(tmp_path: Path) -> None:
    first = begun(tmp_path)

    with pytest.raises(FileExistsError):
        Journal(first.target)
    first.abandon()


def test_journal_is_not_begun_where_a_packet_stands(tmp_path: Path) -> None:
    path = begun(tmp_path).seal(OUTCOME)

    with pytest.raises(FileExistsError):
        Journal(path)


@pytest.mark.parametrize("has_links", [True, False], ids=["hard links", "no hard links"])
def test_packet_that_came_in_between_is_not_overwritten(
    tmp_path: Path, has_links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", refuse(PermissionError))
    journal = begun(tmp_path)
    journal.target.write_bytes(b"somebody else's")

    with pytest.raises(FileExistsError):
        journal.seal(OUTCOME)

    assert journal.target.read_bytes() == b"somebody else's"
    assert Packet.load(journal.path).recovered == ()


def refuse(error: type[OSError]) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_journal_is_sealed_on_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refuse(PermissionError))

    assert Packet.load(begun(tmp_path).seal(OUTCOME)).recovered == ()


def test_killed_process_leaves_its_finished_calls(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, pathlib; from tests.packet.test_journal import begun;"
        "begun(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=False)

    packet = Packet.load(tmp_path / "store" / "x.journal.jsonl")
    assert packet.recovered == ("interrupted: the run has no outcome line",)
    assert packet.interactions[0].response_body == b"yes"


def test_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = begun(tmp_path)
    file = journal._file

    class FullDisk:
        def write(self, data: bytes) -> int:
            file.write(bytes(data)[:10])
            raise OSError(28, "No space left on device")

        def fileno(self) -> int:
            return file.fileno()

    monkeypatch.setattr(journal, "_file", FullDisk())
    with pytest.raises(OSError, match="No space"):
        journal.append(dump_line(http_call(1, Body(text="more"))))
    file.close()

    assert Packet.load(journal.path).recovered == ("interrupted: the run has no outcome line",)


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = begun(tmp_path)
    file = journal._file

    class Slow:
        close = file.close

        def write(self, data: bytes) -> int:
            return file.write(bytes(data)[:7])

    monkeypatch.setattr(journal, "_file", Slow())

    assert Packet.load(journal.seal(OUTCOME)).recovered == ()


def test_abandoned_journal_is_gone(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    journal.abandon()

    assert list(journal.path.parent.iterdir()) == []


# a verdict that comes later


def test_amended_packet_is_whole_and_differs_only_in_its_outcome(tmp_path: Path) -> None:
    path = write(tmp_path, example())

    amend_outcome(path, verdict=PASSED)

    packet = Packet.load(path)
    assert packet.recovered == ()
    assert packet.outcome is not None
    assert packet.outcome.verdict == PASSED
    assert path.read_bytes().splitlines()[:-1] == example().splitlines()[:-1]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        pytest.param(example().replace(b"cold", b"warm"), "digest", id="changed outcome"),
        pytest.param(example().replace(b"Troms", b"Trams"), "digest", id="changed line"),
        pytest.param(example().replace(b'"status":"ok"', b'"status": "ok"'), "digest", id="other words"),
        pytest.param(example()[:-1], "digest", id="no line end"),
        pytest.param(b"".join(example().splitlines(keepends=True)[:-1]), "kind", id="interrupted"),
        pytest.param(example() + b"\n", None, id="blank line at the end"),
        pytest.param(example()[:-9], None, id="cut"),
        pytest.param(b"", None, id="empty"),
        pytest.param(b"\xff\xfe", None, id="no packet"),
        pytest.param(example().replace(b'"format":1', b'"format":9'), "format", id="newer format"),
    ],
)
def test_altered_packet_is_not_amended(tmp_path: Path, data: bytes, field: str | None) -> None:
    path = write(tmp_path, data)

    with pytest.raises(PacketError) as caught:
        amend_outcome(path, verdict=PASSED)

    assert (caught.value.path, caught.value.field) == (path, field)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_change_that_does_not_fit_its_field_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, example())

    with pytest.raises(PacketError) as caught:
        amend_outcome(path, status="perfect")
    assert caught.value.field == "status"
    assert path.read_bytes() == example()


def test_missing_packet_can_not_be_amended(tmp_path: Path) -> None:
    with pytest.raises(PacketError, match="can't be read"):
        amend_outcome(tmp_path / "missing.packet.jsonl", verdict=PASSED)


def test_failed_replacement_leaves_the_old_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, example())
    monkeypatch.setattr(journal_module.os, "fsync", refuse(OSError))

    with pytest.raises(OSError):
        amend_outcome(path, verdict=PASSED)
    assert path.read_bytes() == example()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes, and links want a privilege")
def test_replaced_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    path = write(tmp_path, b"old")
    path.chmod(0o644)
    link = tmp_path / "link.packet.jsonl"
    link.symlink_to(path)

    replace_file(link, b"new")

    assert (path.read_bytes(), link.is_symlink(), stat.S_IMODE(path.stat().st_mode)) == (b"new", True, 0o644)


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, example())
    is_done = threading.Event()
    seen: list[tuple[str, ...]] = []

    def read() -> None:
        while not is_done.is_set():
            seen.append(Packet.load(path).recovered)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(60):
        amend_outcome(path, verdict=Verdict(passed=True, reason="x" * number * 50))
    is_done.set()
    for reader in readers:
        reader.join()

    assert seen
    assert set(seen) == {()}


def test_a_created_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    create_file(path, b"first")

    with pytest.raises(FileExistsError):
        create_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert [item.name for item in tmp_path.iterdir()] == ["x.packet.jsonl"]
