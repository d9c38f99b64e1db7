"""From events to the lines of one packet: sanitize, identify, split, append. Runs on the writer's thread alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from replaykit.determinism.schedule import CALL, Batch, Subject
from replaykit.errors import SanitizeError, WireError
from replaykit.matching.content import WITHHELD_KEY, function_content, http_content, raw_key
from replaykit.matching.ids import IdTable
from replaykit.matching.index import lineage_of
from replaykit.matching.recorded import header
from replaykit.packet.body import encode_body, withhold_body
from replaykit.packet.codec import dump_line
from replaykit.packet.decoding import decode_content, decode_request
from replaykit.packet.exchange import Chunk
from replaykit.packet.journal import Journal
from replaykit.packet.model import FORMAT as PACKET_FORMAT
from replaykit.packet.model import (
    KEY_VERSION,
    Body,
    CallLine,
    DoneLine,
    EgressCount,
    EntryLine,
    Envelope,
    FunctionCall,
    HttpCall,
    Manifest,
    OutcomeLine,
    RunLine,
    ScheduleLine,
    SpanLine,
    StandInLine,
    UsageTotals,
)
from replaykit.packet.parts import PartWriter
from replaykit.sanitizer.names import may_hold_secret
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.session.cleaning import NO_ROOM, UNDECODED, UNSANITIZED, Cleaner
from replaykit.session.effect_lines import EffectLines
from replaykit.session.events import (
    CallBegan,
    CallEnded,
    EffectsRead,
    EntryFound,
    Event,
    HttpBegan,
    HttpEnded,
    RunEnded,
    Scheduled,
    SpanBegan,
    SpanEnded,
)
from replaykit.session.runtime import loaded_packages
from replaykit.wire import read_response


class Packer:
    """Writes one run. Every value passes the sanitizer before it gets near the journal."""

    def __init__(self, envelope: Envelope, journal: Journal, sanitizer: Sanitizer) -> None:
        self._journal = journal
        self._sanitizer = sanitizer
        self._seq = 0
        self._parts = PartWriter(self._write)
        self._ids = IdTable()
        self._issued = 0
        self._entries = 0
        self._schedules = 0
        self._open: dict[str, CallLine | SpanLine] = {}
        self._usage = dict.fromkeys(UsageTotals.model_fields, 0)
        self._clean = Cleaner(sanitizer)
        self._effects = EffectLines(self._clean)
        self.lost_events = 0  # events that could not be written for a reason that nobody foresaw
        self._late: set[str] = set()
        self._run_id = envelope.run_id
        self._known = frozenset(envelope.secret_variables)
        texts = ("workflow", "release", "environment")
        clean = {name: self._clean.text(value) for name in texts if (value := getattr(envelope, name)) is not None}
        tags = self._clean.attributes(envelope.tags)
        line = RunLine(
            id=self._run_id,
            format=PACKET_FORMAT,
            key_version=KEY_VERSION,
            ruleset=sanitizer.ruleset,
            run=envelope.model_copy(update={**clean, "tags": tags}),
        )
        self._journal.append(dump_line(self._clean.checked(line)))

    def learn(self, environ: Mapping[str, str]) -> None:
        """Variables that were set after the run had begun: their secrets count from here on."""
        self._late |= {name for name, value in environ.items() if may_hold_secret(name, value)}
        self._sanitizer.learn(environ)

    def handle(self, event: Event) -> None:
        """Writes what the event says. Raises OSError if the journal can't be written."""
        match event:
            case HttpBegan():
                self._begin_http(event)
            case HttpEnded():
                self._end_http(event)
            case CallBegan():
                self._begin_call(event)
            case CallEnded():
                self._end_call(event)
            case SpanBegan():
                self._begin_span(event)
            case SpanEnded():
                self._end_span(event)
            case EntryFound():
                self._write_entry(event)
            case Scheduled():
                self._write_schedule(event.batch)
            case EffectsRead():
                for line in self._effects.of(event):
                    self._write(line)
            case RunEnded():
                raise TypeError("a run is ended with `finish`")

    def _write_entry(self, event: EntryFound) -> None:
        entry = event.entry
        argv = self._clean.command(entry.argv)
        arguments = self._clean.json(entry.arguments)
        update: dict[str, Any] = {"argv": argv, "arguments": arguments if isinstance(arguments, dict) else {}}
        if entry.stdin is not None and event.stdin is not None:
            update["stdin"] = entry.stdin.model_copy(update={"body": self._clean.stdin(event.stdin)})
        name = self._run_id if self._entries == 0 else f"{self._run_id}.{self._entries}"
        self._entries += 1
        self._write(EntryLine(id=name, seq=0, entry=entry.model_copy(update=update)))

    def _write_schedule(self, batch: Batch) -> None:
        made = batch.made
        places = [event.subject[1] for event in batch.events if event.subject[0] != CALL]
        index = {place: number for number, place in enumerate(dict.fromkeys([*places, *(place for _, place in made)]))}
        line = ScheduleLine(
            id=f"w{self._schedules}",
            seq=0,
            lineages=tuple(self._clean.name(place) for place in index),
            events=tuple(
                (_subject(event.subject, index), event.back, event.tick, event.time_ns) for event in batch.events
            ),
            loops=batch.loops,
            made=tuple((f"{kind}{index[place]}", count) for (kind, place), count in made.items()),
        )
        self._schedules += 1
        self._write(line)

    # HTTP

    def _begin_http(self, event: HttpBegan) -> None:
        request, is_llm = event.request, event.call.boundary == "llm"
        position, raw, key = self._clean.name(event.position), None, WITHHELD_KEY
        url = self._clean.url(request.url)
        headers = self._clean.headers(request.headers)  # first: what is a secret here is one in the body too
        sent = decode_request(request)
        if event.dropped_bytes is not None:
            body = self._clean.withhold(NO_ROOM, event.dropped_bytes)
        elif sent is None:
            body = self._clean.withhold(UNDECODED, data=request.body)
        else:
            try:
                data = self._clean.body(sent, header(request.headers, "content-type"))
            except SanitizeError:
                body = self._clean.withhold(UNSANITIZED, data=request.body)
            else:
                if data == sent and url == request.url:
                    raw = raw_key(event.call, request.method, request.url, request.body)
                key = self._http_key(event, position, url, data)
                body = self._split(encode_body(data)) if is_llm else encode_body(data)
        line = CallLine(
            id=event.id,
            key=key,
            raw=raw,
            position=position,
            boundary=event.call.boundary,
            name=self._clean.name(event.call.name),
            call_class=event.call.call_class,
            seq=0,
            time_ns=event.time_ns,
            parent=event.parent,
            wire_format=event.call.wire_format,
            http=HttpCall(method=request.method, url=url, headers=headers, body=body),
            flags=event.flags,
        )
        self._open[event.id] = line
        self._write(line)

    def _split(self, body: Body) -> Body:
        """The body, in parts that repeat; each is looked at when it is written, and only then."""
        try:
            return self._parts.split(body)
        except SanitizeError as error:
            return self._clean.withhold(str(error))

    def _http_key(self, event: HttpBegan, position: str, url: str, data: bytes) -> str:
        return http_content(
            call=event.call,
            method=event.request.method,
            url=url,
            body=data,
            content_type=header(event.request.headers, "content-type"),
            mask=self._sanitizer.mask,
            ids=self._ids,
            lineage=lineage_of(position),
        ).key

    def _end_http(self, event: HttpEnded) -> None:
        body = self._response_body(event)
        self._open.pop(event.id, None)
        self._write(
            DoneLine(
                id=event.id,
                seq=0,
                time_ns=event.time_ns,
                state=event.state,
                status=event.status,
                reason=self._clean.text(event.reason) if event.reason is not None else None,
                first_byte_ns=event.first_byte_ns,
                headers=self._clean.headers(event.headers),
                body=body,
                failure=self._clean.failure(event.failure),
            )
        )

    def _response_body(self, event: HttpEnded) -> Body | None:
        if event.status is None:
            return None
        if event.chunks is None:
            return self._clean.withhold(NO_ROOM, event.length)
        content_type = header(event.headers, "content-type")
        chunks, encoding = decode_content(event.chunks, header(event.headers, "content-encoding"))
        if encoding is not None and event.length:
            return self._clean.withhold(UNDECODED, data=b"".join(chunk.data for chunk in event.chunks))
        try:
            clean = self._clean.chunks([chunk.data for chunk in chunks], content_type)
        except SanitizeError:
            return self._clean.withhold(UNSANITIZED, data=b"".join(chunk.data for chunk in event.chunks))
        data = b"".join(clean)
        if event.call.wire_format is not None:
            self._read_answer(event, data, content_type)
        cut = [Chunk(chunk.offset_ns, piece) for chunk, piece in zip(chunks, clean, strict=True)]
        return encode_body(data, chunks=cut)

    def _read_answer(self, event: HttpEnded, data: bytes, content_type: str) -> None:
        """Notes the ids that the answer gave out and what it cost."""
        assert event.call.wire_format is not None
        try:
            answer = read_response(event.call.wire_format, data, content_type)
        except WireError:
            return  # kept as bytes; `show` will say that it could not be read
        self._ids.issue(self._clean.name(event.position), answer.issued)
        if answer.usage is not None:
            for name in self._usage:
                self._usage[name] += getattr(answer.usage, name) or 0

    # functions and spans

    def _begin_call(self, event: CallBegan) -> None:
        request, position = event.request, self._clean.name(event.position)
        name, key = self._clean.name(request.name), WITHHELD_KEY
        arguments = self._clean.readable(dict(request.arguments))
        if event.withheld is not None or arguments is None:
            self._clean.withheld += 1
            arguments = {}
        else:
            key = function_content(
                label=f"{request.boundary}:{name}",
                arguments=arguments,
                mask=self._sanitizer.mask,
                ids=self._ids,
                lineage=lineage_of(position),
            ).key
        line = CallLine(
            id=event.id,
            key=key,
            position=position,
            boundary=request.boundary,
            name=name,
            seq=0,
            time_ns=event.time_ns,
            parent=event.parent,
            function=FunctionCall(arguments=arguments, effect=request.effect),
            flags=event.flags,
        )
        self._open[event.id] = line
        self._write(line)

    def _end_call(self, event: CallEnded) -> None:
        self._open.pop(event.id, None)
        state = "cancelled" if event.is_cancelled else "error" if event.failure is not None else "complete"
        # In a list: a result that is None is a result, one that can't be kept is none.
        value, withheld = self._clean.readable([self._shown(event)]), event.withheld
        if value is None:
            withheld = withheld or UNSANITIZED
        self._write(
            DoneLine(
                id=event.id,
                seq=0,
                time_ns=event.time_ns,
                state=state,  # type: ignore[arg-type]  # one of the three words above
                value=value[0] if value is not None and withheld is None else None,
                has_value=event.has_value and withheld is None,
                body=self._withheld_result(event, withheld) if withheld is not None else None,
                failure=self._clean.failure(event.failure),
            )
        )

    def _shown(self, event: CallEnded) -> Any:
        if event.is_secret and isinstance(event.value, str):
            return self._clean.secret(event.value)
        return event.value

    def _withheld_result(self, event: CallEnded, reason: str) -> Body:
        """Of a tool whose body a replay runs anyway: then nothing is missing."""
        return withhold_body(reason) if event.is_made_again else self._clean.withhold(reason)

    def _begin_span(self, event: SpanBegan) -> None:
        line = SpanLine(
            id=event.id,
            seq=0,
            time_ns=event.time_ns,
            position=self._clean.name(event.position),
            name=self._clean.name(event.name),
            span_kind=event.kind,
            parent=event.parent,
            attributes=self._clean.attributes(event.attributes),
        )
        self._open[event.id] = line
        self._write(line)

    def _end_span(self, event: SpanEnded) -> None:
        self._open.pop(event.id, None)
        self._write(
            DoneLine(
                id=event.id,
                seq=0,
                time_ns=event.time_ns,
                state="complete" if event.failure is None else "error",
                failure=self._clean.failure(event.failure),
                attributes=self._clean.attributes(event.attributes),
            )
        )

    # the end

    def finish(self, event: RunEnded) -> OutcomeLine:
        """The last line; calls that never ended are written as cancelled first."""
        unanswered = event.unanswered + sum(isinstance(line, CallLine) for line in self._open.values())
        for name in tuple(self._open):
            self._write(DoneLine(id=name, seq=0, time_ns=event.time_ns, state="cancelled"))
        self._open.clear()
        output = self._clean.output(event.output)
        line = self._clean.checked(self._outcome(event, output))
        self._write_stand_ins()
        manifest = Manifest(
            calls=dict(event.counts.get("calls", {})),
            classes=dict(event.counts.get("classes", {})),
            withheld=self._clean.withheld,
            adopted=event.adopted,
            possibly_missing=event.possibly_missing,
            uncaptured=tuple(map(self._clean.text, event.left.uncaptured)),
            egress=tuple(
                EgressCount(state=state, target=self._clean.text(target), count=count)
                for state, target, count in event.left.egress
            ),
            files=tuple(map(self._clean.text, event.left.files)),
            more_files=event.left.more_files,
            dropped_events=event.dropped_events + self.lost_events,
            dropped_effects=event.dropped_effects,
            unanswered=unanswered,
            secret_variables=tuple(sorted(self._late - self._known)),
        )
        lost = (manifest.withheld, manifest.possibly_missing, manifest.dropped_events, manifest.unanswered)
        is_whole = not (any(lost) or manifest.uncaptured or manifest.dropped_effects)
        rest = {"seq": self._seq + 1, "manifest": manifest, "replayable": "full" if is_whole else "no"}
        return line.model_copy(update=rest)

    def _outcome(self, event: RunEnded, output: Any) -> OutcomeLine:
        return OutcomeLine(
            id=self._run_id,
            seq=0,
            time_ns=event.time_ns,
            status="ok" if event.status == "ok" else "failed",
            exception=self._clean.failure(event.failure),
            stop_reason=self._clean.text(event.stop_reason) if event.stop_reason is not None else None,
            output=output,
            has_output=event.has_output and output is not UNSANITIZED,
            verdict=self._clean.verdict(event.verdict) if event.verdict is not None else None,
            usage=UsageTotals(**self._usage),
            packages=loaded_packages(),
        )

    # writing

    def _write(self, line: BaseModel) -> None:
        """Appends a line under the next number; stand-ins are listed before the first line that holds them."""
        self._write_stand_ins()
        self._append(line)

    def _write_stand_ins(self) -> None:
        for item in self._sanitizer.issued[self._issued :]:
            self._issued += 1
            name = f"s{self._issued}"
            self._append(StandInLine(id=name, seq=0, name=item.kind, stand_in=item.stand_in, variable=item.variable))

    def _append(self, line: BaseModel) -> None:
        clean = self._clean.checked(line.model_copy(update={"seq": self._seq + 1}))
        self._seq += 1
        self._journal.append(dump_line(clean))


def _subject(subject: Subject, places: Mapping[str, int]) -> str:
    kind, name, number = subject
    return f"{name}.{number}" if kind == CALL else f"{kind}{places[name]}.{number}"
