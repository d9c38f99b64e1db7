"""One test marked `replay`: replayed, or recorded."""

from __future__ import annotations

import functools
import inspect
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from replaykit.api import placeholders
from replaykit.api.recording import Run, record
from replaykit.api.replaying import Rerun, replay
from replaykit.api.settings import DEFAULT_STORE, read_mode
from replaykit.errors import Divergence, ReplayKitError, UsageError
from replaykit.packet import Packet
from replaykit.packet.journal import replace_file
from replaykit.pytest_plugin.cassettes import (
    SUFFIX,
    TAG,
    check_owner,
    find_cassette,
    function_of,
    is_plain,
    shown,
)
from replaykit.pytest_plugin.failures import attempt, shorten
from replaykit.pytest_plugin.fixtures import FixtureGate
from replaykit.pytest_plugin.lines import ATTRIBUTE, facts_of
from replaykit.pytest_plugin.options import Options
from replaykit.session.explain import Advice
from replaykit.session.report import Report
from replaykit.session.summary import summarize, unrecorded


class Handle:
    """What the fixture `replay` gives: the replay of this test, or its recording."""

    def __init__(self) -> None:
        self._rerun: Rerun | None = None
        self._run: Run | None = None

    @property
    def is_recording(self) -> bool:
        """True while the test goes live, under `--replay-record`."""
        return self._run is not None

    @property
    def report(self) -> Report:
        """What the replay has found out so far; `ok` is known at the end of the test only.

        While the test is recorded: an empty one of the policy `recording`, which proves nothing.

        Raises:
            UsageError: The test has not begun.
        """
        if self._rerun is not None:
            return self._rerun.report
        if self._run is None:
            raise UsageError("the replay begins with the test's own code: there is no report yet")
        note = "this test is being recorded: nothing was replayed"
        return Report(ok=False, verdict="unproven", policy="recording", packet=None, workflow="", notes=(note,))

    @property
    def packet(self) -> Packet:
        """The recording that stands in for the world.

        Raises:
            UsageError: The test is being recorded, or has not begun.
        """
        if self._rerun is None:
            raise UsageError("there is no packet yet")
        return self._rerun.packet

    def finish(self, *, output: Any = None, stop_reason: str | None = None) -> None:
        """Says how the run ended, in the recording and in every replay, which compares it."""
        session = self._rerun or self._run
        if session is not None:
            session.finish(output=output, stop_reason=stop_reason)


class Marked:
    """Wraps the test's own function, and nothing else: fixtures are not a part of the run."""

    def __init__(self, item: pytest.Function, options: Options, *, is_again: bool = False) -> None:
        self._item = item
        self._options = options
        self._path = find_cassette(item, options.cassette)
        self._name = item.name if is_plain(item.name) else function_of(item.name)
        self.handle = Handle()
        self._facts: dict[str, Any] = {}
        self._gate: FixtureGate | None = None
        self._placeholders: tuple[str, ...] = ()
        self._connected: dict[str, None] = {}
        is_missing = not self._path.exists()
        self._is_recorded = options.mode == "all" or is_again or (options.mode != "none" and is_missing)

    @contextmanager
    def around(self) -> Iterator[None]:
        """While the test's function is called it is one that replays, or records."""
        function = self._item.obj
        self._item.obj = self._wrapped(function)
        self.end_fixtures()  # the replay has a gate of its own, which is stricter and says more
        try:
            yield
        finally:
            self._item.obj = function
            self.begin_fixtures()

    def begin_fixtures(self) -> None:
        """Fixtures of the test are about to be set up, or torn down."""
        if not self._is_recorded and self._path.exists():
            self._gate = attempt(lambda: FixtureGate(self._options.arguments.get("allow", ())))

    def end_fixtures(self) -> None:
        """They have been."""
        if self._gate is not None:
            self._gate.close()
            self._connected |= self._gate.connected
            self._gate = None

    def lend_keys(self) -> None:
        """From the first fixture to the last one, which may make a client too."""
        if self._is_recorded or not self._path.exists() or read_mode() == "off":
            return
        try:
            self._placeholders = placeholders.add(placeholders.values_for(Packet.load(self._path)))
        except ReplayKitError:
            pass  # the test itself will say so

    def take_keys(self) -> None:
        """The test is over."""
        placeholders.remove(self._placeholders)
        self._placeholders = ()

    def complete(self, report: pytest.TestReport, call: pytest.CallInfo[None]) -> bool:
        """Makes the report short and clean, and adds what the plugin has to say. Returns True for a divergence."""
        if report.when == "call":
            facts = self._facts | self._counts()
            if facts:
                setattr(report, ATTRIBUTE, facts)
        elif report.when == "teardown" and self._connected:
            setattr(report, ATTRIBUTE, {"fixtures": list(self._connected)})
        shorten(report, call, self._packet())
        return call.excinfo is not None and isinstance(call.excinfo.value, Divergence)

    def _packet(self) -> Packet | None:
        return self.handle._rerun.packet if self.handle._rerun is not None else None

    def _counts(self) -> dict[str, Any]:
        rerun = self.handle._rerun
        return facts_of(rerun.report, len(rerun.packet.interactions)) if rerun is not None else {}

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            with self._session():
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            # Inside the coroutine: the task that runs it may be older than the test.
            with self._session():
                return await function(*args, **kwargs)

        return call_async if inspect.iscoroutinefunction(function) else call

    @contextmanager
    def _session(self) -> Iterator[None]:
        __tracebackhide__ = True
        if read_mode() == "off":
            yield
        elif self._is_recorded:
            with self._recording():
                yield
        else:
            with self._replaying():
                yield

    @contextmanager
    def _replaying(self) -> Iterator[None]:
        __tracebackhide__ = True
        replaying = attempt(lambda: replay(self._load(), **self._options.arguments))
        replaying.advice = self._advice()
        with replaying as self.handle._rerun:
            yield

    def _load(self) -> Packet:
        if not self._path.exists():
            raise UsageError(
                f"no recording of this test: {shown(self._path)}\n"
                f"record it, live and once:  pytest --replay-record=once {shlex.quote(self._test)}"
            )
        packet = Packet.load(self._path)
        if self._options.cassette is None:
            check_owner(packet, self._path, self._item)
        return packet

    def _advice(self) -> Advice:
        test = f"pytest {shlex.quote(self._test)}"
        return Advice(
            replay=f"{test} --replay-policy",
            show=f"replaykit show {shlex.quote(shown(self._path))}",
            allow=lambda entry: f'@pytest.mark.replay(allow=["{entry}"])',
            record=f"{test} --replay-record=all",
        )

    @property
    def _test(self) -> str:
        """The test as it is typed where pytest was started."""
        _, _, name = self._item.nodeid.partition("::")
        return f"{shown(self._item.path)}::{name if is_plain(name) else function_of(name)}"

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """A test that fails leaves a packet of a failed run, and no cassette."""
        __tracebackhide__ = True
        name = self._path.name.removesuffix(SUFFIX)
        allow = self._options.arguments.get("allow", ())
        tags = {TAG: self._item.nodeid}
        recording = record(name, store=self._path.parent, keep="all", effects=True, tags=tags, allow=allow)
        run = self.handle._run = recording.run
        has_ended = False
        try:
            with recording:
                yield
            has_ended = True
        except pytest.skip.Exception:
            has_ended = True  # in its own way; a replay skips there too
            raise
        finally:
            self._keep(run.packet_path, has_ended=has_ended)

    def _keep(self, recorded: Path | None, *, has_ended: bool) -> None:
        if recorded is None:
            self._facts["line"] = f"not recorded  {self._name}: the packet could not be written (see the log)"
        elif not has_ended:
            store = Path(os.environ.get("REPLAYKIT_STORE") or DEFAULT_STORE)
            store.mkdir(parents=True, mode=0o700, exist_ok=True)
            failed = Path(shutil.move(recorded, store / recorded.name))
            self._facts["line"] = f"no cassette  {self._name} failed -> {shown(failed.absolute())}"
        else:
            packet = Packet.load(recorded)
            missed = unrecorded(packet)
            warning = f"\n  {missed}" if missed is not None else ""
            replace_file(self._path, recorded.read_bytes())
            recorded.unlink()
            self._facts["line"] = f"recorded  {self._name}  {summarize(packet)} -> {shown(self._path)}{warning}"
