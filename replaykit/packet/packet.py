"""A recorded run, loaded.

Loading indexes lines by their heads and decodes a line when it is asked for. That is safe only where the digest in the
last line vouches for all of them; any other file is decoded and checked whole before it is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from replaykit.errors import PacketError
from replaykit.packet.body import decode_body, decode_chunks
from replaykit.packet.codec import outcome_digest, parse_line, parse_object, read_head
from replaykit.packet.exchange import Chunk
from replaykit.packet.model import (
    FORMAT,
    Body,
    CallLine,
    DoneLine,
    Entry,
    EntryLine,
    Envelope,
    Line,
    LogLine,
    OutcomeLine,
    PartLine,
    RunLine,
    SpanLine,
    StandInLine,
)
from replaykit.packet.parts import PartReader

L = TypeVar("L", bound=Line)


class Interaction:
    """One recorded request and its response.

    Attributes:
        position: `lineage / spans / boundary:name[ordinal]`.
        key: Content key, equal for equal provider-neutral requests.
    """

    def __init__(self, packet: Packet, call: CallLine) -> None:
        self._packet = packet
        self.call = call
        self.id = call.id
        self.position = call.position
        self.boundary = call.boundary
        self.name = call.name
        self.key = call.key
        self.seq = call.seq

    def __repr__(self) -> str:
        return f"<Interaction {self.id} {self.position}>"

    @cached_property
    def done(self) -> DoneLine | None:
        """How it ended; None if the recording stopped before it did."""
        return self._packet.done_of(self.id)

    @property
    def arguments(self) -> object:
        """Arguments of a declared function, by parameter name."""
        return self.call.function.arguments if self.call.function else None

    @cached_property
    def request_body(self) -> bytes:
        """Body of an HTTP request as it was stored: sanitized.

        Raises:
            PacketError: It was withheld, or the packet is damaged.
        """
        return self._packet.body_of(self.call.http.body) if self.call.http else b""

    @property
    def response_chunks(self) -> tuple[Chunk, ...]:
        """Decoded body of the response, cut as it arrived."""
        body = self.done.body if self.done else None
        return decode_chunks(body) if body is not None else ()

    @property
    def response_body(self) -> bytes:
        return b"".join(chunk.data for chunk in self.response_chunks)

    @property
    def content_type(self) -> str:
        """Content type of the response, empty where it has none."""
        headers = self.done.headers if self.done else ()
        return next((value for name, value in headers if name.lower() == "content-type"), "")

    @property
    def is_withheld(self) -> bool:
        """True where the request or the response was not kept, so that this interaction can't be replayed."""
        bodies = (self.call.http.body if self.call.http else None, self.done.body if self.done else None)
        return any(body is not None and body.withheld is not None for body in bodies)


@dataclass(frozen=True, slots=True)
class Span:
    """A recorded step and how it ended; `done` is None if the recording stopped inside it."""

    line: SpanLine
    done: DoneLine | None

    @property
    def name(self) -> str:
        return self.line.name


class Packet:
    """A recorded run. Make one with `Packet.load`.

    Attributes:
        path: The file it came from.
        run: The run envelope.
        entry: How the run was started.
        outcome: The last line; None for an interrupted run.
        recovered: What the load had to repair or found altered, one sentence each.
        digest: Identity of the content; the parent hash of whatever is derived from this packet.
    """

    def __init__(self, lines: Sequence[bytes], *, path: Path | None = None) -> None:
        self.path = path
        self._lines = lines
        self._parsed: dict[int, Line] = {}
        self.recovered: tuple[str, ...] = ()
        self._index: dict[str, dict[str, int]] = {}
        self._read()

    @classmethod
    def load(cls, path: str | Path) -> Packet:
        """The packet in a file.

        Raises:
            PacketError: The file is missing, empty, damaged, of another kind or of a newer format. It names file,
                line and field. A last line that was cut short is dropped instead, and `recovered` says so.
        """
        file = Path(path)
        try:
            data = file.read_bytes()
        except OSError as error:
            raise PacketError(f"can't be read: {error.strerror}", path=file) from None
        return cls.loads(data, path=file)

    @classmethod
    def loads(cls, data: bytes, *, path: Path | None = None) -> Packet:
        """The packet in `data`; see `load`."""
        if not data.strip():
            raise PacketError("the file is empty", path=path)
        lines = data.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
            return cls(lines, path=path)
        return cls._load_torn(lines, path)

    @classmethod
    def _load_torn(cls, lines: list[bytes], path: Path | None) -> Packet:
        """A file whose last line has no end: an editor's doing if the line is whole, else the writer was stopped."""
        try:
            parse_line(lines[-1], path=path, number=len(lines))
        except PacketError:
            if len(lines) == 1:
                raise
            packet = cls(lines[:-1], path=path)
            packet.recovered = (f"line {len(lines)} was cut short and left out", *packet.recovered)
            return packet
        return cls(lines, path=path)

    # reading

    def _read(self) -> None:
        head = self._read_head()
        self.run: Envelope = head.run
        self.ruleset = head.ruleset
        self.key_version = head.key_version
        self.outcome = self._read_outcome()
        hashed = hashlib.sha256(b"".join(line + b"\n" for line in self._lines[: -1 if self.outcome else None]))
        self.digest = outcome_digest(self.outcome, hashed) if self.outcome else hashed.hexdigest()
        notes = []
        if self.outcome is None:
            notes.append("interrupted: the run has no outcome line")
        elif self.outcome.digest != self.digest:
            notes.append("altered: the lines do not match the digest in the last one")
        self.recovered = tuple(notes)
        self._build_index(is_trusted=not notes)
        if notes:
            self._check_whole()

    def _read_head(self) -> RunLine:
        fields = parse_object(self._lines[0], path=self.path, number=1)
        if fields.get("kind") != "run":
            raise PacketError("not a replay packet: the first line is no run line", path=self.path, line=1)
        number = fields.get("format")
        if not isinstance(number, int | type(None)) or isinstance(number, bool):
            raise PacketError("must be a number", path=self.path, line=1, field="format")
        self._format = FORMAT if number is None else number
        if self._format > FORMAT:
            reason = f"format {number} is newer than this replaykit reads ({FORMAT}): upgrade replaykit"
            raise PacketError(reason, path=self.path, line=1, field="format")
        if self._format < 1:
            raise PacketError(f"format {number} never existed", path=self.path, line=1, field="format")
        return self._line(0, RunLine)

    def _read_outcome(self) -> OutcomeLine | None:
        last = len(self._lines) - 1
        head = read_head(self._lines[last])
        is_outcome = head is not None and head[0] == "outcome"
        if head is None and last > 0:
            is_outcome = parse_object(self._lines[last], path=self.path, number=last + 1).get("kind") == "outcome"
        return self._line(last, OutcomeLine) if is_outcome else None

    def _build_index(self, *, is_trusted: bool) -> None:
        index = self._index
        for number, data in enumerate(self._lines):
            head = read_head(data) if is_trusted else None
            if head is None:
                line = self._line(number, Line)
                head = (line.kind, line.id)  # type: ignore[attr-defined]  # every line kind has both
            kind, name = head
            names = index.setdefault(kind, {})
            if name in names:
                reason = f"{kind} {name!r} stands on line {names[name] + 1} already"
                raise PacketError(reason, path=self.path, line=number + 1, field="id")
            if kind in ("run", "outcome") and number not in (0, len(self._lines) - 1):
                raise PacketError(f"a {kind} line in the middle of the file", path=self.path, line=number + 1)
            names[name] = number

    def _check_whole(self) -> None:
        """Decodes everything once, so that damage is reported here and not in the middle of a replay."""
        for name, number in self._index.get("done", {}).items():
            if name not in self._index.get("call", {}) and name not in self._index.get("span", {}):
                raise PacketError(f"{name!r} was never begun", path=self.path, line=number + 1, field="id")
        for interaction in self.interactions:
            with self._located("call", interaction.id):
                if interaction.call.http and not interaction.call.http.body.withheld:
                    self.body_of(interaction.call.http.body)
            with self._located("done", interaction.id):
                if interaction.done and interaction.done.body and not interaction.done.body.withheld:
                    decode_chunks(interaction.done.body)

    def _located(self, kind: str, name: str) -> _Located:
        return _Located(self.path, self._index.get(kind, {}).get(name))

    def _line(self, number: int, expected: type[L]) -> L:
        line = self._parsed.get(number)
        if line is None:
            line = parse_line(self._lines[number], path=self.path, number=number + 1, file_format=self._format)
            self._parsed[number] = line
        if not isinstance(line, expected):
            reason = f"expected a {expected.__name__}, found {type(line).__name__}"
            raise PacketError(reason, path=self.path, line=number + 1, field="kind")
        return line

    def _all(self, kind: str, expected: type[L]) -> Iterator[L]:
        for number in self._index.get(kind, {}).values():
            yield self._line(number, expected)

    # what it holds

    @cached_property
    def entry(self) -> Entry:
        return next((line.entry for line in self._all("entry", EntryLine)), Entry())

    @cached_property
    def interactions(self) -> tuple[Interaction, ...]:
        """All recorded calls, in the order in which they were made."""
        return tuple(Interaction(self, call) for call in sorted(self._all("call", CallLine), key=lambda line: line.seq))

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        lines = sorted(self._all("span", SpanLine), key=lambda line: line.seq)
        return tuple(Span(line, self.done_of(line.id)) for line in lines)

    @cached_property
    def stand_ins(self) -> tuple[StandInLine, ...]:
        return tuple(self._all("standin", StandInLine))

    @cached_property
    def logs(self) -> tuple[LogLine, ...]:
        return tuple(self._all("log", LogLine))

    @cached_property
    def _parts(self) -> PartReader:
        numbers = self._index.get("part", {})
        return PartReader(lambda name: self._line(numbers[name], PartLine) if name in numbers else None)

    def done_of(self, name: str) -> DoneLine | None:
        """The `done` line of a call or a span."""
        number = self._index.get("done", {}).get(name)
        return self._line(number, DoneLine) if number is not None else None

    def body_of(self, body: Body) -> bytes:
        """Bytes of a request body, its parts put together again."""
        return decode_body(self._parts.join(body))

    def __repr__(self) -> str:
        return f"<Packet {self.run.workflow} {self.run.run_id} calls={len(self._index.get('call', {}))}>"


class _Located:
    """Adds file and line to a `PacketError` that knows only its field."""

    def __init__(self, path: Path | None, number: int | None) -> None:
        self._path, self._number = path, number

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PacketError) and error.line is None:
            line = self._number + 1 if self._number is not None else None
            raise PacketError(error.reason, path=self._path, line=line, field=error.field) from None
