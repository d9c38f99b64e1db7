"""Content of recorded requests, made again from what a packet holds.

The keys in the file are what this code's release made of them, or an older one's. Comparing by content that is made
here and now holds for packets of every key version and ruleset; it is made once, when first asked for.
"""

from __future__ import annotations

from replaykit.errors import PacketError, SanitizeError, WireError
from replaykit.matching.content import NO_CONTENT, WITHHELD_KEY, Content, function_content, http_content
from replaykit.matching.ids import IdTable
from replaykit.matching.index import identity_scope
from replaykit.packet import Interaction, Packet
from replaykit.packet.exchange import Headers
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.wire import classify, read_response


class RecordedContents:
    """Content of every interaction of a packet.

    Args:
        sanitizer: Knows the packet's stand-ins. What its ruleset finds and the packet's did not is masked too.
    """

    def __init__(self, packet: Packet, sanitizer: Sanitizer) -> None:
        self._packet = packet
        self._sanitizer = sanitizer
        self._is_stale = packet.ruleset != sanitizer.ruleset
        self._contents: dict[str, Content] | None = None

    def of(self, interaction: Interaction) -> Content:
        """Content of one of the packet's interactions; `NO_CONTENT` where its request was withheld."""
        if self._contents is None:
            self._contents = self._read_all()
        return self._contents.get(interaction.id, NO_CONTENT)

    def issue_all(self, ids: IdTable) -> None:
        """Names in `ids` every id that a recorded answer gave out."""
        for interaction in self._packet.interactions:
            issue_ids(ids, interaction)

    def _read_all(self) -> dict[str, Content]:
        ids = IdTable()
        self.issue_all(ids)
        return {item.id: self._read(item, ids) for item in self._packet.interactions if not is_request_withheld(item)}

    def _read(self, interaction: Interaction, ids: IdTable) -> Content:
        line, mask = interaction.call, self._sanitizer.mask
        lineage = identity_scope(interaction.position, is_placed=self._packet.has_positions)
        if line.http is None:
            arguments = line.function.arguments if line.function else {}
            if self._is_stale:
                arguments = self._sanitizer.json(arguments)
            label = f"{line.boundary}:{line.name}"
            return function_content(label=label, arguments=arguments, mask=mask, ids=ids, lineage=lineage)
        url, body = line.http.url, interaction.request_body
        content_type = header(line.http.headers, "content-type")
        if self._is_stale:
            try:
                url, body = self._sanitizer.url(url), self._sanitizer.body(body, content_type)
            except SanitizeError:
                return NO_CONTENT
        return http_content(
            call=classify(line.http.method, line.http.url, line.http.headers),
            method=line.http.method,
            url=url,
            body=body,
            content_type=content_type,
            mask=mask,
            ids=ids,
            lineage=lineage,
        )


def is_request_withheld(interaction: Interaction) -> bool:
    """True where nothing of the request was kept, so that no content can equal it."""
    http = interaction.call.http
    return interaction.key == WITHHELD_KEY or (http is not None and http.body.withheld is not None)


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
