"""All readers over every model call of the shared recordings, which are too many to keep here."""

from __future__ import annotations

from collections import Counter

import pytest

from replaykit.errors import WireError
from replaykit.wire import classify, read_request, read_response, tool_results
from tests.wire.corpus import SHARED, Exchange, exchanges

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared recordings; set REPLAYKIT_SHARED (looked in {SHARED})"),
]


@pytest.fixture(scope="module")
def recorded() -> list[Exchange]:
    pytest.importorskip("yaml", reason="the shared recordings are YAML")
    return list(exchanges())


def test_every_recorded_model_call_can_be_read(recorded: list[Exchange]) -> None:
    read: Counter[str | None] = Counter()
    broken = []
    for exchange in recorded:
        call = classify(exchange.method, exchange.url, exchange.request_headers)
        if call.wire_format is None:
            continue
        request = read_request(call.wire_format, exchange.request_body, call.model)
        tool_results(request)
        assert request.model
        try:
            answer = read_response(call.wire_format, exchange.response_body, exchange.content_type)
        except WireError:
            broken.append(exchange.response_body)
            continue
        assert (answer.error is None) == (exchange.status < 400)
        assert answer.is_complete
        read[call.wire_format] += 1

    assert broken == [b""]  # one suite published a 200 without a body
    assert read == {
        "openai.chat": 65,
        "openai.responses": 31,
        "anthropic.messages": 20,
        "anthropic.count_tokens": 1,
        "openai.embeddings": 3,
    }


def test_only_known_services_are_taken_for_telemetry(recorded: list[Exchange]) -> None:
    calls = [(exchange, classify(exchange.method, exchange.url, exchange.request_headers)) for exchange in recorded]

    swallowed = {exchange.url for exchange, call in calls if call.call_class == "telemetry"}

    assert swallowed == {"https://api.openai.com/v1/traces/ingest", "https://telemetry.crewai.com:4319/v1/traces"}
