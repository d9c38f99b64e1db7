"""Anthropic Messages, and token counting, which takes the same body. Bedrock and Vertex send it too."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from replaykit.errors import WireError
from replaykit.wire.blocks import (
    Block,
    CacheMarks,
    are_texts,
    model_of,
    raw_block,
    read_content,
    read_tools,
    split_top_level,
    text_block,
    without,
)
from replaykit.wire.call import JSON, LLMRequest, LLMResponse, ToolCall, Usage
from replaykit.wire.reading import (
    as_list,
    as_object,
    as_text,
    error_text,
    is_event_stream,
    load_answer,
    maybe_count,
    maybe_object,
    maybe_text,
    parse_arguments,
    stream_events,
)

WIRE_FORMAT = "anthropic.messages"
COUNT_FORMAT = "anthropic.count_tokens"

_CONSUMED = ("model", "system", "messages", "tools")
_SAMPLING = (
    "temperature", "top_p", "top_k", "max_tokens", "stop_sequences", "thinking", "tool_choice", "speed",
    "context_management", "compaction",
)  # fmt: skip
_FORMAT = ("output_config", "output_format", "stream")

_STOP_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
}

# Delta type -> (its own key, the key of the block that it extends).
_TEXT_DELTAS = {"text_delta": ("text", "text"), "thinking_delta": ("thinking", "thinking")}


def read_request(body: JSON, *, wire_format: str = WIRE_FORMAT) -> LLMRequest:
    """The neutral form of a request body.

    Equal by intent: content or system as a text and as one text block; an empty and an absent list.

    Raises:
        WireError: It is no Messages request.
    """
    where = f"{wire_format} request"
    body = as_object(body, where)
    marks = CacheMarks()
    system = body.get("system")
    messages = [
        _read_message(as_object(message, f"{where}: messages[{index}]"), f"messages[{index}]", where, marks)
        for index, message in enumerate(as_list(body.get("messages"), f"{where}: messages"))
    ]
    instructions = {
        "role": "system",
        "content": read_content(system, "system", marks, lambda part, _: text_block(part)),
    }
    tools = read_tools(body.get("tools"), where, marks)
    rest = split_top_level(body, consumed=_CONSUMED, sampling=_SAMPLING, format=_FORMAT, marks=marks)
    return LLMRequest(
        wire_format=wire_format,
        operation="count_tokens" if wire_format == COUNT_FORMAT else "chat",
        model=model_of(body, where),
        system=(instructions,) if system is not None else (),
        messages=tuple(messages),
        tools=tools,
        sampling=rest.sampling,
        format=rest.format,
        options=rest.options,
    )


def read_response(body: bytes, content_type: str = "", *, wire_format: str = WIRE_FORMAT) -> LLMResponse:
    """The neutral form of an answer, JSON or a stream, whole or cut short.

    Raises:
        WireError: It is neither a message nor an error.
    """
    what = f"{wire_format} response"
    if is_event_stream(body, content_type):
        stream = _Stream()
        for event, data in stream_events(body, what):
            stream.add(data, f"{what}: event at byte {event.start}")
        return stream.response(what)
    answer = load_answer(body, what)
    if wire_format == COUNT_FORMAT and (count := maybe_count(answer.get("input_tokens"))) is not None:
        return LLMResponse(usage=Usage(input_tokens=count))
    if isinstance(answer.get("content"), list):
        return _response(answer, what)
    if (error := error_text(answer)) is None:
        raise WireError(f"{what}: neither content nor an error; its keys are {sorted(answer)[:8]}")
    return LLMResponse(error=error)


def _read_message(message: dict[str, JSON], at: str, where: str, marks: CacheMarks) -> Block:
    message = marks.take(message, at)
    role = as_text(message.get("role"), f"{where}: {at}.role")
    content = read_content(
        message.get("content"), f"{at}.content", marks, lambda part, at: _read_block(part, at, marks)
    )
    return {"role": role, "content": content, **without(message, "role", "content")}


def _read_block(part: Block, at: str, marks: CacheMarks) -> Block:
    kind = part.get("type")
    if kind == "text":
        return text_block(part)
    if kind == "thinking" and isinstance(part.get("thinking"), str) and "text" not in part:
        return {"type": "reasoning", "text": part["thinking"], **without(part, "type", "thinking")}
    if kind == "redacted_thinking" and "text" not in part:
        return {"type": "reasoning", "is_redacted": True, **without(part, "type")}
    if kind == "tool_use" and are_texts(part.get("id"), part.get("name")) and isinstance(part.get("input"), dict):
        extras = without(part, "type", "id", "name", "input")
        if not extras.keys() & {"arguments", "kind", "item_id"}:
            call = {"type": "tool_call", "id": part["id"], "name": part["name"], "arguments": part["input"]}
            return {**call, **extras}
    if kind == "tool_result" and are_texts(part.get("tool_use_id")) and not part.keys() & {"id", "item_id"}:
        # Results hold no results: one level is all there is to read.
        content = read_content(part.get("content"), f"{at}.content", marks, lambda inner, _: text_block(inner))
        result = {"type": "tool_result", "id": part["tool_use_id"], "content": content}
        return {**result, **without(part, "type", "tool_use_id", "content")}
    # Server tools: a call has an id, its result quotes it.
    return raw_block(part, own_id="id", quoted_id="tool_use_id")


def _response(message: Block, what: str, *, error: str | None = None, is_complete: bool = True) -> LLMResponse:
    blocks = [
        as_object(block, f"{what}: content[{index}]")
        for index, block in enumerate(as_list(message.get("content"), f"{what}: content"))
    ]
    calls = tuple(_tool_call(block) for block in blocks if block.get("type") == "tool_use")
    stop_reason = maybe_text(message.get("stop_reason"))
    return LLMResponse(
        id=maybe_text(message.get("id")) or None,
        model=maybe_text(message.get("model")) or None,
        text="".join(maybe_text(block.get("text")) for block in blocks if block.get("type") == "text"),
        reasoning="".join(maybe_text(block.get("thinking")) for block in blocks if block.get("type") == "thinking"),
        tool_calls=calls,
        stop_reason=_STOP_REASONS.get(stop_reason, stop_reason) or None,
        usage=_usage(message.get("usage")),
        issued=tuple(_issued(message, blocks)),
        error=error,
        is_complete=is_complete,
    )


def _tool_call(block: Block) -> ToolCall:
    # A stream collects the text of the arguments; a whole message has only the object.
    text = block.get("input_text")
    if isinstance(text, str) and text:
        return ToolCall(maybe_text(block.get("id")), maybe_text(block.get("name")), parse_arguments(text), text)
    arguments = block.get("input")
    return ToolCall(maybe_text(block.get("id")), maybe_text(block.get("name")), arguments, json.dumps(arguments))


def _usage(usage: JSON) -> Usage:
    counts = maybe_object(usage)
    cached = maybe_count(counts.get("cache_read_input_tokens"))
    fresh = maybe_count(counts.get("input_tokens"))
    written = maybe_count(counts.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=None if fresh is None else fresh + (cached or 0) + (written or 0),
        output_tokens=maybe_count(counts.get("output_tokens")),
        cached_input_tokens=cached,
        reasoning_tokens=maybe_count(maybe_object(counts.get("output_tokens_details")).get("thinking_tokens")),
    )


def _issued(message: Block, blocks: list[Block]) -> list[tuple[str, str]]:
    issued = [(message.get("id"), "response")]
    calls = 0
    for index, block in enumerate(blocks):
        if block.get("type") == "tool_use":
            issued.append((block.get("id"), f"tool_calls[{calls}]"))
            calls += 1
        else:
            issued.append((block.get("id"), f"content[{index}]"))
    issued.append((maybe_object(message.get("container")).get("id"), "container"))
    return [(literal, name) for literal, name in issued if isinstance(literal, str) and literal]


@dataclass(slots=True)
class _Block:
    """A content block that arrives in pieces."""

    start: Block
    pieces: dict[str, list[str]] = field(default_factory=dict)

    def add(self, delta: Block) -> None:
        kind = maybe_text(delta.get("type"))
        own_key, key = _TEXT_DELTAS.get(kind, ("partial_json", "input_text"))
        self.pieces.setdefault(key, []).append(maybe_text(delta.get(own_key)))

    def block(self) -> Block:
        pieces = {key: "".join(texts) for key, texts in self.pieces.items()}
        for key in ("text", "thinking"):
            if key in pieces:
                pieces[key] = maybe_text(self.start.get(key)) + pieces[key]
        return {**self.start, **pieces}


@dataclass(slots=True)
class _Stream:
    message: Block = field(default_factory=dict)
    blocks: dict[int, _Block] = field(default_factory=dict)
    error: str | None = None
    is_stopped: bool = False

    def add(self, data: Block, where: str) -> None:
        # The type stands in the data too; gateways drop the `event:` line.
        kind = maybe_text(data.get("type"))
        index = maybe_count(data.get("index")) or 0
        if kind == "message_start":
            self.message = as_object(data.get("message"), f"{where}: message")
        elif kind == "content_block_start":
            self.blocks[index] = _Block(as_object(data.get("content_block"), f"{where}: content_block"))
        elif kind == "content_block_delta":
            self.blocks.setdefault(index, _Block({})).add(maybe_object(data.get("delta")))
        elif kind == "message_delta":
            self._close(data)
        elif kind == "message_stop":
            self.is_stopped = True
        elif kind == "error" or data.get("error"):
            self.error = self.error or error_text(data) or "unknown error"

    def _close(self, data: Block) -> None:
        """Counts are totals and replace the first ones; what is left out keeps its first value."""
        usage = {**maybe_object(self.message.get("usage"))}
        usage |= {key: value for key, value in maybe_object(data.get("usage")).items() if value is not None}
        delta = {key: value for key, value in maybe_object(data.get("delta")).items() if value is not None}
        self.message = {**self.message, **delta, "usage": usage}

    def response(self, what: str) -> LLMResponse:
        content = [self.blocks[index].block() for index in sorted(self.blocks)]
        is_complete = self.is_stopped and self.error is None
        return _response({**self.message, "content": content}, what, error=self.error, is_complete=is_complete)
