"""What leaves a recorded run beside the interceptors: no packet holds it, and the run's packet says so."""

from __future__ import annotations

import re

from replaykit.determinism import lineage
from replaykit.determinism.crossing import is_inside_transport
from replaykit.interceptors import guard
from replaykit.interceptors.guard import Egress
from replaykit.session.recorder import Recorder

_INSIDE_FUNCTION = re.compile(r"(?:^|/)(?:tool|retrieval|human):")


class Watch:
    """Refuses nothing. Asked by the guard about everything that tries to leave the process while a run is recorded."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def begin(self) -> None:
        guard.install(self)

    def end(self) -> None:
        guard.uninstall(self)

    def refuses(self, egress: Egress) -> None:
        node = lineage.current()
        if node is None or node.run is not self._recorder or egress.kind == "dns":
            return  # a look-up alone tells nobody anything; the connect that follows is noted
        if is_inside_transport() or _INSIDE_FUNCTION.search(node.path):
            return  # an interceptor's own connection, or a part of a result that is recorded
        self._recorder.saw_uncaptured(str(egress))
