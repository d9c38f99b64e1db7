"""Which tool wrote a recording, by what stands in it and never by its name."""

from __future__ import annotations

import re
from typing import Any

VCRPY = "vcrpy"
VCRPY_OLD = "vcrpy before 1.0"
LANGCHAIN = "LangChain's lists of requests and responses"

_HTTPRR = re.compile(r"httprr trace v\d")


def find_layout(documents: list[Any], text: str) -> str | None:
    """Name of the layout; None for what is no recording that replaykit knows."""
    if _HTTPRR.match(text):
        return "an httprr trace (Go)"
    if not documents:
        return None
    first = documents[0]
    if isinstance(first, dict) and {"when", "then"} <= first.keys():
        return "an httpmock recording (Rust), with a path and no host"
    if len(documents) > 1:
        return None
    if isinstance(first, list):
        return VCRPY_OLD if first and all(map(_is_exchange, first)) else None
    return _of_mapping(first) if isinstance(first, dict) else None


def _of_mapping(document: dict[Any, Any]) -> str | None:
    if document.get("kind") == "run" and "format" in document:
        return "a replaykit packet already"
    log = document.get("log")
    if isinstance(log, dict) and "entries" in log:
        return "a HAR"
    if "http_interactions" in document:
        by = str(document.get("recorded_with"))
        return "a betamax cassette" if by.startswith("betamax") else "a cassette of VCR for Ruby or R"
    if isinstance(document.get("requests"), list) and isinstance(document.get("responses"), list):
        return LANGCHAIN
    if _is_exchange(document):
        return "a recording of ddapm-test-agent"
    return _of_interactions(document["interactions"]) if "interactions" in document else None


def _of_interactions(interactions: Any) -> str | None:
    if interactions is None:
        return VCRPY  # `interactions:` with nothing below it
    if isinstance(interactions, dict):
        return "a recording of interactions by key"
    if not isinstance(interactions, list):
        return None
    first = next(iter(interactions), None)
    if first is None:
        return VCRPY
    if not isinstance(first, dict):
        return None
    if {"kind", "direction"} <= first.keys():
        return "a recording of WebSocket frames"
    if first.keys() & {"request_sample", "request_stream"} or "chunks_json" in first:
        return "a gRPC recording"
    request = first.get("request")
    if isinstance(request, dict) and "url" in request and "uri" not in request:
        return "a go-vcr cassette"
    return VCRPY if "request" in first else None


def _is_exchange(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("request"), dict) and isinstance(item.get("response"), dict)
