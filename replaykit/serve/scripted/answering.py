"""The live side of a script: which rule answers a request, and with what bytes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import replaykit.serve.scripted.anthropic_messages as anthropic_messages
import replaykit.serve.scripted.catalog as catalog
import replaykit.serve.scripted.openai_chat as openai_chat
import replaykit.serve.scripted.openai_responses as openai_responses
from replaykit.serve.scripted.http1 import Answer, HttpRequest
from replaykit.serve.scripted.prompt import Json, Prompt
from replaykit.serve.scripted.reply import EPOCH_S, Reply, WireFormat, base62_id, dump, hex_id
from replaykit.serve.scripted.rules import BROKEN_OFF, Endpoint, Fault, Route, Rule
from replaykit.serve.scripted.script import Script

CHAT: WireFormat = openai_chat
MESSAGES: WireFormat = anthropic_messages
FORMATS: tuple[WireFormat, ...] = (CHAT, openai_responses, MESSAGES)
MODELS_PATH = re.compile(r"/models(?:/(?P<name>.+))?$")
NOBODY = Prompt(format="", model="", system="", last="", has_tool_result=False)
SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as the server saw it.

    Attributes:
        number: Place in the order of arrival, from 1.
        path: Without the query.
        headers: By lower-case name.
        json: The parsed body; None where it is not JSON.
        started_s: When its last byte was read, on `time.monotonic()`.
        prompt: The neutral form, of model and embeddings calls.
        answered_by: The rule or route that answered; None for what the server answers by itself, errors included.
    """

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    json: Any
    started_s: float
    prompt: Prompt | None = None
    answered_by: Rule | Route | None = None


class Answerer:
    """Answers requests in the order they come; the same requests get the same answers. Not thread-safe."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[ReceivedRequest] = []
        self._answers = 0
        self._uses: dict[int, int] = {}

    def answer(self, request: HttpRequest) -> Answer:
        """Choose the answer and note the request."""
        received = self._receive(request)
        self.requests.append(received)
        wire = _format_of(received)
        try:
            answer, noted = self._choose(received, wire)
        except Exception as error:  # code of the test (`when`, `reply`, `json`) can raise anything, and must hear of it
            message = f"the script raised {type(error).__name__}: {error}"
            # SDKs retry a 500 unless told otherwise; a wrong script stays wrong.
            headers = (("x-should-retry", "false"),)
            answer, noted = self._error(received, wire, 500, message, headers), received
        self.requests[-1] = noted
        return answer

    def _receive(self, request: HttpRequest) -> ReceivedRequest:
        url = urlsplit(request.target)
        try:
            parsed = json.loads(request.body) if request.body else None
        except ValueError:
            parsed = None
        return ReceivedRequest(
            number=len(self.requests) + 1,
            method=request.method,
            path=unquote(url.path),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers=request.headers,
            body=request.body,
            json=parsed,
            started_s=time.monotonic(),
        )

    def _choose(self, received: ReceivedRequest, wire: WireFormat) -> tuple[Answer, ReceivedRequest]:
        for route in self.script.routes:
            if self._has_left(route) and route.matches(received.method, received.path, received.query):
                self._use(route)
                return self._answer_route(received, route, wire), replace(received, answered_by=route)
        is_call = received.method == "POST" and received.path.endswith(wire.SUFFIX)
        is_embedding = received.method == "POST" and received.path.endswith("/embeddings")
        if (is_call or is_embedding) and not isinstance(received.json, dict):
            return self._error(received, wire, 400, "the body is no JSON object"), received
        prompt = wire.read(received.json) if is_call else None
        if is_embedding:
            prompt = catalog.read_embeddings(received.json)
        received = replace(received, prompt=prompt)
        endpoint: Endpoint = "model" if is_call else "embeddings" if is_embedding else "catalog"
        rule = self._find(endpoint, prompt or NOBODY, received.path)
        noted = replace(received, answered_by=rule)
        if rule is not None and rule.fault is not None and rule.fault.kind in ("status", "timeout"):
            return self._spoil(received, rule, rule.fault, wire), noted
        if prompt is not None and is_call:
            if rule is None:
                return self._error(received, wire, 404, self._no_rule(prompt)), noted
            return self._answer_call(received, prompt, rule, wire), noted
        return self._answer_catalog(received, rule, wire), noted

    def _find(self, endpoint: Endpoint, prompt: Prompt, path: str) -> Rule | None:
        for rule in self.script.rules:
            if self._has_left(rule) and rule.suits(endpoint) and rule.matches(prompt, path):
                self._use(rule)
                return rule
        return None

    def _has_left(self, item: Rule | Route) -> bool:
        return item.times is None or self._uses.get(id(item), 0) < item.times

    def _use(self, item: Rule | Route) -> None:
        self._uses[id(item)] = self._uses.get(id(item), 0) + 1

    def _number(self) -> int:
        self._answers += 1
        return self._answers

    def _answer_call(self, received: ReceivedRequest, prompt: Prompt, rule: Rule, wire: WireFormat) -> Answer:
        number = self._number()
        text = rule.reply(prompt) if callable(rule.reply) else rule.reply
        if text is None and not rule.tool_calls:
            text = BROKEN_OFF
        reply = Reply(
            number=number,
            prompt=prompt,
            text=None if text is None else text.replace("{n}", str(number)),
            tool_calls=tuple(rule.tool_calls),
            is_truncated=rule.is_truncated,
            chunk_size=rule.chunk_size,
            usage=rule.usage,
        )
        chunks = tuple(wire.events(reply)) if prompt.is_stream else (dump(wire.whole(reply)).encode(),)
        fault = rule.fault
        if fault is not None and fault.kind == "stream_error" and prompt.is_stream:
            kept = chunks[: fault.after_chunks]
            chunks = (*kept, wire.stream_error(fault.message, len(kept)))
        return self._ruled(received, rule, wire, chunks, is_stream=prompt.is_stream)

    def _ruled(
        self, received: ReceivedRequest, rule: Rule, wire: WireFormat, chunks: tuple[bytes, ...], *, is_stream: bool
    ) -> Answer:
        """Dress a rule's body with all that the rule says about its transport."""
        fault = rule.fault
        if fault is not None and fault.kind == "malformed_json":
            chunks = _broken(chunks, is_stream=is_stream)
        content_type = "text/event-stream; charset=utf-8" if is_stream else "application/json"
        return Answer(
            status=200,
            headers=_headers(received, wire, content_type, rule.headers, rule.delay_s),
            chunks=chunks,
            is_stream=is_stream,
            is_gzip=rule.encoding == "gzip",
            wire_chunk_bytes=rule.wire_chunk_bytes if is_stream else None,
            delay_s=rule.delay_s,
            chunk_delay_s=rule.chunk_delay_s,
            fault=_wire_fault(fault),
        )

    def _answer_catalog(self, received: ReceivedRequest, rule: Rule | None, wire: WireFormat) -> Answer:
        """Answer what needs no rule; a rule may set the vector or break the answer."""
        models = MODELS_PATH.search(received.path)
        body: Json
        if received.prompt is not None:
            self._number()
            body = catalog.embeddings(received.json, rule.embedding if rule else None)
        elif received.path.endswith("/messages/count_tokens") and isinstance(received.json, dict):
            body = {"input_tokens": MESSAGES.read(received.json).token_count}
        elif models is not None and received.method == "GET":
            name, names = models["name"], self.script.models
            if name and name not in names:
                return self._error(received, wire, 404, f"no model {name}; the script has {', '.join(names)}")
            one, many = catalog.openai_model, catalog.openai_models
            if wire is MESSAGES:
                one, many = catalog.anthropic_model, catalog.anthropic_models
            body = one(name) if name else many(names)
        else:
            return self._error(received, wire, 404, self._no_route(received))
        chunks = (dump(body).encode(),)
        return self._ruled(received, rule or Rule(reply=""), wire, chunks, is_stream=False)

    def _answer_route(self, received: ReceivedRequest, route: Route, wire: WireFormat) -> Answer:
        fault = route.fault
        if fault is not None and fault.kind in ("status", "timeout"):
            return self._spoil(received, route, fault, wire)
        content_type = "application/json" if route.text is None else "text/plain; charset=utf-8"
        value = route.json(received) if callable(route.json) else route.json
        text = dump(value) if route.text is None else route.text
        chunks: tuple[bytes, ...] = (text.replace("{n}", str(self._number())).encode(),)
        if fault is not None and fault.kind == "malformed_json":
            chunks = _broken(chunks, is_stream=False)
        return Answer(
            status=route.status,
            headers=_headers(received, None, content_type, route.headers, route.delay_s),
            chunks=chunks,
            is_gzip=route.encoding == "gzip",
            delay_s=route.delay_s,
            fault=_wire_fault(fault),
        )

    def _spoil(self, received: ReceivedRequest, by: Rule | Route, fault: Fault, wire: WireFormat) -> Answer:
        error = self._error(received, wire, fault.code, fault.message, (*fault.headers, *by.headers.items()))
        return replace(error, delay_s=by.delay_s, fault=_wire_fault(fault))

    def _error(
        self,
        received: ReceivedRequest,
        wire: WireFormat,
        status: int,
        message: str,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        body = wire.error(status, message, _request_id(received, wire))
        return Answer(
            status=status,
            headers=_headers(received, wire, "application/json", dict(headers), 0),
            chunks=(dump(body).encode(),),
        )

    def _no_rule(self, prompt: Prompt) -> str:
        facts = {"last": prompt.last, "system": prompt.system, "user": prompt.user, "model": prompt.model}
        shown = ", ".join(f"{name}={text[:SHOWN_CHARACTERS]!r}" for name, text in facts.items())
        lines = [f"no rule answers this {prompt.format} call: {shown}, has_tool_result={prompt.has_tool_result}"]
        for position, rule in enumerate(self.script.rules):
            lines.append(f"rules[{position}] {rule}{'' if self._has_left(rule) else ' is used up'}")
        return "\n  ".join(lines) if self.script.rules else f"{lines[0]}\n  the server has no rules"

    def _no_route(self, received: ReceivedRequest) -> str:
        routes = [
            f"{r.method.upper()} {r.path if isinstance(r.path, str) else r.path.pattern}" for r in self.script.routes
        ]
        known = [f"POST .../{wire.SUFFIX[1:]}" for wire in FORMATS]
        known += ["POST .../embeddings", "POST .../messages/count_tokens", "GET .../models"]
        return f"nothing answers {received.method} {received.path}\n  it could be: " + ", ".join(routes + known)


def _format_of(received: ReceivedRequest) -> WireFormat:
    """Tell whose API a request is for; OpenAI's where nothing speaks for another."""
    for wire in FORMATS:
        if received.path.endswith(wire.SUFFIX):
            return wire
    is_anthropic = "anthropic-version" in received.headers or "/messages" in received.path
    return MESSAGES if is_anthropic else CHAT


def _request_id(received: ReceivedRequest, wire: WireFormat) -> str:
    if wire is MESSAGES:
        return base62_id("req_011C", received.number, length=20)
    return hex_id("req_", received.number, length=32)


def _headers(
    received: ReceivedRequest, wire: WireFormat | None, content_type: str, own: Mapping[str, str], delay_s: float
) -> tuple[tuple[str, str], ...]:
    headers = {
        "date": formatdate(EPOCH_S + received.number, usegmt=True),
        "server": "scripted",
        "content-type": content_type,
    }
    if wire is not None:
        headers |= dict(wire.headers(_request_id(received, wire), 1 + round(delay_s * 1000)))
    headers |= {name.lower(): value for name, value in own.items()}
    return tuple(headers.items())


def _wire_fault(fault: Fault | None) -> Fault | None:
    return fault if fault is not None and fault.kind in ("timeout", "reset", "reset_in_head", "close") else None


def _broken(chunks: tuple[bytes, ...], *, is_stream: bool) -> tuple[bytes, ...]:
    """Break the JSON of a body off at its half; in a stream, that of the second event."""
    if not is_stream:
        whole = b"".join(chunks)
        return (whole[: len(whole) // 2],)
    event = chunks[1].rstrip(b"\n")
    start = event.index(b"data: ") + len(b"data: ")
    half = start + (len(event) - start) // 2
    return (chunks[0], event[:half] + b"\n\n", *chunks[2:])
