"""What counts as the same request."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from replaykit.matching.content import read_body
from tests.matching.building import body_of, content_of, said, tool_content

TOOL = {"type": "function", "function": {"name": "t", "parameters": {"type": "object", "properties": {"a": {}}}}}
BODY = body_of(
    {"role": "system", "content": "be careful"},
    said("hello"),
    {"role": "assistant", "content": "hi"},
    {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "u"}}]},
    tools=[TOOL],
    temperature=0.5,
    response_format={"type": "json_object"},
    user="u-1",
    metadata={"team": "a"},
    stream=True,
)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = False
    for key, item in items:
        found = True
        yield from _leaves(item, (*path, key))
    if not found:
        yield path


def _with_other_leaf(value: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(value)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    old = holder[path[-1]]
    holder[path[-1]] = (not old) if isinstance(old, bool) else old + 1 if isinstance(old, float) else f"{old}x"
    return changed


@pytest.mark.parametrize("path", list(_leaves(BODY)), ids=lambda path: ".".join(map(str, path)))
def test_every_leaf_of_a_model_request_counts(path: tuple[Any, ...]) -> None:
    assert content_of(_with_other_leaf(BODY, path)).key != content_of(BODY).key


def test_the_order_of_keys_never_counts() -> None:
    def backwards(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: backwards(value[key]) for key in reversed(value)}
        return [backwards(item) for item in value] if isinstance(value, list) else value

    assert content_of(backwards(BODY)).key == content_of(BODY).key


def test_white_space_and_escapes_of_a_body_never_count() -> None:
    assert content_of(json.dumps(BODY, indent=3).encode()).key == content_of(BODY).key


def test_a_model_call_is_the_same_through_another_gateway() -> None:
    assert content_of(BODY, url="http://localhost:4000/openai/v1/chat/completions").key == content_of(BODY).key


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), ("1", 1), (None, ""), ([], {})])
def test_values_that_python_takes_for_equal_are_different_arguments(one: Any, other: Any) -> None:
    assert tool_content("t", {"a": one}).hashes != tool_content("t", {"a": other}).hashes


def test_a_change_stays_in_its_segment() -> None:
    """The segments that did not change keep their hashes, so a report can say what is the same."""
    old, new = content_of(BODY), content_of({**BODY, "temperature": 0.75})

    assert {name for name in old.hashes if old.hashes[name] != new.hashes[name]} == {"sampling"}


def test_the_model_in_the_path_counts() -> None:
    url = "https://x.openai.azure.com/openai/deployments/{}/chat/completions"
    body = {"messages": [said("hello")]}

    assert content_of(body, url=url.format("small")).key != content_of(body, url=url.format("large")).key


def _multipart(boundary: str, text: str) -> Any:
    data = f'--{boundary}\r\nContent-Disposition: form-data; name="f"\r\n\r\n{text}\r\n--{boundary}--\r\n'.encode()
    return content_of(data, url="https://files.example/up", kind=f"multipart/form-data; boundary={boundary}").key


def test_a_multipart_body_counts_without_its_boundary() -> None:
    assert _multipart("aaa111", "one") == _multipart("bbb222", "one") != _multipart("aaa111", "two")


def test_plain_http_counts_method_address_query_and_body() -> None:
    base = content_of(b"{}", url="https://api.example/v1/x?a=1").key

    others = [("https://api.example/v1/y?a=1", b"{}"), ("https://api.example/v1/x?a=2", b"{}")]
    others += [("https://other.example/v1/x?a=1", b"{}"), ("https://api.example/v1/x?a=1", b"[]")]
    assert len({base, *(content_of(body, url=url).key for url, body in others)}) == 5


def test_the_default_port_of_an_address_never_counts() -> None:
    plain, written = (content_of(b"x", url=f"https://api.example.com{port}/a") for port in ("", ":443"))
    other = content_of(b"x", url="https://api.example.com:444/a")

    assert plain.hashes == written.hashes != other.hashes


def test_the_case_of_a_host_never_counts() -> None:
    assert content_of(b"{}", url="https://API.example/x").key == content_of(b"{}", url="https://api.example/x").key


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        pytest.param(b'{"a": 1}', "application/json", {"a": 1}, id="json"),
        pytest.param(b'{"a": 1, "a": 2}', "application/json", '{"a": 1, "a": 2}', id="a name said twice"),
        pytest.param(b"a=1&b=", "application/x-www-form-urlencoded", [["a", "1"], ["b", ""]], id="form"),
        pytest.param(b"plain", "text/plain", "plain", id="text"),
        pytest.param(b"\xff\xfe", "image/png", {"base64": "//4="}, id="bytes"),
        pytest.param(b"{broken", "application/json", "{broken", id="not json after all"),
        pytest.param(b"", "application/json", None, id="nothing"),
    ],
)
def test_bodies_are_compared_by_what_they_say(body: bytes, kind: str, expected: Any) -> None:
    assert read_body(body, kind) == expected


def test_an_address_that_is_none_is_compared_as_it_stands() -> None:
    assert content_of(b"", url="http://[broken").segments["url"] == "http://[broken"


def test_sensitive_values_count_by_their_kind() -> None:
    assert content_of(body_of(said("mail bob@acme.com"))).key == content_of(body_of(said("mail eve@acme.org"))).key
