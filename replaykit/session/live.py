"""Requests of a replay in the form in which the recording holds its own: sanitized, with ids and values named alike."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from replaykit.errors import PacketError, WireError
from replaykit.matching.bindings import Bindings
from replaykit.matching.content import Content, function_content, http_content
from replaykit.matching.ids import IdTable
from replaykit.matching.index import lineage_of
from replaykit.packet import Interaction, Packet
from replaykit.packet.exchange import FunctionRequest, Headers, HttpRequest
from replaykit.sanitize import Sanitizer, StandIn
from replaykit.wire import Call, classify, read_response

PROJECT_KEY = "REPLAYKIT_KEY"


def project_key(environ: Mapping[str, str]) -> bytes | None:
    """The project's own key for stand-ins, where the environment holds one."""
    value = environ.get(PROJECT_KEY)
    return value.encode() if value else None


class Contents:
    """Content of live requests and of recorded ones, comparable with each other.

    A live request whose bytes equal its recording's needs none of this; it is only remembered, and caught up with
    when a later one does: a secret or a client's id may have been seen there first.
    """

    def __init__(self, packet: Packet) -> None:
        self._packet = packet
        known = [StandIn(line.name, line.stand_in, line.variable) for line in packet.stand_ins]
        key = project_key(os.environ)
        self._live = Sanitizer(key=key, environ=os.environ, known=known)
        self._live_ids = IdTable()
        self._unread: list[tuple[HttpRequest, Call, str]] = []
        self.bindings = Bindings(has_key=key is not None)

    @cached_property
    def _recorded(self) -> dict[str, Content]:
        """Content of every recorded request, made again from what is stored, in recorded order."""
        contents: dict[str, Content] = {}
        ids = IdTable()
        for interaction in self._packet.interactions:
            issue_ids(ids, interaction)
            issue_ids(self._live_ids, interaction)
        for interaction in self._packet.interactions:
            if not interaction.is_withheld:
                contents[interaction.id] = self._of_stored(interaction, ids)
        return contents

    def defer(self, request: HttpRequest, call: Call, position: str) -> None:
        """Remembers a live request that was matched by its bytes."""
        self._unread.append((request, call, position))

    def of_http(self, request: HttpRequest, call: Call, position: str) -> Content:
        """Content of a live request."""
        assert self._recorded is not None  # the ids that recorded answers gave out are known from here on
        waiting, self._unread = self._unread, []
        for earlier in waiting:
            self._of_live(*earlier)
        return self._of_live(request, call, position)

    def _of_live(self, request: HttpRequest, call: Call, position: str) -> Content:
        url = self._live.url(request.url)
        self._live.headers(request.headers)
        content_type = header(request.headers, "content-type")
        return http_content(
            call=call,
            method=request.method,
            url=url,
            body=self._live.body(request.body, content_type),
            content_type=content_type,
            mask=self._live.mask,
            ids=self._live_ids,
            lineage=lineage_of(position),
        )

    def of_call(self, request: FunctionRequest, position: str) -> Content:
        """Content of a live function call."""
        assert self._recorded is not None
        return function_content(
            label=f"{request.boundary}:{request.name}",
            arguments=self._live.json(dict(request.arguments)),
            mask=self._live.mask,
            ids=self._live_ids,
            lineage=lineage_of(position),
        )

    def of_recorded(self, interaction: Interaction) -> Content:
        """Content of a recorded request; an empty one where the request was withheld."""
        return self._recorded.get(interaction.id) or Content({}, (), "")

    def _of_stored(self, interaction: Interaction, ids: IdTable) -> Content:
        line = interaction.call
        lineage = lineage_of(line.position)
        if line.http is None:
            arguments = line.function.arguments if line.function else {}
            label = f"{line.boundary}:{line.name}"
            return function_content(label=label, arguments=arguments, mask=self._live.mask, ids=ids, lineage=lineage)
        return http_content(
            call=classify(line.http.method, line.http.url, line.http.headers),
            method=line.http.method,
            url=line.http.url,
            body=interaction.request_body,
            content_type=header(line.http.headers, "content-type"),
            mask=self._live.mask,
            ids=ids,
            lineage=lineage,
        )

    def clean(self, value: Any) -> Any:
        """JSON as it would be stored."""
        return self._live.json(value)

    def clean_text(self, text: str) -> str:
        """Text that may be shown."""
        return self._live.text(text)

    def masked(self, value: Any) -> Any:
        """Sanitized JSON with its stand-ins marked, so that the outcomes of two runs compare."""
        return self._live.mask(value)[0]


def issue_ids(ids: IdTable, interaction: Interaction) -> None:
    """Names the ids that a recorded answer gave out."""
    wire_format = interaction.call.wire_format
    if wire_format is None or interaction.done is None:
        return
    try:
        answer = read_response(wire_format, interaction.response_body, interaction.content_type)
    except (WireError, PacketError):
        return  # an answer that can't be read issues nothing
    ids.issue(interaction.position, answer.issued)


def header(headers: Headers, name: str) -> str:
    """Value of the first header of that name, else empty."""
    return next((value for key, value in headers if key.lower() == name), "")
