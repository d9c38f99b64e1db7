"""What leaves a recorded run beside the interceptors: no packet holds it, and the run's packet says so."""

from __future__ import annotations

import re
import threading

from replaykit.determinism import lineage
from replaykit.interceptors import guard
from replaykit.interceptors.base import is_inside_transport
from replaykit.interceptors.guard import Egress
from replaykit.session.recorder import Recorder

_INSIDE_FUNCTION = re.compile(r"(?:^|/)(?:tool|retrieval|human):")
_lock = threading.Lock()
_is_installed = False


class _Watch:
    """Refuses nothing. Asked by the guard about everything that tries to leave the process."""

    def refuses(self, egress: Egress) -> None:
        node = lineage.current()
        if node is None or not isinstance(node.run, Recorder) or egress.kind == "dns":
            return  # a look-up alone tells nobody anything; the connect that follows is noted
        if is_inside_transport() or _INSIDE_FUNCTION.search(node.path):
            return  # an interceptor's own connection, or a part of a result that is recorded
        node.run.saw_uncaptured(str(egress))


def install() -> None:
    """Begins to watch, once per process; code that belongs to no recorded run costs one look-up at each connect."""
    global _is_installed
    with _lock:
        if not _is_installed:
            guard.install(_Watch())
            _is_installed = True
