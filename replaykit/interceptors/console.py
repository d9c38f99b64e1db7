"""What a person types: `input()` and `getpass.getpass()`, and the lines of a terminal. Boundary `human`.

A password is never kept: the packet has a stand-in, which a replay serves.
"""

from __future__ import annotations

import builtins
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

from replaykit.determinism import lineage
from replaykit.determinism.crossing import inside_transport
from replaykit.determinism.imports import when_imported
from replaykit.interceptors.base import find_decider
from replaykit.packet.exchange import FunctionRequest, ServedValue
from replaykit.sanitizer.names import field_strength

_LONGEST_NAME = 60
"""Characters of a prompt that may be the name of a secret; a longer one is a question with such a word in it."""

_is_installed = False


@dataclass(slots=True)
class Around:
    """What the process around the run wants to be told; by default nothing.

    Attributes:
        prompted: Called with a prompt that went to the terminal past `sys.stdout`.
        skip_line: Called when a recorded line was served to `input()`: standard input has the same line.
    """

    prompted: Callable[[str], object] = lambda text: None
    skip_line: Callable[[], object] = lambda: None


around = Around()


def install_once() -> None:
    """Hooks both functions. The hooks stay: with no run they cost one look at a tuple."""
    global _is_installed
    if not _is_installed:
        _is_installed = True
        builtins.input = _hook_input(builtins.input)
        when_imported("getpass", _hook_getpass)


def _hook_input(original: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(original)
    def input(prompt: object = "", /) -> str:
        if _is_debugger(sys._getframe(1)):
            return original(prompt)
        text, is_direct = str(prompt), _is_terminal()

        def read() -> str:
            try:
                return original(prompt)
            finally:
                if is_direct:
                    around.prompted(text)

        def show() -> None:
            sys.stdout.write(text)
            sys.stdout.flush()
            around.skip_line()

        return ask("input", text, read, show)

    return input


def _hook_getpass(module: ModuleType) -> None:
    """Replaces `getpass.getpass`, whichever of its variants that is here."""
    original: Callable[..., str] = vars(module)["getpass"]
    if getattr(original, "is_replaykit", False):
        return

    @functools.wraps(original)
    def getpass(prompt: str = "Password: ", *args: Any, **kwargs: Any) -> str:
        return ask("getpass", prompt, lambda: original(prompt, *args, **kwargs), is_secret=True)

    vars(getpass)["is_replaykit"] = True
    vars(module)["getpass"] = getpass


def ask(
    name: str,
    prompt: str,
    read: Callable[[], str],
    show: Callable[[], None] = lambda: None,
    *,
    is_secret: bool = False,
) -> str:
    """One answer of a person, from the terminal or from the recording.

    Args:
        read: Asks the person.
        show: Called before a recorded answer is served.
    """
    found = find_decider(lambda: f"human {name}")
    if found is None:
        return read()
    is_secret = is_secret or (len(prompt) <= _LONGEST_NAME and field_strength(prompt) == "strong")
    arguments = {"prompt": prompt} if prompt else {}
    decider, node = found
    decision = decider.decide_call(FunctionRequest("human", name, arguments, "read", is_secret=is_secret), node)
    if isinstance(decision, ServedValue):
        show()
        if decision.overrun is not None:
            decision.overrun()
        if decision.error is not None:
            raise decision.error
        return str(decision.value)
    # What the function does below is its own business: `input` may read `sys.stdin`, which is watched too.
    with inside_transport():
        if decision.observer is None or decision.place is None:
            return read()
        with lineage.inside(decision.place):
            try:
                line = read()
            except BaseException as error:
                decision.observer.raised(error)
                raise
            decision.observer.returned(line)
            return line


def _is_terminal() -> bool:
    """True if `input` will read the terminal through the C library, past `sys.stdin` and `sys.stdout`."""
    try:
        pairs = ((sys.stdin, 0), (sys.stdout, 1))
        return all(stream.fileno() == number and stream.isatty() for stream, number in pairs)
    except (AttributeError, OSError, ValueError):
        return False


def _is_debugger(frame: FrameType | None) -> bool:
    """True if a debugger's prompt asks: what is typed there is no part of the run."""
    bdb = sys.modules.get("bdb")
    return bdb is not None and frame is not None and isinstance(frame.f_locals.get("self"), bdb.Bdb)
