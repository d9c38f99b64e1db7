"""From events to the lines of one packet: sanitize, identify, split, append. Runs on the writer's thread alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from replaykit.errors import SanitizeError, WireError
from replaykit.matching.content import Content, function_content, http_content, raw_key
from replaykit.matching.ids import IdTable
from replaykit.matching.index import lineage_of
from replaykit.packet.body import encode_body, withhold_body
from replaykit.packet.codec import dump_line
from replaykit.packet.exchange import Chunk, Failure, Headers
from replaykit.packet.journal import Journal
from replaykit.packet.model import FORMAT as PACKET_FORMAT
from replaykit.packet.model import (
    KEY_VERSION,
    Body,
    CallLine,
    DoneLine,
    EntryLine,
    Envelope,
    FailureRecord,
    FunctionCall,
    HttpCall,
    Manifest,
    OutcomeLine,
    RunLine,
    SpanLine,
    StandInLine,
    UsageTotals,
)
from replaykit.packet.parts import PartWriter
from replaykit.sanitize import Sanitizer
from replaykit.session.decoding import decode_content
from replaykit.session.events import (
    CallBegan,
    CallEnded,
    EntryFound,
    Event,
    HttpBegan,
    HttpEnded,
    RunEnded,
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
        self._open: dict[str, CallLine | SpanLine] = {}
        self._usage = dict.fromkeys(UsageTotals.model_fields, 0)
        self._withheld = 0
        self._run_id = envelope.run_id
        tags = self._json(envelope.tags)
        line = RunLine(
            id=self._run_id,
            format=PACKET_FORMAT,
            key_version=KEY_VERSION,
            ruleset=sanitizer.ruleset,
            run=envelope.model_copy(update={"tags": tags}),
        )
        self._journal.append(dump_line(line))

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
                entry = event.entry.model_copy(
                    update={
                        "argv": tuple(self._text(word) for word in event.entry.argv),
                        "arguments": self._json(event.entry.arguments),
                    }
                )
                self._write(EntryLine(id=self._run_id, seq=0, entry=entry))
            case RunEnded():
                raise TypeError("a run is ended with `finish`")

    # HTTP

    def _begin_http(self, event: HttpBegan) -> None:
        request, label = event.request, f"{event.call.boundary}:{event.call.name}"
        is_llm = event.call.boundary == "llm"
        url = self._sanitizer.url(request.url)
        content_type = _header(request.headers, "content-type")
        raw: str | None = None
        body: Body
        try:
            data = self._sanitizer.body(request.body, content_type)
            if data == request.body and url == request.url:
                raw = raw_key(label, request.method, request.url, request.body, is_llm=is_llm)
            key = self._http_key(event, url, data, content_type)
            encoded = encode_body(data)
            body = self._parts.split(encoded) if is_llm else encoded
        except SanitizeError:
            self._withheld += 1
            body, key = withhold_body(None, "it could not be sanitized", length=len(request.body)), "withheld"
        headers = tuple((name, value) for name, value in self._sanitizer.headers(request.headers))
        line = CallLine(
            id=event.id,
            key=key,
            raw=raw,
            position=event.position,
            boundary=event.call.boundary,
            name=event.call.name,
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

    def _http_key(self, event: HttpBegan, url: str, data: bytes, content_type: str) -> str:
        content: Content = http_content(
            call=event.call,
            method=event.request.method,
            url=url,
            body=data,
            content_type=content_type,
            mask=self._sanitizer.mask,
            ids=self._ids,
            lineage=lineage_of(event.position),
        )
        return content.key

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
                first_byte_ns=event.first_byte_ns,
                headers=self._sanitizer.headers(event.headers),
                body=body,
                failure=self._failure(event.failure),
            )
        )

    def _response_body(self, event: HttpEnded) -> Body | None:
        if event.status is None:
            return None
        if event.chunks is None:
            self._withheld += 1
            return withhold_body(None, "it was too large for the recorder's memory", length=event.length)
        content_type = _header(event.headers, "content-type")
        chunks, encoding = decode_content(event.chunks, _header(event.headers, "content-encoding"))
        try:
            clean = self._sanitizer.chunks([chunk.data for chunk in chunks], content_type)
        except SanitizeError:
            self._withheld += 1
            return withhold_body(None, "it could not be sanitized", length=event.length)
        data = b"".join(clean)
        if event.call.wire_format is not None:
            self._read_answer(event, data, content_type)
        cut = [Chunk(chunk.offset_ns, piece) for chunk, piece in zip(chunks, clean, strict=True)]
        return encode_body(data, chunks=cut, encoding=encoding)

    def _read_answer(self, event: HttpEnded, data: bytes, content_type: str) -> None:
        """Notes the ids that the answer gave out and what it cost."""
        assert event.call.wire_format is not None
        try:
            answer = read_response(event.call.wire_format, data, content_type)
        except WireError:
            return  # kept as bytes; `show` will say that it could not be read
        self._ids.issue(event.position, answer.issued)
        if answer.usage is not None:
            for name in self._usage:
                self._usage[name] += getattr(answer.usage, name) or 0

    # functions and spans

    def _begin_call(self, event: CallBegan) -> None:
        request, label = event.request, f"{event.request.boundary}:{event.request.name}"
        arguments = self._json(dict(request.arguments))
        content = function_content(
            label=label,
            arguments=arguments,
            mask=self._sanitizer.mask,
            ids=self._ids,
            lineage=lineage_of(event.position),
        )
        line = CallLine(
            id=event.id,
            key=content.key,
            position=event.position,
            boundary=request.boundary,
            name=request.name,
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
        if event.withheld is not None:
            self._withheld += 1
        self._write(
            DoneLine(
                id=event.id,
                seq=0,
                time_ns=event.time_ns,
                state=state,  # type: ignore[arg-type]  # one of the three words above
                value=self._json(event.value),
                has_value=event.has_value,
                body=withhold_body(None, event.withheld) if event.withheld is not None else None,
                failure=self._failure(event.failure),
            )
        )

    def _begin_span(self, event: SpanBegan) -> None:
        line = SpanLine(
            id=event.id,
            seq=0,
            time_ns=event.time_ns,
            position=event.position,
            name=self._text(event.name),
            span_kind=event.kind,
            parent=event.parent,
            attributes=self._json(dict(event.attributes)),
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
                failure=self._failure(event.failure),
                attributes=self._json(dict(event.attributes)),
            )
        )

    # the end

    def finish(self, event: RunEnded) -> OutcomeLine:
        """The last line; calls that never ended are written as cancelled first."""
        for name in tuple(self._open):
            self._write(DoneLine(id=name, seq=0, time_ns=event.time_ns, state="cancelled"))
        self._open.clear()
        manifest = Manifest(
            calls=dict(event.counts.get("calls", {})),
            classes=dict(event.counts.get("classes", {})),
            withheld=self._withheld,
            adopted=event.adopted,
            possibly_missing=event.possibly_missing,
            dropped_events=event.dropped_events,
        )
        is_whole = not (self._withheld or event.possibly_missing or event.dropped_events)
        verdict = event.verdict
        if verdict is not None:
            verdict = verdict.model_copy(update={"reason": self._text(verdict.reason)})
        line = OutcomeLine(
            id=self._run_id,
            seq=0,
            time_ns=event.time_ns,
            status="ok" if event.status == "ok" else "failed",
            exception=self._failure(event.failure),
            stop_reason=event.stop_reason,
            output=self._json(event.output),
            has_output=event.has_output,
            verdict=verdict,
            usage=UsageTotals(**self._usage),
            manifest=manifest,
            packages=loaded_packages(),
            replayable="full" if is_whole else "no",
        )
        return line.model_copy(update={"seq": self._seq + 1})

    # writing

    def _write(self, line: BaseModel) -> None:
        """Appends a line under the next number; stand-ins are listed before the first line that holds them."""
        for item in self._sanitizer.issued[self._issued :]:
            self._issued += 1
            name = f"s{self._issued}"
            self._append(StandInLine(id=name, seq=0, name=item.kind, stand_in=item.stand_in, variable=item.variable))
        self._append(line)

    def _append(self, line: BaseModel) -> None:
        self._seq += 1
        self._journal.append(dump_line(line.model_copy(update={"seq": self._seq})))

    def _json(self, value: Any) -> Any:
        return self._guarded(self._sanitizer.json, value)

    def _text(self, text: str) -> str:
        return str(self._guarded(self._sanitizer.text, text))

    def _guarded(self, sanitize: Callable[[Any], Any], value: Any) -> Any:
        try:
            return sanitize(value)
        except SanitizeError:
            self._withheld += 1
            return "withheld: it could not be sanitized"

    def _failure(self, failure: Failure | None) -> FailureRecord | None:
        if failure is None:
            return None
        return FailureRecord(
            type=failure.kind,
            message=self._text(failure.message),
            arguments=tuple(self._json(list(failure.arguments))),
            state=self._json(dict(failure.state)),
        )


def _header(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")
