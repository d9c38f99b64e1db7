"""`REPLAYKIT_MODE`: what is taken for a mode, and what is said of the rest."""

from __future__ import annotations

import logging

import pytest

from replaykit.api.recording import KEEP_RULES
from replaykit.api.settings import KEEP_NAMES, read_mode


def test_every_keep_rule_has_its_name() -> None:
    """The names stand by themselves: a command that starts another needs no recorder to refuse a wrong one."""
    assert tuple(KEEP_RULES) == KEEP_NAMES


@pytest.mark.parametrize(("said", "mode"), [("OFF", "off"), (" Record ", "record"), ("replay", "replay"), ("", None)])
def test_case_and_white_space_do_not_count(said: str, mode: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAYKIT_MODE", said)

    assert read_mode() == mode


def test_an_unknown_word_is_logged_once_and_counts_as_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REPLAYKIT_MODE", "recrod")
    with caplog.at_level(logging.WARNING, "replaykit"):
        modes = [read_mode(), read_mode()]

    assert modes == [None, None]
    (line,) = caplog.messages
    assert line.startswith("REPLAYKIT_MODE=recrod is no mode (off, record, replay)")
