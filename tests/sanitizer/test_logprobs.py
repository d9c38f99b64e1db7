"""A secret that tokens with probabilities spell can't be replaced, so the answer is not kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from replaykit.errors import SanitizeError
from tests.sanitizer.secrets import TOKENS, sanitizer

KEY = TOKENS["openai_key"]


def tokens(text: str) -> list[dict[str, Any]]:
    pieces = [text[place : place + 4] for place in range(0, len(text), 4)]
    return [{"token": piece, "logprob": -0.1, "bytes": list(piece.encode()), "top_logprobs": []} for piece in pieces]


def chat(text: str) -> bytes:
    choice = {"index": 0, "message": {"content": "."}, "logprobs": {"content": tokens(text), "refusal": None}}
    return json.dumps({"choices": [choice]}).encode()


def streamed(text: str) -> bytes:
    events = [{"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [item]}}]} for item in tokens(text)]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


def responses(text: str) -> bytes:
    return json.dumps({"output": [{"content": [{"text": ".", "logprobs": tokens(text)}]}]}).encode()


@pytest.mark.parametrize("make", [chat, streamed, responses])
def test_an_answer_with_a_secret_in_them_is_refused(make: Any) -> None:
    with pytest.raises(SanitizeError, match="logprobs"):
        sanitizer().body(make(f"The key is {KEY}."))


@pytest.mark.parametrize("make", [chat, streamed, responses])
def test_an_answer_without_one_is_kept_as_it_is(make: Any) -> None:
    body = make("It rains in Bergen.")

    assert sanitizer().body(body) == body


def test_two_choices_are_two_texts() -> None:
    """Token by token they would make another text, or hide one."""
    both = json.loads(chat("nothing here"))
    both["choices"].append({**json.loads(chat(KEY))["choices"][0], "index": 1})

    with pytest.raises(SanitizeError, match="logprobs"):
        sanitizer().body(json.dumps(both).encode())


def test_damaged_json_is_searched_as_text() -> None:
    body = b'{"logprobs": {"content": [{"token": "' + KEY.encode() + b'"'

    assert KEY.encode() not in sanitizer().body(body)
