"""`replaykit.record`: a run, recorded."""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

from replaykit.api import arguments, chance, hooks, processes
from replaykit.api.settings import DEFAULT_STORE, read_mode
from replaykit.api.watching import Watch
from replaykit.determinism import lineage
from replaykit.errors import UsageError
from replaykit.interceptors.base import activate, deactivate
from replaykit.interceptors.guard_allow import Allowed
from replaykit.packet.journal import SUFFIX
from replaykit.packet.model import Entry, Envelope, Verdict
from replaykit.sanitizer.names import may_hold_secret
from replaykit.session import runtime
from replaykit.session.recorder import Recorder
from replaykit.session.replayer import Replayer
from replaykit.session.rules import make_sanitizer, user_rules
from replaykit.session.sink import Keep, Sink

logger = logging.getLogger("replaykit")

KEEP_RULES: dict[str, Keep] = {
    "all": lambda ended: True,
    "called": lambda ended: any(ended.counts.get("calls", {}).values()),
    "failed": lambda ended: ended.status != "ok" or (ended.verdict is not None and not ended.verdict.passed),
}


class _Process(Protocol):
    """The run, or the replay, that a whole process is; a `record()` block in it hands on what it is told."""

    def inner_finished(self, output: Any, stop_reason: str | None) -> None: ...

    def inner_verdict(self, verdict: Verdict) -> None: ...


class Run:
    """A run that is being recorded, or was.

    All of its methods are safe wherever recording is off: then they do nothing.
    """

    def __init__(self, recorder: Recorder | None, sink: Sink | None) -> None:
        self._recorder = recorder
        self._sink = sink
        self._output: Any = None
        self._has_output = False
        self._stop_reason: str | None = None
        self._verdict: Verdict | None = None
        self._process: _Process | None = None
        self.has_entry = False
        self.is_process = False  # begun with the interpreter, by `replaykit record -- CMD`

    def finish(self, *, output: Any = None, stop_reason: str | None = None) -> None:
        """Says how the run ended: its output, which a replay compares, and why it stopped."""
        self._output, self._has_output = output, True
        self._stop_reason = text_of(stop_reason) if stop_reason is not None else None
        if self._process is not None:
            self._process.inner_finished(output, self._stop_reason)

    def verdict(self, *, passed: bool, reason: str = "", verifier: str | None = None) -> None:
        """Says whether the run was good. After the block it still counts, and brings a dropped packet back."""
        named = text_of(verifier) if verifier is not None else None
        try:  # what pydantic knows as a truth value counts: a string that is none may mean either
            self._verdict = Verdict(passed=_bool_of(passed), reason=text_of(reason), verifier=named)
        except Exception as error:  # the run was judged by the agent's own code, which must not fail for our sake
            logger.warning("the verdict is not kept: passed=%s (%s)", type(passed).__name__, type(error).__name__)
            return
        if self._recorder is not None and self._recorder.is_closed and self._sink is not None:
            self._sink.amend(self._verdict)
        if self._process is not None:
            self._process.inner_verdict(self._verdict)

    def inner_finished(self, output: Any, stop_reason: str | None) -> None:
        """A block in this process says how it ended. The output of a process is what it prints."""
        self._stop_reason = stop_reason

    def inner_verdict(self, verdict: Verdict) -> None:
        """A block in this process was judged, and there is no other verdict on the process."""
        self._verdict = verdict

    @property
    def packet_path(self) -> Path | None:
        """Where the packet was written, once the block has ended; None if there is none, or not yet."""
        if self._sink is None or self._recorder is None or not self._recorder.is_closed:
            return None
        return self._sink.path

    # for the entry point

    def entered(self, entry: Entry, stdin: bytes | None = None) -> None:
        """The entry point was called: the outermost one is what a replay starts again."""
        if self._recorder is not None:
            self._recorder.found_entry(entry, stdin)

    def returned(self, output: Any) -> None:
        """The entry point's result is the run's output, unless the run says otherwise."""
        if not self._has_output:
            self._output, self._has_output = output, True

    def close(self, error: BaseException | None, *, failed: bool = False) -> None:
        """Ends the recording."""
        if self._recorder is not None and not self._recorder.is_closed:
            self._recorder.end(
                error,
                output=self._output,
                has_output=self._has_output,
                stop_reason=self._stop_reason,
                verdict=self._verdict,
                failed=failed,
            )


class record:
    """Records all that the block does into one packet. `with` and `async with`.

    Args:
        workflow: What kind of run this is; the first part of the file's name.
        store: Folder for packets, as seen when the block is entered; default `REPLAYKIT_STORE`, else `packets`.
        keep: `all`, `failed` to keep only what failed or was judged bad, or `called` to keep only what crossed a
            boundary at all; default `REPLAYKIT_KEEP`, else `all`.
        tags: Stored with the run, sanitized.
        effects: Reads of the wall clock and of random sources are kept too, and a replay plays them back. Off, for it
            costs a few microseconds a read; `replaykit record -- CMD` and the pytest plugin switch it on.
        allow: What is known to leave the run unrecorded, by name, as in `replay(allow=...)`: the packet lists it as
            allowed, and it does not keep the packet from being a test.
        nested: Inside another run: `span` makes it a span of that run, `new` a packet of its own that names its parent.

    Raises:
        UsageError: An argument is of the wrong type or names no rule, before anything has begun; or it is used inside a
            replay whose recording has no such block. Nothing else ever comes out of it: a store that can't be written
            costs the packet, not the run.
    """

    def __init__(
        self,
        workflow: str = "run",
        *,
        store: str | Path | None = None,
        keep: str | None = None,
        tags: Mapping[str, str] | None = None,
        effects: bool = False,
        allow: Iterable[str] = (),
        nested: Literal["span", "new"] = "span",
    ) -> None:
        arguments.check_workflow(workflow)
        arguments.check_nested(nested)
        self._allowed = Allowed.parse(allow)
        self._workflow = text_of(workflow)
        self._store = store or os.environ.get("REPLAYKIT_STORE") or DEFAULT_STORE
        self._keep = _find_keep_rule(keep)
        self._tags = _tags_of(tags)
        self._nested = nested
        self._effects = chance.Effects() if effects else None
        self._root: lineage.Root | None = None
        self._span: _NestedSpan | None = None
        self.run = Run(None, None)

    def __enter__(self) -> Run:
        if read_mode() == "off":
            return self.run
        node = lineage.current()
        if node is not None and isinstance(node.run, Replayer) and not node.run.is_closed:
            self._enter_replay(node, node.run)
            return self.run
        parent: str | None = None
        if node is not None and isinstance(node.run, Recorder) and not node.run.is_closed:
            if self._nested == "span" and not node.run.is_foreign:
                self._span = _NestedSpan(node.run, node.child(self._workflow), self._workflow)
                self.run._process = node.run.owner if node.run.owner.is_process else None
                return self.run
            parent = node.run.run_id
        try:
            self._begin(parent or processes.parent())
        except Exception as error:  # a library that is not as we know it, a folder that is gone: the agent runs on
            logger.warning("nothing is recorded: %s", error)
            if self._effects is not None:
                self._effects.end(None)
        return self.run

    def _enter_replay(self, node: lineage.Node, replayer: Replayer) -> None:
        """The block is code that was recorded: what is replayed, or a span in it."""
        if replayer.owner.is_process:  # `replaykit replay P -- CMD`
            is_span = replayer.packet.entry.kind == "command"
            place = node.child(self._workflow) if is_span else lineage.Node(replayer)
            self.run._process = replayer.owner
        else:
            place = node.child(self._workflow)
            if not replayer.has_span(place):
                raise UsageError("record() inside a replay: a recording of a replay would hold nothing new; remove one")
        self._span = _NestedSpan(replayer, place, self._workflow)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._span is not None:
            self._span.end(error)
        if self._root is not None:
            recorder, root, self._root = self.run._recorder, self._root, None
            assert recorder is not None
            try:
                self.run.close(error)
            except Exception as failure:  # the run has ended; that it could not be recorded must not end it otherwise
                logger.warning("%s could not be recorded: %s", self._workflow, type(failure).__name__)
            processes.leave(recorder.run_id)
            if self._effects is not None:
                self._effects.end(recorder)
            deactivate(recorder)
            lineage.end(root)
            self._watch.end()

    def begin_detached(self) -> lineage.Node | None:
        """Begins the run without making the calling code a part of it. Returns the run's root."""
        self.__enter__()
        node = lineage.current()
        if self._root is None or node is None:
            return None
        # A generator's run must not be current between its steps, in the code that consumes it.
        self._root._exit()
        return self._root.node

    async def __aenter__(self) -> Run:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _begin(self, parent: str | None) -> None:
        has_effects = self._effects is not None and self._effects.install()
        envelope, target = _envelope(self._workflow, self._tags, parent, Path(self._store).absolute())
        envelope = envelope.model_copy(update={"effects": has_effects})
        environ = dict(os.environ)
        user_rules(environ)  # what is wrong with them is said before anything is stored
        sink = Sink(envelope, target, lambda: make_sanitizer(environ), self._keep)
        recorder = Recorder(sink, envelope.run_id)
        hooks.install()
        self._watch = Watch(recorder, self._allowed, Path(self._store).absolute())
        self._watch.begin()
        self._root = lineage.begin(recorder)
        activate(recorder)
        if self._effects is not None and has_effects:
            self._effects.log(recorder)
        processes.enter(recorder.run_id)
        self.run._recorder, self.run._sink = recorder, sink
        recorder.owner = self.run


class _NestedSpan:
    """A run inside a run: a span of kind `agent`."""

    def __init__(self, session: Recorder | Replayer, place: lineage.Node, name: str) -> None:
        self._session = session
        self._span = session.begin_span(place, name, "agent", {})
        self._inside = lineage.inside(place)
        self._inside.__enter__()

    def end(self, error: BaseException | None) -> None:
        self._inside.__exit__()
        self._session.end_span(self._span, error, {})


def text_of(value: object) -> str:
    """`value` as text, also where it can't say what it is."""
    try:
        return str(value)
    except Exception:  # its own code failed, and the agent's run must not fail with it
        return f"<{type(value).__name__}>"


def _bool_of(value: Any) -> Any:
    """A truth value for numbers, numpy's own and the like; a text is left as it is."""
    return value if isinstance(value, str) else bool(value)


def _tags_of(tags: Any) -> dict[str, str]:
    try:
        return {text_of(name): text_of(value) for name, value in (tags or {}).items()}
    except Exception as error:  # no mapping at all: the run is recorded without them
        logger.warning("the tags are not kept: %s (%s)", type(tags).__name__, type(error).__name__)
        return {}


def _find_keep_rule(name: str | None) -> Keep:
    """The rule of that name; else that of the environment, where a typing error must not stop a service."""
    if name is not None and name not in KEEP_RULES:
        raise UsageError(f"no keep rule {name!r}; there are: {', '.join(KEEP_RULES)}")
    found = name or os.environ.get("REPLAYKIT_KEEP") or "all"
    if found not in KEEP_RULES:
        logger.warning("REPLAYKIT_KEEP=%s is no keep rule (%s): everything is kept", found, ", ".join(KEEP_RULES))
    return KEEP_RULES.get(found, KEEP_RULES["all"])


def _git_sha() -> str | None:
    try:
        return runtime.find_git_sha(Path.cwd())
    except OSError:  # the folder is gone
        return None


def _envelope(workflow: str, tags: dict[str, str], parent: str | None, store: Path) -> tuple[Envelope, Path]:
    started = datetime.now(UTC)
    run_id = uuid.uuid4().hex
    environ = os.environ
    envelope = Envelope(
        run_id=run_id,
        trace_id=uuid.uuid4().hex,
        workflow=workflow,
        started_at=started.isoformat(),
        release=environ.get("REPLAYKIT_RELEASE"),
        git_sha=_git_sha(),
        environment=environ.get("REPLAYKIT_ENVIRONMENT"),
        tags=tags,
        parent=parent,
        python=runtime.python_version(),
        platform=runtime.platform_name(),
        hash_seed=runtime.hash_seed(),
        timezone=runtime.time_zone(),
        secret_variables=tuple(sorted(name for name, value in environ.items() if may_hold_secret(name, value))),
    )
    # The name of the file is no less on the disk than what is in it.
    slug = re.sub(r"[^\w.-]+", "-", make_sanitizer(environ).text(workflow)).strip("-.")[:60] or "run"
    return envelope, store / f"{slug}-{started:%Y%m%d-%H%M%S}-{run_id[:8]}{SUFFIX}"
