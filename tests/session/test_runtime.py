"""Facts about the running program."""

from __future__ import annotations

from importlib import metadata

import pytest

from replaykit.session import runtime


def test_versions_are_read_once_and_only_of_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every replay asks for them, and reading one takes about a millisecond."""
    names = ("httpx", "no-such-distribution")
    before = runtime.installed_versions(names)

    monkeypatch.setattr(metadata, "version", None)

    assert runtime.installed_versions(names) == before == {"httpx": before["httpx"]}
