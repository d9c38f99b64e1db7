"""HTTP/1.1 on asyncio streams: read a request, write an answer, go wrong on purpose."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from replaykit.errors import ReplayKitError
from replaykit.serve.scripted.rules import Fault

HEAD_LIMIT_BYTES = 1 << 20
WRITE_BYTES = 1 << 16
"""What is written at once of a body that is not streamed; asyncio moves all that is left at each partial send."""
GZIP_WINDOW = 31
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class BadRequest(ReplayKitError):
    """The bytes on the connection are no HTTP/1.1 request."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came.

    Attributes:
        target: Path and query.
        headers: By lower-case name; a repeated one is joined by commas.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        """The client wants the connection closed after this."""
        return self.headers.get("connection", "").lower() == "close"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it will go out.

    Attributes:
        chunks: The body; a stream's parts are sent as one HTTP chunk each.
        wire_chunk_bytes: Cut a stream into chunks of this size instead.
        fault: What happens to the connection (`timeout`, `reset`, ...); other faults are already in the body.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: tuple[bytes, ...]
    is_stream: bool = False
    is_gzip: bool = False
    wire_chunk_bytes: int | None = None
    delay_s: float = 0.0
    chunk_delay_s: float = 0.0
    fault: Fault | None = None


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> HttpRequest | None:
    """Read the next request of a connection; None where the client has gone.

    Raises:
        BadRequest: This is not HTTP/1.1.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest(f"the head is longer than {HEAD_LIMIT_BYTES} bytes") from error
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    try:
        method, target, _ = first.split(" ")
    except ValueError as error:
        raise BadRequest(f"no request line: {first[:80]!r}") from error
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        return HttpRequest(method, target, headers, await _read_body(reader, headers))
    except asyncio.IncompleteReadError:
        return None
    except (ValueError, asyncio.LimitOverrunError) as error:
        raise BadRequest(f"no length of the body: {error}") from error


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await reader.readexactly(int(headers.get("content-length", "0")))
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return b"".join(parts)


async def write_answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer, *, has_body: bool = True
) -> bool:
    """Send an answer and do its fault.

    Args:
        has_body: False for the answer to a HEAD request.

    Returns:
        Whether the connection can take another request.

    Raises:
        ConnectionError: The client went away meanwhile.
    """
    await asyncio.sleep(answer.delay_s)
    fault = answer.fault
    if fault is not None and fault.kind == "timeout":
        while await reader.read(HEAD_LIMIT_BYTES):
            pass
        return False
    if fault is not None and fault.kind == "reset" and fault.after_chunks == 0:
        _reset(writer)
        return False

    parts = tuple(_encode(answer))
    body_bytes = sum(map(len, parts))
    framing = ("transfer-encoding", "chunked") if answer.is_stream else ("content-length", str(body_bytes))
    head = _head(answer, framing)
    if fault is not None and fault.kind == "reset_in_head":
        writer.write(head[: len(head) // 2])
        await writer.drain()
        _reset(writer)
        return False
    writer.write(head)
    if not has_body:
        await writer.drain()
        return True
    for number, part in enumerate(_cut_by(fault, parts, body_bytes, is_stream=answer.is_stream)):
        await asyncio.sleep(answer.chunk_delay_s if number and answer.is_stream else 0)
        writer.write(b"%x\r\n%b\r\n" % (len(part), part) if answer.is_stream else part)
        await writer.drain()
    if fault is not None and fault.kind == "reset":
        _reset(writer)
    elif fault is None and answer.is_stream:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return fault is None


def _head(answer: Answer, framing: tuple[str, str]) -> bytes:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Scripted"
    encoding = (("content-encoding", "gzip"),) if answer.is_gzip else ()
    lines = [f"HTTP/1.1 {answer.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in (*answer.headers, *encoding, framing)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _encode(answer: Answer) -> Iterator[bytes]:
    """Yield the wire's chunks: compressed, then cut anew where the answer asks for it."""
    chunks = _gzip(answer.chunks, is_stream=answer.is_stream) if answer.is_gzip else iter(answer.chunks)
    size = answer.wire_chunk_bytes if answer.is_stream else WRITE_BYTES
    if size is None:
        yield from chunks
        return
    whole = b"".join(chunks)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def _gzip(chunks: Iterable[bytes], *, is_stream: bool) -> Iterator[bytes]:
    compressor = zlib.compressobj(wbits=GZIP_WINDOW)
    if not is_stream:
        yield compressor.compress(b"".join(chunks)) + compressor.flush()
        return
    for chunk in chunks:
        yield compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.flush()


def _cut_by(fault: Fault | None, parts: tuple[bytes, ...], body_bytes: int, *, is_stream: bool) -> Iterator[bytes]:
    """Yield the parts that go out before the fault strikes; a fault never lets the whole body through."""
    if fault is None:
        yield from parts
        return
    if fault.kind == "reset" and is_stream:
        yield from parts[: min(fault.after_chunks, len(parts) - 1)]
        return
    room = min(fault.after_bytes, body_bytes - 1) if fault.kind == "close" else body_bytes // 2
    for part in parts:
        if room <= 0:
            return
        yield part[:room]
        room -= len(part)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Make closing send RST; what was written before is with the client already."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
