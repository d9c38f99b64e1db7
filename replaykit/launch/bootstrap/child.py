"""The side of the command: the run begins when the interpreter starts and ends when it exits."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import replaykit
from replaykit.api.recording import record
from replaykit.api.replaying import replay
from replaykit.determinism import lineage
from replaykit.errors import Divergence, ReplayKitError, UsageError
from replaykit.interceptors import console
from replaykit.launch.bootstrap.forks import library_modules, own_schedule
from replaykit.launch.bootstrap.plan import SITE, VARIABLE, Plan, Seat
from replaykit.launch.bootstrap.refusal import RefuseAll
from replaykit.launch.bootstrap.stdin import Stdin
from replaykit.launch.bootstrap.tee import Tee
from replaykit.packet import model
from replaykit.packet.body import withhold_body
from replaykit.packet.model import Entry
from replaykit.session.replayer import Replayer
from replaykit.session.writer import drain

PARENT = "REPLAYKIT_PARENT"
_FIRST_LINES_S = 5.0


def begin(folder: str) -> None:
    """What the plan in `folder` says. An error of ours never stops a recorded command, and always a replayed one."""
    plan, seat = Plan.read(Path(folder)), Seat(Path(folder))
    # We are a plugin of pytest, which warns about plugins that are imported before it can rewrite their assertions.
    replaykit.__doc__ = f"{replaykit.__doc__}\nPYTEST_DONT_REWRITE"
    if plan.mode == "record":
        try:
            (_Recording if seat.is_first else _LinkedRecording)(plan, seat).begin()
        except Exception as error:  # the command comes first, whatever is wrong with us
            sys.stderr.write(f"replaykit: nothing is recorded: {describe(error)}\n")
        return
    try:
        if not seat.is_first:
            raise UsageError("the command starts a second Python process; only its first one can be replayed")
        _leave_environment()
        Replaying(own_schedule(plan, seat), seat).begin()
    except Exception as error:  # Python would go on without us, and the command would go live
        sys.stderr.write(f"replaykit: the command may not run: {describe(error)}\n")
        sys.stderr.flush()
        seat.end(error=describe(error))
        os._exit(2)


def describe(error: Exception) -> str:
    """What went wrong, for a person; an error that nobody foresaw says its class."""
    return str(error) if isinstance(error, ReplayKitError) else f"{type(error).__name__}: {error}"


class _Recording:
    """The process that is the run."""

    def __init__(self, plan: Plan, seat: Seat) -> None:
        self._plan, self._seat, self._pid = plan, seat, os.getpid()
        # Whether a run is kept depends on its exit code too, which only the parent will know.
        self._record = record(plan.workflow, store=plan.store, keep="all", effects=True, allow=plan.allow)
        self._tee: Tee | None = None
        self._stdin: Stdin | None = None

    def begin(self) -> None:
        self._run = self._record.__enter__()
        node = lineage.current()
        if node is None:
            return  # REPLAYKIT_MODE=off
        run_id = str(getattr(node.run, "run_id", ""))
        self._run.is_process = self._run.has_entry = True  # `record()` and `@agent` inside are steps of this run
        self._watch_console()
        self._run.entered(self._entry())
        drain(_FIRST_LINES_S)  # whatever ends the process from here on, its journal says what was run
        self._seat.begin(run_id=run_id)
        atexit.register(self.end)
        _when_terminated(self._terminated)

    def _entry(self) -> Entry:
        plan, source = self._plan, self._stdin.source if self._stdin is not None else None
        stdin = model.Stdin(source=source) if source is not None else None
        return Entry(kind="command", argv=plan.argv, cwd=plan.cwd, variables=plan.variables, stdin=stdin)

    def _watch_console(self) -> None:
        self._stdin = Stdin()
        self._tee = Tee() if self._plan.keeps_output else None
        if self._tee is not None:
            console.around.prompted = self._tee.note

    def end(self) -> None:
        if os.getpid() != self._pid:
            return  # a fork of the run: the run is its parent
        self._tell()
        error = uncaught()
        self._record.__exit__(type(error) if error is not None else None, error, None)
        self._leave()

    def _tell(self) -> None:
        """What is known at the end only: what was printed, and what was read."""
        output = _output(self._tee)
        if output is not None:
            self._run.finish(output=output)
        if self._stdin is not None and self._stdin.source == "stream":
            self._run.entered(*self._with_stdin(self._stdin))

    def _with_stdin(self, stdin: Stdin) -> tuple[Entry, bytes | None]:
        entry, whole = self._entry(), stdin.whole()
        if whole is not None:
            return entry, whole
        body = withhold_body("it was too long to keep", length=stdin.length)
        return entry.model_copy(update={"stdin": model.Stdin(source="stream", body=body)}), None

    def _leave(self) -> None:
        path = self._run.packet_path
        self._seat.end(packet=str(path) if path is not None else None)

    def _terminated(self) -> None:
        """The process is about to be ended by SIGTERM, as services are."""
        if os.getpid() != self._pid:
            return
        self._tell()
        self._run.inner_finished(None, "SIGTERM")
        self._run.close(None, failed=True)
        self._leave()


class _LinkedRecording(_Recording):
    """A Python process that the run has started: it writes a packet of its own, if it crosses any boundary."""

    def __init__(self, plan: Plan, seat: Seat) -> None:
        if PARENT not in os.environ and seat.run is not None:
            os.environ[PARENT] = seat.run  # started beside the run, by the same command
        super().__init__(plan, seat)
        self._record = record(plan.workflow, store=plan.store, keep="called", effects=True, allow=plan.allow)

    def _entry(self) -> Entry:
        return Entry(kind="command", argv=tuple(sys.orig_argv), variables=self._plan.variables)

    def _watch_console(self) -> None:
        """What a helper process reads and prints is between it and the one that started it."""


class Replaying:
    """A packet stands in for the world until the process exits.

    Args:
        plan: What to replay, and how.
        seat: Where the report goes.
    """

    def __init__(self, plan: Plan, seat: Seat) -> None:
        self._plan, self._seat, self._pid = plan, seat, os.getpid()
        self._replay = replay(
            plan.packet,
            plan.policy,
            changed=plan.changed,
            allow=plan.allow,
            attempts=plan.attempts,
            schedule=plan.schedule,
            strict_substitutions=plan.strict_substitutions,
            seed=plan.seed,
        )
        self._tee: Tee | None = None

    def begin(self) -> None:
        self.start()
        self.rerun.is_process = True
        self._tee = Tee() if self._plan.keeps_output and self._is_of_command else None
        recorded = self.rerun.packet.entry.stdin
        Stdin(is_terminal=recorded is not None and recorded.source == "terminal")
        if recorded is not None and recorded.source == "stream":
            console.around.skip_line = lambda: sys.stdin.readline()
        atexit.register(self.end)
        _when_terminated(self.end)

    def start(self) -> None:
        """Begins the replay in the code that runs now, and makes divergences quiet: the parent prints them."""
        self.rerun = self._replay.__enter__()
        self.rerun.has_entry = self._is_of_command
        outcome = self.rerun.packet.outcome
        if outcome is not None and not self._plan.target:
            # Only the parent will know this process' exit code. It compares; until then they count as equal.
            self.rerun.exit_code = outcome.exit_code
        threading.excepthook = _quiet_thread(threading.excepthook)
        sys.excepthook = _quiet(sys.excepthook)
        self._stay_quiet()

    @property
    def _is_of_command(self) -> bool:
        """The recording is of a process: its output is what it printed, and an `@agent` in it is a step."""
        return self.rerun.packet.entry.kind == "command"

    def _stay_quiet(self) -> None:
        """The program may have put a hook of its own in place when the divergence comes."""
        node = lineage.current()
        if node is None or not isinstance(node.run, Replayer):
            return
        replayer, then = node.run, node.run.on_divergence

        def on_divergence() -> None:
            sys.excepthook = _quiet(sys.excepthook)
            then()

        replayer.on_divergence = on_divergence

    def end(self) -> None:
        if os.getpid() != self._pid:
            return
        output = _output(self._tee)
        if output is not None:
            self.rerun.finish(output=output)
        self.stop(uncaught())

    def stop(self, error: BaseException | None) -> None:
        """Ends the replay and leaves its report. What is still running may not go out from here on either."""
        RefuseAll(self._plan.allow).install()
        try:
            self._replay.__exit__(type(error) if error is not None else None, error, None)
        except Divergence:
            pass  # the report has it
        modules = library_modules() if self._plan.lists_modules else []
        self._seat.end(report=self.rerun.report.to_json(), modules=modules)


SEALING_S = 3.0


def _when_terminated(seal: Callable[[], None]) -> None:
    """Calls `seal` before SIGTERM ends the process, where the program has no handler of its own for it.

    On another thread: this one may hold a lock that sealing needs. Then the journal is all that is left of the run.
    """
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def terminate(number: int, frame: object) -> None:
        thread = threading.Thread(target=seal, daemon=True)
        thread.start()
        thread.join(SEALING_S)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, terminate)


def uncaught() -> BaseException | None:
    """The exception that ended the program; None where it came to its end, or called `sys.exit`.

    Python notes it before it asks `sys.excepthook`, which any program may replace. Others note exceptions there too
    (pytest, debuggers): only one that has left the program's outermost frame has ended it.
    """
    error: BaseException | None = getattr(sys, "last_value", None)
    trace = error.__traceback__ if error is not None else None
    if trace is None:
        return error if isinstance(error, SyntaxError) else None  # raised before any frame was there
    place = (trace.tb_frame.f_globals.get("__name__"), trace.tb_frame.f_code.co_name)
    return error if place in (("__main__", "<module>"), ("runpy", "_run_module_as_main")) else None


def _output(tee: Tee | None) -> str | None:
    """What was printed, where that is the run's output: a test report has timings in it, and differs each time."""
    return tee.text() if tee is not None and "_pytest.terminal" not in sys.modules else None


def _quiet(hook: Callable[..., Any]) -> Callable[..., Any]:
    def show(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not isinstance(error, Divergence):
            hook(kind, error, trace)

    return show


def _quiet_thread(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def show(args: Any) -> None:
        if not issubclass(args.exc_type, Divergence):
            hook(args)

    return show


def _leave_environment() -> None:
    """A replay is of one process: what it may start, by name, is started as if we were not there."""
    os.environ.pop(VARIABLE, None)
    paths = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != str(SITE)]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    if not paths:
        del os.environ["PYTHONPATH"]
