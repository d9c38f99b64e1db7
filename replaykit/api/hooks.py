"""All that has to be hooked before a run begins."""

from __future__ import annotations

from replaykit import integrations
from replaykit.interceptors import console, httpx, langchain, libraries, openai_agents, pydantic_ai

_is_installed = False


def install() -> None:
    """Hooks every client and framework that is known, each when it is imported; once per process.

    Raises:
        UsageError: A client that is imported already is not as replaykit knows it.
    """
    global _is_installed
    integrations.install()
    httpx.install_once()
    console.install_once()
    if not _is_installed:
        _is_installed = True
        for framework in (langchain, openai_agents, pydantic_ai):
            framework.install()


def install_for_replay() -> None:
    """The same, and no framework may be left unhooked: its tools would run for real.

    Raises:
        UsageError: A library that is imported already is not as replaykit knows it.
    """
    install()
    libraries.check()
