"""The pytest plugin: `@pytest.mark.replay`, the fixture `replay`, and packets under `cassettes/` as tests.

Every pytest run of the environment imports this module, so it imports nothing of replaykit before a test needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol  # private; every plugin that runs a test again uses it

from replaykit.pytest_plugin import lines, options

if TYPE_CHECKING:
    from replaykit.pytest_plugin.marked import Marked

_DIVERGED: pytest.StashKey[bool] = pytest.StashKey()
_MARKED: pytest.StashKey[Marked] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


@pytest.hookimpl(tryfirst=True)  # before pytest-randomly chooses a seed
def pytest_configure(config: pytest.Config) -> None:
    is_run = "replaykit.launch.bootstrap.child" in sys.modules  # `replaykit record -- pytest`, or its replay
    seed = os.environ.get("PYTHONHASHSEED", "")
    if is_run and seed.isdecimal() and config.getoption("randomly_seed", None) == "default":
        config.option.randomly_seed = int(seed)  # which is stored, and the same again: so the tests come in one order
    config.addinivalue_line("markers", options.MARKER)
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and (config.rootpath / options.FOLDER).is_dir():
        config.args.append(options.FOLDER)  # `testpaths` says where test code is; cassettes are tests without any
    if not hasattr(config, "workerinput"):  # under xdist only the controller talks
        config.pluginmanager.register(lines.Lines(), "replaykit-lines")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Cassettes with an entry point need no test code."""
    if not file_path.name.endswith(".packet.jsonl"):
        return None
    from replaykit.pytest_plugin.collected import PacketFile, is_cassette

    if not is_cassette(file_path, parent.config.rootpath):
        return None
    file: pytest.Collector = PacketFile.from_parent(parent, path=file_path)
    return file


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that can't be imported here, where cassettes are: once more, with placeholders for their keys."""
    report = yield
    if not report.failed or not isinstance(collector, pytest.Module | pytest.Directory):
        return report
    from replaykit.pytest_plugin.keyless import collect_again

    return collect_again(collector, report)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if not isinstance(item, pytest.Function) or not options.is_marked(item):
        return
    from replaykit.pytest_plugin.failures import attempt
    from replaykit.pytest_plugin.marked import Marked

    is_again = _DIVERGED in item.stash
    item.stash[_MARKED] = attempt(lambda: Marked(item, options.Options.of(item), is_again=is_again))
    item.stash[_MARKED].lend_keys()
    item.stash[_MARKED].begin_fixtures()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    marked = item.stash.get(_MARKED, None)
    if marked is None:
        return (yield)
    with marked.around():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    try:
        return (yield)
    finally:
        marked = item.stash.get(_MARKED, None)
        if marked is not None:
            marked.end_fixtures()
            marked.take_keys()


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Under `--replay-record=new`: a test whose replay left its recording is run once more, and recorded."""
    if not isinstance(item, pytest.Function) or not options.is_marked(item) or options.mode(item.config) != "new":
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if _DIVERGED in item.stash:
        item._initrequest()  # its fixtures are made anew
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    marked = item.stash.get(_MARKED, None)
    if marked is not None and marked.complete(report, call):
        item.stash[_DIVERGED] = True
    if marked is None and _is_divergence(call):
        from replaykit.pytest_plugin.failures import shorten

        shorten(report, call, None)
    if hasattr(item, "complete"):  # a cassette without test code
        item.complete(report)
    return report


def _is_divergence(call: pytest.CallInfo[None]) -> bool:
    errors = sys.modules.get("replaykit.errors")
    return errors is not None and call.excinfo is not None and isinstance(call.excinfo.value, errors.Divergence)


@pytest.fixture(name="replay")
def replay_fixture(request: pytest.FixtureRequest) -> Any:
    """The replay, or the recording, that goes on: `replay.report`, `replay.is_recording`, `replay.packet`."""
    return request.node.stash[_MARKED].handle
