"""Requests of a replay in the form in which the recording holds its own: sanitized, with ids and values named alike."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from replaykit.errors import SanitizeError
from replaykit.matching.alignment import ordered
from replaykit.matching.bindings import Bindings
from replaykit.matching.content import Content, canonical, clean_name, function_content, http_content
from replaykit.matching.ids import IdTable
from replaykit.matching.index import identity_scope
from replaykit.matching.recorded import RecordedContents, header
from replaykit.packet import Interaction, Packet, values
from replaykit.packet.decoding import decode_request
from replaykit.packet.exchange import FunctionRequest, Headers, HttpRequest
from replaykit.packet.failures import Failure
from replaykit.packet.model import FailureRecord
from replaykit.sanitizer.masking import Finding
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.sanitizer.standins import StandIn
from replaykit.session.cleaning import clean_failure
from replaykit.session.environment import Environment
from replaykit.session.rules import PROJECT_KEY, project_key, user_rules
from replaykit.wire import Call

NOT_PROVED = "is another one than recorded, or nothing proves that it is the same"


@dataclass(frozen=True, slots=True)
class Compared:
    """Two values in comparable form.

    Attributes:
        conflict: Kind of a sensitive value that is another one on this side, or is not proved to be the same.
    """

    recorded: Any
    now: Any
    conflict: str | None = None


def secret_variables(packet: Packet) -> tuple[str, ...]:
    """Names of the environment variables that held secrets, by the time that the run was over."""
    late = packet.outcome.manifest.secret_variables if packet.outcome is not None else ()
    found = (line.variable for line in packet.stand_ins if line.variable is not None)
    return tuple(dict.fromkeys((*packet.run.secret_variables, *late, *found)))


def lacks_key(packet: Packet, environ: Mapping[str, str]) -> bool:
    """True for a packet whose stand-ins were made with the project's key, where that is not set."""
    return PROJECT_KEY in secret_variables(packet) and project_key(environ) is None


class Contents:
    """Content of live requests and of recorded ones, comparable with each other.

    A live request whose bytes equal its recording's needs none of this; it is only remembered, and caught up with
    when a later one does: a secret or a client's id may have been seen there first.
    """

    def __init__(self, packet: Packet, *, is_strict: bool = False) -> None:
        known = [StandIn(line.name, line.stand_in, line.variable) for line in packet.stand_ins]
        key = project_key(os.environ)
        # What is a secret on this machine alone was none for the recorder: the packet may have it as plain text.
        self._names = frozenset(secret_variables(packet))
        self._environment = Environment()
        self._sanitizer = Sanitizer(
            key=key, environ=self._named(os.environ), known=known, extra_rules=user_rules(os.environ)
        )
        self._recorded = RecordedContents(packet, self._sanitizer)
        self._has_positions = packet.has_positions
        self._ids: IdTable | None = None
        self._unread: list[tuple[HttpRequest, Call, str]] = []
        self._beside: list[dict[str, Any]] = []
        self.bindings = Bindings(has_key=key is not None, is_strict=is_strict)

    def _named(self, environ: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in environ.items() if name in self._names}

    def learn(self, environ: Mapping[str, str]) -> None:
        """What else a variable has held: code that was imported before may have kept it."""
        self._sanitizer.learn(self._named(environ))

    def _learn(self) -> None:
        """What has become known as a secret since.

        The program may load its secrets while it runs, as it did when it was recorded; and the headers of requests that
        were matched by their bytes were not looked at.
        """
        changes = self._environment.changes()
        if changes:
            self.learn(changes)
        for request, _, _ in self._unread:
            self._sanitizer.headers(request.headers)
        waiting, self._beside = self._beside, []
        for items in waiting:
            try:
                self._sanitizer.json(items)
            except SanitizeError:
                pass  # nothing is learned of it; when it was recorded it was withheld

    def note(self, items: Mapping[str, Any]) -> None:
        """Remembers what a recording keeps beside its calls: its names may give away a secret that calls hold too."""
        if items:
            self._beside.append({str(name): values.encode(item, is_lossy=True) for name, item in items.items()})

    def defer(self, request: HttpRequest, call: Call, position: str) -> None:
        """Remembers a live request that was matched by its bytes."""
        self._unread.append((request, call, position))

    def of_http(self, request: HttpRequest, call: Call, position: str) -> Content:
        """Content of a live request."""
        self._learn()
        waiting, self._unread = self._unread, []
        for earlier in waiting:
            self._of_http(*earlier)
        return self._of_http(request, call, position)

    def _of_http(self, request: HttpRequest, call: Call, position: str) -> Content:
        url = self._sanitizer.url(request.url)
        self._sanitizer.headers(request.headers)  # a secret that is known from a header is found in bodies too
        content_type = header(request.headers, "content-type")
        return http_content(
            call=call,
            method=request.method,
            url=url,
            body=self._sanitizer.body(decode_request(request) or b"", content_type),
            content_type=content_type,
            mask=self._sanitizer.mask,
            ids=self._live_ids(),
            lineage=identity_scope(position, is_placed=self._has_positions),
        )

    def of_call(self, request: FunctionRequest, position: str) -> Content:
        """Content of a live function call."""
        self._learn()
        return function_content(
            label=f"{request.boundary}:{self.name(request.name)}",
            arguments=self._sanitizer.json(dict(request.arguments)),
            mask=self._sanitizer.mask,
            ids=self._live_ids(),
            lineage=identity_scope(position, is_placed=self._has_positions),
        )

    def of_recorded(self, interaction: Interaction) -> Content:
        """Content of a recorded request; an empty one where the request was withheld."""
        return self._recorded.of(interaction)

    def _live_ids(self) -> IdTable:
        """Names of ids on the live side: what recorded answers give out is known from the start."""
        if self._ids is None:
            self._ids = IdTable()
            self._recorded.issue_all(self._ids)
        return self._ids

    def name(self, text: str) -> str:
        """A position or a name in the form in which the recording has its own."""
        return clean_name(self._sanitizer, text)

    def clean(self, value: Any) -> Any:
        """JSON as it would be stored."""
        self._learn()
        return self._sanitizer.json(value)

    def clean_url(self, url: str) -> str:
        """An address as it would be stored."""
        return self._sanitizer.url(url)

    def clean_headers(self, headers: Headers) -> Headers:
        """Headers as they would be stored."""
        return self._sanitizer.headers(headers)

    def clean_text(self, text: str) -> str:
        """Text that may be shown."""
        self._learn()
        return self._sanitizer.text(text)

    def clean_failure(self, failure: Failure) -> FailureRecord:
        """An exception as it would be stored."""
        self._learn()
        return clean_failure(self._sanitizer, failure)

    def masked(self, value: Any) -> Any:
        """Sanitized JSON with its stand-ins marked, so that the values of two runs compare."""
        return self._sanitizer.mask(value)[0]

    def compare(self, recorded: Any, now: Any) -> Compared:
        """Two sanitized JSON values, marked; where they are equal so far, their sensitive values are bound."""
        mask, bindings = self._sanitizer.mask, self.bindings
        known = {finding.text for finding in mask(recorded)[1]}
        bound = {bindings.recorded_of(finding.text) or finding.text for finding in mask(now)[1]}

        def rank(finding: Finding) -> tuple[bool, str]:
            text = bindings.recorded_of(finding.text) or finding.text
            is_on_both = text in known and text in bound
            return not is_on_both, text if is_on_both else ""

        (old, old_findings), (new, new_findings) = (mask(ordered(value, mask, rank)) for value in (recorded, now))
        if canonical(old) != canonical(new):
            return Compared(old, new)
        if len(old_findings) != len(new_findings):  # a text that only looks like a marker
            return Compared(old, new, (old_findings + new_findings)[-1].kind)
        return Compared(old, new, bindings.bind(old_findings, new_findings))
