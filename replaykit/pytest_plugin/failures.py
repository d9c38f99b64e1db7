"""How a failing test is shown: a divergence by its own text alone, and nothing with a secret in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

# Private names, and the only way to a short text that also crosses from a worker of xdist and has a summary line.
from _pytest._code.code import ExceptionChainRepr, ReprEntry, ReprFileLocation, ReprTraceback

from replaykit.errors import Divergence, ReplayKitError, SanitizeError
from replaykit.packet import Packet
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.sanitizer.standins import StandIn
from replaykit.session.rules import make_sanitizer

T = TypeVar("T")


def attempt(make: Callable[[], T]) -> T:
    """What `make` makes; an error of ours fails the test with its text, and no traceback."""
    __tracebackhide__ = True
    try:
        return make()
    except ReplayKitError as error:
        problem = str(error)
    pytest.fail(problem, pytrace=False)  # not in the handler: pytest would show both errors


def shorten(report: pytest.TestReport, call: pytest.CallInfo[None], packet: Packet | None) -> None:
    """Makes the report say a divergence in its own few lines, and takes the secrets out of everything else."""
    error = call.excinfo.value if call.excinfo is not None else None
    if not report.failed and not report.sections:
        return
    sanitizer = _sanitizer(packet)
    if isinstance(error, Divergence):
        report.longrepr = _repr_of(error, report)
    elif report.failed:
        _clean_traceback(report, sanitizer)
    report.sections = [(title, _clean(sanitizer, text)) for title, text in report.sections]


def without_secrets(text: str, packet: Packet | None) -> str:
    """Text that may be shown."""
    return _clean(_sanitizer(packet), text)


def _repr_of(error: Divergence, report: pytest.TestReport) -> ExceptionChainRepr:
    """No frames: they would be ours and the SDK's, and their locals are nobody's business."""
    lines = f"replaykit.{type(error).__name__}: {error}".splitlines()
    entry = ReprEntry([f"E   {line}" for line in lines], None, None, None, "value")
    path, line, _ = report.location
    crash = ReprFileLocation(path, (line or 0) + 1, lines[0])
    return ExceptionChainRepr([(ReprTraceback([entry], None, "value"), crash, None)])


def _clean_traceback(report: pytest.TestReport, sanitizer: Sanitizer) -> None:
    """The usual traceback, as long as nothing in it (`--showlocals`) has to be taken out."""
    text = report.longreprtext
    clean = _clean(sanitizer, text)
    if clean != text:
        report.longrepr = clean


def _clean(sanitizer: Sanitizer, text: str) -> str:
    try:
        return sanitizer.text(text)
    except SanitizeError:
        return "(not shown: it could not be searched for secrets)"


def _sanitizer(packet: Packet | None) -> Sanitizer:
    lines = packet.stand_ins if packet is not None else ()
    known = [StandIn(line.name, line.stand_in, line.variable) for line in lines]
    return make_sanitizer(os.environ, known)
