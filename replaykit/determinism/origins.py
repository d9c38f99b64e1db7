"""Whose code reads a clock or a random source: the program's own, a library's, or machinery that has to get real ones.

Told from the first frame that does not merely pass the question on.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

USER: Final = ""
"""Origin of the program's own code."""


class Reader(NamedTuple):
    """Who reads.

    Attributes:
        api: The function of `random`, `secrets` or `uuid` that was called, if one was: `uuid.uuid4`.
        origin: `USER`, or the top-level package of a library.
    """

    api: str
    origin: str


_THROUGH: Final = Reader("", "<through>")
_API: Final = Reader("", "<api>")
_REAL: Final = Reader("", "<real>")
_PROGRAM: Final = Reader("", USER)

_API_MODULES = frozenset({"random", "secrets", "uuid"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Code that is run on behalf of whoever calls it: constructors, wrappers, and what starts tasks and threads.
_THROUGH_MODULES = _words(
    """
    __future__ _collections_abc _frozen_importlib _frozen_importlib_external _pydatetime _strptime _weakrefset abc
    asyncio bdb bisect calendar cmd code codeop collections concurrent contextlib contextvars copy copyreg dataclasses
    datetime email enum functools graphlib heapq importlib inspect itertools numbers operator os pdb pickle pkgutil
    profile queue runpy sched site statistics string tempfile threading timeit trace types typing weakref zipimport
    zoneinfo
    """
)
_THROUGH_PACKAGES = frozenset({"attr", "attrs", "cattr", "cattrs", "numpy", "pydantic", "pydantic_core"})
# What these draw is a key, a mask, an identity of a trace or the clock of a log: no run depends on it, and a key must
# not be kept. Test tools have a life beside the run.
_REAL_PACKAGES = _words(
    """
    Crypto Cryptodome IPython OpenSSL _pytest _pydevd_bundle asyncssh coverage cryptography daphne ddtrace debugpy ecdsa
    execnet freezegun granian gunicorn hypercorn hypothesis ipykernel nacl opentelemetry paramiko pluggy posthog
    prometheus_client pydevd pytest rsa sentry_sdk structlog loguru time_machine uvicorn waitress watchfiles websockets
    wsproto xdist
    """
)
_SITES = ("site-packages", "dist-packages")

_OURS = str(Path(__file__).resolve().parent.parent) + os.sep
# What starts tasks, threads and timers calls functions of the program.
_OURS_THROUGH = str(Path(__file__).resolve().parent) + os.sep
_OURS_REAL = str(Path(__file__).resolve().with_name("entropy.py"))
_STDLIB = tuple({path + os.sep for name in ("stdlib", "platstdlib") if (path := sysconfig.get_path(name))})

_readers: dict[str, Reader] = {}  # by the name of the file that the code comes from


def find_reader(frame: FrameType | None) -> Reader | None:
    """Who reads, seen from the frame that called the source; None: somebody who has to get the real thing."""
    api: FrameType | None = None
    while frame is not None:
        name = frame.f_code.co_filename
        reader = _readers.get(name) or _classify(name, frame)
        if reader is _API:
            api = frame
        elif reader is not _THROUGH:
            return None if reader is _REAL else _with_api(reader, api)
        frame = frame.f_back
    return _with_api(_PROGRAM, api)  # only machinery: a function of these modules was handed to it


def _with_api(reader: Reader, api: FrameType | None) -> Reader:
    if api is None:
        return reader
    return Reader(f"{api.f_globals.get('__name__')}.{api.f_code.co_qualname.removeprefix('Random.')}", reader.origin)


def _classify(name: str, frame: FrameType) -> Reader:
    if name.startswith("<"):  # frozen, or made by `exec`: its module says whose it is
        return _of_generated(frame)
    reader = _readers[name] = _of_file(name)
    return reader


def _of_generated(frame: FrameType) -> Reader:
    module, file = frame.f_globals.get("__name__"), frame.f_globals.get("__file__")
    name = f"<{module}>{file}"
    reader = _readers.get(name)
    if reader is None:
        top = str(module).partition(".")[0]
        if isinstance(file, str) and not file.startswith("<"):
            reader = _of_file(file)
        else:
            reader = _of_stdlib(top) if top in sys.stdlib_module_names else _PROGRAM
        _readers[name] = reader
    return reader


def _of_file(name: str) -> Reader:
    if name.startswith(_OURS):
        return _THROUGH if name.startswith(_OURS_THROUGH) and name != _OURS_REAL else _REAL
    parts = Path(name).parts
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] in _SITES:
            return _of_package(parts[index + 1].removesuffix(".py"))
    for folder in _STDLIB:
        if name.startswith(folder):
            return _of_stdlib(name[len(folder) :].partition(os.sep)[0].removesuffix(".py"))
    return _PROGRAM


def _of_package(name: str) -> Reader:
    if name in _THROUGH_PACKAGES:
        return _THROUGH
    return _REAL if name in _REAL_PACKAGES or name.startswith("pytest_") else Reader("", name)


def _of_stdlib(name: str) -> Reader:
    if name in _API_MODULES:
        return _API
    return _THROUGH if name in _THROUGH_MODULES else _REAL
