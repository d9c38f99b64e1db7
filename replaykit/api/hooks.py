"""All that has to be hooked before a run begins."""

from __future__ import annotations

from replaykit import integrations
from replaykit.interceptors import console, httpx


def install() -> None:
    """Hooks every client and framework that is known, each when it is imported; once per process.

    Raises:
        UsageError: A library that is imported already is not as replaykit knows it.
    """
    integrations.install()
    httpx.install_once()
    console.install_once()
