"""OpenAI chat completions, whole and streamed.

Source: `openai.types.chat` of openai 2.54 and 3.52; recorded streams of api.openai.com.
"""

from __future__ import annotations

from collections.abc import Iterator

from replaykit.serve.scripted.prompt import Json, Prompt, Turn, build_prompt, text_of
from replaykit.serve.scripted.reply import Reply, base62_id, sse

NAME = "openai.chat"
SUFFIX = "/chat/completions"
FINGERPRINT = "fp_scripted"

ROLES = {"developer": "system", "function": "tool"}
ERROR_TYPES = {401: "invalid_request_error", 429: "requests", 500: "server_error"}
ERROR_CODES = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}


def read(body: Json) -> Prompt:
    """Read `messages` and `tools`."""
    messages = body.get("messages") or []
    turns = [Turn(ROLES.get(m.get("role"), m.get("role", "user")), text_of(m.get("content"))) for m in messages]
    tools = [tool.get(tool.get("type", ""), {}).get("name", "") for tool in body.get("tools") or []]
    return build_prompt(NAME, body, turns, tools)


def whole(reply: Reply) -> Json:
    """Build a `chat.completion`."""
    message: Json = {"role": "assistant", "content": reply.text, "refusal": None, "annotations": []}
    if reply.tool_calls:
        message["tool_calls"] = [_tool_call(reply, position) for position in range(len(reply.tool_calls))]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(reply)}
    return _head(reply, "chat.completion") | {"choices": [choice], "usage": _usage(reply)}


def events(reply: Reply) -> Iterator[bytes]:
    """Yield `chat.completion.chunk`s and `[DONE]`."""
    head = _head(reply, "chat.completion.chunk")
    wants_usage = (reply.prompt.body.get("stream_options") or {}).get("include_usage") is True

    def chunk(delta: Json, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return sse(head | {"choices": [choice]} | ({"usage": None} if wants_usage else {}))

    yield chunk({"role": "assistant", "content": None if reply.text is None else "", "refusal": None})
    for piece in reply.pieces(reply.text or ""):
        yield chunk({"content": piece})
    for position, call in enumerate(reply.tool_calls):
        opened = _tool_call(reply, position)
        opened["function"]["arguments"] = ""
        yield chunk({"tool_calls": [{"index": position} | opened]})
        for piece in reply.pieces(call.arguments_text):
            yield chunk({"tool_calls": [{"index": position, "function": {"arguments": piece}}]})
    yield chunk({}, _finish_reason(reply))
    if wants_usage:
        yield sse(head | {"choices": [], "usage": _usage(reply)})
    yield sse("[DONE]")


def error(status: int, message: str, request_id: str) -> Json:
    """Build `{"error": ...}`."""
    kind = ERROR_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": ERROR_CODES.get(status)}}


def stream_error(message: str, position: int) -> bytes:
    """Build the `{"error": ...}` event that ends a broken stream."""
    return sse(error(500, message, ""))


def headers(request_id: str, processing_ms: int) -> tuple[tuple[str, str], ...]:
    """Name the headers of api.openai.com."""
    return (
        ("openai-organization", "scripted"),
        ("openai-processing-ms", str(processing_ms)),
        ("openai-version", "2020-10-01"),
        ("x-request-id", request_id),
    )


def _head(reply: Reply, kind: str) -> Json:
    return {
        "id": base62_id("chatcmpl-", reply.number, length=29),
        "object": kind,
        "created": reply.created_s,
        "model": reply.prompt.model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def _tool_call(reply: Reply, position: int) -> Json:
    call = reply.tool_calls[position]
    function = {"name": call.name, "arguments": call.arguments_text}
    return {"id": base62_id("call_", reply.number, position), "type": "function", "function": function}


def _finish_reason(reply: Reply) -> str:
    if reply.is_truncated:
        return "length"
    return "tool_calls" if reply.tool_calls else "stop"


def _usage(reply: Reply) -> Json:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
