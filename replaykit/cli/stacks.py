"""The libraries through which agents reach the world, and what becomes of their calls: a table, and what is here."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

Group = Literal["transport", "sdk", "framework", "runtime", "native"]
State = Literal["recorded", "hooked", "partly", "not recorded", "unseen", "unfit"]
"""`partly`: through a hooked transport and through others. `unseen`: nothing of it, and no guard can see it."""

_REFUSED = "a replay refuses it (the guard)"
_UNSEEN = "it has a network of its own that no guard can see: in a replay it would go live"
_UNFIT = "not recorded, and a replay refuses to begin"


@dataclass(frozen=True, slots=True)
class Stack:
    """One library.

    Attributes:
        module: What is imported to find out whether the hook fits; empty for libraries without a hook of their own.
        covers: What of it is hooked.
        limit: What of it is not.
    """

    distribution: str
    group: Group
    module: str = ""
    covers: str = ""
    limit: str = ""


STACKS = (
    Stack("httpx", "transport", "httpx", "HTTP, streams included"),
    Stack("httpx2", "transport", "httpx2", "HTTP, streams included"),
    Stack("requests", "transport"),
    Stack("urllib3", "transport"),
    Stack("aiohttp", "transport"),
    Stack("botocore", "transport"),
    Stack("websockets", "transport"),
    Stack("niquests", "transport"),
    Stack("openai", "sdk"),
    Stack("anthropic", "sdk"),
    Stack("google-genai", "sdk"),
    Stack("mistralai", "sdk"),
    Stack("cohere", "sdk"),
    Stack("groq", "sdk"),
    Stack("ollama", "sdk"),
    Stack("together", "sdk"),
    Stack("huggingface-hub", "sdk"),
    Stack("boto3", "sdk"),
    Stack("litellm", "sdk"),
    Stack("mcp", "framework", limit="servers over stdio are other processes: a replay refuses to start them"),
    Stack("langchain-core", "framework", "langchain_core.tools", "tools and retrievers of LangChain and LangGraph"),
    Stack("langgraph", "framework"),
    Stack("langsmith", "framework"),
    Stack("openai-agents", "framework", "agents", "function tools", "hosted tools run at the provider"),
    Stack("pydantic-ai-slim", "framework", "pydantic_ai", "tools of all toolsets"),
    Stack("llama-index-core", "framework"),
    Stack("crewai", "framework"),
    Stack("smolagents", "framework"),
    Stack("dspy", "framework"),
    Stack("uvloop", "runtime", "uvloop", "the guard, tasks and threads"),
    Stack("uvicorn", "runtime", "uvicorn.config", "each request that comes in is a span"),
    Stack("grpcio", "native"),
    Stack("psycopg2", "native"),
    Stack("psycopg2-binary", "native"),
    Stack("psycopg-binary", "native"),
    Stack("mysqlclient", "native"),
    Stack("confluent-kafka", "native"),
    Stack("pyzmq", "native"),
    Stack("pycurl", "native"),
    Stack("curl-cffi", "native"),
    Stack("psycopg", "native"),
    Stack("obstore", "native"),
    Stack("lancedb", "native"),
)

_ASKING = frozenset({"grpcio", "pycurl", "curl-cffi", "psycopg", "psycopg-binary", "psycopg2", "psycopg2-binary"})
"""Native libraries whose calls the guard sees where Python code makes them."""


@dataclass(frozen=True, slots=True)
class Found:
    """A library that is installed here.

    Attributes:
        tested: Versions that its hook was tested with; None where it has no hook.
        is_tested: The installed one is among them.
        on: Transports that it requires, for a library that has no hook of its own.
        reason: Why the hook does not fit.
    """

    distribution: str
    group: Group
    version: str
    state: State
    covers: str
    tested: str | None
    is_tested: bool
    on: tuple[str, ...]
    limit: str = ""
    reason: str = ""

    def says(self) -> str:
        """In words."""
        return "; ".join(filter(None, [self._says(), self.limit]))

    def _says(self) -> str:
        if self.state == "unfit":
            return f"{_UNFIT}: {self.reason}"
        if self.state == "unseen":
            return _UNSEEN
        if self.state == "not recorded":
            return f"through {', '.join(self.on)}; {_REFUSED}" if self.on else _REFUSED
        if self.tested is not None:
            note = f"tested with {self.tested}"
            return f"{self.covers} ({note})" if self.is_tested else f"{self.covers}; {note}, this version was not"
        hooked = [name for name in self.on if name in hook_ranges()]
        if self.state == "partly":
            rest = [name for name in self.on if name not in hooked]
            return f"through {', '.join(hooked)}; a replay refuses what it does through {', '.join(rest)}"
        return f"through {', '.join(hooked)}" if hooked else "through whatever model client it is given"


def hook_ranges() -> dict[str, str]:
    """Versions that each hook was tested with, by distribution. Where a hook is, its module says so."""
    from replaykit.integrations import uvicorn
    from replaykit.interceptors import guard_uvloop, libraries

    hooked = {library.distribution: library.tested for library in libraries.LIBRARIES}
    return {**hooked, "uvloop": guard_uvloop.TESTED, **uvicorn.TESTED}


def find_stacks() -> tuple[Found, ...]:
    """What is installed here, with its hook tried: hooked libraries are imported for that."""
    return tuple(_examined())


def _examined() -> Iterator[Found]:
    tested = hook_ranges()
    for stack in STACKS:
        version = _version(stack.distribution)
        if version is None:
            continue
        range_tested = tested.get(stack.distribution)
        reason = _misfit(stack.module) if range_tested is not None else ""
        stands_alone = range_tested is not None or stack.group in ("transport", "native")
        on = () if stands_alone else _transports_of(stack.distribution)
        yield Found(
            distribution=stack.distribution,
            group=stack.group,
            version=version,
            state="unfit" if reason else _state(stack, on, tested),
            covers=stack.covers,
            tested=range_tested,
            is_tested=range_tested is not None and is_within(version, range_tested),
            on=on,
            limit=stack.limit,
            reason=reason,
        )


def _state(stack: Stack, on: tuple[str, ...], tested: dict[str, str]) -> State:
    if stack.distribution in tested:
        return "hooked" if stack.group == "runtime" else "recorded"
    if stack.group == "native":
        return "not recorded" if stack.distribution in _ASKING else "unseen"
    if stack.group == "transport":
        return "not recorded"
    if not on:
        return "recorded"  # a framework that leaves the network to others
    hooked = [name in tested for name in on]
    return "recorded" if all(hooked) else "partly" if any(hooked) else "not recorded"


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


_NAME = re.compile(r"[A-Za-z0-9._-]+")


def _transports_of(distribution: str) -> tuple[str, ...]:
    """Transports that a library itself requires, as its metadata says; what only an extra wants does not count."""
    known = {stack.distribution for stack in STACKS if stack.group == "transport" or stack.distribution == "grpcio"}
    found = []
    for line in metadata.requires(distribution) or ():
        name = _NAME.match(line)
        if name is not None and "extra ==" not in line and name[0].lower() in known and _version(name[0]) is not None:
            found.append(name[0].lower())
    return tuple(dict.fromkeys(found))


def _misfit(module: str) -> str:
    """Why the hook of a library can't be put in place; empty if it can."""
    from replaykit.api import hooks
    from replaykit.errors import UsageError
    from replaykit.interceptors import libraries

    try:
        hooks.install()
        importlib.import_module(module)
        if module == "uvloop":
            from replaykit.interceptors import guard

            gate = _Nothing()
            guard.install(gate)
            guard.uninstall(gate)
    except UsageError as error:
        return str(error)
    except Exception as error:  # a library that can't even be imported: its own business, and worth saying
        return f"{type(error).__name__}: {error}"
    return libraries.refusal(module.partition(".")[0])


class _Nothing:
    """A gate that refuses nothing."""

    def refuses(self, egress: object) -> BaseException | None:
        return None


def is_within(version: str, tested: str) -> bool:
    """True if a version is within `0.27 to 0.28`, or is a `2.16`; only as many numbers count as are given."""
    first, _, last = tested.partition(" to ")
    return _numbers(first) <= _numbers(version, first) and _numbers(version, last or first) <= _numbers(last or first)


def _numbers(version: str, like: str = "") -> tuple[int, ...]:
    """The numbers of a version; of as many places as `like` has."""
    found = tuple(int(part) for part in re.findall(r"\d+", version))
    return found[: len(re.findall(r"\d+", like))] if like else found
