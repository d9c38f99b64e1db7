"""`replaykit.replay`: a packet stands in for the world while the agent's own code runs again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from replaykit.api import arguments, chance, hooks, placeholders
from replaykit.api.recording import text_of
from replaykit.api.settings import read_mode
from replaykit.determinism import lineage
from replaykit.errors import PacketError, SanitizeError, UsageError
from replaykit.interceptors import guard, guard_native
from replaykit.interceptors.base import activate, deactivate
from replaykit.interceptors.guard import Egress
from replaykit.interceptors.guard_allow import Allowed
from replaykit.interceptors.guard_sockets import connected_sockets
from replaykit.matching.policy import find_policy
from replaykit.packet import Packet, values
from replaykit.packet.failures import Failure
from replaykit.packet.model import Entry, Verdict
from replaykit.session import closing, runtime
from replaykit.session.explain import Advice
from replaykit.session.outcome import Ending
from replaykit.session.replayer import Replayer
from replaykit.session.report import Report
from replaykit.session.watchdog import GRACE_S, Watchdog


class Rerun:
    """A run that is being replayed, or was.

    Attributes:
        packet: What stands in for the world.
        exit_code: Exit code of the process that the replay is, where one is known.
    """

    def __init__(self, packet: Packet, replayer: Replayer | None) -> None:
        self.packet = packet
        self._replayer = replayer
        self._report: Report | None = None
        self._output: Any = None
        self._has_output = False
        self._stop_reason: str | None = None
        self.already_connected: tuple[str, ...] = ()
        self.has_entry = False
        self.exit_code: int | None = None
        self.is_process = False  # begun with the interpreter, by `replaykit replay P -- CMD`

    @property
    def report(self) -> Report:
        """What the replay found out, so far or finally; it survives a raised close."""
        if self._report is not None:
            return self._report
        if self._replayer is None:
            return closing.inert_report(self.packet)
        return closing.build_report(self._replayer, already_connected=self.already_connected)

    def finish(self, *, output: Any = None, stop_reason: str | None = None) -> None:
        """Says how the run ended, as `run.finish` did while recording; `exact` compares it."""
        self._output, self._has_output, self._stop_reason = output, True, stop_reason

    def inner_finished(self, output: Any, stop_reason: str | None) -> None:
        """A `record()` block in this process says how it ended; the output of a process is what it prints."""
        if self.packet.entry.kind != "command":
            self._output, self._has_output = output, True
        self._stop_reason = stop_reason

    def inner_verdict(self, verdict: Verdict) -> None:
        """A replay has no use for the verdict of code that thinks it records."""

    # for the entry point

    def entered(self, entry: Entry) -> None:
        """What it was given may hold secrets that are known from there."""
        if self._replayer is not None:
            self._replayer.contents.note(entry.arguments)

    def returned(self, output: Any) -> None:
        """The entry point's result is the run's output, unless the run says otherwise."""
        if not self._has_output:
            self._output, self._has_output = output, True

    def ending(self, error: BaseException | None) -> Ending:
        """How the block ended, in the form in which the recording holds its own."""
        assert self._replayer is not None
        contents, output, has_output = self._replayer.contents, None, self._has_output
        if has_output:
            try:
                output = contents.clean(values.encode(self._output, is_lossy=True))
            except SanitizeError as reason:
                has_output = False
                self._replayer.notes.append(f"the output was not compared: {reason}")
        is_fine = error is None or (isinstance(error, SystemExit) and error.code in (None, 0))
        return Ending(
            error=error,
            failure=None if error is None or is_fine else contents.clean_failure(Failure.of(error)),
            output=output,
            has_output=has_output,
            stop_reason=contents.clean_text(text_of(self._stop_reason)) if self._stop_reason is not None else None,
            exit_code=self.exit_code,
        )


class replay:
    """Replays a packet around the block. `with` and `async with`.

    Args:
        packet: A path, or a loaded packet.
        policy: `exact`, `refactor` or `wiring`.
        changed: Segments whose difference is the change under test: `system`, `tools`, `messages`, ...
        stubs: By the name of a tool, retriever or human: a plain function, or a value, to answer with where the
            recording has no result. The verdict of a run that used one is at most `unproven`.
        allow: Egress that may go out although it was not recorded, by name: `127.0.0.1:5432`, `exec:git`, ...
        attempts: `all` replays every recorded attempt of a call that a client tried more than once; `final` answers
            its first attempt with the last recorded one, so that a changed retry setting is no divergence.
        guard: `strict` refuses to begin while sockets are connected that would go live unseen.
        strict_substitutions: A value that only stands in for another one on trust is a divergence.
        schedule: `strict`: what comes from outside comes in the recorded order, where the packet has it; `natural`: by
            the recorded durations alone; `shuffled`: by durations that are drawn from `seed`, which shows what of the
            run depends on who finishes first.
        seed: Which of the shuffled schedules.
        grace_s: How long a run may take to come to its end after a divergence, before its tasks are cancelled.

    Raises:
        Divergence: At the close, bare, whatever the agent swallowed: the first one by recorded order.
        PacketError: The packet can't be used.
        UsageError: Used inside another replay, or an argument is wrong.
    """

    def __init__(
        self,
        packet: str | Path | Packet,
        policy: str = "exact",
        *,
        changed: str | Iterable[str] = (),
        stubs: Mapping[str, Any] | None = None,
        allow: Iterable[str] = (),
        attempts: str = "all",
        guard: str = "normal",
        strict_substitutions: bool = False,
        schedule: str = "strict",
        seed: int = 0,
        grace_s: float = GRACE_S,
    ) -> None:
        arguments.check_stubs(stubs)
        arguments.check_grace(grace_s)
        self._attempts = arguments.check_attempts(attempts)
        self._policy = find_policy(policy, changed)
        self._allows = _Allows(allow)
        if guard not in ("normal", "strict"):
            raise UsageError(f'guard is "normal" or "strict", not {guard!r}')
        self._schedule = arguments.check_schedule(schedule, seed)
        self._seed = seed
        self._is_guard_strict = guard == "strict"
        self._is_strict = strict_substitutions
        self._grace_s = grace_s
        self._stubs = dict(stubs or {})
        self._packet = packet if isinstance(packet, Packet) else Packet.load(packet)
        self._root: lineage.Root | None = None
        self._placeholders: tuple[str, ...] = ()
        self._effects = chance.Effects()
        self.advice: Advice | None = None  # what to type next, where that is not a command about the packet's file

    def __enter__(self) -> Rerun:
        if read_mode() == "off":
            self.rerun = Rerun(self._packet, None)
            return self.rerun
        node = lineage.current()
        if node is not None and isinstance(node.run, Replayer) and not node.run.is_closed:
            raise UsageError("replay() inside a replay: the inner one could not tell whose call is whose; nest neither")
        if self._policy.name == "exact" and self._packet.is_altered:
            where = self._packet.path
            raise PacketError(
                "the packet was altered after it was recorded; an exact replay proves nothing", path=where
            )
        sockets = connected_sockets().sockets
        connected = tuple(f"{item.kind} {item.peer}" for item in sockets if not self._allows.socket(item.peer))
        if connected and self._is_guard_strict:
            raise UsageError(f"connected before the replay began, and would go live unseen: {', '.join(connected)}")
        self._replayer = Replayer(
            self._packet,
            self._policy,
            self._allows,
            is_strict=self._is_strict,
            stubs=self._stubs,
            schedule=self._schedule,
            attempts=self._attempts,
            seed=self._seed,
        )
        self._replayer.contents.learn(placeholders.lent())
        self._replayer.conductor.is_live = self._allows.is_any
        self._replayer.leaving.advice = self.advice or self._replayer.leaving.advice
        self._replayer.runtime_differs = _runtime_differs(self._packet)
        self._watchdog = Watchdog(self._replayer, self._grace_s)
        self._replayer.on_divergence = self._watchdog.start
        self.rerun = Rerun(self._packet, self._replayer)
        self.rerun.already_connected = connected
        self._replayer.owner = self.rerun
        hooks.install_for_replay()
        _release_guards()
        guard.install(self._replayer)
        try:
            self._effects.play(self._replayer)
            guard_native.check(self._allows.egress)
            self._root = lineage.begin(self._replayer)
        except BaseException:
            self._effects.end(self._replayer)
            guard.uninstall(self._replayer)
            raise
        lineage.install_clock()
        self._replayer.conductor.begin()
        activate(self._replayer)
        self._placeholders = placeholders.add(placeholders.values_for(self._packet))
        return self.rerun

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        if self._root is None:
            return
        self._watchdog.stop()
        replayer = self._replayer
        is_users = isinstance(error, KeyboardInterrupt)
        if self._watchdog.is_own(error):
            error, is_users = None, False  # all that it says is that the replay diverged
        try:
            closing.close(replayer, self.rerun.ending(error), self._watchdog.stacks)
        finally:
            self._leave()
        self.rerun._report = closing.build_report(replayer, already_connected=self.rerun.already_connected, closed=True)
        first = replayer.ledger.first
        if first is None or is_users or (first.is_outcome and error is not None):
            return  # the same run, or the agent's own error says more than "it ended differently"
        raise first.error() from None

    async def __aenter__(self) -> Rerun:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        self.__exit__(kind, error, trace)

    def _leave(self) -> None:
        replayer = self._replayer
        replayer.conductor.end()
        replayer.is_closed = True
        self._effects.end(replayer)
        deactivate(replayer)
        if self._root is not None:
            lineage.end(self._root)
            lineage.uninstall_clock()
            self._root = None
        _outlived.append(replayer)
        _release_guards()
        placeholders.remove(self._placeholders)


_outlived: list[Replayer] = []
"""Replays that have ended and may still have tasks or threads; these must not go live behind their backs."""


def _release_guards() -> None:
    """Takes the guard of every ended replay away whose last task and thread have come to their end."""
    for replayer in tuple(_outlived):
        if not lineage.strands_of(replayer):
            _outlived.remove(replayer)
            guard.uninstall(replayer)


class _Allows:
    """The user's allow list, for the guard's questions and for HTTP."""

    def __init__(self, allow: Iterable[str]) -> None:
        self._allowed = Allowed.parse(allow)

    @property
    def is_any(self) -> bool:
        return bool(self._allowed.entries)

    def egress(self, egress: object) -> bool:
        return isinstance(egress, Egress) and self._allowed.allows(egress)

    def url(self, url: str) -> bool:
        """True if the host of a URL is allowed: then the request is the user's business, not the recording's."""
        if not self._allowed.entries:
            return False
        scheme, _, rest = url.partition("://")
        host = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
        has_port = ":" in host.rpartition("]")[2]
        return self.socket(host if has_port else f"{host}:{443 if scheme == 'https' else 80}")

    def socket(self, target: str) -> bool:
        return self._allowed.allows(Egress("connect", target))


def _runtime_differs(packet: Packet) -> bool:
    """True if another Python, or other versions of the frameworks, ran the recording."""
    if packet.run.python.rpartition(".")[0] != runtime.python_version().rpartition(".")[0]:
        return True
    recorded = packet.outcome.packages if packet.outcome is not None else {}
    present = runtime.installed_versions(recorded)
    return any(present.get(name, version) != version for name, version in recorded.items())
