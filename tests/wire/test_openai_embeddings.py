from __future__ import annotations

import json
from typing import Any

import pytest

from replaykit.errors import WireError
from replaykit.wire import read_request, read_response
from tests.wire.recorded import request, response


def messages(value: Any) -> tuple[Any, ...]:
    return read_request("openai.embeddings", json.dumps({"model": "m", "input": value}).encode()).messages


def test_each_input_is_a_message() -> None:
    assert [message["content"][0]["text"] for message in messages(["a", "b"])] == ["a", "b"]
    assert messages("a") == messages(["a"])
    assert messages("a") != messages("b")


def test_token_ids_of_one_input_are_one_message() -> None:
    assert messages([1, 2]) == messages([[1, 2]])
    assert len(messages([[1], [2]])) == 2


def test_a_recorded_request_and_answer() -> None:
    asked, answer = request("openai.embeddings/voyage"), response("openai.embeddings/voyage")

    assert (asked.operation, asked.model, list(asked.format)) == ("embed", "voyage-4", ["encoding_format"])
    assert (answer.model, answer.usage.input_tokens, answer.is_complete) == ("voyage-4", 3, True)


def test_a_body_without_input_is_an_error() -> None:
    with pytest.raises(WireError, match="input: expected text or a list"):
        read_request("openai.embeddings", b'{"prompt":"ollama"}')


def test_an_answer_without_data_is_an_error() -> None:
    assert read_response("openai.embeddings", b'{"error":{"message":"no"}}').error == "no"
    with pytest.raises(WireError, match="neither data nor an error"):
        read_response("openai.embeddings", b'{"embedding":[]}')
