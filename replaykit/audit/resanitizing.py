"""An older packet, sanitized with the present rules: what changes in its file, and how it is written back."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from replaykit.audit.cleaning import LEFT, Recleaner
from replaykit.audit.detecting import Detector
from replaykit.errors import PacketError, SanitizeError
from replaykit.matching.content import WITHHELD_KEY
from replaykit.matching.recorded import RecordedContents, header
from replaykit.packet import Packet
from replaykit.packet.body import RESERVED_KEYS, decode_body, decode_chunks, encode_body, withhold_body
from replaykit.packet.codec import dump_line, parse_line, parse_object, seal
from replaykit.packet.journal import JOURNAL_SUFFIX, replace_file
from replaykit.packet.model import (
    FORMAT,
    KEY_VERSION,
    Body,
    CallLine,
    DoneLine,
    EffectLine,
    EntryLine,
    Line,
    LogLine,
    OutcomeLine,
    PartLine,
    RunLine,
    ScheduleLine,
    SpanLine,
    StandInLine,
)
from replaykit.packet.parts import PartWriter
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.sanitizer.standins import StandIn
from replaykit.session.cleaning import UNSANITIZED, clean_verdict
from replaykit.session.rules import make_sanitizer, project_key, user_rules

L = TypeVar("L", bound=Line)

_PASSES = 6
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Resanitized:
    """What sanitizing again makes of a packet.

    Attributes:
        data: The new file; None: nothing changes.
        lines: How many lines change, those of new stand-ins and keys aside.
        replaced: New stand-ins by kind.
        withheld: Values that can't be kept.
        ruleset: The one it was sanitized with before.
    """

    path: Path
    data: bytes | None = field(repr=False)
    lines: int
    replaced: dict[str, int]
    withheld: int
    ruleset: str
    is_altered: bool = False

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "packet": str(self.path),
            "changes": self.data is not None,
            "lines": self.lines,
            "replaced": self.replaced,
            "withheld": self.withheld,
            "ruleset": [self.ruleset, Sanitizer.ruleset],
        }


def resanitize(path: Path, environ: Mapping[str, str] = os.environ) -> Resanitized:
    """What would change; the file stays as it is. See `write`.

    Args:
        environ: Values of its secret-looking variables are replaced too.

    Raises:
        PacketError: It is damaged, or the journal of a run that may still go on.
        SanitizeError: It can't be sanitized.
    """
    if path.name.endswith(JOURNAL_SUFFIX):
        raise PacketError("a journal: its run may still go on, and would write into the old file", path=path)
    if path.exists() and not path.is_file():
        raise PacketError("not a regular file, so nothing can take its place", path=path)
    packet = Packet.load(path)
    if any("cut short" in note for note in packet.recovered):
        raise PacketError("its last line was cut short: nothing was written, for that line would be lost", path=path)
    return _Rewrite(path, packet, path.read_bytes(), environ).result()


def unclean_lines(path: Path, packet: Packet, data: bytes, environ: Mapping[str, str]) -> list[int]:
    """Numbers of the lines of `data` in which the present rules would replace something, from 1."""
    return list(_Rewrite(path, packet, data, environ).unclean())


def write(result: Resanitized) -> None:
    """Puts the new file in the place of the old one, in one step; it has the old one's time.

    Raises:
        OSError: It can't be written. The old one is still there.
    """
    if result.data is not None:
        times = result.path.stat()
        replace_file(result.path, result.data, mode=_MODE)
        os.utime(result.path, ns=(times.st_atime_ns, times.st_mtime_ns))  # `last` is the newest run


class _Rewrite:
    """One packet, line by line."""

    def __init__(self, path: Path, packet: Packet, data: bytes, environ: Mapping[str, str]) -> None:
        self._path = path
        self._packet = packet
        self._data = data
        self._raw = [line for line in self._data.replace(b"\r\n", b"\n").split(b"\n") if line]
        number = parse_object(self._raw[0], path=path, number=1)["format"]
        self._lines = [
            parse_line(line, path=path, number=at, file_format=number) for at, line in enumerate(self._raw, 1)
        ]
        self._known = [StandIn(line.name, line.stand_in, line.variable) for line in packet.stand_ins]
        self._environ = environ
        self._sanitizer = make_sanitizer(environ, self._known)
        self._clean = Recleaner(self._sanitizer, None)
        self._is_altered = packet.is_altered

    def result(self) -> Resanitized:
        """The new file, and what is new in it."""
        for _ in range(_PASSES):  # a value that a late line gives away may stand in an early one
            issued = len(self._sanitizer.issued)
            self._render()
            if len(self._sanitizer.issued) == issued:
                break
        else:
            raise SanitizeError(f"{self._path}: its stand-ins look like secrets again and again")
        detector = Detector((*self._known, *self._sanitizer.issued), self._environ)
        self._clean = Recleaner(self._sanitizer, detector)
        lines = self._render()
        packet = self._packet
        changed = sum(line is not None for line in lines)
        is_current = packet.ruleset == Sanitizer.ruleset and packet.key_version == KEY_VERSION
        data = None
        if changed or not is_current:
            data = self._sealed(self._keyed(self._assembled(lines)))
        replaced = Counter(item.variable or item.kind for item in self._sanitizer.issued)
        return Resanitized(
            self._path, data, changed, dict(replaced), self._clean.withheld, packet.ruleset, self._is_altered
        )

    def unclean(self) -> Iterator[int]:
        """Numbers of the lines that would change, each looked at by itself."""
        for number, line in enumerate(self._lines, 1):
            if isinstance(line, PartLine):
                is_same = line.items is not None or self._clean.is_clean(line.value)
            else:
                self._clean.forget()  # an outcome is not unclean because it would count what another line holds
                is_same = self._line(line, None) == line
            if not is_same:
                yield number

    # lines

    def _render(self) -> list[Line | tuple[Line, ...] | None]:
        """For every line what takes its place; None: it stays, to the byte."""
        is_split_anew = self._has_unclean_parts()
        parts: list[PartLine] = []
        writer = PartWriter(parts.append) if is_split_anew else None
        found: list[Line | tuple[Line, ...] | None] = []
        for line in self._lines:
            if isinstance(line, PartLine):
                found.append(() if is_split_anew else None)
                continue
            new = self._line(line, writer)
            if parts:
                seq = line.seq if isinstance(line, CallLine) else 0
                found.append((*(part.model_copy(update={"seq": seq}) for part in parts), new))
                parts.clear()
            else:
                found.append(None if new == line else new)
        return found

    def _has_unclean_parts(self) -> bool:
        """True if the parts must be made again: one of them, or a body made of them, says something else now."""
        values = (line.value for line in self._lines if isinstance(line, PartLine) and line.items is None)
        if not all(map(self._clean.is_clean, values)):
            return True
        for item in self._packet.interactions:
            http = item.call.http
            if http is not None and _has_parts(http.body):
                data = item.request_body
                if self._clean.data(data, header(http.headers, "content-type")) != data:
                    return True
        return False

    def _line(self, line: Line, parts: PartWriter | None) -> Line:
        clean = self._clean
        match line:
            case EntryLine():
                return self._entry(line)
            case CallLine():
                return self._call(line, parts)
            case DoneLine():
                return self._done(line)
            case SpanLine():
                return _changed(
                    line,
                    position=clean.name(line.position),
                    name=clean.name(line.name),
                    attributes=clean.attributes(line.attributes),
                )
            case EffectLine():
                values = tuple(map(clean.effect, line.values))
                return _changed(line, lineage=clean.name(line.lineage), origin=clean.name(line.origin), values=values)
            case ScheduleLine():
                return _changed(line, lineages=tuple(map(clean.name, line.lineages)))
            case LogLine():
                return _changed(line, message=clean.text(line.message))
            case OutcomeLine():
                return self._outcome(line)
            case RunLine():
                return self._run(line)
        return line

    def _run(self, line: RunLine) -> RunLine:
        run, clean = line.run, self._clean
        texts = {name: clean.optional(getattr(run, name)) for name in ("workflow", "release", "environment")}
        return _changed(line, run=_changed(run, **texts, tags=clean.attributes(run.tags)))

    def _entry(self, line: EntryLine) -> EntryLine:
        entry, clean = line.entry, self._clean
        changes: dict[str, Any] = {
            "argv": clean.command(entry.argv),
            "arguments": clean.attributes(entry.arguments),
        }
        if entry.stdin is not None and entry.stdin.body is not None and entry.stdin.body.withheld is None:
            body = clean.body(entry.stdin.body, decode_body(entry.stdin.body), "text/plain")
            changes["stdin"] = _changed(entry.stdin, body=body)
        return _changed(line, entry=_changed(entry, **changes))

    def _call(self, line: CallLine, parts: PartWriter | None) -> CallLine:
        clean = self._clean
        changes: dict[str, Any] = {"position": clean.name(line.position), "name": clean.name(line.name)}
        if line.function is not None:
            arguments = clean.json(line.function.arguments)
            is_kept = not isinstance(arguments, str)
            changes["function"] = _changed(line.function, arguments=arguments if is_kept else {})
            if not is_kept:
                changes["key"] = WITHHELD_KEY
        if line.http is not None:
            http = line.http
            headers = clean.headers(http.headers)  # first: what is a secret there is one in the body too
            url = clean.url(http.url)
            body = self._request_body(line, parts)
            changes["http"] = _changed(http, headers=headers, url=url, body=body)
            if url != http.url or body.withheld is not None or self._says_else(line, body, parts):
                changes["raw"] = None
            if body.withheld is not None:
                changes["key"] = WITHHELD_KEY
        return _changed(line, **changes)

    def _request_body(self, line: CallLine, parts: PartWriter | None) -> Body:
        assert line.http is not None
        body = line.http.body
        if body.withheld is not None:
            return body
        content_type = header(line.http.headers, "content-type")
        data = self._packet.body_of(body)
        if not _has_parts(body):
            return self._clean.body(body, data, content_type)
        if parts is None:
            return body  # it was looked at with its parts
        clean = self._clean.data(data, content_type)
        if clean is None:
            self._clean.lost()
            return withhold_body(LEFT, length=len(data))
        return parts.split(encode_body(clean))

    def _says_else(self, line: CallLine, body: Body, parts: PartWriter | None) -> bool:
        """True if a request body is another one now."""
        assert line.http is not None
        if parts is None or not _has_parts(line.http.body):
            return body != line.http.body
        data = self._packet.body_of(line.http.body)
        return self._clean.data(data, header(line.http.headers, "content-type")) != data

    def _done(self, line: DoneLine) -> DoneLine:
        clean = self._clean
        changes: dict[str, Any] = {
            "reason": clean.optional(line.reason),
            "headers": clean.headers(line.headers),
            "failure": clean.failure(line.failure),
            "attributes": clean.attributes(line.attributes),
        }
        if line.body is not None and line.body.withheld is None:
            content_type = header(line.headers, "content-type")
            data = decode_body(line.body)
            chunks = decode_chunks(line.body) if line.body.cuts else ()
            changes["body"] = clean.body(line.body, data, content_type, chunks)
        if line.has_value:
            value = clean.json(line.value)
            changes["value"] = value
            if value == UNSANITIZED != line.value:
                changes |= {"value": None, "has_value": False, "body": withhold_body(LEFT)}
        return _changed(line, **changes)

    def _outcome(self, line: OutcomeLine) -> OutcomeLine:
        clean, manifest = self._clean, line.manifest
        output = clean.json(line.output) if line.has_output else line.output
        is_lost = line.has_output and output == UNSANITIZED != line.output
        verdict = clean_verdict(self._sanitizer, line.verdict) if line.verdict is not None else None
        egress = tuple(_changed(item, target=clean.text(item.target)) for item in manifest.egress)
        names = ("uncaptured", "files", "overlooked")
        texts = {name: clean.texts(getattr(manifest, name)) for name in names}
        withheld = manifest.withheld + clean.withheld
        changed = _changed(
            line,
            exception=clean.failure(line.exception),
            stop_reason=clean.optional(line.stop_reason),
            output=None if is_lost else output,
            has_output=line.has_output and not is_lost,
            verdict=verdict,
            manifest=_changed(manifest, egress=egress, withheld=withheld, **texts),
        )
        return changed if not clean.withheld else _changed(changed, replayable="no")

    # the file

    def _assembled(self, lines: Sequence[Line | tuple[Line, ...] | None]) -> list[bytes | Line]:
        """All lines in order: bytes where they stay, new stand-ins behind the first."""
        found: list[bytes | Line] = []
        for number, (raw, line, new) in enumerate(zip(self._raw, self._lines, lines, strict=True)):
            if isinstance(line, RunLine):
                changed = new if isinstance(new, RunLine) else line
                head = {"format": FORMAT, "key_version": KEY_VERSION, "ruleset": Sanitizer.ruleset}
                found.append(_changed(changed, **head))
            elif isinstance(new, tuple):
                found += new
            elif new is not None or isinstance(line, CallLine):
                found.append(new or line)
            else:
                found.append(raw + b"\n")
            if number == 0:
                found += self._stand_in_lines()
        return found

    def _stand_in_lines(self) -> Iterator[StandInLine]:
        taken = [int(match[1]) for line in self._packet.stand_ins if (match := re.fullmatch(r"s(\d{1,9})", line.id))]
        for number, item in enumerate(self._sanitizer.issued, max(taken, default=0) + 1):
            yield StandInLine(id=f"s{number}", seq=0, name=item.kind, stand_in=item.stand_in, variable=item.variable)

    def _keyed(self, lines: list[bytes | Line]) -> list[bytes | Line]:
        """With the content keys of what the requests say now."""
        known = (*self._known, *self._sanitizer.issued)
        packet = Packet.loads(b"".join(map(_dumped, lines)), path=self._path)
        contents = RecordedContents(
            packet, Sanitizer(key=project_key(self._environ), known=known, extra_rules=user_rules(self._environ))
        )
        keys = {item.id: contents.of(item).key for item in packet.interactions}
        before = {line.id: raw for line, raw in zip(self._lines, self._raw, strict=True) if isinstance(line, CallLine)}
        calls = {line.id: line for line in self._lines if isinstance(line, CallLine)}
        made: list[bytes | Line] = []
        for line in lines:
            if isinstance(line, CallLine):
                keyed = _changed(line, key=keys.get(line.id) or WITHHELD_KEY)
                made.append(before[line.id] + b"\n" if keyed == calls[line.id] else keyed)
            else:
                made.append(line)
        return made

    def _sealed(self, lines: list[bytes | Line]) -> bytes:
        *head, last = lines
        data = b"".join(map(_dumped, head))
        if isinstance(self._lines[-1], OutcomeLine) and not self._is_altered:
            outcome = last if isinstance(last, OutcomeLine) else self._lines[-1]
            data += dump_line(seal(outcome, hashlib.sha256(data)))
        else:
            data += _dumped(last)  # what was altered by hand stays so: it vouches for nothing
        return data.replace(b"\n", b"\r\n") if b"\r\n" in self._data else data


def _dumped(line: bytes | Line) -> bytes:
    return line if isinstance(line, bytes) else dump_line(line)


def _changed(line: L, **changes: Any) -> L:
    """The line with what is different; the very same one where nothing is."""
    new = {name: value for name, value in changes.items() if value != getattr(line, name)}
    return line.model_copy(update=new) if new else line


def _has_parts(body: Body) -> bool:
    value = body.json_value
    if body.style is None or not isinstance(value, dict):
        return False
    items = (item for item in value.values() if isinstance(item, dict) and len(item) == 1)
    return any(not RESERVED_KEYS.isdisjoint(item) for item in items)
