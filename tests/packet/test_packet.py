"""Loading: whole, or with a note in `recovered`, or a `PacketError` that says where. Never anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replaykit.errors import PacketError
from replaykit.packet import Packet
from replaykit.packet.body import encode_body
from replaykit.packet.codec import dump_line
from replaykit.packet.exchange import Chunk
from replaykit.packet.model import (
    KEY_VERSION,
    Body,
    CallLine,
    DoneLine,
    Entry,
    EntryLine,
    FailureRecord,
    FunctionCall,
    HttpCall,
    Line,
    LogLine,
    OutcomeLine,
    PartLine,
    RunLine,
    SpanLine,
    StandInLine,
    Stdin,
)
from tests.packet.building import example, http_call, http_done, read_all, run_line, seal_bytes, sealed, write
from tests.packet.test_body import json_values

EXAMPLE = example()
LINES = EXAMPLE.splitlines(keepends=True)


def load_or_error(data: bytes) -> Packet | PacketError:
    """What a load of `data` gives, everything in it read; any other exception fails the test."""
    try:
        packet = Packet.loads(data)
        read_all(packet)
    except PacketError as error:
        return error
    return packet


def is_noticed(data: bytes) -> bool:
    result = load_or_error(data)
    return isinstance(result, PacketError) or bool(result.recovered)


# whole files


def test_whole_file_loads_without_a_note() -> None:
    packet = Packet.loads(EXAMPLE)

    assert packet.recovered == ()
    assert [item.position for item in packet.interactions] == ["llm:chat[0]", "planner/tool:weather[0]"]
    assert [span.name for span in packet.spans] == ["planner"]
    assert packet.entry.target == "agent:main"
    assert packet.outcome is not None
    assert packet.outcome.output == "cold"


def test_a_later_entry_takes_the_place_of_an_earlier_one() -> None:
    """A command tells at its end what it has read."""
    read = Stdin(source="stream", body=encode_body(b"Oslo?\n"))
    first, last = Entry(kind="command", argv=("a",)), Entry(kind="command", argv=("a",), stdin=read)

    packet = Packet.loads(sealed([EntryLine(id="e", seq=1, entry=first), EntryLine(id="e.1", seq=2, entry=last)]))

    assert packet.entry == last
    assert packet.entry.stdin is not None
    assert packet.entry.stdin.body is not None
    assert packet.body_of(packet.entry.stdin.body) == b"Oslo?\n"


def test_chunks_cut_inside_a_letter_come_back_as_they_were() -> None:
    first = Packet.loads(EXAMPLE).interactions[0]

    assert first.response_chunks == (Chunk(5, b"data: {}\n"), Chunk(9, b"\n\xc3"), Chunk(11, b"\xa9"))


def test_events_are_ordered_by_their_number_and_not_by_their_line() -> None:
    data = sealed([http_call(1, Body(text="")), http_call(0, Body(text=""))])

    assert [item.id for item in Packet.loads(data).interactions] == ["c0", "c1"]


def test_digest_is_the_same_for_the_same_bytes_and_for_no_others() -> None:
    other = EXAMPLE.replace(b"Troms", b"Trams")

    assert Packet.loads(EXAMPLE).digest == Packet.loads(EXAMPLE).digest
    assert Packet.loads(other).digest != Packet.loads(EXAMPLE).digest


names = st.text(st.characters(exclude_categories=()), max_size=8)  # lone surrogates too
numbers = st.integers(0, 2**62)
bodies = st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode())
stored_bodies = st.builds(lambda data: encode_body(data), bodies)
failures = st.none() | st.builds(FailureRecord, type=names, message=names, arguments=st.tuples(json_values))
lines = st.one_of(
    st.builds(PartLine, id=names, seq=numbers, value=json_values),
    st.builds(PartLine, id=names, seq=numbers, prefix=st.none() | names, items=st.lists(names, max_size=3).map(tuple)),
    st.builds(StandInLine, id=names, seq=numbers, name=names, stand_in=names, variable=st.none() | names),
    st.builds(LogLine, id=names, seq=numbers, time_ns=numbers, message=names),
    st.builds(
        SpanLine,
        id=names,
        seq=numbers,
        time_ns=numbers,
        position=names,
        name=names,
        attributes=st.dictionaries(names, json_values, max_size=3),
    ),
    st.builds(
        lambda number, http: http_call(number, http.body).model_copy(update={"http": http}),
        st.integers(0, 5),
        st.builds(
            HttpCall,
            method=names,
            url=names,
            headers=st.lists(st.tuples(names, names), max_size=3).map(tuple),
            body=stored_bodies,
        ),
    ),
    st.builds(
        CallLine,
        id=names,
        key=names,
        position=names,
        boundary=st.sampled_from(["tool", "human", "effect"]),
        name=names,
        seq=numbers,
        time_ns=numbers,
        function=st.builds(FunctionCall, arguments=json_values),
    ),
    st.builds(
        DoneLine,
        id=names,
        seq=numbers,
        time_ns=numbers,
        state=st.sampled_from(["complete", "closed_early", "error", "cancelled"]),
        body=st.none() | stored_bodies,
        value=json_values,
        has_value=st.booleans(),
        failure=failures,
    ),
)


@given(line=lines)
@settings(max_examples=200)
def test_any_line_comes_back_equal(line: Line) -> None:
    data = sealed([*_begin(line), line])

    packet = Packet.loads(data)

    assert packet._line(len(packet._lines) - 2, Line) == line
    assert packet.recovered == ()


def _begin(line: Line) -> list[Line]:
    if not isinstance(line, DoneLine):
        return []
    return [SpanLine(id=line.id, seq=1, time_ns=1, position="", name="")]


@given(output=json_values, reason=names)
@settings(max_examples=50)
def test_any_outcome_comes_back_equal(output: Any, reason: str) -> None:
    outcome = Packet.loads(sealed([], output=output, has_output=True, stop_reason=reason)).outcome

    assert outcome is not None
    assert (outcome.output, outcome.stop_reason) == (output, reason)


# changed files


@given(place=st.integers(0, len(EXAMPLE) - 1), byte=st.integers(0, 255), what=st.sampled_from(["set", "add", "cut"]))
@settings(max_examples=600)
def test_one_changed_byte_is_noticed(place: int, byte: int, what: str) -> None:
    end = place if what == "add" else place + 1
    data = EXAMPLE[:place] + (b"" if what == "cut" else bytes([byte])) + EXAMPLE[end:]

    assert data == EXAMPLE or is_noticed(data)


@pytest.mark.parametrize("space", [b" ", b"\r", b"\t", b"\n"], ids=repr)
def test_white_space_between_the_words_of_any_line_is_noticed(space: bytes) -> None:
    changed = [
        EXAMPLE[:place] + space + EXAMPLE[place:]
        for place, byte in enumerate(EXAMPLE)
        if byte in b'{}[],:"' or byte == ord("\n")
    ]

    assert all(is_noticed(data) for data in (*changed, EXAMPLE + space))


@given(order=st.permutations(range(len(LINES))))
@settings(max_examples=100)
def test_lines_in_another_order_are_noticed(order: list[int]) -> None:
    data = b"".join(LINES[number] for number in order)

    assert data == EXAMPLE or is_noticed(data)


@pytest.mark.parametrize("number", range(len(LINES)), ids=lambda number: f"line{number + 1}")
def test_dropped_line_and_doubled_line_are_noticed(number: int) -> None:
    assert is_noticed(b"".join(LINES[:number] + LINES[number + 1 :]))
    assert is_noticed(b"".join([*LINES[:number], LINES[number], *LINES[number:]]))


def test_outcome_in_other_words_is_altered() -> None:
    data = EXAMPLE.replace(b'"status":"ok"', b'"status":"\\u006fk"')

    assert Packet.loads(data).recovered == ("altered: the lines do not match the digest in the last one",)


def test_altered_packet_still_loads() -> None:
    packet = Packet.loads(EXAMPLE.replace(b"cold", b"warm"))

    assert "altered" in packet.recovered[0]
    assert packet.outcome is not None
    assert packet.outcome.output == "warm"


def test_file_cut_at_every_byte_keeps_the_calls_that_were_finished() -> None:
    ends = [EXAMPLE.index(dump) + len(dump) for dump in LINES if dump.startswith(b'{"kind":"done","id":"c0"')]
    for cut in range(len(EXAMPLE)):
        result = load_or_error(EXAMPLE[:cut])
        if cut < len(LINES[0]) - 1:
            assert isinstance(result, PacketError)
            continue
        assert isinstance(result, Packet)
        assert result.recovered
        assert cut < ends[0] - 1 or result.interactions[0].response_body == "data: {}\n\né".encode()


def test_interrupted_run_says_so() -> None:
    packet = Packet.loads(b"".join(LINES[:-1]))

    assert packet.outcome is None
    assert packet.recovered == ("interrupted: the run has no outcome line",)


def test_windows_line_ends_are_read_and_named() -> None:
    packet = Packet.loads(EXAMPLE.replace(b"\n", b"\r\n"))

    assert len(packet.recovered) == 1
    assert "CRLF" in packet.recovered[0]
    assert packet.digest == Packet.loads(EXAMPLE).digest


def test_missing_last_line_end_is_named_and_not_altered() -> None:
    assert Packet.loads(EXAMPLE[:-1]).recovered == (f"line {len(LINES)} has no line end",)


# files that can't be used


@pytest.mark.parametrize(
    ("data", "line"),
    [
        pytest.param(b"", None, id="empty"),
        pytest.param(b"\n\n", None, id="blank"),
        pytest.param(b"\x00" * 50, 1, id="null bytes"),
        pytest.param(b"PK\x03\x04" + bytes(range(256)), 1, id="binary"),
        pytest.param(b"interactions:\n- request: {}\n", 1, id="a vcr cassette"),
        pytest.param(b'{"log": {"version": "1.2"}}', 1, id="a HAR file"),
        pytest.param(b"[]\n", 1, id="a list"),
        pytest.param(b'"run"\n', 1, id="a string"),
        pytest.param(b"\xef\xbb\xbf" + EXAMPLE, 1, id="byte order mark"),
        pytest.param(EXAMPLE.decode().encode("utf-16"), 1, id="utf-16"),
        pytest.param(b"\n" + EXAMPLE, 1, id="blank first line"),
        pytest.param(b"".join(LINES[1:]), 1, id="no run line"),
        pytest.param(LINES[0] + EXAMPLE, 2, id="two run lines"),
        pytest.param(EXAMPLE + LINES[0], len(LINES), id="a run line after the outcome"),
        pytest.param(EXAMPLE + LINES[-2], len(LINES), id="a line after the outcome"),
        pytest.param(EXAMPLE + EXAMPLE, len(LINES), id="two packets"),
        pytest.param(EXAMPLE + b"\n", len(LINES) + 1, id="blank last line"),
        pytest.param(LINES[0] + b"\x00\x00\n" + LINES[1], 2, id="null bytes inside"),
        pytest.param(LINES[0] + b'{"kind":"log","id":"\xff"}\n', 2, id="invalid utf-8"),
        pytest.param(LINES[0] + b'{"kind":"log"\n' + LINES[1], 2, id="half a line inside"),
        pytest.param(LINES[0] + b'{"kind":"log","id":"a","x":NaN}\n', 2, id="NaN"),
        pytest.param(LINES[0] + b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}\n", 2, id="deep nesting"),
        pytest.param(LINES[0] + b'{"a":' + b'{"a":' * 150_000 + b"\n", 2, id="very deep nesting without an end"),
        pytest.param(LINES[0] + b'{"a":"' + b'\\"' * 200_000 + b"[" * 300 + b"\n", 2, id="string without an end"),
        pytest.param(LINES[0] + b'{"kind":"log","id":"a","seq":' + b"9" * 5000 + b"}\n", 2, id="huge number"),
        pytest.param(seal_bytes(LINES[0] + b'{"kind":"mystery","id":"a"}\n'), 2, id="unknown kind, vouched for"),
        pytest.param(seal_bytes(LINES[0] + b'{"kind":["log"],"id":"a"}\n'), 2, id="kind is a list"),
        pytest.param(seal_bytes(LINES[0] + b'{"id":"a"}\n'), 2, id="no kind"),
    ],
)
def test_unusable_file_is_a_packet_error_with_its_line(data: bytes, line: int | None, tmp_path: Path) -> None:
    path = write(tmp_path, data)

    with pytest.raises(PacketError) as caught:
        read_all(Packet.load(path))

    assert (caught.value.path, caught.value.line) == (path, line)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["missing.jsonl", "null\x00byte", "."], ids=["missing", "null byte", "folder"])
def test_file_that_can_not_be_read_is_a_packet_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(PacketError, match="can't be read"):
        Packet.load(tmp_path / name)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        pytest.param("2", "upgrade replaykit", id="newer"),
        pytest.param("9" * 4000, "upgrade replaykit", id="much newer"),
        pytest.param("0", "not one that this", id="zero"),
        pytest.param("-1", "not one that this", id="negative"),
        pytest.param("1.0", "whole number", id="float"),
        pytest.param("true", "whole number", id="bool"),
        pytest.param('"1"', "whole number", id="text"),
        pytest.param("null", "whole number", id="null"),
    ],
)
def test_format_that_can_not_be_read_is_named(number: str, reason: str) -> None:
    data = EXAMPLE.replace(b'"format":1', b'"format":' + number.encode(), 1)

    with pytest.raises(PacketError, match=reason) as caught:
        Packet.loads(data)
    assert (caught.value.line, caught.value.field) == (1, "format")


def test_newer_format_is_named_although_its_fields_are_unknown() -> None:
    data = b'{"kind":"run","id":"r","format":7,"brand_new":{}}\n'

    with pytest.raises(PacketError, match="upgrade replaykit"):
        Packet.loads(data)


# files whose digest is right, and that lie: anybody can make one


def vouched(*lines: Line | bytes) -> bytes:
    return seal_bytes(dump_line(run_line()) + b"".join(x if isinstance(x, bytes) else dump_line(x) for x in lines))


CALL = http_call(0, Body(text="{}"))
LOST = http_call(0, Body(json={"messages": {"$part": "p"}}, style="compact"))
DONE = dump_line(http_done(0))
HOSTILE: dict[str, tuple[tuple[Line | bytes, ...], int, str]] = {
    "call twice": ((CALL, CALL), 3, "id"),
    "done twice": ((CALL, http_done(0), http_done(0)), 4, "id"),
    "done without a call": ((http_done(0),), 2, "id"),
    "call and span of one id": ((CALL, SpanLine(id="c0", seq=1, time_ns=1, position="", name="")), 3, "id"),
    "head says another id": ((dump_line(CALL).replace(b'"key"', b'"id":"c9","key"', 1),), 2, "id"),
    "head says another kind": ((dump_line(CALL).replace(b'"key"', b'"kind":"done","key"', 1),), 2, "state"),
    "missing part": (
        (http_call(0, Body(json={"messages": {"$part": "p"}}, style="compact")),),
        2,
        "http.body.json.messages",
    ),
    "cuts": ((CALL, http_done(0, body=Body(text="ab", cuts=((1, 1 << 30),)))), 3, "body.cuts"),
    "negative cut": (
        (CALL, dump_line(http_done(0)).replace(b'"body":{', b'"body":{"cuts":[[0,-1]],')),
        3,
        "body.cuts.0.1",
    ),
    "no base64": ((CALL, http_done(0, body=Body(base64="!"))), 3, "body.base64"),
    "negative time": ((dump_line(CALL).replace(b'"time_ns":0', b'"time_ns":-5'),), 2, "time_ns"),
    "huge time": ((dump_line(CALL).replace(b'"time_ns":0', b'"time_ns":' + b"9" * 400),), 2, "time_ns"),
    "text for a number": ((dump_line(CALL).replace(b'"seq":1', b'"seq":"1"'),), 2, "seq"),
    "bool for a number": ((dump_line(CALL).replace(b'"seq":1', b'"seq":true'),), 2, "seq"),
    "number for a text": ((dump_line(CALL).replace(b'"key":"k0"', b'"key":5'),), 2, "key"),
    "unknown boundary": ((dump_line(CALL).replace(b'"llm"', b'"llama"'),), 2, "boundary"),
    "unknown field": ((dump_line(CALL).replace(b'"seq":1', b'"seq":1,"extra":1'),), 2, "extra"),
    "field named by a surrogate": ((dump_line(CALL).replace(b'"seq":1', b'"seq":1,"\\ud800":1'),), 2, "?"),
    "missing field": ((dump_line(CALL).replace(b'"name":"chat",', b""),), 2, "name"),
    "headers are a text": ((CALL, dump_line(http_done(0)).replace(b'"body"', b'"headers":"a","body"')), 3, "headers"),
    "body is a list": ((dump_line(CALL).replace(b'{"text":"{}"}', b"[]"),), 2, "http.body"),
}


@pytest.mark.parametrize(("parts", "line", "field"), HOSTILE.values(), ids=HOSTILE.keys())
def test_lie_that_the_digest_vouches_for_is_found_when_it_is_read(
    parts: tuple[Line | bytes, ...], line: int, field: str, tmp_path: Path
) -> None:
    path = write(tmp_path, vouched(*parts))

    with pytest.raises(PacketError) as caught:
        read_all(Packet.load(path))

    assert (caught.value.path, caught.value.line, caught.value.field) == (path, line, field)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["c", "é", "\u2028", 'quote"', "back\\slash", "\ud800", "\x00", "\n"], ids=ascii)
def test_any_id_is_found_again(name: str) -> None:
    packet = Packet.loads(vouched(CALL.model_copy(update={"id": name}), http_done(0, [Chunk(0, b"x")], id=name)))

    assert packet.interactions[0].response_body == b"x"


replacements = st.sampled_from(
    [None, True, -1, 10**30, 1.5, "", "\ud800", [], [[]], {}, {"$part": "p"}, {"$list": "l"}, [[0, -1]], {"a": {}}]
)


@given(number=st.integers(1, len(LINES) - 2), data=st.data(), value=replacements)
@settings(max_examples=400)
def test_any_value_in_any_field_of_a_vouched_file_is_read_or_refused(number: int, data: Any, value: Any) -> None:
    fields = json.loads(LINES[number])
    path = data.draw(st.sampled_from(list(_paths(fields))))
    *parents, last = path
    holder = fields
    for key in parents:
        holder = holder[key]
    holder[last] = value
    changed = [*LINES[:number], json.dumps(fields, separators=(",", ":")).encode() + b"\n", *LINES[number + 1 : -1]]

    result = load_or_error(seal_bytes(b"".join(changed)))

    if isinstance(result, PacketError):
        assert result.line is not None
        assert result.field is not None


def _paths(value: Any) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, item in pairs:
        found.append((key,))
        found += [(key, *rest) for rest in _paths(item)]
    return found


def test_damaged_line_is_found_when_it_is_read_and_names_its_field() -> None:
    data = vouched(CALL, dump_line(http_done(0)).replace(b'"complete"', b'"perfect"'))
    interaction = Packet.loads(data).interactions[0]

    with pytest.raises(PacketError) as caught:
        _ = interaction.response_chunks
    assert (caught.value.line, caught.value.field) == (3, "state")


@pytest.mark.parametrize("make", [lambda: Packet.loads(EXAMPLE), lambda: Packet.loads(EXAMPLE).interactions[0]])
def test_repr_is_one_short_line(make: Callable[[], object]) -> None:
    assert len(repr(make())) < 80


def test_line_models_are_what_the_file_holds() -> None:
    packet = Packet.loads(EXAMPLE)

    assert isinstance(packet._line(0, Line), RunLine)
    assert isinstance(packet._line(len(LINES) - 1, Line), OutcomeLine)


def test_a_field_that_stands_twice_is_named() -> None:
    """Which of the two counts is a matter of the reader: neither does."""
    number = next(number for number, line in enumerate(LINES, start=1) if b'"status":200' in line)
    data = EXAMPLE.replace(b'"status":200', b'"status":200,"status":500', 1)

    with pytest.raises(PacketError, match="twice") as caught:
        Packet.loads(data)
    assert (caught.value.line, caught.value.field) == (number, "status")


@pytest.mark.parametrize("version", [0, 99], ids=["older", "newer"])
def test_content_keys_of_another_version_are_said_to_be_made_again(version: int) -> None:
    data = dump_line(run_line(key_version=version)) + b"".join(LINES[1:-1])
    packet = Packet.loads(seal_bytes(data))

    (note,) = packet.recovered
    assert note == f"its content keys are of version {version}; they were made again (version {KEY_VERSION})"
