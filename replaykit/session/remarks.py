"""What is other than recorded without being a difference: identity leaves it out, and the report must still say it."""

from __future__ import annotations

import urllib.parse
from collections import Counter
from collections.abc import Iterator

from replaykit.errors import SanitizeError
from replaykit.matching.index import endpoint_of
from replaykit.packet import Interaction, Packet
from replaykit.packet.exchange import Headers, HttpRequest
from replaykit.session.live import Contents

# Headers that change what comes back. No header is part of the identity of a call.
_OF_MODELS = (
    "anthropic-beta",
    "anthropic-version",
    "openai-beta",
    "openai-organization",
    "openai-project",
)
_OF_OTHERS = ("accept", "content-type")

MAX_REMARKS = 20
"""More than this many different ones say no more."""


class Remarks:
    """Collects the sentences of one replay, each once."""

    def __init__(self, packet: Packet, contents: Contents) -> None:
        self._packet = packet
        self._contents = contents
        self._said: dict[str, None] = {}
        self._asked: Counter[tuple[str, str, str]] = Counter()

    def compare(self, interaction: Interaction, request: HttpRequest) -> None:
        """A request that was served: where it goes and what its headers ask for, against the recording."""
        http = interaction.call.http
        if http is None or len(self._said) >= MAX_REMARKS:
            return
        is_model = interaction.boundary == "llm"
        try:
            found = [*self._addresses(http.url, request.url)] if is_model and http.url != request.url else []
            if http.headers:  # a packet of another tool may have none
                found += self._headers(http.headers, request.headers, _OF_MODELS if is_model else _OF_OTHERS)
        except SanitizeError:
            found = [f"an address or a header at {interaction.position} could not be compared"]
        self._said.update(dict.fromkeys(found))

    def asked(self, interaction: Interaction) -> None:
        """A call of class `auth` or `ambient` was answered by this recorded one."""
        self._asked[_endpoint(interaction)] += 1

    @property
    def ambient(self) -> int:
        """How many calls of class `auth` or `ambient` were served."""
        return self._asked.total()

    def sentences(self, *, is_whole: bool) -> tuple[str, ...]:
        """All of them. What was asked more or less often can be said only of a whole run."""
        return (*self._said, *(self._counts() if is_whole else ()))

    def _addresses(self, recorded: str, now: str) -> Iterator[str]:
        then, live = (urllib.parse.urlsplit(self._readable(url)) for url in (recorded, self._contents.clean_url(now)))
        bases = _without_common_end(f"{then.netloc}{then.path}", f"{live.netloc}{live.path}")
        if bases[0].lower() != bases[1].lower():
            yield f"model calls are addressed to {bases[1]}, in the recording to {bases[0]}"
        if then.query != live.query:
            yield f"model calls have the query {live.query or '(none)'}, in the recording {then.query or '(none)'}"

    def _headers(self, recorded: Headers, now: Headers, names: tuple[str, ...]) -> Iterator[str]:
        then, live = _pick(recorded, names), _pick(now, names)
        if then == live:
            return
        live = _pick(self._contents.clean_headers(tuple(live.items())), names)
        for name in names:
            before, after = (_plain(name, self._readable(values.get(name, ""))) for values in (then, live))
            if before != after:
                yield f"header {name} is {after or '(none)'}, in the recording {before or '(none)'}"

    def _readable(self, text: str) -> str:
        return str(self._contents.masked(text))

    def _counts(self) -> Iterator[str]:
        calls = (item for item in self._packet.interactions if item.call.call_class in ("auth", "ambient"))
        recorded = Counter(_endpoint(item) for item in calls)
        for endpoint in {**recorded, **self._asked}:
            if recorded[endpoint] != self._asked[endpoint]:
                method, host, path = endpoint
                yield f"{method} {host}{path}: {recorded[endpoint]} recorded, {self._asked[endpoint]} now"


def _endpoint(interaction: Interaction) -> tuple[str, str, str]:
    http = interaction.call.http
    return endpoint_of(http.method, http.url) if http is not None else ("", interaction.position, "")


def _pick(headers: Headers, names: tuple[str, ...]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers if name.lower() in names}


def _plain(name: str, value: str) -> str:
    """The value without what differs from request to request: the boundary of a multipart form."""
    return value.partition(";")[0].strip().lower() if name == "content-type" else value


def _without_common_end(first: str, second: str) -> tuple[str, str]:
    """Both addresses without the last segments that they share: one sentence for all operations of an API."""
    left, right = first.split("/"), second.split("/")
    while len(left) > 1 and len(right) > 1 and left[-1] == right[-1]:
        del left[-1], right[-1]
    return "/".join(left), "/".join(right)
