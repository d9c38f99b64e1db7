"""OpenAI Responses, whole and streamed.

Source: `openai.types.responses` of openai 3.52; recorded streams of api.openai.com.
"""

from __future__ import annotations

from collections.abc import Iterator

import replaykit.serve.scripted.openai_chat as openai_chat
from replaykit.serve.scripted.prompt import Json, Prompt, Turn, build_prompt, text_of
from replaykit.serve.scripted.reply import Reply, base62_id, hex_id, sse

NAME = "openai.responses"
SUFFIX = "/responses"

error = openai_chat.error
headers = openai_chat.headers

ECHOED: Json = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""Settings that a response repeats from its request, with what the API fills in where there are none."""


def read(body: Json) -> Prompt:
    """Read `instructions`, `input` and `tools`."""
    asked = body.get("input") or []
    items = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    turns = [Turn("system", text_of(body.get("instructions")))]
    turns += [_turn(item) for item in items]
    tools = [tool.get("name") or tool.get("type", "") for tool in body.get("tools") or []]
    return build_prompt(NAME, body, turns, tools)


def whole(reply: Reply) -> Json:
    """Build a finished `response`."""
    status = "incomplete" if reply.is_truncated else "completed"
    output = [_message(reply, status)] if reply.text is not None else []
    output += [_function_call(reply, position, "completed") for position in range(len(reply.tool_calls))]
    return _response(reply, status, output)


def events(reply: Reply) -> Iterator[bytes]:
    """Yield the whole sequence, from `response.created` to `response.completed`."""
    for number, event in enumerate(_events(reply)):
        kind = event.pop("type")
        yield sse({"type": kind, "sequence_number": number} | event, kind)


def stream_error(message: str, position: int) -> bytes:
    """Build the `error` event."""
    event = {"type": "error", "sequence_number": position, "code": "server_error", "message": message, "param": None}
    return sse(event, "error")


def _turn(item: Json) -> Turn:
    kind = item.get("type", "message")
    if kind == "message":
        role = item.get("role", "user")
        return Turn("system" if role == "developer" else role, text_of(item.get("content")))
    if kind.endswith("_output"):
        return Turn("tool", text_of(item.get("output")))
    return Turn("assistant", f"[{kind}]")


def _events(reply: Reply) -> Iterator[Json]:
    done = whole(reply)
    started = _response(reply, "in_progress", [])
    yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}
    for index, item in enumerate(done["output"]):
        opened = _message(reply, "in_progress") | {"content": []}
        if item["type"] == "function_call":
            opened = item | {"status": "in_progress", "arguments": ""}
        yield {"type": "response.output_item.added", "output_index": index, "item": opened}
        deltas = _text_events(reply, item) if item["type"] == "message" else _arguments_events(reply, item)
        for event in deltas:
            yield event | {"item_id": item["id"], "output_index": index}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{done['status']}", "response": done}


def _text_events(reply: Reply, item: Json) -> Iterator[Json]:
    part = item["content"][0]
    place = {"content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": part | {"text": ""}}
    for piece in reply.pieces(part["text"]):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": part}


def _arguments_events(reply: Reply, item: Json) -> Iterator[Json]:
    for piece in reply.pieces(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", "delta": piece}
    yield {"type": "response.function_call_arguments.done", "arguments": item["arguments"]}


def _message(reply: Reply, status: str) -> Json:
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": reply.text or ""}
    message_id = hex_id("msg_", reply.number)
    return {"id": message_id, "type": "message", "status": status, "content": [part], "role": "assistant"}


def _function_call(reply: Reply, position: int, status: str) -> Json:
    call = reply.tool_calls[position]
    return {
        "id": hex_id("fc_", reply.number, position),
        "type": "function_call",
        "status": status,
        "arguments": call.arguments_text,
        "call_id": base62_id("call_", reply.number, position),
        "name": call.name,
    }


def _response(reply: Reply, status: str, output: list[Json]) -> Json:
    body = reply.prompt.body
    is_done = status != "in_progress"
    response: Json = {
        "id": hex_id("resp_", reply.number),
        "object": "response",
        "created_at": reply.created_s,
        "status": status,
        "background": False,
        "completed_at": reply.created_s if status == "completed" else None,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "model": reply.prompt.model,
        "output": output,
        "service_tier": "default" if is_done else "auto",
        "usage": _usage(reply) if is_done else None,
    }
    return response | {name: body.get(name, default) for name, default in ECHOED.items()}


def _usage(reply: Reply) -> Json:
    return {
        "input_tokens": reply.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": reply.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
