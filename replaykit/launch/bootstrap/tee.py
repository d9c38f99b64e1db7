"""What a command prints, seen on its way out."""

from __future__ import annotations

import io
import sys
from typing import Any, cast

from replaykit.launch.bootstrap.wrapped import Kept, Wrapped

MAX_OUTPUT_BYTES = 1024 * 1024
"""More than this is printed, but not kept: the output then counts as not known."""


class _Copy(Wrapped):
    """The binary stream below `sys.stdout`: everything is handed on, and a copy of what was written is kept.

    Not a `BufferedWriter` of its own: a second buffer would put text and bytes in another order.
    """

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.kept = Kept(MAX_OUTPUT_BYTES)

    def write(self, data: Any) -> int:
        written = cast(int, self._inner.write(data))
        self.kept.add(bytes(memoryview(data).cast("B")[:written]))
        return written

    def writable(self) -> bool:
        return True


class Tee:
    """Takes the place of `sys.stdout`: a text stream of the same kind, with a copy made of each write.

    What is written to the file descriptor itself, by C libraries or child processes, is not seen.
    """

    def __init__(self) -> None:
        stream = sys.stdout
        self._copy: _Copy | None = None
        if not isinstance(stream, io.TextIOWrapper):
            return  # no stdout at all, or one that somebody else has made: it stays as it is
        self._copy = _Copy(stream.buffer)
        self._encoding, self._errors = stream.encoding, stream.errors or "strict"
        sys.stdout = io.TextIOWrapper(
            cast(Any, self._copy),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        # Its `mode` is an attribute of the instance, as it is on the stream that Python itself makes.
        cast(Any, sys.stdout).mode = "w"
        self._stream = sys.stdout

    def note(self, text: str) -> None:
        """Text that was printed past this stream: the prompt of `input` on a terminal."""
        if self._copy is not None and not self._stream.closed:
            self._stream.flush()
            self._copy.kept.add(text.encode(self._encoding, "replace"))

    def text(self) -> str | None:
        """What was printed so far; None where it was not seen, or was too much."""
        if self._copy is None:
            return None
        if not self._stream.closed:
            self._stream.flush()
        whole = self._copy.kept.whole
        return whole.decode(self._encoding, "replace") if whole is not None else None
