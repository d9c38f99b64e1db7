"""What the commands print: rich on a terminal, plain text anywhere else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 120


def console() -> Console:
    """Standard output. In a pipe: no colours, and lines as long as they are."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(width=PLAIN_WIDTH, highlight=False, color_system=None)


def write(text: str) -> None:
    """A line to standard output, as it is."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line to standard error: what replaykit has to say beside the command's own output."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def plain(text: str) -> str:
    """Text on one line that can't steer a terminal: a packet may come from anywhere."""
    return "".join(char if char.isprintable() else " " for char in text)


def shorten(text: str, length: int) -> str:
    """At most `length` characters, on one line."""
    line = " ".join(plain(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"
