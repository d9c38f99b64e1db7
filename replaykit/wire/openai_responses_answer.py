"""OpenAI Responses: answers, whole or as a stream of events."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

from replaykit.errors import WireError
from replaykit.wire.blocks import Block, function_arguments
from replaykit.wire.call import JSON, LLMResponse, ToolCall, Usage
from replaykit.wire.reading import (
    as_list,
    as_object,
    error_text,
    is_event_stream,
    load_answer,
    maybe_count,
    maybe_list,
    maybe_object,
    maybe_text,
    stream_events,
    text_of,
)

_LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_STOP_REASONS = {"max_output_tokens": "length", "max_tokens": "length", "completed": "stop"}
_UNFINISHED = ("queued", "in_progress")

# Calls the client must answer; built-in tools run at the provider.
_CALL_INPUTS = {"function_call": "arguments", "custom_tool_call": "input"}

# Event -> the field of the item that its `delta` belongs to.
_DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "summary",
}


def read_answer(body: bytes, content_type: str, what: str) -> LLMResponse:
    if is_event_stream(body, content_type):
        stream = _Stream()
        for event, data in stream_events(body, what):
            stream.add(data, f"{what}: event at byte {event.start}")
        return stream.response(what)
    answer = load_answer(body, what)
    if not isinstance(answer.get("output"), list):
        if (error := error_text(answer)) is None:
            raise WireError(f"{what}: neither output nor an error; its keys are {sorted(answer)[:8]}")
        return LLMResponse(id=maybe_text(answer.get("id")) or None, error=error)
    return _response(answer, what)


def read_count(body: bytes, what: str) -> LLMResponse:
    """The answer of the token counting call: `{"input_tokens": 11}`."""
    answer = load_answer(body, what)
    count = maybe_count(answer.get("input_tokens"))
    error = error_text(answer)
    if count is None and error is None:
        raise WireError(f"{what}: neither input_tokens nor an error; its keys are {sorted(answer)[:8]}")
    return LLMResponse(usage=Usage(input_tokens=count), error=error)


def _response(answer: Block, what: str, *, error: str | None = None, is_complete: bool = True) -> LLMResponse:
    items = [
        as_object(item, f"{what}: output[{index}]")
        for index, item in enumerate(as_list(answer.get("output"), f"{what}: output"))
    ]
    error = error or (error_text({"error": answer["error"]}) if answer.get("error") else None)
    calls = tuple(_tool_call(item) for item in items if item.get("type") in _CALL_INPUTS)
    refusal = "".join(_part_texts(items, "refusal", "refusal"))
    status = maybe_text(answer.get("status"))
    return LLMResponse(
        id=maybe_text(answer.get("id")) or None,
        model=maybe_text(answer.get("model")) or None,
        text="".join(_part_texts(items, "output_text", "text")) or refusal,
        reasoning="\n".join(text for item in items if item.get("type") == "reasoning" if (text := _reasoning(item))),
        tool_calls=calls,
        stop_reason=_stop_reason(answer, status, has_calls=bool(calls), has_refusal=bool(refusal)),
        usage=_usage(answer.get("usage")),
        issued=tuple(_issued(answer, items)),
        error=error,
        is_complete=is_complete and status not in _UNFINISHED,
    )


def _stop_reason(answer: Block, status: str, *, has_calls: bool, has_refusal: bool) -> str | None:
    if status == "incomplete":
        reason = maybe_text(maybe_object(answer.get("incomplete_details")).get("reason")) or status
        return _STOP_REASONS.get(reason, reason)
    if status != "completed":
        return None if status in _UNFINISHED else status or None
    if has_calls:
        return "tool_calls"
    return "refusal" if has_refusal else "stop"


def _part_texts(items: list[Block], kind: str, key: str) -> list[str]:
    parts = (part for item in items if item.get("type") == "message" for part in maybe_list(item.get("content")))
    return [maybe_text(part.get(key)) for part in parts if isinstance(part, dict) and part.get("type") == kind]


def _reasoning(item: Block) -> str:
    return text_of(item.get("content")) or "\n".join(text_of([part]) for part in maybe_list(item.get("summary")))


def _tool_call(item: Block) -> ToolCall:
    arguments = item.get(_CALL_INPUTS[item["type"]])
    call_id, name = maybe_text(item.get("call_id")), maybe_text(item.get("name"))
    if not isinstance(arguments, str):
        return ToolCall(call_id, name, arguments, json.dumps(arguments))
    is_custom = item["type"] == "custom_tool_call"
    return ToolCall(call_id, name, function_arguments(arguments, is_custom=is_custom), arguments)


def _usage(usage: JSON) -> Usage:
    counts = maybe_object(usage)
    return Usage(
        input_tokens=maybe_count(counts.get("input_tokens")),
        output_tokens=maybe_count(counts.get("output_tokens")),
        cached_input_tokens=maybe_count(maybe_object(counts.get("input_tokens_details")).get("cached_tokens")),
        reasoning_tokens=maybe_count(maybe_object(counts.get("output_tokens_details")).get("reasoning_tokens")),
    )


def _issued(answer: Block, items: list[Block]) -> list[tuple[str, str]]:
    issued = [(answer.get("id"), "response")]
    calls = 0
    for index, item in enumerate(items):
        issued.append((item.get("id"), f"output[{index}]"))
        if item.get("type") in _CALL_INPUTS:
            issued.append((item.get("call_id"), f"tool_calls[{calls}]"))
            calls += 1
        else:
            issued.append((item.get("call_id"), f"output[{index}].call"))
        issued.append((item.get("container_id"), f"output[{index}].container"))
    return [(literal, name) for literal, name in issued if isinstance(literal, str) and literal]


@dataclass(slots=True)
class _Stream:
    """The events of one response.

    The last event repeats the whole response. Without it (the stream ended early) or where it has no output
    (servers that keep nothing), the items are put together from the events before it.
    """

    first: Block = field(default_factory=dict)
    last: Block | None = None
    error: str | None = None
    items: dict[int, Block] = field(default_factory=dict)
    deltas: dict[int, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def add(self, data: Block, where: str) -> None:
        kind = maybe_text(data.get("type"))
        if kind in _LAST_EVENTS:
            self.last = as_object(data.get("response"), f"{where}: response")
        elif kind in ("response.created", "response.in_progress", "response.queued"):
            self.first = as_object(data.get("response"), f"{where}: response")
        elif kind == "error" or data.get("error"):
            self.error = self.error or error_text(data) or "unknown error"
        index = maybe_count(data.get("output_index"))
        if index is None:
            return
        if kind in ("response.output_item.added", "response.output_item.done"):
            self.items[index] = as_object(data.get("item"), f"{where}: item")
        if kind == "response.output_item.done":
            self.deltas.pop(index, None)
        elif kind in _DELTAS:
            self.deltas[index][_DELTAS[kind]].append(maybe_text(data.get("delta")))

    def response(self, what: str) -> LLMResponse:
        answer = self.last if self.last is not None else self.first
        output = answer.get("output") or [self._item(index) for index in sorted({*self.items, *self.deltas})]
        return _response(
            {**answer, "output": output}, what, error=self.error, is_complete=self.last is not None and not self.error
        )

    def _item(self, index: int) -> Block:
        """An item with the pieces that came after its announcement."""
        item = self.items.get(index, {})
        pieces = {key: "".join(texts) for key, texts in self.deltas.get(index, {}).items()}
        if "text" in pieces or "refusal" in pieces:
            parts = [{"type": "output_text", "text": pieces["text"]}] if "text" in pieces else []
            parts += [{"type": "refusal", "refusal": pieces["refusal"]}] if "refusal" in pieces else []
            return {"type": "message", **item, "content": parts}
        if "arguments" in pieces:
            return {"type": "function_call", **item, "arguments": pieces["arguments"]}
        if "input" in pieces:
            return {"type": "custom_tool_call", **item, "input": pieces["input"]}
        if "reasoning" in pieces or "summary" in pieces:
            text = pieces.get("reasoning") or pieces.get("summary")
            return {"type": "reasoning", **item, "content": [{"type": "reasoning_text", "text": text}]}
        return item
