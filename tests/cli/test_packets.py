"""`last`, and what stands where a packet should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from replaykit.errors import UsageError
from replaykit.launch.packets import find_packet, find_packets


def _write(path: Path, time_s: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    os.utime(path, (time_s, time_s))
    return path


@pytest.mark.parametrize("newer", ["a.packet.jsonl", "a.journal.jsonl"])
def test_last_is_the_newest_run_however_it_ended(newer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_STORE", str(tmp_path))
    _write(tmp_path / "b.packet.jsonl", 1)
    newest = _write(tmp_path / newer, 2)

    assert find_packet("last") == newest


def test_a_journal_that_has_become_a_packet_meanwhile_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLAYKIT_STORE", str(tmp_path))
    (tmp_path / "gone.journal.jsonl").symlink_to(tmp_path / "nowhere")
    packet = _write(tmp_path / "b.packet.jsonl", 1)

    assert find_packet("last") == packet


def test_no_packet_at_all_says_what_writes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_STORE", str(tmp_path))

    with pytest.raises(UsageError, match="replaykit record -- CMD"):
        find_packet("last")


def test_a_pipe_may_hold_a_packet(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert find_packet(str(tmp_path / "pipe")) == tmp_path / "pipe"


@pytest.mark.parametrize(("name", "reason"), [("", "is a folder, and no packet"), ("none", "there is no such file")])
def test_what_is_no_file_is_called_what_it_is(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=reason):
        find_packet(str(tmp_path / name))


def test_a_folder_is_all_packets_in_it_each_once(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    found = [_write(tmp_path / "a.packet.jsonl", 1), _write(inner / "b.packet.jsonl", 1)]
    journal = _write(inner / "c.journal.jsonl", 1)
    _write(inner / "notes.jsonl", 1)

    assert find_packets([str(tmp_path), str(found[0])]) == (*found, journal)
    assert find_packets([str(tmp_path)], has_journals=False) == tuple(found)


def test_a_folder_without_packets_is_an_error_and_not_clean(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no packet is in it"):
        find_packets([str(tmp_path)])
