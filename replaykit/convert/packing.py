"""A foreign recording becomes a packet: sanitized, classified, with what it does not know said in it.

Its calls have no lineage, no times and no chunk borders, and none are made up: every call stands in the lineage
`imported`, is flagged `unplaced` and was answered in one piece at time 0. How the run ended is `unknown`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from pydantic import BaseModel

from replaykit.convert.cleaning import CleanCall, classify_call, clean_calls
from replaykit.convert.keys import key_variables
from replaykit.convert.recording import Recording
from replaykit.determinism.lineage import escape
from replaykit.errors import WireError
from replaykit.matching.content import WITHHELD_KEY, canonical, clean_name, http_content
from replaykit.matching.ids import IdTable
from replaykit.matching.index import IMPORTED, identity_scope
from replaykit.matching.recorded import header
from replaykit.packet.body import encode_body
from replaykit.packet.codec import dump_line, seal
from replaykit.packet.model import (
    FORMAT,
    KEY_VERSION,
    Body,
    CallLine,
    DoneLine,
    Envelope,
    HttpCall,
    LogLine,
    Manifest,
    OutcomeLine,
    RunLine,
    StandInLine,
    UsageTotals,
)
from replaykit.packet.packet import UNPLACED
from replaykit.packet.parts import PartWriter
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.wire import read_response


@dataclass(frozen=True, slots=True)
class Packed:
    """A packet that is not written yet.

    Attributes:
        data: The whole file.
        run_id: Made of what the packet says and of nothing else: two imports of one recording have the same, whatever
            stand-ins each of them chose.
        calls: Kept calls by boundary.
        telemetry: Calls that were left out.
        replaced: Sensitive values that were replaced.
        notes: What the recording holds and the packet does not, one sentence each.
    """

    data: bytes
    run_id: str
    calls: Mapping[str, int]
    telemetry: int
    replaced: int
    notes: tuple[str, ...]


def pack(recording: Recording, workflow: str, source: str, sanitizer: Sanitizer) -> Packed:
    """The packet of a recording.

    Args:
        workflow: What kind of run it is.
        source: Name of the file it came from, without folders.

    Raises:
        SanitizeError: A name can't be sanitized; nothing was kept.
    """
    calls = clean_calls(recording.calls, sanitizer)
    classes = Counter[str](classify_call(call).call_class for call in recording.calls)
    notes = (*(sanitizer.text(note) for note in recording.notes), *_withheld_notes(calls))
    if classes["telemetry"]:
        notes = (*notes, f"{classes['telemetry']} telemetry calls were left out: a replay answers those by itself")
    if not recording.calls:
        notes = (*notes, "the recording holds no interactions")
    run_id = _meaning(calls, notes, sanitizer)
    tags = {"imported_from": recording.tool, "layout": sanitizer.text(recording.layout), "file": sanitizer.text(source)}
    envelope = Envelope(
        run_id=run_id,
        trace_id=run_id,
        workflow=sanitizer.text(workflow),
        started_at=_started_at(calls),
        tags=tags,
        secret_variables=key_variables(call.url for call in calls),
    )
    writer = _Writer(envelope, sanitizer)
    writer.log(recording.missing, *notes)
    for call in calls:
        writer.call(call)
    kept = Counter[str](call.call.boundary for call in calls)
    manifest = Manifest(
        calls=dict(kept), classes=dict(classes), withheld=sum(len(call.withheld) + len(call.lost) for call in calls)
    )
    is_whole = not manifest.withheld and all(call.status is not None for call in calls)
    data = writer.finish(manifest, is_whole=is_whole)
    return Packed(data, run_id, dict(kept), classes["telemetry"], len(sanitizer.issued), notes)


def _withheld_notes(calls: Sequence[CleanCall]) -> tuple[str, ...]:
    lost = tuple(
        f"interaction {call.number}: the {what} could not be sanitized" for call in calls for what in call.lost
    )
    return lost + tuple(
        f"interaction {call.number}: the {what} body was withheld: {body.withheld}"
        for call in calls
        for what, body in (("request", call.request_body), ("response", call.response_body))
        if isinstance(body, Body)
    )


def _started_at(calls: Sequence[CleanCall]) -> str:
    """When the first answer was sent, by its own word; empty where none says."""
    for call in calls:
        try:
            return parsedate_to_datetime(header(call.response_headers, "date")).isoformat()
        except (ValueError, TypeError):
            continue  # redacted, or no date
    return ""


def _meaning(calls: Sequence[CleanCall], notes: Sequence[str], sanitizer: Sanitizer) -> str:
    """Hash of all that is kept, with sensitive values marked by kind and told apart only by their order."""
    masked, findings = sanitizer.mask(
        [
            [
                [call.number, call.method, call.url, list(map(list, call.request_headers)), _text(call.request_body)],
                [call.status, list(map(list, call.response_headers)), _text(call.response_body)],
            ]
            for call in calls
        ]
    )
    order: dict[str, int] = {}
    places = [order.setdefault(finding.text, len(order)) for finding in findings]
    text = canonical([masked, places, list(notes)])
    # A short stand-in is masked only where it is a whole value; a cookie's is not.
    left = {json.dumps(item.stand_in)[1:-1]: number for number, item in enumerate(sanitizer.issued)}
    if left:
        pattern = "|".join(map(re.escape, sorted(left, key=len, reverse=True)))
        text = re.sub(pattern, lambda match: f"<{left[match[0]]}>", text)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _text(body: bytes | Body) -> str:
    return str(body.withheld) if isinstance(body, Body) else body.decode("utf-8", "surrogateescape")


class _Writer:
    """Writes the lines of one packet."""

    def __init__(self, envelope: Envelope, sanitizer: Sanitizer) -> None:
        self._run_id = envelope.run_id
        self._sanitizer = sanitizer
        self._lines: list[bytes] = []
        self._hash = hashlib.sha256()
        self._parts = PartWriter(self._write)
        self._ids = IdTable()
        self._ordinals: Counter[str] = Counter()
        self._usage = dict.fromkeys(UsageTotals.model_fields, 0)
        self._issued = 0
        self._write(
            RunLine(id=self._run_id, format=FORMAT, key_version=KEY_VERSION, ruleset=sanitizer.ruleset, run=envelope)
        )

    def log(self, *messages: str) -> None:
        for number, message in enumerate(messages):
            self._write(LogLine(id=f"g{number}", seq=0, time_ns=0, message=message))

    def call(self, item: CleanCall) -> None:
        """One interaction: its request, its answer, and the ids that the answer gave out."""
        call, name = item.call, f"c{item.number}"
        position = self._position(item)
        is_llm = call.boundary == "llm"
        body = item.request_body if isinstance(item.request_body, Body) else encode_body(item.request_body)
        http = HttpCall(
            method=item.method,
            url=item.url,
            headers=item.request_headers,
            body=self._parts.split(body) if is_llm else body,
        )
        line = CallLine(
            id=name,
            key=self._key(item, position),
            position=position,
            boundary=call.boundary,
            name=clean_name(self._sanitizer, call.name),
            call_class=call.call_class,
            seq=0,
            time_ns=0,
            wire_format=call.wire_format,
            http=http,
            flags=(UNPLACED,),
        )
        self._write(line)
        if item.status is None:
            return
        answer = item.response_body if isinstance(item.response_body, Body) else encode_body(item.response_body)
        done = DoneLine(
            id=name,
            seq=0,
            time_ns=0,
            state="complete",
            status=item.status,
            headers=item.response_headers,
            body=answer,
        )
        self._write(done)
        self._read_answer(item, position)

    def _position(self, item: CleanCall) -> str:
        call = item.call
        label = f"{call.boundary if call.call_class == 'agent' else call.call_class}:{escape(call.name)}"
        number = self._ordinals[label]
        self._ordinals[label] += 1
        return clean_name(self._sanitizer, f"{IMPORTED}/{label}[{number}]")

    def _key(self, item: CleanCall, position: str) -> str:
        if isinstance(item.request_body, Body):
            return WITHHELD_KEY
        return http_content(
            call=item.call,
            method=item.method,
            url=item.url,
            body=item.request_body,
            content_type=header(item.request_headers, "content-type"),
            mask=self._sanitizer.mask,
            ids=self._ids,
            lineage=identity_scope(position, is_placed=False),
        ).key

    def _read_answer(self, item: CleanCall, position: str) -> None:
        if item.call.wire_format is None or isinstance(item.response_body, Body):
            return
        try:
            kind = header(item.response_headers, "content-type")
            answer = read_response(item.call.wire_format, item.response_body, kind)
        except WireError:
            return  # kept as bytes, as the recorder keeps them
        self._ids.issue(position, answer.issued)
        for name in self._usage:
            self._usage[name] += getattr(answer.usage, name) or 0

    def finish(self, manifest: Manifest, *, is_whole: bool) -> bytes:
        """The whole file."""
        outcome = OutcomeLine(
            id=self._run_id,
            seq=0,
            time_ns=0,
            status="unknown",
            usage=UsageTotals(**self._usage),
            manifest=manifest,
            replayable="full" if is_whole else "no",
        )
        self._write_stand_ins()
        outcome = outcome.model_copy(update={"seq": len(self._lines) + 1})
        return b"".join((*self._lines, dump_line(seal(outcome, self._hash))))

    def _write(self, line: BaseModel) -> None:
        """Appends a line; stand-ins are listed before the first line that holds them, the run line aside."""
        if self._lines:
            self._write_stand_ins()
        self._append(line)

    def _write_stand_ins(self) -> None:
        for item in self._sanitizer.issued[self._issued :]:
            self._issued += 1
            name = f"s{self._issued}"
            self._append(StandInLine(id=name, seq=0, name=item.kind, stand_in=item.stand_in, variable=item.variable))

    def _append(self, line: BaseModel) -> None:
        number = len(self._lines) + 1
        data = dump_line(line if isinstance(line, RunLine) else line.model_copy(update={"seq": number}))
        self._lines.append(data)
        self._hash.update(data)
