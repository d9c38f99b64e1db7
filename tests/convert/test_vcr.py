"""Every layout that vcrpy ever had, as one list of requests and responses."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vcr", reason="the reader ends in vcrpy's own deserializer")

from replaykit.convert.recording import OtherFormat, RecordedCall
from replaykit.convert.vcr import read_cassette
from replaykit.errors import PacketError, UsageError
from tests.convert.building import CASSETTES, URL, cassette, interaction, text_file


def _only(path: Path) -> RecordedCall:
    (call,) = read_cassette(path).calls
    return call


def _notes(folder: Path, *interactions: Any, **top: Any) -> tuple[str, ...]:
    return read_cassette(cassette(folder, *interactions, **top)).notes


def test_todays_layout(tmp_path: Path) -> None:
    headers = {"A": ["1", "2"], "b": "3"}
    call = _only(cassette(tmp_path, interaction(request_headers=headers, response_headers={"Set-Cookie": ["x", "y"]})))

    assert (call.request.method, call.request.url, call.request.body) == ("POST", URL, b'{"model":"m","messages":[]}')
    assert call.request.headers == (("A", "1"), ("A", "2"), ("b", "3"))
    assert (call.status, call.headers) == (200, (("Set-Cookie", "x"), ("Set-Cookie", "y")))
    assert call.body == b'{"id":"1","choices":[]}'


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({"request_body": None}, b""),
        ({"request_body": ""}, b""),
        ({"request_body": ...}, b""),
        ({"request_body": b"\x00\xff"}, b"\x00\xff"),
        ({"request_body": "ü"}, "ü".encode()),
        ({"request_body": ["a", "b"]}, b"ab"),
        ({"request_body": ..., "request_parsed_body": {"b": 1, "a": "ü"}}, '{"b":1,"a":"ü"}'.encode()),
        ({"request_body": ..., "request_parsed_body": None}, b"null"),
        ({"request_body": {"a": 1}}, b'{"a":1}'),
        ({"request_body": [1, {"a": 2}]}, b'[1,{"a":2}]'),
    ],
)
def test_a_request_body_in_any_form(tmp_path: Path, change: dict[str, Any], sent: bytes) -> None:
    assert _only(cassette(tmp_path, interaction(**change))).request.body == sent


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({"response_body": None}, b""),
        ({"response_body": {"string": ""}}, b""),
        ({"response_body": {"string": None}}, b""),
        ({"response_body": ...}, b""),
        ({"response_body": "text"}, b"text"),
        ({"response_body": {"string": b"\x1f\x8b"}}, b"\x1f\x8b"),
        ({"response_body": {"base64_string": "YQ=="}}, b"a"),
        ({"response_body": ..., "response_parsed_body": {"a": [1.5, None, True]}}, b'{"a":[1.5,null,true]}'),
        ({"response_body": ..., "response_parsed_body": ["x"]}, b'["x"]'),
        ({"response_body": ..., "response_content": "text"}, b"text"),
        ({"response_body": ..., "response_content": b"\x00"}, b"\x00"),
    ],
)
def test_a_response_body_in_any_form(tmp_path: Path, change: dict[str, Any], received: bytes) -> None:
    assert _only(cassette(tmp_path, interaction(**change))).body == received


@pytest.mark.parametrize(
    ("status", "code"), [({"code": 429}, 429), ({"code": "404"}, 404), (201, 201), ("200 OK", 200)], ids=str
)
def test_a_status_in_any_form(tmp_path: Path, status: Any, code: int) -> None:
    assert _only(cassette(tmp_path, interaction(response_status=status))).status == code


def test_the_old_httpx_stub(tmp_path: Path) -> None:
    change = {"response_status": ..., "response_body": ..., "response_status_code": 200, "response_content": "hi"}
    recording = read_cassette(cassette(tmp_path, interaction(**change, response_http_version="HTTP/1.1")))

    assert (recording.calls[0].status, recording.calls[0].body, recording.notes) == (200, b"hi", ())


def test_the_layout_before_1_0() -> None:
    recording = read_cassette(CASSETTES / "vcrpy/migration__old_cassette.yaml")

    (call,) = recording.calls
    assert (recording.layout, call.request.method, call.request.url) == (
        "vcrpy before 1.0",
        "GET",
        "http://httpbin.org/ip",
    )
    assert ("user-agent", "python-requests/2.2.1 CPython/2.6.1 Darwin/10.8.0") in call.request.headers
    assert ("content-type", "application/json") in call.headers
    assert json.loads(call.body) == {"origin": "217.122.164.194"}
    assert recording.notes == ()


@pytest.mark.parametrize(("port", "address"), [(443, "https://h/a"), (8443, "https://h:8443/a")])
def test_an_old_address_keeps_only_a_port_of_its_own(tmp_path: Path, port: int, address: str) -> None:
    request = {
        "method": "GET",
        "protocol": "https",
        "host": "h",
        "port": port,
        "path": "/a",
        "headers": {},
        "body": None,
    }
    path = text_file(tmp_path, json.dumps([{"request": request, "response": interaction()["response"]}]), "x.json")

    assert _only(path).request.url == address


def test_langchains_two_lists_in_a_gzip_file() -> None:
    recording = read_cassette(CASSETTES / "langchain-aws/cassettes__test_agent_loop_streaming_v1.yaml.gz")

    assert [call.status for call in recording.calls] == [200, 200]
    assert recording.calls[0].body[:4] == b"\x00\x00\x00\xa7"  # an AWS event stream, byte by byte
    assert recording.notes == ()


@pytest.mark.parametrize(
    ("requests", "responses", "note"),
    [
        (2, 1, "interaction 2 has no response: a replay can't answer it"),
        (1, 3, "2 responses without a request were not imported"),
    ],
)
def test_lists_of_other_lengths_are_named(tmp_path: Path, requests: int, responses: int, note: str) -> None:
    one = interaction()
    document = {"requests": [one["request"]] * requests, "responses": [one["response"]] * responses}
    recording = read_cassette(text_file(tmp_path, gzip.compress(json.dumps(document).encode()), "x.yaml.gz"))

    assert (len(recording.calls), recording.notes) == (requests, (note,))


def test_tags_as_keys_of_headers_are_their_text() -> None:
    call = _only(CASSETTES / "dd-trace-py/openai__openai_completions_post_ec9c4d9d.yaml")

    assert "Content-Type" in dict(call.request.headers)
    assert call.status == 400


@pytest.mark.parametrize("version", [{}, {"version": 1}, {"version": 2}], ids=str)
def test_a_json_cassette_with_or_without_a_version(tmp_path: Path, version: dict[str, int]) -> None:
    path = text_file(tmp_path, json.dumps({"interactions": [interaction()], **version}), "x.json")

    assert _only(path).status == 200


def test_an_empty_cassette_is_one(tmp_path: Path) -> None:
    assert read_cassette(cassette(tmp_path)).calls == ()


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (lambda: {**interaction(), "recorded_at": "x"}, "an interaction's 'recorded_at' was not imported"),
        (lambda: interaction(request_extra=1), "a request's 'extra' was not imported"),
        (
            lambda: interaction(request_body={"a": 1}),
            "interaction 1: a dict in place of a body was read as JSON",
        ),
        (lambda: interaction(response_extra=1), "a response's 'extra' was not imported"),
        (lambda: interaction(response_body={"string": "", "x": 1}), "a body's 'x' was not imported"),
        (lambda: interaction(response_url="https://other"), "a response's other 'url' was not imported"),
        (
            lambda: interaction(response_status=...),
            "interaction 1: its response has no status: a replay can't answer it",
        ),
        (lambda: {"request": interaction()["request"]}, "interaction 1 has no response: a replay can't answer it"),
        (
            lambda: interaction(request_body=..., request_parsed_body={"a": b"b"}),
            "interaction 1: a bytes in a parsed body was read as text",
        ),
    ],
)
def test_what_a_packet_can_not_hold_is_named(tmp_path: Path, make: Callable[[], Any], note: str) -> None:
    assert _notes(tmp_path, make()) == (note,)


def test_what_is_left_out_often_is_named_once(tmp_path: Path) -> None:
    notes = _notes(tmp_path, *[interaction(request_extra=1)] * 3, metadata={"a": 1})

    assert notes == ("a request's 'extra' was not imported (3 times)", "the cassette's 'metadata' was not imported")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"request": {"uri": "u"}, "response": {}}, "interaction 1: its request has no method or no uri"),
        ({"request": {"method": 7, "uri": "u"}, "response": {}}, "interaction 1: its request has no method or no uri"),
        ({"request": "GET", "response": {}}, "interaction 1 has no request"),
        (interaction(response_body={"base64_string": "?"}), "interaction 1: its body is not base64"),
    ],
)
def test_damage_inside_is_named(tmp_path: Path, item: Any, words: str) -> None:
    with pytest.raises(PacketError, match=words):
        read_cassette(cassette(tmp_path, item))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"log": {"entries": []}}, "this is a HAR, not a vcrpy cassette"),
        ({"services": {}}, "this is no vcrpy cassette"),
    ],
)
def test_another_format_is_named(tmp_path: Path, document: Any, words: str) -> None:
    with pytest.raises(OtherFormat, match=words):
        read_cassette(text_file(tmp_path, json.dumps(document)))


def test_without_vcrpy_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vcr", None)

    with pytest.raises(UsageError, match=r'pip install "agent-replaykit\[vcr\]"'):
        read_cassette(tmp_path / "x.yaml")
