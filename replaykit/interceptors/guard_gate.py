"""The gates that are asked, and how they are asked: by the thread that acts, at the very call that would go out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from replaykit.interceptors.guard_egress import Egress, EgressKind


class Gate(Protocol):
    """Who decides. Called in the thread and task that acts, often inside C code: no await, no lock held for long."""

    def refuses(self, egress: Egress) -> BaseException | None:
        """Return None to let it pass, or the exception that comes out of the refused call.

        One act may ask twice (a look-up and its connect, `subprocess.Popen` and its `posix_spawn`).
        What the gate itself does in here, look-ups and connects included, is not asked about.
        """


class _Here(threading.local):
    # A gate's answer is plain code without a switch of tasks: the thread is the right scope, no context is.
    is_asking = False


_here = _Here()


class Gates:
    """The gates in force, in the order of their install. The same gate may stand here more than once."""

    __slots__ = ("in_force",)

    def __init__(self) -> None:
        self.in_force: tuple[Gate, ...] = ()

    def ask(self, kind: EgressKind, translate: Callable[..., Egress | None], *args: Any) -> None:
        """Raise what the first refusing gate returns; return where nothing leaves or every gate lets it pass.

        Args:
            kind: What the gates are asked about when `translate` can't read the arguments: never silence.
            translate: Returns the egress, None where these arguments do not leave the process.
        """
        if not self.in_force or _here.is_asking:
            return
        _here.is_asking = True
        try:
            try:
                egress = translate(*args)
            except Exception:  # a form of arguments nobody has seen yet must not open the guard
                egress = Egress(kind, "?")
            if egress is None:
                return
            for gate in self.in_force:
                refusal = gate.refuses(egress)
                if refusal is not None:
                    raise refusal
        finally:
            _here.is_asking = False


gates = Gates()
