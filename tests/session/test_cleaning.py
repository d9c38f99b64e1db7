"""A recorded exception, sanitized once more by newer rules."""

from __future__ import annotations

from replaykit.packet.model import FailureRecord
from replaykit.sanitizer import Sanitizer
from replaykit.session.cleaning import clean_record

ADDRESS = "ola.nordmann@vaer-oslo.org"


def _message(**fields: object) -> dict[str, object]:
    return {"$type": "http_response", "status": 400, "headers": [], "body": None, **fields}


def test_what_is_clean_stays_as_it_is() -> None:
    record = FailureRecord(type="m:E", message="no", state={"response": _message(body='{"a": 1}')})

    assert clean_record(Sanitizer(key=b"k"), record) == record


def test_headers_and_bodies_of_messages_are_sanitized_by_what_they_are() -> None:
    headers = [["x-api-key", "quiet-marble"], ["content-type", "application/json"]]
    state = {"response": _message(headers=headers, body=f'{{"to": "{ADDRESS}"}}')}

    clean = clean_record(Sanitizer(key=b"k"), FailureRecord(type="m:E", state=state))

    said = clean.model_dump_json()
    assert "quiet-marble" not in said
    assert ADDRESS not in said
    assert clean.state["response"]["headers"][1] == headers[1]
    assert clean.state["response"]["body"].startswith('{"to": "')


def test_every_exception_of_a_chain_is_looked_at() -> None:
    inner = FailureRecord(type="m:E", message=f"to {ADDRESS}")
    record = FailureRecord(type="m:F", cause=inner, context=None, group=(inner,))

    clean = clean_record(Sanitizer(key=b"k"), record)

    assert ADDRESS not in clean.model_dump_json()
    assert clean.cause is not None
    assert clean.cause.message == clean.group[0].message
