"""What a command reads from its standard input: seen on its way in, and for a terminal answered in a replay.

Nothing is read that the program does not read itself: whoever comes after it finds the rest.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import Any, Literal, cast

from replaykit.interceptors.console import ask
from replaykit.launch.bootstrap.wrapped import Kept, Wrapped

MAX_INPUT_BYTES = 1024 * 1024
"""More than this is read as always, but not kept; a replay must then be given it again."""

Source = Literal["terminal", "stream"]


class _Stream(Wrapped):
    """The binary stream below `sys.stdin`: everything comes from the inner one."""

    def read(self, size: int | None = -1, /) -> bytes:
        return self._took(self._inner.read(size))

    def read1(self, size: int = -1, /) -> bytes:
        return self._took(self._inner.read1(size))

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._took(self._inner.readline(size))

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(memoryview(buffer).cast("B")))
        memoryview(buffer).cast("B")[: len(data)] = data
        return len(data)

    def readinto1(self, buffer: Any, /) -> int:
        data = self.read1(len(memoryview(buffer).cast("B")))
        memoryview(buffer).cast("B")[: len(data)] = data
        return len(data)

    def _took(self, data: bytes | None) -> bytes:
        return cast(bytes, data)  # None: a stream that does not block has nothing yet

    def peek(self, size: int = 0, /) -> bytes:
        return cast(bytes, self._inner.peek(size))

    def readable(self) -> bool:
        return True


class _Copy(_Stream):
    """A pipe: what is read from it is kept."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.kept = Kept(MAX_INPUT_BYTES)

    def _took(self, data: bytes | None) -> bytes:
        if data:
            self.kept.add(data)
        return cast(bytes, data)


class _Terminal(_Stream):
    """A terminal: each line is a person's answer, and in a replay the recorded one."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._rest = b""

    def isatty(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def peek(self, size: int = 0, /) -> bytes:
        self._rest = self._rest or self._line()
        return self._rest

    def read1(self, size: int = -1, /) -> bytes:
        return self._taken(self._rest or self._line(), size)

    def readline(self, size: int | None = -1, /) -> bytes:
        return self.read1(-1 if size is None else size)

    def read(self, size: int | None = -1, /) -> bytes:
        """To the end of the input, or `size` bytes: as many lines as that takes."""
        wanted = -1 if size is None else size
        found = [self.read1(wanted)]
        while found[-1] and (wanted < 0 or sum(map(len, found)) < wanted):
            found.append(self.read1(-1 if wanted < 0 else wanted - sum(map(len, found))))
        return b"".join(found)

    def _taken(self, line: bytes, size: int) -> bytes:
        cut = len(line) if size < 0 else size
        self._rest = line[cut:]
        return line[:cut]

    def _line(self) -> bytes:
        def read() -> str:
            return cast(bytes, self._inner.readline()).decode("utf-8", "surrogateescape")

        return ask("stdin", "", read).encode("utf-8", "surrogateescape")


class Stdin:
    """The standard input of this process, watched.

    Args:
        is_terminal: The recorded one was a terminal, in a replay; None: this one decides.
    """

    def __init__(self, *, is_terminal: bool | None = None) -> None:
        self._file: int | None = None
        self._copy: _Copy | None = None
        self._is_terminal = False
        stream = sys.stdin
        if not isinstance(stream, io.TextIOWrapper):
            return  # closed, or one that somebody else has made
        try:
            mode = os.fstat(0).st_mode
            if stream.fileno() != 0:
                return
        except (OSError, ValueError):
            return  # closed
        if is_terminal or (is_terminal is None and os.isatty(0)):
            self._is_terminal = True
            self._replace(stream, _Terminal(stream.buffer))
        elif is_terminal is None:
            self._watch(stream, mode)

    def _watch(self, stream: io.TextIOWrapper, mode: int) -> None:
        if stat.S_ISFIFO(mode) and _is_program():
            mode = _hold_program() or mode
        if stat.S_ISREG(mode):
            self._file = os.dup(0)  # how far it was read is known at the end, whoever read it
            self._start = os.lseek(0, 0, os.SEEK_CUR)
        elif stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            self._copy = _Copy(stream.buffer)
            self._replace(stream, self._copy)

    def _replace(self, stream: io.TextIOWrapper, buffer: Any) -> None:
        sys.stdin = io.TextIOWrapper(
            buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=stream.line_buffering
        )
        # Its `mode` is an attribute of the instance, as it is on the stream that Python itself makes.
        cast(Any, sys.stdin).mode = "r"

    @property
    def source(self) -> Source | None:
        """Where it comes from; None where nothing was read, or nothing could be."""
        if self._is_terminal:
            return "terminal"
        return "stream" if self.length else None

    @property
    def length(self) -> int:
        """Bytes that were read, as far as that was seen."""
        if self._copy is not None:
            return self._copy.kept.length
        return max(self._end() - self._start, 0) if self._file is not None else 0

    def whole(self) -> bytes | None:
        """All that was read; None if it was too much to keep."""
        if self._copy is not None:
            return self._copy.kept.whole
        if self._file is None or self.length > MAX_INPUT_BYTES:
            return None
        return os.pread(self._file, self.length, self._start)

    def _end(self) -> int:
        assert self._file is not None
        return os.lseek(self._file, 0, os.SEEK_CUR)


def _is_program() -> bool:
    """True if Python reads the program itself from there: `python - < script`."""
    return sys.argv[:1] in (["-"], [""]) and not sys.flags.interactive and not os.environ.get("PYTHONINSPECT")


def _hold_program() -> int | None:
    """Puts a program that comes through a pipe into memory, where Python reads it; it reads all of it anyway.

    Returns the mode of what standard input is now; None if that can't be done here.
    """
    if not hasattr(os, "memfd_create"):
        return None
    memory = os.memfd_create("stdin")
    while data := os.read(0, 65536):
        os.write(memory, data)
    os.lseek(memory, 0, os.SEEK_SET)
    os.dup2(memory, 0)
    os.close(memory)
    return os.fstat(0).st_mode
