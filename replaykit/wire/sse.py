"""Server-sent events: split a body into events, however it was cut on its way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from replaykit.errors import WireError

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event.

    Attributes:
        type: The `event` field, "message" where there is none.
        id: The last `id` field so far; it stays in force until the next one.
        retry_ms: The `retry` field of this event.
        start: First byte of the event in the joined body. Blocks that dispatch nothing lie between events.
        end: One past its last byte, the blank line included.
        is_terminated: False where the body ended before the blank line.
    """

    type: str
    data: str
    id: str
    retry_ms: int | None
    start: int
    end: int
    is_terminated: bool = True


def split_events(chunks: Iterable[bytes], *, lenient: bool = False) -> Iterator[Event]:
    """Yield the server-sent events of a body that was cut at any byte.

    Args:
        chunks: Body parts in arrival order; a cut may fall inside a UTF-8 character or inside a CRLF.
        lenient: Dispatch what stands behind the last blank line, marked `is_terminated=False`.
            Real providers leave the final blank line out, and a connection may break anywhere.

    Raises:
        WireError: The body ends inside an event (the recording was cut short), unless lenient.

    Source: WHATWG HTML, "Interpreting an event stream". It drops an unfinished event in silence; here that is an error.
    """
    block = _Block()
    for line in _split_lines(chunks):
        if line.text or not line.is_terminated:
            block.add(line)
            continue
        if block.data:
            yield block.event(line.end)
        block = _Block(last_id=block.last_id)
    if block.is_empty:
        return
    if not lenient:
        raise WireError(f"server-sent events: the body ends inside the event that starts at byte {block.start}")
    if block.data:
        yield block.event(block.end, is_terminated=False)


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    start: int
    end: int
    is_terminated: bool


@dataclass(slots=True)
class _Block:
    """The fields between two blank lines."""

    last_id: str = ""
    type: str = ""
    data: list[str] = field(default_factory=list)
    retry_ms: int | None = None
    start: int | None = None
    end: int = 0
    is_empty: bool = True

    def add(self, line: _Line) -> None:
        if self.start is None:
            self.start = line.start
        self.end = line.end
        if line.text.startswith(":") or not line.text:
            return
        self.is_empty = False
        name, _, value = line.text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self.data.append(value)
        elif name == "event":
            self.type = value
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) < 16:
            self.retry_ms = int(value)

    def event(self, end: int, *, is_terminated: bool = True) -> Event:
        return Event(
            type=self.type or "message",
            data="\n".join(self.data),
            id=self.last_id,
            retry_ms=self.retry_ms,
            start=self.start or 0,
            end=end,
            is_terminated=is_terminated,
        )


def _split_lines(chunks: Iterable[bytes]) -> Iterator[_Line]:
    buffer = bytearray()
    offset = 0  # of the buffer's first byte in the body
    searched = 0  # no line end before this; a long line in many chunks is scanned once
    for chunk in chunks:
        buffer += chunk
        # A list, because a bytearray can't shrink while a match refers to it.
        ends = [match.span() for match in _LINE_END.finditer(buffer, searched)]
        # Whether a CR at the very end stands alone shows only with the next byte.
        if ends and ends[-1][1] == len(buffer) and buffer.endswith(b"\r"):
            ends.pop()
        consumed = 0
        for stop, end in ends:
            yield _line(bytes(buffer[consumed:stop]), offset + consumed, offset + end)
            consumed = end
        del buffer[:consumed]
        offset += consumed
        searched = len(buffer) - 1 if buffer.endswith(b"\r") else len(buffer)
    if buffer.endswith(b"\r"):
        yield _line(bytes(buffer[:-1]), offset, offset + len(buffer))
    elif buffer:
        yield _line(bytes(buffer), offset, offset + len(buffer), is_terminated=False)


def _line(line: bytes, start: int, end: int, *, is_terminated: bool = True) -> _Line:
    if start == 0 and line.startswith(_BOM):
        line = line[len(_BOM) :]
        start = len(_BOM)
    # Line ends are ASCII, so decoding line by line replaces the same bytes as decoding the whole.
    return _Line(line.decode("utf-8", errors="replace"), start, end, is_terminated)
