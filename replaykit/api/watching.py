"""What leaves a recorded run beside the interceptors: no packet holds it, and the run's packet says so."""

from __future__ import annotations

import os
import re
from pathlib import Path

from replaykit.determinism import lineage
from replaykit.determinism.crossing import is_inside_transport
from replaykit.interceptors import guard
from replaykit.interceptors.file_writes import writes
from replaykit.interceptors.guard import Allowed, Egress
from replaykit.packet.journal import JOURNAL_SUFFIX, SUFFIX
from replaykit.session.egress import State
from replaykit.session.recorder import Recorder

BOOTSTRAP = "REPLAYKIT_BOOTSTRAP"
"""Names the folder in which `record -- CMD` talks to its processes."""

_INSIDE_FUNCTION = re.compile(r"(?:^|/)(?:tool|retrieval|human):")


class Watch:
    """Refuses nothing. Asked by the guard about everything that tries to leave the process while a run is recorded.

    Args:
        allowed: Egress that is known and meant.
        store: Where packets are written.
    """

    def __init__(self, recorder: Recorder, allowed: Allowed, store: Path) -> None:
        self._recorder = recorder
        self._allowed = allowed
        self._store = str(store)
        self._bootstrap = os.environ.get(BOOTSTRAP) or "\0"

    def begin(self) -> None:
        guard.install(self)
        writes.watch(self.wrote)

    def end(self) -> None:
        writes.unwatch(self.wrote)
        guard.uninstall(self)

    def refuses(self, egress: Egress) -> None:
        node = lineage.current()
        if node is None or node.run is not self._recorder:
            return
        if is_inside_transport() or _INSIDE_FUNCTION.search(node.path):
            return  # an interceptor's own connection, or a part of a result that is recorded
        log = self._recorder.egress
        if log is None or (egress.kind == "send" and log.has(egress.target)):
            return  # its connect was noted, in this very run
        state: State = "allowed" if self._allowed.allows(egress) else "uncaptured"
        if egress.kind == "dns":
            log.looked_up(state, egress.target)
        else:
            log.saw(state, str(egress), egress.target, egress.names)

    def wrote(self, verb: str, path: str) -> None:
        """A file was written, by whomever."""
        node = lineage.current()
        log = self._recorder.egress
        if node is None or node.run is not self._recorder or log is None or self._is_own(path):
            return
        log.file(verb, path)

    def _is_own(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        is_packet = name.endswith((SUFFIX, JOURNAL_SUFFIX))
        return is_packet or path == self._store or path.startswith(self._bootstrap)
