"""Strands for tasks that nobody saw being spawned (`asyncio.Task(coro)`, loops that are not hooked)."""

from __future__ import annotations

import contextvars
import gc
import re
from typing import Any

from replaykit.determinism import naming, pending, strands
from replaykit.determinism.nodes import Node
from replaykit.determinism.strands import Strand

_NUMBERED_NAME = re.compile(r"Task-(\d+)")


def find(task: Any) -> Strand | None:
    """Return the strand of the running task that `strands.tasks` does not know; None: it belongs to no run.

    All live unseen tasks with the same parent are adopted at once, in the order of their creation: which of them makes
    its first call first must not decide their numbers.
    """
    strand = pending.get(task.get_coro())
    if strand is not None:  # an eager task in its first step, inside `create_task`
        strands.tasks.put(task, strand)
        return strand
    parent = _parent_here()
    if parent is None:
        return None
    import asyncio

    siblings = {other for other in asyncio.all_tasks(task.get_loop()) if _is_unseen_child(other, parent)}
    siblings.add(task)
    for sibling in sorted(siblings, key=_creation_order):
        named = naming.name_task(sibling.get_coro(), sibling.get_name())
        node = parent.child(f"adopted:{named.segment}", is_adopted=True)
        strands.tasks.put(sibling, Strand(node, absorbs_job=named.absorbs_job))
    return strands.of_task(task)


def _parent_here() -> Node | None:
    # Not the strand's present node: which span the parent is in when this task makes its first call is a matter of
    # time, and the task may have been made long before.
    seat = strands.local.seat
    if seat.strand is not None:
        return seat.strand.base
    strand = strands.variable.get()
    return strand.base if strand is not None and strand.seat is seat else None


def _is_unseen_child(task: Any, parent: Node) -> bool:
    if task in strands.tasks or task.get_coro() is None:
        return False
    if strands.local.seat.strand is not None:  # this loop runs inside a job or thread of the run
        return True
    context = _context_of(task)
    strand = context.get(strands.variable) if context is not None else None
    return strand is not None and strand.base is parent


def _context_of(task: Any) -> contextvars.Context | None:
    if hasattr(task, "get_context"):  # 3.12
        context: contextvars.Context = task.get_context()
        return context
    # 3.11 does not tell; the garbage collector knows what the C object refers to. Can go with 3.11.
    for referent in gc.get_referents(task):
        if isinstance(referent, contextvars.Context):
            return referent
    return None


def _creation_order(task: Any) -> tuple[bool, int, str]:
    # asyncio numbers unnamed tasks as it makes them. A name given by the user hides the number and is the order itself.
    numbered = _NUMBERED_NAME.fullmatch(task.get_name())
    return (numbered is None, int(numbered[1]) if numbered else 0, task.get_name())
