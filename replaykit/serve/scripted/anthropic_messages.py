"""Anthropic messages, whole and streamed.

Source: `anthropic.types` of anthropic 2.11; recorded answers and streams of api.anthropic.com.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from replaykit.serve.scripted.prompt import Json, Prompt, Turn, build_prompt, text_of
from replaykit.serve.scripted.reply import Reply, Tool, base62_id, sse

NAME = "anthropic.messages"
SUFFIX = "/messages"

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def read(body: Json) -> Prompt:
    """Read `system`, `messages` and `tools`."""
    turns = [Turn("system", text_of(body.get("system")))]
    for message in body.get("messages") or []:
        content = message.get("content")
        results = isinstance(content, list) and any(block.get("type") == "tool_result" for block in content)
        turns.append(Turn("tool" if results else message.get("role", "user"), text_of(content)))
    tools = [tool.get("name", "") for tool in body.get("tools") or []]
    return build_prompt(NAME, body, turns, tools)


def whole(reply: Reply) -> Json:
    """Build a `message`."""
    content: list[Json] = []
    if reply.text is not None:
        content.append({"type": "text", "text": reply.text})
    content += [_tool_use(reply, position, _input(call)) for position, call in enumerate(reply.tool_calls)]
    usage = _usage(reply, reply.output_tokens)
    return _message(reply) | {"content": content, "stop_reason": _stop_reason(reply), "usage": usage}


def events(reply: Reply) -> Iterator[bytes]:
    """Yield the whole sequence, from `message_start` to `message_stop`, with a `ping` after the first block's start."""
    has_pinged = False
    for event in _events(reply):
        yield sse(event, event["type"])
        if event["type"] == "content_block_start" and not has_pinged:
            has_pinged = True
            yield sse({"type": "ping"}, "ping")


def error(status: int, message: str, request_id: str) -> Json:
    """Build `{"type": "error", ...}`."""
    kind = ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def stream_error(message: str, position: int) -> bytes:
    """Build the `error` event, of the kind that an overloaded server sends in the middle of a stream."""
    return sse({"type": "error", "error": {"type": "overloaded_error", "message": message}}, "error")


def headers(request_id: str, processing_ms: int) -> tuple[tuple[str, str], ...]:
    """Name the headers of api.anthropic.com."""
    return (
        ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
        ("request-id", request_id),
        ("x-envoy-upstream-service-time", str(processing_ms)),
    )


def _events(reply: Reply) -> Iterator[Json]:
    yield {"type": "message_start", "message": _message(reply) | {"usage": _usage(reply, 1)}}
    index = 0
    if reply.text is not None:
        deltas = [{"type": "text_delta", "text": piece} for piece in reply.pieces(reply.text)]
        yield from _block(index, {"type": "text", "text": ""}, deltas)
        index += 1
    for position, call in enumerate(reply.tool_calls):
        pieces = ["", *reply.pieces(call.arguments_text)]
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        yield from _block(index + position, _tool_use(reply, position, {}), deltas)
    usage = {"output_tokens": reply.output_tokens}
    delta = {"stop_reason": _stop_reason(reply), "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": usage}
    yield {"type": "message_stop"}


def _block(index: int, block: Json, deltas: list[dict[str, str]]) -> Iterator[Json]:
    yield {"type": "content_block_start", "index": index, "content_block": block}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _message(reply: Reply) -> Json:
    return {
        "id": base62_id("msg_01", reply.number, length=22),
        "type": "message",
        "role": "assistant",
        "model": reply.prompt.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _tool_use(reply: Reply, position: int, arguments: object) -> Json:
    name = reply.tool_calls[position].name
    tool_id = base62_id("toolu_01", reply.number, position, length=22)
    return {"type": "tool_use", "id": tool_id, "name": name, "input": arguments}


def _input(call: Tool) -> object:
    """Give the arguments as an object, which is all that an answer that is not streamed can hold."""
    try:
        return json.loads(call.arguments_text)
    except json.JSONDecodeError:
        return {"INVALID_JSON": call.arguments_text}


def _stop_reason(reply: Reply) -> str:
    if reply.is_truncated:
        return "max_tokens"
    return "tool_use" if reply.tool_calls else "end_turn"


def _usage(reply: Reply, output_tokens: int) -> Json:
    return {
        "input_tokens": reply.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }
