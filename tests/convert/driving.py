"""Drives recorded requests through the real SDKs, in three worlds: a replay, vcrpy, and a transport that just answers.

The recorded body is sent through the SDK's own client (`client.post`), so what comes back has passed its transport,
its event stream reader and its types, as any call of an agent does.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import anthropic
import httpx
import httpx2
import openai
from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

import replaykit
from replaykit.convert.packing import pack
from replaykit.convert.recording import RecordedCall
from replaykit.convert.vcr import read_cassette
from replaykit.packet import Packet
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.session.report import Report
from replaykit.wire import Call, classify
from tests.wire.corpus import exchanges_of

_TRAVEL = ("content-encoding", "content-length", "transfer-encoding")

# wire format -> vendor, type of a whole answer, type of a stream of them
_TYPES: dict[str, tuple[str, Any, Any]] = {
    "openai.chat": ("openai", ChatCompletion, openai.Stream[ChatCompletionChunk]),
    "openai.responses": ("openai", Response, openai.Stream[ResponseStreamEvent]),
    "openai.embeddings": ("openai", CreateEmbeddingResponse, None),
    "anthropic.messages": ("anthropic", Message, anthropic.Stream[RawMessageStreamEvent]),
    "anthropic.count_tokens": ("anthropic", MessageTokensCount, None),
}


@dataclass(frozen=True)
class Driven:
    """What a program saw of one call: objects as JSON, and the SDK's exception, if there was one."""

    number: int
    objects: tuple[Any, ...]
    error: str | None = None


def kind_of(call: RecordedCall) -> Call:
    return classify(call.request.method, call.request.url, call.request.headers)


def is_model_call(call: RecordedCall) -> bool:
    return kind_of(call).wire_format in _TYPES


def drive(call: RecordedCall, client: httpx2.Client | None = None) -> Driven:
    """Sends the recorded request of a model call through the SDK of its format.

    Args:
        client: Instead of the SDK's own.
    """
    wire_format = kind_of(call).wire_format
    assert wire_format is not None
    vendor, whole, stream = _TYPES[wire_format]
    sdk: Any = openai.OpenAI if vendor == "openai" else anthropic.Anthropic
    base: Any = {"api_key": "none", "base_url": "http://model.invalid", "max_retries": 0, "http_client": client}
    made = sdk(**base)
    body = json.loads(call.request.body)
    is_stream = bool(body.get("stream"))
    seen: list[Any] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what answers of other providers lack: the type says so as it is dumped
            answer = made.post(call.request.url, cast_to=whole, body=body, stream=is_stream, stream_cls=stream)
            for item in answer if is_stream else (answer,):
                seen.append(item.model_dump(mode="json"))  # noqa: PERF401 - what came before an error counts
    except (openai.APIError, anthropic.APIError, json.JSONDecodeError, AttributeError) as error:
        cause = type(error.__cause__).__name__ if error.__cause__ else ""
        return Driven(call.number, tuple(seen), f"{type(error).__name__} {getattr(error, 'body', '')} {cause}")
    finally:
        made.close()
    return Driven(call.number, tuple(seen))


def drive_plainly(call: RecordedCall) -> Driven:
    """Sends any other recorded request through httpx."""
    names = ("host", *_TRAVEL[1:])
    headers = [(name, value) for name, value in call.request.headers if name.lower() not in names]
    with httpx.Client() as client:
        request = client.build_request(call.request.method, call.request.url, content=call.request.body)
        request.headers.update(httpx.Headers(headers))
        answer = client.send(request)
    return Driven(call.number, (answer.status_code, answer.text))


def under_vcrpy(path: Path, calls: Sequence[RecordedCall]) -> dict[int, Driven]:
    """What the model calls see under vcrpy; raises what vcrpy raises for a cassette that it can't load."""
    import vcr

    with vcr.use_cassette(str(path), record_mode=vcr.mode.NONE):
        return {call.number: drive(call) for call in calls if is_model_call(call)}


def answered_directly(call: RecordedCall, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> Driven:
    """What the call sees of an answer that goes through no recording: bytes from another reader, decoded."""
    kept = [(name, value) for name, value in headers if name.lower() not in _TRAVEL]

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers=kept, content=body)

    return drive(call, httpx2.Client(transport=httpx2.MockTransport(answer)))


@dataclass
class Compared:
    """What a cassette's calls gave in a replay, beside what they give without replaykit.

    Attributes:
        under_vcrpy: Model calls that vcrpy could serve.
        directly: Model calls that it can't (`parsed_body`, an encoding that the body contradicts): compared with the
            SDK's reading of the bytes that another reader found.
        sanitized: Of both, those that are the same but for the stand-ins of sensitive values.
        different: What is not the same, in words.
    """

    report: Report
    under_vcrpy: int = 0
    directly: int = 0
    sanitized: int = 0
    different: list[str] = field(default_factory=list)


def compare(path: Path) -> Compared:
    """Imports a cassette, sends all of its requests within a replay, and the model calls in a world without it."""
    recording, sanitizer = read_cassette(path), Sanitizer(key=b"test")
    packet = Packet.loads(pack(recording, "demo", path.name, sanitizer).data)
    calls = [call for call in recording.calls if kind_of(call).call_class != "telemetry"]
    rerun: Any = None
    try:
        with replaykit.replay(packet) as rerun:
            replayed = {call.number: drive(call) if is_model_call(call) else drive_plainly(call) for call in calls}
    except replaykit.Divergence as divergence:
        return Compared(rerun.report, different=[str(divergence)])
    compared = Compared(rerun.report)
    models = [call for call in calls if is_model_call(call)]
    with no_network():
        for call, (expected, is_direct) in zip(models, _expected(path, models), strict=True):
            compared.directly += is_direct
            compared.under_vcrpy += not is_direct
            _compare(compared, replayed[call.number], expected, sanitizer)
    return compared


def _expected(path: Path, models: Sequence[RecordedCall]) -> Iterator[tuple[Driven, bool]]:
    try:
        served = under_vcrpy(path, models)
    except (TypeError, ValueError):  # what vcrpy raises for `parsed_body`, old layouts and tags
        served = {}
    for call in models:
        seen = served.get(call.number)
        if seen is not None and "Connection" not in (seen.error or ""):
            yield seen, False
        else:
            found = list(exchanges_of(path))[call.number - 1]
            kind = [("content-type", found.content_type)]
            yield answered_directly(call, found.status, kind, found.response_body), True


def _compare(compared: Compared, replayed: Driven, expected: Driven, sanitizer: Sanitizer) -> None:
    if replayed == expected:
        return
    as_stored = sanitizer.json([list(expected.objects), expected.error])
    if as_stored == sanitizer.json([list(replayed.objects), replayed.error]):
        compared.sanitized += 1
    else:
        compared.different.append(f"call {replayed.number}: {replayed} instead of {expected}")


@contextmanager
def no_network() -> Iterator[None]:
    """Any connection is an error: for worlds that have no guard."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("something went to the network")

    with mock.patch("socket.socket.connect", refuse), mock.patch("socket.getaddrinfo", refuse):
        yield
