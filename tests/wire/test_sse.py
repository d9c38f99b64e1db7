from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.errors import WireError
from replaykit.wire import split_events
from tests.wire.recorded import STREAMS, label


def parts(body: bytes) -> list[tuple[str, str]]:
    return [(event.type, event.data) for event in split_events([body])]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"data: a\n\n", [("message", "a")], id="LF"),
        pytest.param(b"data: a\r\n\r\n", [("message", "a")], id="CRLF"),
        pytest.param(b"data: a\r\rdata: b\r\r", [("message", "a"), ("message", "b")], id="lone CR"),
        pytest.param(b"data: a\r\n\ndata: b\n\r\n", [("message", "a"), ("message", "b")], id="mixed line ends"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [("message", "a")], id="BOM at the start"),
        pytest.param(b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [("message", "a")], id="BOM later is part of a name"),
        pytest.param(b": hello\n\ndata: a\n: inside\n\n", [("message", "a")], id="comments"),
        pytest.param(b"data: a\ndata\ndata:b\n\n", [("message", "a\n\nb")], id="several data lines"),
        pytest.param(b"data:  a: b\n\n", [("message", " a: b")], id="one space is taken, colons stay"),
        pytest.param(b"event: ping\ndata: {}\n\ndata: a\n\n", [("ping", "{}"), ("message", "a")], id="type resets"),
        pytest.param(b"event: ping\n\ndata: a\n\n", [("message", "a")], id="no data, no event"),
        pytest.param(b"data\n\n", [("message", "")], id="empty data is data"),
        pytest.param(b"DATA: a\nfoo: b\n data: c\n\n", [], id="unknown fields"),
        pytest.param(b"data: \xff\xc3\n\n", [("message", "\ufffd\ufffd")], id="broken UTF-8"),
        pytest.param(b"", [], id="empty body"),
        pytest.param(b": only a comment", [], id="unfinished comment"),
    ],
)
def test_events_follow_the_standard(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert parts(body) == expected


def test_an_id_stays_in_force_and_a_null_in_it_is_refused() -> None:
    body = b"id: 1\ndata: a\n\ndata: b\n\nid: 2\x003\ndata: c\n\nid\ndata: d\n\n"

    assert [event.id for event in split_events([body])] == ["1", "1", "1", ""]


def test_retry_takes_digits_only() -> None:
    body = b"retry: 300\ndata: a\n\nretry: 3s\ndata: b\n\nretry: \xd9\xa3\ndata: c\n\n"

    assert [event.retry_ms for event in split_events([body])] == [300, None, None]


def test_an_event_knows_its_bytes() -> None:
    body = b": comment\r\n\r\nevent: x\r\ndata: \xc3\xa4\r\n\r\n\r\ndata: b\n\n"

    first, second = split_events([body])

    assert body[first.start : first.end] == b"event: x\r\ndata: \xc3\xa4\r\n\r\n"
    assert body[second.start : second.end] == b"data: b\n\n"


@pytest.mark.parametrize("body", [b"data: a", b"data: a\n", b"da", b"event: x\n", b"data: a\n\nid: 1"])
def test_a_body_that_ends_inside_an_event_is_an_error(body: bytes) -> None:
    with pytest.raises(WireError, match="ends inside the event"):
        list(split_events([body]))


@pytest.mark.parametrize("tail", [b"data: b", b"data: b\n", b"data: b\r", b"data: b\r\n"])
def test_lenient_keeps_an_event_without_its_blank_line(tail: bytes) -> None:
    first, last = split_events([b"data: a\n\n" + tail], lenient=True)

    assert (first.is_terminated, last.is_terminated) == (True, False)
    assert (last.data, last.end) == ("b", len(b"data: a\n\n" + tail))


@pytest.mark.parametrize("path", STREAMS, ids=label)
def test_recorded_streams_cut_anywhere_give_the_same_events(path) -> None:
    body = path.read_bytes().replace(b"\n", b"\r\n")
    whole = list(split_events([body], lenient=True))

    assert whole
    for size in (1, 2, 7, 1000):
        assert list(split_events([body[i : i + size] for i in range(0, len(body), size)], lenient=True)) == whole


LINES = st.sampled_from([b"data: a", b"data: \xf0\x9f\x98\x84", b"event: x", b"id: 7", b": c", b"", b"data", b"\xff"])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS)), st.lists(st.integers(0, 200)))
def test_a_cut_at_any_byte_changes_nothing(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    body = b"".join(line + end for line, end in lines)
    bounds = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    chunks = [body[start:end] for start, end in pairwise(bounds)]

    assert list(split_events(chunks, lenient=True)) == list(split_events([body], lenient=True))


@given(st.binary())
def test_any_bytes_give_events_in_order_or_a_wire_error(body: bytes) -> None:
    events = list(split_events([body], lenient=True))

    assert all(0 <= event.start < event.end <= len(body) for event in events)
    assert all(first.end <= second.start for first, second in pairwise(events))


def test_a_long_line_in_many_chunks_is_scanned_once() -> None:
    chunks = [b"data: ", *[b"x" * 10] * 100_000, b"\n\n"]

    (event,) = split_events(chunks)

    assert len(event.data) == 1_000_000
