"""A secret is seen through everything that it may be wrapped in, and hostile bytes end the walk, not the process."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from urllib.parse import quote

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from replaykit.sanitizer.layers import Layer, Limits, layers, text_layers, value_layers

SECRET = "sk-proj-Test4eYk7uWq2ZbT9xLm3RsV8cJh5NpA"
ESCAPED = "".join(f"\\u{ord(char):04x}" for char in SECRET)


def _found(data: bytes, content_type: str = "", encoding: str = "") -> list[Layer]:
    return [layer for layer in layers(data, content_type, encoding) if SECRET in layer.text]


def _nested(text: str, times: int) -> str:
    for _ in range(times):
        text = json.dumps({"inner": text})
    return text


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


WRAPPED: dict[str, bytes] = {
    "text": f"the key is {SECRET}.".encode(),
    "utf-16": f"the key is {SECRET}".encode("utf-16"),
    "json": json.dumps({"a": {"b": [1, {"c": SECRET}]}}).encode(),
    "json in strings of json": _nested(SECRET, 5).encode(),
    "json in prose": f'it said {{"a": {{"b": "{ESCAPED}"}}}} and went on'.encode(),
    "a name that stands twice": f'{{"a": "{ESCAPED}", "a": "x"}}'.encode(),
    "a name": json.dumps({SECRET: 1}).encode(),
    "escapes in prose": f"it said {ESCAPED}".encode(),
    "escaped escapes": "it said {}".format(ESCAPED.replace("\\", "\\\\")).encode(),
    "cut json": f'{{"a": ["x", "{ESCAPED}'.encode(),
    "percent": quote(quote("".join(f"%{byte:02x}" for byte in SECRET.encode()))).encode(),
    "entities": "".join(f"&#{ord(char)};" for char in SECRET).encode(),
    "hex": f"key={SECRET.encode().hex()}".encode(),
    "base64": json.dumps({"a": _base64(f"key: {SECRET}".encode())}).encode(),
    "base64url without padding": json.dumps(
        [base64.urlsafe_b64encode(f"?>{SECRET}".encode()).decode().rstrip("=")]
    ).encode(),
    "base64 in lines": base64.encodebytes(f"{'x' * 70} {SECRET} {'y' * 70}".encode()),
    "data url": f"<img src='data:text/plain;base64,{_base64(SECRET.encode())}'>".encode(),
    "gzip": gzip.compress(SECRET.encode()),
    "two gzip files in a row": gzip.compress(b"first") + gzip.compress(SECRET.encode()),
    "zlib": zlib.compress(SECRET.encode()),
    "zstd": zstandard.compress(SECRET.encode()),
    "brotli, unsaid": brotli.compress(f"a text with {SECRET} in it".encode()),
    "gzip in base64": json.dumps({"a": f"see {_base64(gzip.compress(SECRET.encode()))}."}).encode(),
    "json lines": f'{{"a": 1}}\n{{"a": "{ESCAPED}"}}\n'.encode(),
    "bytes with a text in them": b"\x00\x01\x08\xff" * 40 + SECRET.encode() + b"\x00\x9f" * 40,
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_secret_is_seen_through(name: str) -> None:
    assert _found(WRAPPED[name]), name


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress), ("zstd", zstandard.compress)],
    ids=["gzip", "deflate", "br", "zstd"],
)
def test_a_body_is_decoded_as_its_headers_say(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    assert _found(pack(f"a {SECRET}".encode()), encoding=encoding)
    assert _found(f"a {SECRET}".encode(), encoding=encoding)  # decoded before, the header stayed


def test_parts_of_a_form_are_decoded_each_by_its_type() -> None:
    body = (
        b"--xx\r\nContent-Disposition: form-data; name=note\r\n\r\nhello\r\n--xx\r\n"
        b'Content-Disposition: form-data; name="f"; filename="a.gz"\r\nContent-Type: application/gzip\r\n\r\n'
        + gzip.compress(SECRET.encode())
        + b"\r\n--xx--\r\n"
    )

    (layer,) = _found(body, "multipart/form-data; boundary=xx")
    assert layer.path == "part 1 f > gzip"
    assert _found(body)  # its type is not needed


def test_a_field_of_a_form_is_known_by_its_name() -> None:
    found = list(layers(b"user=a&pass%77ord=x%20y", "application/x-www-form-urlencoded"))

    assert [(layer.name, layer.text) for layer in found if layer.naming == "query"] == [
        ("user", "a"),
        ("password", "x y"),
    ]


def _events(*values: object) -> bytes:
    return "".join(f"event: x\ndata: {json.dumps(value)}\n\n" for value in values).encode()


def _chat(place: int, choice: int, piece: str) -> object:
    others = [{"index": 1 - choice, "delta": {"content": "zz"}}] if place % 2 else []
    return {"id": "x", "choices": [*others, {"index": choice, "delta": {"content": piece}}]}


STREAMS: dict[str, Callable[[int, str], object]] = {
    "openai chat": lambda place, piece: _chat(place, 1, piece),
    "openai tool call": lambda place, piece: {
        "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 2, "function": {"arguments": piece}}]}}]
    },
    "openai responses": lambda place, piece: {
        "type": "response.output_text.delta",
        "item_id": "m1",
        "output_index": 0,
        "sequence_number": place,
        "delta": piece,
    },
    "anthropic text": lambda place, piece: {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": piece},
    },
    "anthropic arguments": lambda place, piece: {"index": 1, "delta": {"partial_json": piece}},
    "anthropic thinking": lambda place, piece: {"index": 0, "delta": {"thinking": piece}},
    "a format that nobody knows": lambda place, piece: {"n": place, "out": [{"a": {"t": piece}}]},
    "plain text": lambda place, piece: piece,
    "one provider's packed events": lambda place, piece: {"bytes": _base64(json.dumps({"t": piece}).encode())},
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_secret_that_is_spelled_over_events_is_seen(name: str) -> None:
    text = f"Your key: {SECRET}, keep it."
    body = _events(*(STREAMS[name](place, piece) for place, piece in enumerate(text)))

    (layer, *_) = _found(body)
    assert layer.path.startswith("event 0..") or "packed" in name


def test_a_secret_in_streamed_arguments_is_seen_through_their_json() -> None:
    arguments = json.dumps({"note": json.dumps({"key": SECRET})})
    body = _events(*({"index": 1, "delta": {"partial_json": piece}} for piece in arguments))

    assert "key" in [layer.name for layer in _found(body)]


def test_items_of_a_list_are_joined_too() -> None:
    assert _found(json.dumps(list(SECRET)).encode())
    assert _found(json.dumps([{"text": char} for char in SECRET]).encode())


def test_frames_of_an_event_stream_are_joined() -> None:
    def frame(payload: bytes) -> bytes:
        head = (len(payload) + 16).to_bytes(4, "big") + bytes(4)
        data = head + zlib.crc32(head).to_bytes(4, "big") + payload
        return data + zlib.crc32(data).to_bytes(4, "big")

    pieces = [json.dumps({"bytes": _base64(json.dumps({"t": char}).encode())}).encode() for char in SECRET]

    assert _found(b"".join(map(frame, pieces)))


def test_a_path_says_every_step() -> None:
    packed = _base64(gzip.compress(json.dumps({"key": SECRET}).encode()))
    body = _events({"choices": [{"delta": {"content": packed}}]})

    *_, layer = _found(body)
    assert layer.path == "event 0 > json $.choices[0].delta.content > base64 at 0 > gzip > json $.key"
    assert layer.name == "key"


def test_names_and_owners_go_with_values() -> None:
    found = {layer.text: layer for layer in value_layers({"credentials": {"user": "ann", "pin": 12345}})}

    assert (found["ann"].name, found["ann"].owner) == ("user", "credentials")
    assert (found["12345"].name, found["12345"].is_number) == ("pin", True)
    assert next(text_layers("abc", "x-api-key", "header")).naming == "header"


# bounds

HOSTILE: dict[str, bytes] = {
    "brackets": b"[" * 200_000,
    "objects": b'{"a":' * 100_000,
    "open strings": b'{"' * 100_000,
    "quotes": b'"' * 200_000,
    "percent": b"%25" * 100_000,
    "backslashes": b"\\" * 200_000,
    "events": b"data: {\n\n" * 20_000,
    "bytes": bytes(range(256)) * 1000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(30)
def test_hostile_bytes_are_done_with(name: str) -> None:
    assert sum(len(layer.text) for layer in layers(HOSTILE[name])) < 400 * len(HOSTILE[name])


def test_a_bomb_stops_at_the_bound_and_says_so() -> None:
    bomb = gzip.compress(b"a" * 5_000_000)
    found = list(layers(bomb, limits=Limits(unpacked_bytes=1_000_000)))

    assert max(len(layer.text) for layer in found) == 1_000_000
    assert [layer.unread for layer in found if layer.unread] == ["it unpacks to more than 1000000 bytes"]


def test_bombs_in_bombs_stop_at_the_bound_of_all_texts() -> None:
    body = json.dumps([_base64(gzip.compress(f"{place}{'a' * 400_000}".encode())) for place in range(20)]).encode()
    found = list(layers(body, limits=Limits(chars=2_000_000)))

    assert sum(len(layer.text) for layer in found) <= 2_000_000
    assert [layer.unread for layer in found if layer.unread] == ["it decodes to more than 2000000 characters"]


def test_what_is_nested_too_deep_is_said_and_not_left_out_in_silence() -> None:
    text = SECRET
    for _ in range(6):
        text = base64.b64encode(text.encode()).decode()
    shallow = list(layers(text.encode(), limits=Limits(depth=3)))

    assert [layer.unread for layer in shallow if layer.unread] == ["nested deeper than 3 layers"]
    assert _found(text.encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_walked(data: bytes) -> None:
    for layer in layers(data):
        assert isinstance(layer.text, str)


_WRAPS: dict[str, Callable[[str], str]] = {
    "json": lambda text: json.dumps({"a": [text]}),
    "base64": lambda text: f"x: {_base64(text.encode())}",
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "gzip": lambda text: _base64(gzip.compress(text.encode())),
    "percent": lambda text: quote(text, safe=""),
    "hex": lambda text: text.encode().hex(),
    "events": lambda text: _events(*({"t": text[at : at + 3]} for at in range(0, len(text), 3))).decode(),
}


@given(st.lists(st.sampled_from(sorted(_WRAPS)), max_size=5))
def test_wrappings_in_any_order_are_seen_through(names: list[str]) -> None:
    text = f"my key is {SECRET} and more"
    for name in names:
        text = _WRAPS[name](text) if len(text) < 20_000 else text

    assert _found(text.encode())
