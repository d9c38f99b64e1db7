"""What left a run, by state and target, and what files it wrote: bounded, counted, without the user's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from replaykit.session.egress import MAX_FILES, MAX_TARGETS, EgressLog, host_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.openai.com/v1/chat", "api.openai.com"),
        ("http://user:secret@127.0.0.1:8080/x", "127.0.0.1:8080"),
        ("http://[::1]:8080?q=/a@b", "[::1]:8080"),
        ("no address", ""),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_finalizer_that_writes_a_file_while_something_is_noted_is_not_locked_out() -> None:
    log = EgressLog()

    class Path(str):
        __slots__ = ()

        def __hash__(self) -> int:  # asked for while the log is held
            log.file("removed", "/tmp/of-a-finalizer")
            return super().__hash__()

    log.saw("uncaptured", Path("connect a"))

    assert log.left().files == ("removed /tmp/of-a-finalizer",)


def test_requests_are_counted_by_host() -> None:
    log = EgressLog()
    for url in ("http://a/1", "http://b/1", "http://a/2"):
        log.request(url, is_kept=True)
    log.request("http://traces/1", is_kept=False)

    assert log.left().egress == (("captured", "a", 2), ("captured", "b", 1), ("allowed", "telemetry traces", 1))


def test_only_so_many_targets_are_kept_and_those_are_counted_on() -> None:
    log = EgressLog()
    for _ in range(2):
        for number in range(MAX_TARGETS + 9):
            log.saw("uncaptured", f"connect {number}")

    left = log.left()
    assert len(left.uncaptured) == MAX_TARGETS
    assert {count for _, _, count in left.egress} == {2}


def test_files_are_named_from_the_folder_of_the_run_or_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ola" / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "ola"))
    monkeypatch.chdir(tmp_path / "ola" / "work")
    log = EgressLog()
    for path in ("out.txt", str(tmp_path / "ola" / "work" / "a" / "b"), str(tmp_path / "ola" / "notes"), "/var/x"):
        log.file("wrote", path)
    log.file("removed", "out.txt")

    assert log.left().files == ("out.txt", "a/b", "~/notes", "/var/x", "removed out.txt")


def test_files_beyond_the_limit_are_a_number() -> None:
    log = EgressLog()
    for _ in range(2):
        for number in range(MAX_FILES + 7):
            log.file("wrote", f"{number}.txt")

    assert (len(log.left().files), log.left().more_files) == (MAX_FILES, 7)


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    EgressLog().file("wrote", "/var/x")
