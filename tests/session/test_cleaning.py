"""Lines are looked at once more before they are written; recorded exceptions again by newer rules."""

from __future__ import annotations

import json
import logging

import pytest

from replaykit.errors import SanitizeError
from replaykit.packet.body import encode_body
from replaykit.packet.codec import dump_line
from replaykit.packet.model import (
    CallLine,
    DoneLine,
    EffectLine,
    Entry,
    EntryLine,
    Envelope,
    FailureRecord,
    FunctionCall,
    HttpCall,
    Line,
    LogLine,
    OutcomeLine,
    RunLine,
    SpanLine,
)
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.session.cleaning import Cleaner, clean_record
from tests.sanitizer.secrets import TOKENS

KEY = TOKENS["openai_key"]
ADDRESS = "ola.nordmann@vaer-oslo.org"
CALL = CallLine(id="c1", key="k", position="root/llm:chat[0]", boundary="llm", name="chat", seq=1, time_ns=1)
DONE = DoneLine(id="c1", seq=2, time_ns=1, state="complete")
OUTCOME = OutcomeLine(id="r", seq=9, time_ns=1, status="failed")
ENVELOPE = Envelope(run_id="r", trace_id="t", workflow="w", started_at="2026-01-01T00:00:00Z")
TOLD = f"the key is {KEY}"

LINES: dict[str, Line] = {
    "body of a request": CALL.model_copy(
        update={"http": HttpCall(method="POST", url="https://x.io", body=encode_body(TOLD.encode()))}
    ),
    "address": CALL.model_copy(update={"http": HttpCall(method="GET", url=f"https://x.io/{KEY}")}),
    "header": CALL.model_copy(update={"http": HttpCall(method="GET", url="https://x.io", headers=(("x", KEY),))}),
    "arguments": CALL.model_copy(update={"function": FunctionCall(arguments={"a": [TOLD]})}),
    "body of an answer": DONE.model_copy(update={"status": 200, "body": encode_body(TOLD.encode())}),
    "result": DONE.model_copy(update={"value": {"a": TOLD}, "has_value": True}),
    "failure": DONE.model_copy(update={"failure": FailureRecord(type="ValueError", message=TOLD)}),
    "attribute": SpanLine(id="s", seq=3, time_ns=1, position="root", name="plan", attributes={"a": TOLD}),
    "command": EntryLine(id="r", seq=1, entry=Entry(kind="command", argv=("run", TOLD))),
    "effect": EffectLine(id="e", seq=1, lineage="root", source="uuid.uuid4", values=(KEY,)),
    "tag": RunLine(id="r", format=1, key_version=2, ruleset="4", run=ENVELOPE.model_copy(update={"tags": {"a": TOLD}})),
    "workflow": RunLine(
        id="r", format=1, key_version=2, ruleset="4", run=ENVELOPE.model_copy(update={"workflow": TOLD})
    ),
    "output": OUTCOME.model_copy(update={"output": {"a": TOLD}, "has_output": True}),
    "exception": OUTCOME.model_copy(update={"exception": FailureRecord(type="ValueError", message=TOLD)}),
}


@pytest.mark.parametrize("line", LINES.values(), ids=list(LINES))
def test_a_secret_that_is_left_takes_its_value_with_it(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    cleaner = Cleaner(Sanitizer())

    with caplog.at_level(logging.WARNING, "replaykit"):
        made = cleaner.checked(line)

    assert KEY not in dump_line(made).decode()
    assert type(made) is type(line)
    assert cleaner.withheld == 1
    assert "a secret was left in it: openai_key" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("name", ["body of a request", "body of an answer", "result"])
def test_what_was_withheld_says_so(name: str) -> None:
    made = Cleaner(Sanitizer()).checked(LINES[name])

    body = made.http.body if isinstance(made, CallLine) and made.http else made.body  # type: ignore[attr-defined]
    assert body.withheld == "a secret was left in it: openai_key"


def test_a_variable_s_value_is_a_secret_too() -> None:
    cleaner = Cleaner(Sanitizer(environ={"DB_PASSWORD": "Tr0ub4dor-and-3"}))

    made = cleaner.checked(DONE.model_copy(update={"value": "x Tr0ub4dor-and-3 x", "has_value": True}))

    assert (made.value, made.has_value) == (None, False)


def test_stand_ins_and_their_beginnings_are_no_secrets() -> None:
    sanitizer = Sanitizer()
    stand_in = sanitizer.text(KEY)
    line = DONE.model_copy(update={"value": [stand_in, f"{stand_in[:30]}..."], "has_value": True})

    assert Cleaner(sanitizer).checked(line) == line


def test_what_comes_up_by_chance_in_a_picture_is_none() -> None:
    noise = "Qm9v" * 60 + "EAAC" + "Zm9vYmFy" * 30
    line = DONE.model_copy(update={"value": noise, "has_value": True})

    assert Cleaner(Sanitizer()).checked(line) == line


def test_a_line_that_can_t_do_without_is_not_written() -> None:
    with pytest.raises(SanitizeError, match="kind log"):
        Cleaner(Sanitizer()).checked(LogLine(id="l", seq=1, time_ns=1, message=TOLD))


def test_the_run_is_warned_once_and_all_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    cleaner = Cleaner(Sanitizer(budget_s=0.0))

    bodies = [cleaner.stdin(TOLD.encode()), cleaner.stdin(TOLD.encode()), cleaner.stdin(b"other")]

    assert cleaner.withheld == 3
    assert len(caplog.records) == 1
    assert bodies[0] == bodies[1] != bodies[2]
    assert (bodies[0].length, bodies[0].text) == (len(TOLD), None)
    assert bodies[0].sha256 is not None
    assert bodies[0].sha256 != bodies[2].sha256


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


def test_a_text_that_is_its_argument_written_out_stays_so() -> None:
    told = json.dumps({"arguments": json.dumps({"password": "tr0ub$4dor", "to": ADDRESS})})
    error = KeyError(told)
    record = FailureRecord(
        type="m:F", message="no", cause=FailureRecord(type="m:E", message=str(error), arguments=(told,))
    )

    clean = clean_record(Sanitizer(key=b"k"), record).cause

    assert clean is not None
    assert clean.message == repr(clean.arguments[0])
    assert "tr0ub" not in clean.model_dump_json()
    assert ADDRESS not in clean.message


def test_every_exception_of_a_chain_is_looked_at() -> None:
    inner = FailureRecord(type="m:E", message=f"to {ADDRESS}")
    record = FailureRecord(type="m:F", cause=inner, context=None, group=(inner,))

    clean = clean_record(Sanitizer(key=b"k"), record)

    assert ADDRESS not in clean.model_dump_json()
    assert clean.cause is not None
    assert clean.cause.message == clean.group[0].message
