"""Imported cassettes replay through the real SDKs, and these see what they see under vcrpy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("vcr", reason="its own replay is what ours is compared with")
pytest.importorskip("openai")
pytest.importorskip("anthropic")

import replaykit
from replaykit.convert.vcr import read_cassette
from tests.convert.building import FILES, cassette, interaction, label, packed, packet_of
from tests.convert.driving import compare, drive
from tests.wire.recorded import sse

# Of each file: model calls that vcrpy serves, and those that it can't.
SERVED = {
    "cassettes__test_manager_agent_delegating_to_all_agents.yaml": (5, 0),
    "v1__deepseek_completion.yaml": (1, 0),
    "test_openai_responses__test_responses_interleaved_reasoning_between_tool_calls.yaml": (4, 0),
    "test_llm_openrouter__test_tool_calls.yaml": (2, 0),
    "test_langchain__test_instrument_langchain.yaml": (2, 0),
    "test_instrumentor__test_agent.yaml": (2, 0),
    "test_instrumentor__test_anthropic_instrumentation_messages_token_counts.yaml": (2, 0),
    "test_anthropic__test_anthropic_count_tokens_error.yaml": (0, 1),
    "test_code_execution_files_vcr__test_anthropic_code_execution_files.yaml": (0, 1),
    "test_embeddings__TestVoyageAI.test_query_voyage_4.yaml": (0, 1),
    "test_snowflake__test_snowflake_tool_calling.yaml": (0, 2),
    "test_zai__test_zai_thinking_stream.yaml": (0, 1),
}


@pytest.mark.parametrize("path", FILES, ids=label)
def test_every_call_parses_to_the_same_object_as_without_replaykit(path: Path) -> None:
    compared = compare(path)

    assert compared.different == []
    assert compared.report.ok
    assert {item.level for item in compared.report.interactions} == {0}
    assert (compared.under_vcrpy, compared.directly) == SERVED.get(path.name, (0, 0))


ANTHROPIC = "https://api.anthropic.com/v1/messages"
CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
CHUNKS = [
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]}
    for text in ("Så ", "det ", "er.")
]
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": None}
EVENTS = [
    {"type": "message_start", "message": {**MESSAGE, "usage": {"input_tokens": 1, "output_tokens": 1}}},
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hei på deg"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
]
CHAT = sse(*CHUNKS, "[DONE]")
NAMED = b"".join(b"event: %s\n" % str(event["type"]).encode() + sse(event) for event in EVENTS)


def _stream(folder: Path, body: bytes, **change: Any) -> Path:
    is_named = body.find(b"event: message_start") >= 0
    sent = json.dumps({"model": "m", "messages": [], "stream": True, **({"max_tokens": 9} if is_named else {})})
    headers = {"content-type": ["text/event-stream"]}
    made = interaction(request_body=sent, response_body={"string": body}, response_headers=headers, **change)
    made["request"] |= {"uri": ANTHROPIC} if is_named else {}
    return cassette(folder, made)


@pytest.mark.parametrize(
    "body",
    [
        CHAT,
        CHAT.replace(b"\n", b"\r\n"),
        CHAT.replace(b"\n", b"\r"),
        CHAT.replace(b"data: ", b": keep-alive\n\ndata: ", 1),
        CHAT.replace(b"data: ", b"id: 7\ndata: "),
        sse(*CHUNKS),
        CHAT.removesuffix(b"\n"),
        CHAT.removesuffix(b"\n\n"),
        sse(CHUNKS[0], {"error": {"message": "too many tokens", "code": "x"}}),
        sse(CHUNKS[0], "{damaged"),
        b"\xef\xbb\xbf" + CHAT,
        CHAT.replace("Så".encode(), b"S\xe5"),
        b"",
        NAMED,
        NAMED.replace(b"\n", b"\r\n"),
        NAMED.partition(b"event: message_delta")[0],
        NAMED.partition(b"event: message_delta")[0] + b'event: error\ndata: {"type":"error","error":{"type":"x"}}\n\n',
    ],
    ids=[
        *("chat", "crlf", "cr", "comment", "ids", "no done", "one line end", "no line end", "error", "damaged", "bom"),
        *("not utf-8", "empty", "messages", "messages crlf", "messages cut", "messages error"),
    ],
)
def test_a_stream_reads_as_under_vcrpy_whatever_its_events_look_like(tmp_path: Path, body: bytes) -> None:
    compared = compare(_stream(tmp_path, body))

    assert compared.different == []
    assert (compared.under_vcrpy, compared.directly, compared.report.ok) == (1, 0, True)


def _answer(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    made = {
        **CHUNK,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    return interaction(request_body='{"model":"m","messages":[]}', response_body={"string": json.dumps(made)})


def test_identical_requests_get_their_answers_in_recorded_order(tmp_path: Path) -> None:
    path = cassette(tmp_path, *map(_answer, ("first", "second", "third")))
    calls = read_cassette(path).calls

    with replaykit.replay(packet_of(path)) as rerun:
        texts = [drive(calls[0]).objects[0]["choices"][0]["message"]["content"] for _ in calls]

    assert texts == ["first", "second", "third"]
    assert rerun.report.ok


def test_a_secret_of_the_cassette_is_a_stand_in_in_the_answer(tmp_path: Path) -> None:
    path = cassette(tmp_path, _answer("write to ola.nordmann@vaer-oslo.org"))
    compared = compare(path)

    assert (compared.different, compared.sanitized) == ([], 1)
    assert b"ola.nordmann" not in packed(read_cassette(path)).data


def test_a_request_that_is_not_in_the_cassette_diverges(tmp_path: Path) -> None:
    first, second = (cassette(tmp_path, _answer("x"), name=name) for name in ("a.yaml", "b.yaml"))
    text = second.read_text().replace('"messages":[]', '"messages":[{"role":"user","content":"new"}]')
    second.write_text(text)

    with pytest.raises(replaykit.Divergence, match="the user message"), replaykit.replay(packet_of(first)):
        drive(read_cassette(second).calls[0])


def test_headers_beyond_ascii_reach_the_client(tmp_path: Path) -> None:
    headers = {"content-type": ["application/json"], "x-latin": ["blåbær"], "x-wide": ["–"]}
    path = cassette(tmp_path, interaction(request_uri="https://api.example.com/a", response_headers=headers))

    with replaykit.replay(packet_of(path)), httpx.Client() as client:
        answer = client.post("https://api.example.com/a", content=b'{"model":"m","messages":[]}')

    raw = dict(answer.headers.raw)
    assert (raw[b"x-latin"], raw[b"x-wide"]) == ("blåbær".encode("latin-1"), "–".encode())
