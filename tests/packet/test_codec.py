"""Single lines: written so that they can be indexed and always read again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from replaykit.errors import PacketError
from replaykit.packet.codec import (
    LINES,
    MAX_DEPTH,
    dump_line,
    find_repeated_name,
    is_too_deep,
    parse_line,
    read_head,
)
from replaykit.packet.model import Body, DoneLine, Line, LogLine
from tests.packet.building import http_call, run_line


def done(value: Any) -> DoneLine:
    return DoneLine(id="c", seq=1, time_ns=1, state="complete", value=value, has_value=True)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_kind_and_id_stand_first() -> None:
    assert read_head(dump_line(http_call(0, Body(text="x")))) == ("call", "c0")
    assert read_head(dump_line(run_line())) == ("run", "run-1")


@pytest.mark.parametrize("name", ['a"b', "a\\b", "\ud800"], ids=["quote", "backslash", "surrogate"])
def test_head_that_needs_decoding_is_left_to_the_parser(name: str) -> None:
    data = dump_line(LogLine(id=name, seq=1, time_ns=1, message=""))

    assert read_head(data) is None
    assert parse_line(data, path=None, number=1).id == name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), [-float("inf")], 10**5000, {"a": (10**5000, float("nan"), "\ud800")}],
    ids=["nan", "inf", "-inf", "huge integer", "all"],
)
def test_line_can_always_be_read_again(value: Any) -> None:
    line = parse_line(dump_line(done(value)), path=None, number=1)

    assert isinstance(line, DoneLine)
    assert line.has_value


@pytest.mark.parametrize("depth", [1, 100, MAX_DEPTH - 1])
def test_nesting_up_to_the_limit_is_read(depth: int) -> None:
    line = parse_line(dump_line(done(nested(depth))), path=None, number=1)

    assert isinstance(line, DoneLine)
    assert line.value == nested(depth)


def test_deeper_nesting_is_refused_and_says_so() -> None:
    data = dump_line(done(0)).replace(b'"value":0', b'"value":' + json.dumps(nested(MAX_DEPTH)).encode())

    with pytest.raises(PacketError, match="nested deeper") as caught:
        parse_line(data, path=None, number=7)
    assert caught.value.line == 7


@pytest.mark.parametrize(
    ("text", "is_deep"),
    [
        ("[[[]]]", False),
        ("[[[[]]]]", True),
        ('["[[[[[", [[]]]', False),
        ('["\\"[[[[[", [[]]]', False),
        ('"[[[[[[[[', False),
        ("[][][][][]", False),
        ('{"a":{"a":{"a":{}}}}', True),
    ],
)
def test_brackets_in_strings_do_not_count(text: str, is_deep: bool) -> None:
    assert is_too_deep(text, 3) is is_deep


def test_every_kind_of_line_has_its_model() -> None:
    kinds = {kind.model_fields["kind"].default for kind in Line.__subclasses__() if "seq" in kind.model_fields}

    assert kinds | {"run"} == set(LINES)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param('{"a":1,"b":{"a":2}}', None, id="in two objects"),
        pytest.param('{"a":1,"a":1}', "a", id="at the top"),
        pytest.param('{"a":{"b":[{},{"c":1,"d":2,"c":3}]}}', "a.b.1.c", id="inside"),
    ],
)
def test_a_name_that_stands_twice_is_found_with_its_path(text: str, path: str | None) -> None:
    assert find_repeated_name(text.encode()) == path
