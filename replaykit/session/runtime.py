"""Facts about the running program for the run envelope, found without running anything."""

from __future__ import annotations

import functools
import os
import platform
import sys
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

# Frameworks and clients whose version may move positions or bytes; only those that are imported are asked for.
FRAMEWORKS = {
    "agents": "openai-agents",
    "anthropic": "anthropic",
    "anyio": "anyio",
    "httpx": "httpx",
    "httpx2": "httpx2",
    "langchain_core": "langchain-core",
    "langgraph": "langgraph",
    "openai": "openai",
    "pydantic_ai": "pydantic-ai-slim",
    "uvloop": "uvloop",
}


def python_version() -> str:
    return platform.python_version()


def platform_name() -> str:
    return f"{sys.platform}-{platform.machine()}"


def hash_seed() -> str | None:
    """The seed that `PYTHONHASHSEED` sets; None where string hashes are random."""
    return os.environ.get("PYTHONHASHSEED")


def time_zone() -> str:
    """The name of the zone of local times (`Europe/Oslo`); where nothing tells it, what `time` calls it."""
    if set(time.tzname) == {"UTC"}:
        return "UTC"  # which has many names
    name = os.environ.get("TZ", "").removeprefix(":")
    return name or os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2] or " ".join(time.tzname)


def loaded_packages() -> dict[str, str]:
    """Versions of the known frameworks that the program has imported."""
    return installed_versions(distribution for module, distribution in FRAMEWORKS.items() if module in sys.modules)


def find_git_sha(start: Path) -> str | None:
    """The commit that is checked out at or above `start`, read from the files; None outside a repository."""
    try:
        for folder in (start, *start.parents):
            git = folder / ".git"
            if git.is_file():  # a worktree: the file names the real folder
                git = (folder / git.read_text().partition("gitdir:")[2].strip()).resolve()
            if git.is_dir():
                return _read_head(git)
    except (OSError, UnicodeDecodeError):
        return None
    return None


def _read_head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head or None
    name = head.partition("ref:")[2].strip()
    common = git / "commondir"
    home = (git / common.read_text().strip()).resolve() if common.is_file() else git
    for folder in (git, home):
        if (folder / name).is_file():
            return (folder / name).read_text().strip()
    packed = home / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.partition(" ")[0] for line in lines if line.endswith(" " + name)), None)


def installed_versions(distributions: Iterable[str]) -> dict[str, str]:
    """Versions of those distributions that are installed."""
    versions = ((name, _version(name)) for name in distributions)
    return {name: version for name, version in versions if version is not None}


@functools.lru_cache(maxsize=256)
def _version(distribution: str) -> str | None:
    """Read once: it reads files, and does not change under a running program."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None  # not installed, or imported from a checkout: no version to tell
