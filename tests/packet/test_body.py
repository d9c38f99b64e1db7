"""Bodies come back byte for byte, whatever they are."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from replaykit.errors import PacketError
from replaykit.packet.body import decode_body, decode_chunks, encode_body, withhold_body
from replaykit.packet.codec import dump_line, parse_line
from replaykit.packet.exchange import Chunk
from replaykit.packet.model import Body, DoneLine

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
styles = st.sampled_from(
    [
        {"separators": (",", ":"), "ensure_ascii": False},
        {"separators": (",", ":")},
        {},
        {"ensure_ascii": False},
        {"indent": 2},
        {"separators": (" , ", " : ")},
    ]
)


def stored(body: Body) -> Body:
    """The body after a trip through a line of a file."""
    line = DoneLine(id="c", seq=1, time_ns=1, state="complete", body=body)
    read = parse_line(dump_line(line), path=None, number=1)
    assert isinstance(read, DoneLine)
    assert read.body is not None
    return read.body


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"a":1.50}', id="trailing zero"),
        pytest.param(b'{"a":1e5}', id="exponent"),
        pytest.param(b'{"a":-0.0}', id="negative zero"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="integer that Python will not print"),
        pytest.param(b'{"a":12345678901234567890123}', id="big integer"),
        pytest.param(b'{"a":1e999}', id="overflow"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":1,"a":2}', id="duplicate keys"),
        pytest.param(rb'{"a":"https:\/\/x"}', id="escaped slash"),
        pytest.param(rb'{"a":"\u00e9"}', id="escaped letter"),
        pytest.param(rb'{"a":"\ud800"}', id="lone surrogate"),
        pytest.param('{"a":"é😀"}'.encode(), id="raw letters"),
        pytest.param(b'{"a":1}\n', id="trailing newline"),
        pytest.param(b'{\n  "a": 1\n}', id="indented"),
        pytest.param(b'{"a":', id="cut"),
        pytest.param(b"[" * 400 + b"]" * 400, id="deep"),
        pytest.param(b'{"messages":{"$part":"p1"}}', id="what looks like a part"),
        pytest.param(b'{"messages":{"$list":"l1","x":1}}', id="what looks like a list"),
        pytest.param(b"\xff\xfe\x00", id="binary"),
        pytest.param(gzip.compress(b"{}" * 50), id="gzip"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
    ],
)
def test_body_comes_back_byte_for_byte(data: bytes) -> None:
    assert decode_body(stored(encode_body(data))) == data


@given(data=st.binary(max_size=200))
def test_any_bytes_come_back(data: bytes) -> None:
    assert decode_body(stored(encode_body(data))) == data


@given(value=json_values, style=styles)
@example(value={"text": 'say "key": 1'}, style={"separators": (",", ":")})
def test_json_of_any_style_comes_back(value: Any, style: dict[str, Any]) -> None:
    data = json.dumps(value, **style).encode()

    assert decode_body(stored(encode_body(data))) == data


@pytest.mark.parametrize("text", ["hi", 'he said \\"key\\": yes', "é"], ids=["plain", "quotes and colons", "letters"])
@pytest.mark.parametrize("style", ["compact", "compact-ascii", "spaced", "spaced-ascii"])
def test_what_clients_write_is_stored_as_json(text: str, style: str) -> None:
    separators = (",", ":") if style.startswith("compact") else None
    value = {"messages": [{"content": text}], "n": 1}
    data = json.dumps(value, separators=separators, ensure_ascii=style.endswith("ascii")).encode()

    assert encode_body(data).json_value == value


@given(pieces=st.lists(st.tuples(st.integers(0, 10**12), st.binary(max_size=9)), max_size=6))
def test_chunks_come_back_where_they_were_cut(pieces: list[tuple[int, bytes]]) -> None:
    chunks = tuple(Chunk(offset_ns, data) for offset_ns, data in pieces)
    body = encode_body(b"".join(chunk.data for chunk in chunks), chunks=chunks)

    assert decode_chunks(stored(body)) == chunks


def test_withheld_body_gives_its_reason_and_no_bytes() -> None:
    body = withhold_body("too large", length=10)

    assert (body.length, body.text) == (10, None)
    with pytest.raises(PacketError, match="too large"):
        decode_body(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(Body(text="a", base64="YQ=="), "json", id="two forms"),
        pytest.param(Body(json={"a": 1}), "json", id="json without a style"),
        pytest.param(Body(text="a", style="compact"), "json", id="text with a style"),
        pytest.param(Body(base64="*"), "base64", id="no base64"),
        pytest.param(Body(text="\ud800"), "text", id="lone surrogate"),
        pytest.param(Body(json="\ud800", style="compact"), "json", id="lone surrogate in json"),
        pytest.param(Body(json=float("inf"), style="compact"), "json", id="infinity"),
        pytest.param(Body(text="abc", cuts=((0, 1), (0, 1))), "cuts", id="cuts too short"),
        pytest.param(Body(text="abc", cuts=((0, 1 << 30),)), "cuts", id="cuts of a gigabyte"),
    ],
)
def test_contradiction_is_a_packet_error_with_its_field(body: Body, field: str) -> None:
    with pytest.raises(PacketError) as caught:
        decode_chunks(body)

    assert caught.value.field == field
