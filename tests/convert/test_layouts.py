"""Every recording is known by what stands in it."""

from __future__ import annotations

from typing import Any

import pytest

from replaykit.convert.layouts import LANGCHAIN, VCRPY, VCRPY_OLD, find_layout

EXCHANGE = {"request": {"method": "GET", "uri": "u"}, "response": {}}


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"interactions": [EXCHANGE], "version": 1}, VCRPY),
        ({"interactions": [EXCHANGE]}, VCRPY),
        ({"interactions": []}, VCRPY),
        ({"interactions": None}, VCRPY),
        ([EXCHANGE], VCRPY_OLD),
        ({"requests": [], "responses": []}, LANGCHAIN),
        ({"log": {"entries": []}}, "a HAR"),
        ({"http_interactions": [], "recorded_with": "VCR 6.3.1"}, "a cassette of VCR for Ruby or R"),
        ({"http_interactions": [], "recorded_with": "betamax/0.4.0"}, "a betamax cassette"),
        ({"version": 2, "interactions": [{"id": 0, "request": {"url": "u"}}]}, "a go-vcr cassette"),
        ({"when": {}, "then": {}}, "an httpmock recording (Rust), with a path and no host"),
        (EXCHANGE, "a recording of ddapm-test-agent"),
        ({"interactions": [{"kind": "message", "direction": "sent"}]}, "a recording of WebSocket frames"),
        ({"interactions": [{"request_sample": {}}]}, "a gRPC recording"),
        ({"interactions": {"a1b2": [1, 2]}}, "a recording of interactions by key"),
        ({"kind": "run", "format": 1}, "a replaykit packet already"),
        ({"services": {"web": {}}}, None),
        ({"interactions": ["text"]}, None),
        ([1, 2], None),
        ("text", None),
    ],
)
def test_a_document_is_named(document: Any, name: str | None) -> None:
    assert find_layout([document], "") == name


def test_a_trace_that_is_no_document_is_named_by_its_first_line() -> None:
    assert find_layout([], "httprr trace v1\n410 2302\nPOST") == "an httprr trace (Go)"


def test_an_empty_file_is_no_recording() -> None:
    assert find_layout([], "") is None
    assert find_layout([None], "\n") is None
