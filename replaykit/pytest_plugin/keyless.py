"""Code that wants a key as soon as it is imported, such as a client at the top of a module, where there is no key."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.runner import pytest_make_collect_report  # private; the hook would ask us again

from replaykit.api import placeholders
from replaykit.errors import ReplayKitError
from replaykit.packet import Packet
from replaykit.pytest_plugin import options
from replaykit.pytest_plugin.cassettes import SUFFIX


def collect_again(collector: pytest.Module | pytest.Directory, failed: pytest.CollectReport) -> pytest.CollectReport:
    """The report with the keys of the cassettes lent; the failed one where that does not help.

    Only what can't be imported without is imported with them: `skipif` of a live test still sees that there is no key.
    """
    if options.mode(collector.config) == "all":
        return failed
    values = _values_near(collector.path, collector.config.rootpath)
    if not placeholders.missing(values):
        return failed
    with placeholders.lend(values):
        again = pytest_make_collect_report(collector)
    return failed if again.failed else again


def _values_near(place: Path, root: Path) -> dict[str, str]:
    """By variable: what the cassettes in the folders from `place` up to the root have for it."""
    found: dict[str, str] = {}
    for folder in (place, *place.parents):
        for path in sorted((folder / options.FOLDER).glob(f"*{SUFFIX}")):
            try:
                values = placeholders.values_for(Packet.load(path))
            except ReplayKitError:
                continue  # its own test says what is wrong with it
            found = {**values, **found}
        if folder == root:
            break
    return found
