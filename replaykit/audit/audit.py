"""`audit`: every detector over every decoded layer of a packet's file, and whether it still replays."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from replaykit.audit.detecting import Detected, Detector
from replaykit.audit.findings import Audited, Finding, Level
from replaykit.audit.pieces import Piece, pieces
from replaykit.audit.replaying import SelfReplay
from replaykit.audit.resanitizing import unclean_lines
from replaykit.errors import PacketError
from replaykit.packet import Packet
from replaykit.packet.codec import find_repeated_name, parse_object
from replaykit.packet.packet import pending_writers
from replaykit.sanitizer.layers import BRACKETS, layers
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.sanitizer.standins import StandIn

MOST_FINDINGS = 1000
"""A file with more of them is beyond listing."""

MOST_CHARS = 64 * 1024 * 1024
"""Of all texts that a file decodes to, beyond twenty times its size: a file full of bombs must come to an end."""

CASSETTES = "cassettes"
_ALWAYS_READ = 4096  # characters


def audit(path: Path, *, environ: Mapping[str, str] = os.environ, has_replay: bool = True) -> Audited:
    """Looks at a packet, or at the journal of a run that was interrupted.

    Args:
        environ: Values of its secret-looking variables must not be in the file.
        has_replay: Also asks whether the recorded requests find their own answers.

    Raises:
        PacketError: It can't be read, or is damaged and has nothing to find.
    """
    data = _read(path)
    lines = [line for line in data.replace(b"\r\n", b"\n").split(b"\n") if line]
    try:
        packet = Packet.loads(data, path=path)
    except PacketError as error:
        look = _Look(path, Detector(_said_stand_ins(lines, path), environ))
        look.at_lines(lines, len(data))
        if not any(finding.level == "error" for finding in look.findings):
            raise
        look.add(Finding("unread", "error", f"it is no packet any more: {error.reason}", error.line))
        return Audited(path, len(lines), None, tuple(look.findings))
    known = [StandIn(line.name, line.stand_in, line.variable) for line in packet.stand_ins]
    look = _Look(path, Detector(known, environ))
    look.at_lines(lines, len(data))
    look.sanitize_again(packet, data, environ)
    look.findings += _about_file(path, packet)
    calls = None
    if has_replay:
        calls = 0
        for item, problem in SelfReplay(packet):
            calls += problem is None
            if problem is not None:
                message = f"does not replay against its own request: {problem}"
                place = look.line_of.get(("call", item.id))
                look.add(Finding("not_replayable", "error", message, place, item.id, item.position))
    return Audited(path, len(lines), calls, tuple(look.findings))


def _read(path: Path) -> bytes:
    """The file, read once: a pipe can hold a packet."""
    for flush in pending_writers:
        flush()
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise PacketError(f"can't be read: {getattr(error, 'strerror', None) or 'no such name'}", path=path) from None


def _said_stand_ins(lines: list[bytes], path: Path) -> Iterator[StandIn]:
    """What a file that is no packet any more says that it issued."""
    for number, line in enumerate(lines, 1):
        if b'"standin"' not in line:
            continue
        try:
            fields = parse_object(line, path=path, number=number)
        except PacketError:
            continue
        if fields.get("kind") == "standin" and isinstance(fields.get("stand_in"), str):
            yield StandIn(str(fields.get("name")), fields["stand_in"], None)


class _Look:
    """What was found so far in one file."""

    def __init__(self, path: Path, detector: Detector) -> None:
        self.findings: list[Finding] = []
        self.line_of: dict[tuple[str, str], int] = {}
        self._path = path
        self._detector = detector
        self.left = MOST_CHARS

    def add(self, finding: Finding) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)
        elif len(self.findings) == MOST_FINDINGS:
            message = f"there is more than {MOST_FINDINGS} findings; the others are not listed"
            self.findings.append(Finding("unread", "error", message))

    def sanitize_again(self, packet: Packet, data: bytes, environ: Mapping[str, str]) -> None:
        """What the sanitizer would replace and no other look has shown: it knows more of what a place means."""
        if any("cut short" in note for note in packet.recovered):
            return
        seen = {finding.line for finding in self.findings if finding.level == "error"}
        names = {number: name for (_, name), number in self.line_of.items()}
        for number in unclean_lines(self._path, packet, data, environ):
            if number not in seen:
                message = "the present rules would replace something in it: replaykit sanitize"
                self.add(Finding("not_sanitized", "error", message, number, names.get(number, "")))

    def at_lines(self, lines: list[bytes], size: int) -> None:
        """All of a file of that size."""
        self.left += 20 * size
        for number, line in enumerate(lines, 1):
            self.at_line(number, line)

    def at_line(self, number: int, line: bytes) -> None:
        """All of one line: its fields, then its raw text for what no field has shown."""
        try:
            fields = parse_object(line, path=self._path, number=number)
        except PacketError:  # a torn last line, which the reader leaves out
            fields = {}
        name = str(fields.get("id", ""))[:80]
        self.line_of[str(fields.get("kind")), name] = number
        found: set[str] = set()
        for piece in pieces(fields):
            found |= self._at_piece(number, name, piece)
        if not fields or find_repeated_name(line) is not None:
            found |= self._at_piece(number, name, Piece("", "the whole line", layers(line)))
        if fields.get("kind") == "standin":
            self._at_stand_in(number, name, fields)
            return
        for item in self._detector.in_raw(line.decode("utf-8", "surrogateescape")):
            if item.text not in found:
                self._report(item, number, name, "", "the text of the line")

    def _at_piece(self, number: int, name: str, piece: Piece) -> set[str]:
        found: set[str] = set()
        for layer in piece.layers:
            place = " > ".join(filter(None, (piece.words, layer.path)))
            unread = layer.unread
            self.left -= len(layer.text)
            if self.left < 0 and len(layer.text) > _ALWAYS_READ:
                unread = "the file decodes to too much"
            if unread is not None:  # what nobody looked into is not known to be clean
                level: Level = "note" if unread.startswith(BRACKETS) else "error"
                message, masked = f"not looked into: {unread}", self._detector.masked(place)
                self.add(Finding("unread", level, message, number, name, piece.field, masked))
                if self.left < 0:
                    break
                continue
            for item in self._detector.in_layer(layer, piece.strength if not layer.path else None):
                if item.text not in found:
                    found.add(item.text)
                    self._report(item, number, name, piece.field, place)
        return found

    def _at_stand_in(self, number: int, name: str, fields: Mapping[str, object]) -> None:
        """A stand-in passes everywhere; one that is a secret of this very machine is none."""
        text = fields.get("stand_in")
        variable = self._detector.variable_of(text) if isinstance(text, str) else None
        if isinstance(text, str) and variable is not None:
            self._report(Detected("env", text, variable), number, name, "stand_in", "")

    def _report(self, item: Detected, number: int, name: str, field: str, place: str) -> None:
        what = f"the value of {item.variable}" if item.variable is not None else item.kind
        message = f"{what}, {len(item.text)} characters"
        masked = self._detector.masked
        self.add(
            Finding(item.kind, "error", message, number, masked(name), masked(field), masked(place), len(item.text))
        )


def _about_file(path: Path, packet: Packet) -> Iterator[Finding]:
    for note in packet.recovered:
        yield Finding("altered" if "altered" in note else "recovered", "warning", note)
    if packet.ruleset != Sanitizer.ruleset:
        message = f"sanitized with ruleset {packet.ruleset[:20]}, now {Sanitizer.ruleset}: replaykit sanitize"
        yield Finding("old_ruleset", "note", message, 1)
    withheld = [item.id for item in packet.interactions if item.is_withheld]
    if withheld:
        message = (
            f"the body of {len(withheld)} calls was withheld, so these can't be answered: {', '.join(withheld[:5])}"
        )
        yield Finding("withheld", "warning", message)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    if mode & 0o077 and CASSETTES not in path.resolve().parts:  # a cassette is checked in, for all to read
        yield Finding("file_mode", "warning", f"others may read it (mode {mode:04o}): chmod 600 {path}")
