"""Replace a method and put it back, with a look at its signature first."""

from __future__ import annotations

import inspect
import platform
import sys
from collections.abc import Callable
from typing import Any

from replaykit.errors import UsageError

_MISSING = object()


class Patch:
    """One replaced attribute of a class or module.

    Attributes:
        needs: Parameters that the original must accept by name or by `**kwargs`; a private API that lost one has moved.
    """

    def __init__(self, owner: Any, attribute: str, wrap: Callable[[Any], Any], needs: tuple[str, ...] = ()) -> None:
        self._owner = owner
        self._attribute = attribute
        self._wrap = wrap
        self._needs = needs
        self._wrapper: Any = None
        self._checked: Any = _MISSING
        self._own: Any = _MISSING  # what stood in the owner's own namespace; inherited attributes are not its own

    def apply(self) -> None:
        """Put the wrapper in place.

        Raises:
            UsageError: The original is absent or takes other parameters than the tested versions.
        """
        if self._wrapper is not None:  # buried under somebody else's patch, so still in the chain
            return
        original = inspect.getattr_static(self._owner, self._attribute, None)
        if original is not self._checked:
            self._check(original)
            self._checked = original
        self._own = vars(self._owner).get(self._attribute, _MISSING)
        self._wrapper = self._wrap(original)
        setattr(self._owner, self._attribute, self._wrapper)

    def revert(self) -> None:
        """Take the wrapper out, unless another library has wrapped it meanwhile: then it stays, and does nothing."""
        if self._wrapper is None or vars(self._owner).get(self._attribute) is not self._wrapper:
            return
        if self._own is _MISSING:
            delattr(self._owner, self._attribute)
        else:
            setattr(self._owner, self._attribute, self._own)
        self._wrapper = None

    def _check(self, original: Any) -> None:
        if not self._needs and callable(original):  # a builtin, which tells no signature
            return
        function = getattr(original, "__func__", original)
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):
            parameters = None
        if parameters is not None:
            takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
            lacking = [name for name in self._needs if name not in parameters and not takes_any]
            if not lacking:
                return
        found = f"({', '.join(parameters)})" if parameters is not None else "not there, or without a signature"
        raise UsageError(
            f"replaykit can't follow tasks and threads here: {_name_of(self._owner)}.{self._attribute} is {found}, "
            f"expected {', '.join(self._needs)}. Found: Python {platform.python_version()}{_version_of(self._owner)}. "
            "Use a replaykit release that was tested with these versions."
        )


def _name_of(owner: Any) -> str:
    name = getattr(owner, "__qualname__", None)
    return f"{owner.__module__}.{name}" if name else str(owner.__name__)


def _version_of(owner: Any) -> str:
    package = _name_of(owner).partition(".")[0]
    if package in sys.stdlib_module_names:
        return ""
    from importlib import metadata

    try:
        return f", {package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f", {package} (version unknown)"
