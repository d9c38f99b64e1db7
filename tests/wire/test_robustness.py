"""Whatever the bytes, a reader gives a result or a WireError."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replaykit.errors import WireError
from replaykit.wire import LLMRequest, LLMResponse, read_request, read_response, tool_results
from tests.wire.recorded import REQUESTS, RESPONSES, label

FORMATS = (
    "anthropic.count_tokens",
    "anthropic.messages",
    "openai.chat",
    "openai.embeddings",
    "openai.input_tokens",
    "openai.responses",
)
KEYS = st.sampled_from([
    "id", "type", "role", "content", "text", "input", "output", "messages", "model", "tools", "tool_calls",
    "function", "custom", "name", "arguments", "call_id", "tool_use_id", "choices", "delta", "message", "index",
    "usage", "error", "output_index", "item", "response", "content_block", "partial_json", "finish_reason",
    "status", "summary", "instructions", "previous_response_id", "conversation", "system", "cache_control",
    "stream",
])  # fmt: skip
WORDS = st.sampled_from([
    "message", "message_start", "content_block_start", "content_block_delta", "message_delta", "text",
    "tool_use", "tool_result", "thinking", "response.completed", "response.output_item.added",
    "response.output_text.delta", "response.function_call_arguments.delta", "function_call",
    "function_call_output", "custom_tool_call", "reasoning", "item_reference", "function", "custom", "user",
    "assistant", "tool", "system", "error", "completed", "incomplete", "input_json_delta",
])  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=30
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=8)


def try_request(wire_format: str, body: bytes) -> None:
    try:
        request = read_request(wire_format, body, "some-model")
    except WireError:
        return
    assert isinstance(request, LLMRequest)
    assert list(request.segments)[:2] == ["system", "tools"]
    tool_results(request)


def try_response(wire_format: str, body: bytes, content_type: str = "") -> None:
    try:
        assert isinstance(read_response(wire_format, body, content_type), LLMResponse)
    except WireError:
        return


@given(st.sampled_from(FORMATS), st.binary(), st.sampled_from(["", "application/json", "text/event-stream"]))
def test_random_bytes(wire_format: str, body: bytes, content_type: str) -> None:
    try_request(wire_format, body)
    try_response(wire_format, body, content_type)


@settings(max_examples=300)
@given(st.sampled_from(FORMATS), OBJECTS | JSON)
def test_json_of_wrong_types(wire_format: str, body: Any) -> None:
    try_request(wire_format, json.dumps(body).encode())
    try_response(wire_format, json.dumps(body).encode())


@settings(max_examples=300)
@given(st.sampled_from(FORMATS), st.lists(OBJECTS, max_size=6))
def test_streams_of_wrong_types(wire_format: str, events: list[Any]) -> None:
    try_response(wire_format, b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events))


@settings(max_examples=40)
@given(st.data())
@pytest.mark.parametrize("path", REQUESTS + RESPONSES, ids=lambda path: f"{label(path)} {path.suffixes[-2]}")
def test_recorded_bodies_with_broken_bytes(path: Path, data: st.DataObject) -> None:
    body = path.read_bytes()
    start = data.draw(st.integers(0, len(body)))
    body = body[:start] + data.draw(st.binary(max_size=4)) + body[start + data.draw(st.integers(0, 300)) :]

    try_request(path.parent.name, body)
    try_response(path.parent.name, body)


@pytest.mark.parametrize("wire_format", FORMATS)
@pytest.mark.parametrize("opening", ["[", '{"a":', '{"messages":[{"content":['])
def test_deep_nesting_is_a_wire_error(wire_format: str, opening: str) -> None:
    body = (opening * 100_000).encode()

    with pytest.raises(WireError, match=r"nests too deep|not JSON"):
        read_request(wire_format, body)
    with pytest.raises(WireError):
        read_response(wire_format, body)
    try_response(wire_format, b"data: " + body + b"\n\n")


def test_deeply_nested_arguments_stay_text() -> None:
    text = "[" * 100_000
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": text}}
    body = {"messages": [{"role": "assistant", "tool_calls": [call]}]}

    request = read_request("openai.chat", json.dumps(body).encode())

    assert request.messages[0]["content"][0]["arguments"] == text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"<html>502</html>", r"openai.chat response: not JSON .* it starts with b'<html>502", id="html"),
        pytest.param(b"\x1f\x8b\x08\x00rest", "it looks gzipped", id="gzip"),
        pytest.param(b'{"object":"list"}', r"neither choices nor an error; its keys are \['object'\]", id="other JSON"),
        pytest.param(b'{"choices":{}}', "choices: expected a list, found an object", id="wrong type"),
        pytest.param(b"data: {}\n\ndata: nope\n\n", "event at byte 10: not JSON", id="event"),
    ],
)
def test_a_wire_error_says_what_and_where(body: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        read_response("openai.chat", body)


def test_an_unknown_wire_format_names_the_known_ones() -> None:
    with pytest.raises(WireError, match=r"'openai.telepathy'; there are anthropic.count_tokens, .*openai.responses"):
        read_request("openai.telepathy", b"{}")
