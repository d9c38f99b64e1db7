"""Bodies are decoded before they are sanitized, and what can't be looked into is not kept."""

from __future__ import annotations

import gzip
import zlib
from typing import Any, ClassVar

import pytest

from replaykit.convert.cleaning import HIDDEN, UNDECODED, UNSANITIZED, CleanCall, clean_calls, decode_recorded
from replaykit.convert.recording import RecordedCall
from replaykit.packet.exchange import HttpRequest
from replaykit.packet.model import Body
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.sanitizer.shapes import Rule
from tests.convert.building import URL

SECRET = "sk-proj-Test4eYk7uWq2ZbT9xLm3RsV8cJh5NpA"
TEXT = b'{"answer": "yes"}'
GZIP = gzip.compress(TEXT, mtime=0)


def call(answer: bytes = b"", *answer_headers: tuple[str, str], **request: Any) -> RecordedCall:
    sent: dict[str, Any] = {"method": "POST", "url": URL, "headers": (), "body": b"{}", **request}
    return RecordedCall(1, HttpRequest(**sent), 200, answer_headers, answer)


def sending(body: bytes, **request: Any) -> RecordedCall:
    return call(body=body, **request)


def _clean(*calls: RecordedCall) -> tuple[CleanCall, ...]:
    return clean_calls(calls, Sanitizer())


@pytest.mark.parametrize(
    ("data", "encoding", "plain"),
    [
        (TEXT, "", TEXT),
        (TEXT, "gzip", TEXT),
        (TEXT, "br", TEXT),
        (TEXT, "gzip, br", TEXT),
        (TEXT, "unheard-of", TEXT),
        (b"", "gzip", b""),
        (GZIP, "gzip", TEXT),
        (GZIP, "GZIP", TEXT),
        (gzip.compress(GZIP, mtime=0), "gzip, gzip", TEXT),
        (zlib.compress(TEXT), "deflate", TEXT),
        (b"\x1f\x8b\x08", "", b"\x1f\x8b\x08"),
        (b"\x8b\x0c\x80\xff\x03", "unheard-of", None),
        (b"\x8b\x0c\x80\xff\x03", "gzip", None),
    ],
)
def test_a_header_that_the_body_contradicts_gives_way(data: bytes, encoding: str, plain: bytes | None) -> None:
    assert decode_recorded(data, encoding) == plain


def test_a_body_that_can_not_be_decoded_is_withheld() -> None:
    (clean,) = _clean(call(b"\x8b\x0c\x80\xff\x03", ("content-encoding", "unheard-of")))

    assert isinstance(clean.response_body, Body)
    assert (clean.response_body.withheld, clean.response_body.length) == (UNDECODED, 5)


def test_a_gzip_file_that_hides_a_secret_is_withheld_and_any_other_is_kept() -> None:
    plain, hiding = gzip.compress(b"a file"), gzip.compress(f"key: {SECRET}".encode())
    kept, withheld = _clean(call(plain), call(hiding))

    assert kept.response_body == plain
    assert isinstance(withheld.response_body, Body)
    assert withheld.response_body.withheld == HIDDEN


@pytest.mark.parametrize("place", ["url", "header", "sent", "received", "sent gzip", "received gzip"])
def test_no_secret_is_kept_wherever_it_stood(place: str) -> None:
    secret, packed = SECRET.encode(), gzip.compress(f'{{"a": "{SECRET}"}}'.encode())
    gzipped = (("content-encoding", "gzip"),)
    made = {
        "url": call(url=f"{URL}?key={SECRET}"),
        "header": call(headers=(("authorization", f"Bearer {SECRET}"),)),
        "sent": sending(b'{"a": "%s"}' % secret),
        "received": call(b'{"a": "%s"}' % secret),
        "sent gzip": sending(packed, headers=gzipped),
        "received gzip": call(packed, *gzipped),
    }[place]
    (clean,) = _clean(made)

    assert SECRET not in repr(clean)


def test_a_secret_that_a_late_header_gives_away_is_found_in_an_early_body() -> None:
    early = call(b'{"note": "the word is Hx7kQ2mWz9"}')
    late = call(headers=(("x-api-key", "Hx7kQ2mWz9"),))

    assert "Hx7kQ2mWz9" not in repr(_clean(early, late))


@pytest.mark.parametrize(
    "value", ["REDACTED", "Bearer <OPENAI_ACCESS_TOKEN>", "AUTHORIZATION-XXX", "**REDACTED**", "Bearer **REDACTED**"]
)
def test_what_was_redacted_before_stays_as_it_is(value: str) -> None:
    (clean,) = _clean(call(headers=(("authorization", value),)))

    assert clean.request_headers == (("authorization", value),)


def test_telemetry_is_not_kept() -> None:
    traces = call(url="https://telemetry.crewai.com:4319/v1/traces")

    assert [item.call.boundary for item in _clean(traces, call())] == ["llm"]


class _Broken:
    """The pattern of a rule of the user's that fails."""

    groupindex: ClassVar[dict[str, int]] = {}

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_what_can_not_be_sanitized_is_left_out_and_named() -> None:
    broken: Any = _Broken()
    headers = (("x-note", "unlucky"),)
    made = call(b"unlucky", *headers, url=f"{URL}/unlucky", headers=headers)
    (clean,) = clean_calls([made], Sanitizer(extra_rules=[Rule("mine", broken, ("unlucky",))]))

    assert clean.lost == ("request headers", "response headers", "address")
    assert [body.withheld for body in clean.withheld] == [UNSANITIZED]
    assert (clean.url, clean.request_headers, clean.response_headers) == (UNSANITIZED, (), ())
