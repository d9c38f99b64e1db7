"""What a stream spells piece by piece is found as a whole, and replaced in place."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.sanitizer.streams import Piece, Track, event_spans, find_tracks, item_spans, line_spans
from tests.sanitizer.secrets import TOKENS, sanitizer

KEY, ADDRESS = TOKENS["github_token"], "alice.johnson@acme.com"
TEXT = f"The key is {KEY}, and {ADDRESS} knows it. Bye."
ARGUMENTS = json.dumps({"to": ADDRESS, "api_key": KEY, "password": 'quoted "hunter" 9'})

Wrap = Callable[[str], dict[str, Any]]
WRAPS: dict[str, Wrap] = {
    "chat": lambda text: {"id": "c1", "choices": [{"index": 0, "delta": {"content": text}}]},
    "chat arguments": lambda text: {
        "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 1, "function": {"arguments": text}}]}}]
    },
    "responses": lambda text: {"type": "response.output_text.delta", "item_id": "m1", "output_index": 0, "delta": text},
    "anthropic": lambda text: {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": text},
    },
    "anthropic arguments": lambda text: {
        "type": "content_block_delta",
        "index": 2,
        "delta": {"type": "input_json_delta", "partial_json": text},
    },
    "gemini": lambda text: {"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}}]},
    "ollama": lambda text: {"model": "m", "message": {"role": "assistant", "content": text}, "done": False},
}


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in strings(item)]


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % len(text) for place in places} | {0, len(text)})
    return [text[low:high] for low, high in pairwise(ends)]


def events(stream: bytes) -> list[Any]:
    return [json.loads(line[6:]) for line in stream.decode().splitlines() if line.startswith("data: {")]


def sse(values: list[Any], *, ascii_only: bool = True) -> bytes:
    lines = [f"data: {json.dumps(value, ensure_ascii=ascii_only)}\n\n" for value in values]
    return "".join((*lines, "data: [DONE]\n\n")).encode()


def said(stream: bytes, pieces: list[str], wrap: Wrap) -> str:
    """The text that the field with the pieces spells."""
    place = next(number for number, text in enumerate(strings(wrap("\0"))) if text == "\0")
    return "".join(strings(value)[place] for value in events(stream)[: len(pieces)])


@pytest.mark.parametrize("text", [TEXT, ARGUMENTS], ids=["text", "arguments"])
@pytest.mark.parametrize("wrap", WRAPS.values(), ids=list(WRAPS))
@given(places=st.lists(st.integers(min_value=0), min_size=2, max_size=60))
@settings(max_examples=25)
def test_a_secret_split_anywhere_is_replaced_in_place(wrap: Wrap, text: str, places: list[int]) -> None:
    pieces = cut(text, places)
    stream = sse([wrap(piece) for piece in pieces])
    clean = sanitizer()

    stored = clean.body(stream, "text/event-stream")

    found = said(stored, pieces, wrap)
    assert len(stored) == len(stream)
    assert not any(value in found for value in (KEY, ADDRESS, "hunter"))
    assert found == (clean.text(TEXT) if text == TEXT else json.dumps(clean.json(json.loads(ARGUMENTS))))
    assert [len(piece) for piece in stored.split(b"\n")] == [len(piece) for piece in stream.split(b"\n")]
    assert Sanitizer(known=clean.issued).body(stored, "text/event-stream") == stored


def test_two_choices_that_take_turns_are_two_texts() -> None:
    turns = [{"choices": [{"index": number % 2, "delta": {"content": char}}]} for char in KEY for number in (0, 1)]

    stored = events(sanitizer().body(sse(turns), "text/event-stream"))

    texts = ["".join(value["choices"][0]["delta"]["content"] for value in stored[number::2]) for number in (0, 1)]
    assert texts[0] == texts[1] != KEY
    assert len(texts[0]) == len(KEY)


def test_a_key_that_begins_a_piece_is_found_although_a_letter_stands_before_it() -> None:
    stored = sanitizer().body(sse([WRAPS["chat"]("see"), WRAPS["chat"](KEY)]), "text/event-stream")

    assert KEY.encode() not in stored


def test_pieces_with_escapes_keep_their_length() -> None:
    pieces = ['é"', "\\al", "ice.johns", "on@acme.com\u00e9\n"]
    for ascii_only in (True, False):
        stream = sse([WRAPS["chat"](piece) for piece in pieces], ascii_only=ascii_only)
        stored = sanitizer().body(stream, "text/event-stream")

        assert len(stored) == len(stream)
        assert "johns" not in said(stored, pieces, WRAPS["chat"])


def test_data_that_is_no_json_is_one_text() -> None:
    stream = "".join(f"data: {piece}\n\n" for piece in cut(TEXT, list(range(0, 200, 5)))).encode()

    stored = sanitizer().body(stream, "text/event-stream").decode()

    text = "".join(line[6:] for line in stored.splitlines() if line)
    assert KEY not in text
    assert ADDRESS not in text
    assert text.startswith("The key is ")


def test_a_piece_of_json_is_a_piece_of_the_text() -> None:
    pieces = ["so ", '{"id": 12, "api_key": "k32atNfnr', "x", "D", 'N7PANl"', ', "city": "Oslo"}', " on"]
    stream = "".join(f"data: {piece}\n\n" for piece in pieces).encode()

    stored = sanitizer().body(stream, "text/event-stream").decode()

    text = "".join(line[6:] for line in stored.splitlines() if line)
    assert "N7PANl" not in text
    assert "k32at" not in text
    assert text.endswith(', "city": "Oslo"} on')


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/jsonl"])
def test_lines_of_json_are_events(content_type: str) -> None:
    pieces = cut(TEXT, list(range(0, 200, 7)))
    stream = "".join(json.dumps(WRAPS["ollama"](piece)) + "\n" for piece in pieces).encode()

    stored = sanitizer().body(stream, content_type)

    text = "".join(json.loads(line)["message"]["content"] for line in stored.splitlines())
    assert KEY not in text
    assert ADDRESS not in text


def test_a_list_that_comes_in_chunks_is_a_stream() -> None:
    pieces = cut(TEXT, list(range(0, 200, 7)))
    chunks = [
        ("[" if number == 0 else ",\r\n") + json.dumps(WRAPS["gemini"](piece)) for number, piece in enumerate(pieces)
    ]
    clean = sanitizer()

    stored = clean.chunks([*(chunk.encode() for chunk in chunks), b"]"], "application/json")

    text = "".join(item["candidates"][0]["content"]["parts"][0]["text"] for item in json.loads(b"".join(stored)))
    assert text == clean.text(TEXT)
    assert [len(chunk) for chunk in stored] == [*map(len, chunks), 1]


def test_fields_that_say_the_same_in_each_event_are_no_text() -> None:
    stream = sse([{"id": "chatcmpl-9", "model": "gpt", "choices": [{"delta": {"content": text}}]} for text in "ab"])
    text = stream.decode()

    (track,) = find_tracks(text, event_spans(text))

    assert track.text == "ab"
    assert track.is_text


def tokens(text: str) -> list[str]:
    return [text[place : place + 3] for place in range(0, len(text), 3)]


PERSONAL = f"{TEXT} Card 4556 7375 8689 9855, call +49 151 23456789 now."


@pytest.mark.parametrize(
    ("content_type", "stream", "read"),
    [
        pytest.param(
            "text/event-stream",
            "".join(f"id: 7\nevent: tok\ndata: {json.dumps(piece)}\n\n" for piece in tokens(PERSONAL)),
            lambda made: "".join(json.loads(line[6:]) for line in made.splitlines() if line.startswith("data")),
            id="each is a string",
        ),
        pytest.param(
            "text/event-stream",
            "".join(f"data: {json.dumps({'event': 'on_tok', 'v': {'t': piece}})}\n\n" for piece in tokens(PERSONAL)),
            lambda made: "".join(json.loads(line[6:])["v"]["t"] for line in made.splitlines() if line),
            id="a field of any name",
        ),
        pytest.param(
            "text/plain",
            "".join(f"0:{json.dumps(piece)}\n" for piece in tokens(PERSONAL)) + 'd:{"finishReason":"stop"}\n',
            lambda made: "".join(json.loads(line[2:]) for line in made.splitlines() if line[0] == "0"),
            id="lines with a code",
        ),
    ],
)
def test_events_of_any_make_are_put_together(content_type: str, stream: str, read: Callable[[str], str]) -> None:
    data = stream.encode()

    made = b"".join(sanitizer().chunks([data[:100], data[100:]], content_type)).decode()

    assert len(made) == len(stream)
    assert all(secret not in read(made) for secret in (KEY, ADDRESS, "4556 7375 8689 9855", "151 23456789"))
    assert read(made).startswith("The key is ghp_")


def test_a_damaged_event_is_searched_on_its_own() -> None:
    stream = f'data: {{"delta": "{KEY}\n\ndata: {{"delta": "x"}}\n\n'.encode()

    assert KEY.encode() not in sanitizer().body(stream, "text/event-stream")


@given(st.text(max_size=300))
def test_any_text_may_be_taken_for_a_stream(text: str) -> None:
    for spans in (event_spans(text), line_spans(text), item_spans(text)):
        for track in find_tracks(text, spans):
            assert "".join(track.split(track.text)) == track.text


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=12), data=st.data())
def test_what_a_span_covers_of_pieces_is_what_reaches_over_their_borders(sizes: list[int], data: st.DataObject) -> None:
    total = sum(sizes)
    low = data.draw(st.integers(0, total - 1))
    high = data.draw(st.integers(low + 1, total))
    track = Track(True, "plain", tuple(Piece(0, size, "x" * size) for size in sizes))

    covered = track.covered([(low, high)])

    start = 0
    for size, (lead, tail) in zip(sizes, covered, strict=True):
        end = start + size
        assert lead == (max(0, min(high, end) - start) if low < start else 0)
        assert tail == (max(0, end - max(low, start)) if high > end else 0)
        start = end
