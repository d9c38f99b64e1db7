"""Whatever stands where in a cassette: it becomes a whole packet, or an error that names the file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("vcr", reason="the reader ends in vcrpy's own deserializer")
import yaml

from replaykit.convert.vcr import read_cassette
from replaykit.errors import ReplayKitError
from replaykit.packet import Packet
from tests.convert.building import interaction, packed, text_file

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
_ANYTHING = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_LEAVES.filter(lambda key: key == key), inner, max_size=3)
    ),
    max_leaves=6,
)
_KEYS = {
    "request": ("method", "uri", "body", "parsed_body", "headers", "other"),
    "response": ("status", "status_code", "headers", "body", "parsed_body", "content", "url", "other"),
}
_PLACES = [(side, key) for side, keys in _KEYS.items() for key in keys]


@st.composite
def _documents(draw: st.DrawFn) -> Any:
    """A cassette in which some values are others."""
    item = interaction()
    for side, key in draw(st.lists(st.sampled_from(_PLACES), max_size=4)):
        item[side][key] = draw(_ANYTHING)
    if draw(st.integers(0, 9)) == 0:
        item[draw(st.sampled_from(["request", "response", "other"]))] = draw(_ANYTHING)
    items = [interaction(), item]
    shape = draw(st.sampled_from(["today", "old", "lists", "none"]))
    if shape == "old":
        return items
    if shape == "lists":
        return {"requests": [one.get("request") for one in items], "responses": [one.get("response") for one in items]}
    return {"interactions": items, **({"version": 1} if shape == "today" else {})}


@given(document=_documents())
def test_any_value_in_any_place_is_imported_or_named(document: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = text_file(tmp_path_factory.mktemp("fuzz"), yaml.dump(document))
    try:
        made = packed(read_cassette(path))
    except ReplayKitError as error:
        assert "x.yaml" in str(error)
        return
    packet = Packet.loads(made.data)

    assert packet.recovered == ()
    assert packed(read_cassette(path)).run_id == made.run_id
    for item in packet.interactions:
        if not item.is_withheld:
            assert (item.request_body, item.response_body) is not None


@given(
    text=st.text() | st.binary(), start=st.sampled_from(["", "interactions:\n- ", "version: 1\n", '{"interactions": '])
)
def test_any_text_is_imported_or_named(text: str | bytes, start: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    tail = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    path = text_file(tmp_path_factory.mktemp("fuzz"), start.encode() + tail)

    try:
        packed(read_cassette(path))
    except ReplayKitError as error:
        assert "x.yaml" in str(error)


@given(cut=st.integers(0, 400))
def test_a_cassette_that_was_cut_off_anywhere_is_imported_or_named(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = json.dumps({"interactions": [interaction()], "version": 1})
    path = text_file(tmp_path_factory.mktemp("fuzz"), whole[:cut])

    try:
        assert len(read_cassette(path).calls) == 1
        assert cut >= len(whole)
    except ReplayKitError as error:
        assert "x.yaml" in str(error)
