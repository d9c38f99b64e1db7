"""Packets under `cassettes/` as tests without test code: what was recorded is run again, and must be the same run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from replaykit.pytest_plugin.cassettes import SUFFIX, TAG, shown
from replaykit.pytest_plugin.failures import attempt, without_secrets
from replaykit.pytest_plugin.lines import ATTRIBUTE, facts_of
from replaykit.pytest_plugin.options import FOLDER


def is_cassette(path: Path, root: Path) -> bool:
    """True for a packet in a folder `cassettes`, at whatever depth below the root."""
    return path.name.endswith(SUFFIX) and path.is_relative_to(root) and FOLDER in path.relative_to(root).parts[:-1]


class PacketFile(pytest.File):
    """One cassette: one test, or none where a test of the project replays it."""

    def collect(self) -> Iterable[PacketTest]:
        from replaykit.errors import PacketError
        from replaykit.packet import Packet

        try:
            packet = Packet.load(self.path)
            is_run_elsewhere = TAG in packet.run.tags or packet.entry.kind == "none"
            if is_run_elsewhere and packet.outcome is not None:
                return
        except PacketError:
            pass  # the test itself will say so
        yield PacketTest.from_parent(self, name=self.path.name.removesuffix(SUFFIX))


class PacketTest(pytest.Item):
    """Replays one packet in a process of its own."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._facts: dict[str, Any] = {}

    def runtest(self) -> None:
        from replaykit.golden.expect import check

        with tempfile.TemporaryFile() as output:
            checked = attempt(lambda: check(self.path, self._root, output=output.fileno()))
            output.seek(0)
            printed = output.read().decode(errors="replace")
        self.add_report_section("call", "output", without_secrets(printed, checked.packet))
        report = checked.replayed.report
        if report is not None:
            self._facts = facts_of(report, len(report.interactions) + len(report.unused))
        if checked.problem is not None:
            pytest.fail(checked.problem, pytrace=False)

    @property
    def _root(self) -> Path:
        """The folder that holds the suite is a part of the project in which its commands ran."""
        from replaykit.launch.places import project_root

        suite = next(folder for folder in self.path.parents if folder.name == FOLDER)
        return project_root(suite.parent)

    def complete(self, report: pytest.TestReport) -> None:
        """Adds what the plugin has to say at the end."""
        if report.when == "call" and self._facts:
            setattr(report, ATTRIBUTE, self._facts)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        return str(excinfo.value) if isinstance(excinfo.value, pytest.fail.Exception) else str(excinfo.getrepr())

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"replay of {shown(self.path)}"
