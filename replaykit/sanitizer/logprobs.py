"""Tokens with their probabilities: an answer that a model spells once more, in pieces and in numbers of bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

_DEEPEST = 64


def may_hold_logprobs(text: str) -> bool:
    """A quick look whether there can be any."""
    return '"logprobs"' in text and '"token"' in text


def spelled_texts(text: str, events: Iterable[tuple[int, int]]) -> list[str]:
    """What the tokens say, put together for every choice; `events` are where JSON stands in the text."""
    said: dict[str, list[str]] = {}
    for start, end in events:
        try:
            value = json.loads(text[start:end])
        except (ValueError, RecursionError):
            continue  # damaged: it is searched as text
        for place, token in _tokens(value, "", 0):
            said.setdefault(place, []).append(token)
    return ["".join(tokens) for tokens in said.values()]


def _tokens(value: Any, place: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            mark = item.get("index", "") if isinstance(item, dict) else ""
            yield from _tokens(item, f"{place}[{mark}]", depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name != "logprobs":
                yield from _tokens(item, f"{place}.{name}", depth + 1)
                continue
            for kind, items in item.items() if isinstance(item, dict) else (("", item),):
                for token in items if isinstance(items, list) else ():
                    if isinstance(token, dict) and isinstance(token.get("token"), str):
                        yield f"{place}.{kind}", token["token"]
