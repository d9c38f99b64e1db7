"""A recorded run, loaded.

Loading indexes lines by their heads and decodes a line when it is asked for. That is safe only where the digest in the
last line vouches for all of them; any other file is decoded and checked whole before it is used.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from replaykit.errors import PacketError, UsageError
from replaykit.packet.body import decode_body, decode_chunks
from replaykit.packet.codec import (
    LINES,
    check_digest,
    find_repeated_name,
    parse_line,
    parse_object,
    read_head,
)
from replaykit.packet.exchange import Chunk
from replaykit.packet.migrations import oldest_format
from replaykit.packet.model import (
    FORMAT,
    KEY_VERSION,
    Body,
    CallLine,
    DoneLine,
    EffectLine,
    Entry,
    EntryLine,
    Envelope,
    Line,
    LogLine,
    OutcomeLine,
    PartLine,
    RunLine,
    ScheduleLine,
    SpanLine,
    StandInLine,
)
from replaykit.packet.parts import PartReader

L = TypeVar("L", bound=Line)

UNPLACED = "unplaced"
"""Flag of a call whose position is not known."""

pending_writers: list[Callable[[], object]] = []
"""Called before a file is read: a packet that this very process is writing must be seen whole."""


class Interaction:
    """One recorded request and its response.

    Attributes:
        position: `lineage / spans / boundary:name[ordinal]`.
        key: Content key, equal for equal provider-neutral requests.
        is_placed: False where the position was not recorded: it then only tells this call from the others.
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
        self.is_placed = UNPLACED not in call.flags

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

    @property
    def request_body(self) -> bytes:
        """Body of an HTTP request as it was stored: sanitized. Made anew each time, for histories are long.

        Raises:
            PacketError: It was withheld, or the packet is damaged.
        """
        if self.call.http is None:
            return b""
        with self._packet.located("call", self.id, "http.body"):
            return self._packet.body_of(self.call.http.body)

    @property
    def response_chunks(self) -> tuple[Chunk, ...]:
        """Decoded body of the response, cut as it arrived.

        Raises:
            PacketError: It was withheld, or the packet is damaged.
        """
        body = self.done.body if self.done else None
        if body is None:
            return ()
        with self._packet.located("done", self.id, "body"):
            return decode_chunks(body)

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

    def __init__(self, lines: Sequence[bytes], *, path: Path | None = None, notes: Sequence[str] = ()) -> None:
        """Takes the lines of a file without their ends; `notes` are what was repaired before."""
        self.path = path
        self._lines = lines
        self._parsed: dict[int, Line] = {}
        self._index: dict[str, dict[str, int]] = {kind: {} for kind in LINES}
        self._read(notes)

    @property
    def is_altered(self) -> bool:
        """True if somebody changed the file after it was written: it vouches for nothing."""
        return any("altered" in note for note in self.recovered)

    @classmethod
    def load(cls, path: str | Path) -> Packet:
        """The packet in a file.

        Raises:
            UsageError: `path` is no path.
            PacketError: The file is missing, empty, damaged, of another kind or of a newer format. It names file,
                line and field. A last line that was cut short is dropped instead, and `recovered` says so.
        """
        if not isinstance(path, str | os.PathLike):
            hint = "; replaykit.Packet.loads reads bytes" if isinstance(path, bytes | bytearray) else ""
            hint = "; `run.packet_path` is None where nothing was recorded or kept" if path is None else hint
            raise UsageError(f"a packet is named by its path, not by {_shown(path)}{hint}")
        file = Path(path)
        for flush in pending_writers:
            flush()
        try:
            data = file.read_bytes()
        except OSError as error:
            raise PacketError(f"can't be read: {error.strerror}", path=file) from None
        except ValueError:
            raise PacketError("can't be read: no such name of a file", path=repr(str(file))) from None
        return cls.loads(data, path=file)

    @classmethod
    def loads(cls, data: bytes, *, path: Path | None = None) -> Packet:
        """The packet in `data`; see `load`."""
        if not isinstance(data, bytes):
            raise UsageError(f"Packet.loads takes the bytes of a packet, not {_shown(data)}; Packet.load reads a file")
        if not data.strip():
            raise PacketError("the file is empty", path=path)
        notes = []
        if b"\r\n" in data:
            data = data.replace(b"\r\n", b"\n")
            notes.append("line ends are CRLF (git's autocrlf?) and were read as LF")
        lines = data.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        elif _is_whole(lines[-1]):
            notes.append(f"line {len(lines)} has no line end")
        elif len(lines) > 1:
            notes.append(f"line {len(lines)} was cut short and left out")
            lines.pop()
        return cls(lines, path=path, notes=notes)

    # reading

    def _read(self, notes: Sequence[str]) -> None:
        head = self._read_head()
        self.run: Envelope = head.run
        self.ruleset = head.ruleset
        self.key_version = head.key_version
        self.outcome = self._read_outcome()
        hashed = hashlib.sha256()
        for line in self._lines[: -1 if self.outcome else None]:
            hashed.update(line + b"\n")
        digest = check_digest(self._lines[-1], hashed) if self.outcome else None
        if digest is None:
            what = "altered: the lines do not match the digest in the last one"
            notes = (*notes, what if self.outcome else "interrupted: the run has no outcome line")
            if self.outcome:
                hashed.update(self._lines[-1])
        if self.key_version != KEY_VERSION:
            made = f"its content keys are of version {self.key_version}; they were made again (version {KEY_VERSION})"
            notes = (*notes, made)
        self.digest = digest or hashed.hexdigest()
        self.recovered = tuple(notes)
        # Heads are only read of lines that were written by this format, and vouched for as they stand.
        self._build_index(has_heads=digest is not None and self._format == FORMAT)
        if digest is None:
            self._check_whole()

    def _read_head(self) -> RunLine:
        fields = parse_object(self._lines[0], path=self.path, number=1)
        if fields.get("kind") != "run":
            raise PacketError(
                "not a replay packet: the first line is no run line", path=self.path, line=1, field="kind"
            )
        number = fields.get("format")
        if not isinstance(number, int) or isinstance(number, bool):
            raise PacketError("must be a whole number", path=self.path, line=1, field="format")
        self._format = number
        if number > FORMAT:
            reason = f"format {str(number)[:20]} is newer than this replaykit reads ({FORMAT}): upgrade replaykit"
            raise PacketError(reason, path=self.path, line=1, field="format")
        if number < oldest_format():
            reason = f"format {str(number)[:20]} is not one that this replaykit reads"
            raise PacketError(reason, path=self.path, line=1, field="format")
        return self._line(0, RunLine)

    def _read_outcome(self) -> OutcomeLine | None:
        last = len(self._lines) - 1
        line = self._line(last, Line)
        return line if isinstance(line, OutcomeLine) else None

    def _build_index(self, *, has_heads: bool) -> None:
        last = len(self._lines) - 1
        for number, data in enumerate(self._lines):
            head = read_head(data) if has_heads else None
            if head is None or head[0] not in LINES:
                line = self._line(number, Line)
                head = (line.kind, line.id)  # type: ignore[attr-defined]  # every kind of line has both
            kind, name = head
            names = self._index[kind]
            if (kind == "run" and number > 0) or (kind == "outcome" and number < last):
                raise self._misplaced(f"a second {kind} line, or lines after it", number, "kind")
            if name in names:
                raise self._misplaced(f"{kind} {name[:40]!r} stands on line {names[name] + 1} already", number, "id")
            names[name] = number
        calls, spans = self._index["call"], self._index["span"]
        for name, number in self._index["done"].items():
            if name not in calls and name not in spans:
                raise self._misplaced(f"{name[:40]!r} was never begun", number, "id")
        for name in calls.keys() & spans.keys():
            raise self._misplaced(f"{name[:40]!r} is a call and a span", spans[name], "id")

    def _misplaced(self, reason: str, number: int, field: str) -> PacketError:
        return PacketError(reason, path=self.path, line=number + 1, field=field)

    def _check_whole(self) -> None:
        """Decodes everything once, so that damage is reported here and not in the middle of a replay."""
        for number, data in enumerate(self._lines):
            repeated = find_repeated_name(data)
            if repeated is not None:
                raise self._misplaced("stands twice in one object; keep one of the two", number, repeated)
        for interaction in self.interactions:
            call, done = interaction.call, interaction.done
            if call.http is not None and call.http.body.withheld is None:
                _ = interaction.request_body
            if done is not None and done.body is not None and done.body.withheld is None:
                _ = interaction.response_chunks

    @contextmanager
    def located(self, kind: str, name: str, prefix: str) -> Iterator[None]:
        """Adds file and line to a `PacketError` that knows only its field inside `prefix`."""
        try:
            yield
        except PacketError as error:
            if error.line is not None:
                raise
            number = self._index[kind].get(name)
            line = number + 1 if number is not None else None
            field = f"{prefix}.{error.field}" if error.field else prefix
            raise PacketError(error.reason, path=self.path, line=line, field=field) from None

    def _line(self, number: int, expected: type[L]) -> L:
        line = self._parsed.get(number)
        if line is None:
            data = self._lines[number]
            line = parse_line(data, path=self.path, number=number + 1, file_format=self._format)
            head = read_head(data)
            if head is not None and self._format == FORMAT and head != (line.kind, line.id):  # type: ignore[attr-defined]
                raise self._misplaced("begins with another kind or id than it has", number, "id")
            self._parsed[number] = line
        if not isinstance(line, expected):
            reason = f"expected a {expected.__name__}, found a {type(line).__name__}"
            raise PacketError(reason, path=self.path, line=number + 1, field="kind")
        return line

    def _all(self, kind: str, expected: type[L]) -> Iterator[L]:
        for number in self._index[kind].values():
            yield self._line(number, expected)

    # what it holds

    @cached_property
    def entry(self) -> Entry:
        lines = sorted(self._all("entry", EntryLine), key=lambda line: line.seq)
        return lines[-1].entry if lines else Entry()

    @cached_property
    def interactions(self) -> tuple[Interaction, ...]:
        """All recorded calls, in the order in which they were made."""
        return tuple(Interaction(self, call) for call in sorted(self._all("call", CallLine), key=lambda line: line.seq))

    @cached_property
    def has_positions(self) -> bool:
        """False for a packet that was imported from a recording without lineage: its calls are known by content."""
        return all(item.is_placed for item in self.interactions)

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        lines = sorted(self._all("span", SpanLine), key=lambda line: line.seq)
        return tuple(Span(line, self.done_of(line.id)) for line in lines)

    @cached_property
    def schedule_lines(self) -> tuple[ScheduleLine, ...]:
        """In which order events reached the run from outside."""
        return tuple(sorted(self._all("schedule", ScheduleLine), key=lambda line: line.seq))

    @cached_property
    def stand_ins(self) -> tuple[StandInLine, ...]:
        return tuple(self._all("standin", StandInLine))

    @cached_property
    def effects(self) -> tuple[EffectLine, ...]:
        """What the run read from its clock and from chance, in the order in which it was written down."""
        return tuple(sorted(self._all("effect", EffectLine), key=lambda line: line.seq))

    @cached_property
    def logs(self) -> tuple[LogLine, ...]:
        return tuple(self._all("log", LogLine))

    @cached_property
    def _parts(self) -> PartReader:
        numbers = self._index["part"]
        return PartReader(lambda name: self._line(numbers[name], PartLine) if name in numbers else None)

    def done_of(self, name: str) -> DoneLine | None:
        """The `done` line of a call or a span."""
        number = self._index["done"].get(name)
        return self._line(number, DoneLine) if number is not None else None

    def body_of(self, body: Body) -> bytes:
        """Bytes of a request body, its parts put together again."""
        return decode_body(self._parts.join(body))

    def __repr__(self) -> str:
        return f"<Packet {self.run.workflow} {self.run.run_id} calls={len(self._index['call'])}>"


def _shown(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _is_whole(line: bytes) -> bool:
    """True if a line that lacks its end is all there: an editor took the end, not a crash."""
    try:
        parse_object(line, path=None, number=0)
    except PacketError:
        return False
    return True
