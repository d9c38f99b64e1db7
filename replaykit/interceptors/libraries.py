"""The libraries that are hooked: which versions were tested, and whether the hook is in place.

All hooks go through private names, so each is checked against what is installed. What does not fit is left alone while
recording, with one line in the log; a replay refuses to begin, since there the tools would run for real.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import Any, Literal

from replaykit.determinism.imports import when_imported
from replaykit.errors import UsageError
from replaykit.interceptors.base import is_replaying

logger = logging.getLogger("replaykit")

State = Literal["absent", "installed", "hooked", "refused"]


@dataclass(frozen=True, slots=True)
class Library:
    """One library that is hooked as soon as it is imported.

    Attributes:
        module: Its import name.
        distribution: Its name on the package index.
        tested: First and last version that the tests ran with.
        covers: What of it is recorded.
    """

    module: str
    distribution: str
    tested: str
    covers: str


LIBRARIES = (
    Library("httpx", "httpx", "0.27 to 0.28", "HTTP"),
    Library("httpx2", "httpx2", "2.16", "HTTP"),
    Library("langchain_core", "langchain-core", "1.7", "tools and retrievers of LangChain and LangGraph"),
    Library("agents", "openai-agents", "0.24", "function tools"),
    Library("pydantic_ai", "pydantic-ai-slim", "2.68", "tools of all toolsets"),
)

_BY_MODULE = {library.module: library for library in LIBRARIES}
_hooked: set[str] = set()
_refused: dict[str, str] = {}


def find(module: str) -> Library:
    """The library of that import name."""
    return _BY_MODULE[module]


def version_of(library: Library) -> str | None:
    """The installed version; None if it is not installed."""
    try:
        return metadata.version(library.distribution)
    except metadata.PackageNotFoundError:
        return None


def state_of(library: Library) -> State:
    """Whether it is there and hooked. Hooks come with the first run and the import of the library."""
    if library.module in _refused:
        return "refused"
    if library.module in _hooked:
        return "hooked"
    return "installed" if library.module in sys.modules or version_of(library) is not None else "absent"


def refusal(module: str) -> str:
    """Why a library is not hooked although it is imported; empty if it is."""
    return _refused.get(module, "")


def unfit(module: str, name: str) -> UsageError:
    """The error for a private name that is not what the hook needs."""
    library = find(module)
    return UsageError(
        f"{library.distribution} {version_of(library) or '?'}: {name} is not as replaykit knows it "
        f"(tested with {library.distribution} {library.tested}); {library.covers} can't be recorded or replayed"
    )


def check_uses(module: str, owner: Any, function: str, names: tuple[str, ...]) -> None:
    """Checks that a function is there and that its code uses these names.

    Raises:
        UsageError: It does not; the versions are named.
    """
    code = getattr(getattr(owner, function, None), "__code__", None)
    if code is None or not {*names} <= {*code.co_names, *code.co_varnames}:
        raise unfit(module, f"{owner.__name__}.{function}")


def hook(module: str, part: str, install: Callable[[ModuleType], None]) -> None:
    """Installs a hook as soon as `part`, a module of a library, is imported."""

    def on_import(found: ModuleType) -> None:
        try:
            install(found)
        except Exception as error:  # the agent's import comes first, whatever the library has become
            reason = error if isinstance(error, UsageError) else unfit(module, f"{part} ({error})")
            _refused[module] = str(reason)
            logger.warning("%s", reason)
            if is_replaying():
                raise reason from None
        else:
            _hooked.add(module)

    when_imported(part, on_import)


def mark_hooked(module: str) -> None:
    """For hooks that are installed by themselves."""
    _hooked.add(module)


def check() -> None:
    """For a replay, where an unhooked tool would run for real.

    Raises:
        UsageError: A library that is imported is not as replaykit knows it.
    """
    for module, reason in _refused.items():
        if module in sys.modules:
            raise UsageError(reason)
