"""What all request readers promise: equal segments mean equal bodies, and noise does not count."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from replaykit.wire import read_request
from tests.wire.recorded import REQUESTS, label


def segments(path: Path, body: Any) -> str:
    return json.dumps(read_request(path.parent.name, json.dumps(body).encode()).segments, sort_keys=True)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path


def changed(body: Any, path: tuple[Any, ...]) -> Any:
    other = copy.deepcopy(body)
    *parents, last = path
    holder = other
    for key in parents:
        holder = holder[key]
    old = holder[last]
    holder[last] = f"{old} changed" if isinstance(old, str) else [old, "changed"] if last == "stop" else not old
    return other


def shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, list):
        return [shuffled(inner, order) for inner in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    order.shuffle(keys)
    return {key: shuffled(value[key], order) for key in keys}


@pytest.mark.parametrize("path", REQUESTS, ids=label)
def test_any_changed_leaf_changes_some_segment(path: Path) -> None:
    body = json.loads(path.read_bytes())
    before = segments(path, body)

    assert [leaf for leaf in leaves(body) if segments(path, changed(body, leaf)) == before] == []


@pytest.mark.parametrize("path", REQUESTS, ids=label)
def test_any_removed_key_changes_some_segment(path: Path) -> None:
    body = json.loads(path.read_bytes())
    before = segments(path, body)
    optional = [key for key in body if key not in ("messages", "input") and body[key] not in (None, False, [])]

    same = [key for key in optional if segments(path, {k: v for k, v in body.items() if k != key}) == before]

    assert same == []


@pytest.mark.parametrize("path", REQUESTS, ids=label)
def test_key_order_and_explicit_nulls_change_nothing(path: Path) -> None:
    body = json.loads(path.read_bytes())
    noisy = shuffled({**body, "logprobs": None, "unheard_of": None, "cache_control": None}, random.Random(1))

    assert segments(path, noisy) == segments(path, body)


@pytest.mark.parametrize("path", REQUESTS, ids=label)
def test_an_unknown_key_is_an_option(path: Path) -> None:
    body = {**json.loads(path.read_bytes()), "unheard_of": {"x": 1}}

    assert read_request(path.parent.name, json.dumps(body).encode()).options["unheard_of"] == {"x": 1}


@pytest.mark.parametrize("path", REQUESTS, ids=label)
def test_no_stream_is_the_same_as_a_stream_not_asked_for(path: Path) -> None:
    body = {key: value for key, value in json.loads(path.read_bytes()).items() if key != "stream"}

    assert segments(path, {**body, "stream": False}) == segments(path, body)
    assert segments(path, {**body, "stream": True}) != segments(path, body)
