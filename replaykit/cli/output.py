"""What the commands print: rich on a terminal, plain text anywhere else."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any, TextIO

from replaykit.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 120


def prepare_streams() -> None:
    """Makes a character that the terminal has no code for a `?`, and not the end of the command.

    Only this process' own streams: what a recorded command prints is not touched.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")


def abandon_stdout() -> None:
    """Nobody reads it, or it can't be written: Python would complain once more when it flushes at exit."""
    sys.stdout = None  # as Python itself does where there is none


def console() -> Console:
    """Standard output. In a pipe: no colours, and lines as long as they are."""
    from rich.console import Console

    if _stdout().isatty():
        return Console(highlight=False)
    return Console(width=PLAIN_WIDTH, highlight=False, color_system=None)


def write(text: str) -> None:
    """A line to standard output, as it is."""
    stream = _stdout()
    stream.write(text + "\n")
    stream.flush()


def write_json(value: Any, indent: int | None = None) -> None:
    """JSON to standard output; escaped where it could not hold the characters."""
    holds_all = (_stdout().encoding or "").lower().replace("-", "") in ("utf8", "utf8sig")
    write(json.dumps(value, indent=indent, ensure_ascii=not holds_all))


def _stdout() -> TextIO:
    if sys.stdout is None:
        raise UsageError("standard output is closed: there is nowhere to print to")
    return sys.stdout


def note(text: str) -> None:
    """A line to standard error: what replaykit has to say beside the command's own output."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:  # a full disk behind it: the exit code still says what there is to say
        sys.stderr = None  # or Python tries once more at exit


def plain(text: str) -> str:
    """Text on one line that can't steer a terminal: a packet may come from anywhere."""
    return "".join(char if char.isprintable() else " " for char in text)


def shorten(text: str, length: int) -> str:
    """At most `length` characters, on one line."""
    line = " ".join(plain(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"
