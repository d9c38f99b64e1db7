"""`input()` and `getpass` inside a run, in one process: recorded as `human`, served in a replay."""

from __future__ import annotations

import getpass
import io
from pathlib import Path

import pytest

import replaykit

PASSWORD = "correct horse battery"


def test_an_answer_is_served_and_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Kari\n"))
    with replaykit.record("chat", store=tmp_path) as run:
        assert input("name? ") == "Kari"

    with replaykit.replay(run.packet_path) as rerun:
        assert input("name? ") == "Kari"

    assert rerun.report.ok
    assert [item.position for item in rerun.report.interactions] == ["human:input[0]"]


def test_another_prompt_diverges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Kari\n"))
    with replaykit.record("chat", store=tmp_path) as run:
        input("name? ")

    with pytest.raises(replaykit.Divergence, match="prompt"), replaykit.replay(run.packet_path):
        input("first name? ")


def test_outside_a_run_the_builtin_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with replaykit.record("empty", store=tmp_path):
        pass
    monkeypatch.setattr("sys.stdin", io.StringIO("x\n"))

    assert input() == "x"
    with pytest.raises(EOFError):
        input()


@pytest.mark.parametrize("prompt", ["Password: ", "Enter your API key: "])
def test_what_is_typed_where_a_secret_is_asked_for_is_one(
    prompt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    with replaykit.record("login", store=tmp_path) as run:
        assert input(prompt) == PASSWORD
        run.finish(output=f"logged in with {PASSWORD}")

    assert run.packet_path is not None
    assert PASSWORD not in run.packet_path.read_text()
    with replaykit.replay(run.packet_path) as rerun:
        rerun.finish(output=f"logged in with {input(prompt)}")
    assert rerun.report.ok


def test_getpass_keeps_a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same length; short ones too."""
    monkeypatch.setattr("sys.stdin", io.StringIO("1234\n"))
    with replaykit.record("login", store=tmp_path) as run:
        assert _typed("pin? ") == "1234"

    assert run.packet_path is not None
    (asked,) = replaykit.Packet.load(run.packet_path).interactions
    assert asked.done is not None
    assert len(asked.done.value) == 4
    assert asked.done.value != "1234"


def _typed(prompt: str) -> str:
    """`getpass` where there is no terminal."""
    with pytest.MonkeyPatch.context() as patch, pytest.warns(getpass.GetPassWarning):
        patch.setattr("os.open", _no_terminal)
        return getpass.getpass(prompt, io.StringIO())


def _no_terminal(*_: object) -> int:
    raise OSError("no terminal")
