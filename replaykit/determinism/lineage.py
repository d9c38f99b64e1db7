"""Which run does the code that executes right now belong to, and where in its spawn tree is it?

    root = lineage.begin(run)          # in a task, a thread or plain code
    node = lineage.current()           # anywhere below: tasks, executor jobs, threads, callbacks
    key = f"{node.path}/{name}[{node.ordinal(name)}]"
    lineage.end(root)

The answer is the same in every execution of the same code, whatever finishes first. Nothing is ever put into a
context that a user hands to a task, and no context is copied or replaced.
"""

from __future__ import annotations

from replaykit.determinism import hooks, strands
from replaykit.determinism.drive import bind, drive_async_generator, drive_generator
from replaykit.determinism.hooks import install, install_clock, uninstall, uninstall_clock
from replaykit.determinism.nodes import Node, escape
from replaykit.determinism.strands import Strand, current, current_strand, inside, on, strands_of

__all__ = [
    "Node",
    "Root",
    "Strand",
    "alive",
    "begin",
    "bind",
    "current",
    "current_strand",
    "drive_async_generator",
    "drive_generator",
    "end",
    "escape",
    "inside",
    "install",
    "install_clock",
    "on",
    "strands_of",
    "uninstall",
    "uninstall_clock",
]


class Root:
    """A begun run: the token for `end`.

    Attributes:
        node: The root of its spawn tree; path "".
    """

    __slots__ = ("_held", "_shadow", "node")

    def __init__(self, node: Node) -> None:
        self.node = node
        self._held: on | None = None
        # What callbacks and synchronous code of this thread see. Not the task's own strand: a callback must not land
        # in whatever span the task happens to be in when it fires.
        self._shadow = Strand(node, seat=strands.local.seat)

    def _enter(self) -> None:
        if strands.current_task() is not None or strands.local.seat.strand is not None:
            self._held = on(Strand(self.node))
            self._held.__enter__()
        shadow = self._shadow
        shadow.outer = strands.variable.get()
        shadow.token = strands.variable.set(shadow)

    def _exit(self) -> None:
        if self._held is not None:
            self._held.__exit__()
        shadow, top = self._shadow, strands.variable.get()
        if top is shadow:
            assert shadow.token is not None
            try:
                strands.variable.reset(shadow.token)
            except ValueError:  # ended in another context than begun in; the other one can't be reached from here
                strands.variable.set(shadow.outer)
        elif top is not None:
            above = strands.unlink(top, shadow)
            if above is not None:
                above.token = shadow.token  # so that ending it later leaves no trace of this run
        shadow.token = None


def begin(run: object) -> Root:
    """Bind a new root node for `run` to the code that runs now, and to contexts copied from here on.

    Raises:
        UsageError: The hooks don't fit the versions found; nothing is bound.
    """
    hooks.install()
    root = Root(Node(run))
    root._enter()
    strands.active.add(root)
    return root


def end(root: Root) -> None:
    """Restore what was there before `begin`, in whatever order runs end. Ending twice does nothing."""
    if root in strands.active:
        strands.active.discard(root)
        root._exit()
        hooks.uninstall()


def alive() -> int:
    """Count the runs that have begun and not ended; hooks leave at once when it is 0."""
    return len(strands.active)
