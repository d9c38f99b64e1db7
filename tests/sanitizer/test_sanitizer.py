"""What is stored: as long as what came, free of what is covered, and otherwise the same to the byte."""

from __future__ import annotations

import itertools
import json
import logging
import re
import time
import urllib.parse
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replaykit.errors import SanitizeError
from replaykit.sanitizer.sanitizer import RULES, Sanitizer
from replaykit.sanitizer.shapes import Rule
from tests.sanitizer.secrets import LETTERS, NAMED, TOKENS, json_values, plain_values, sanitizer, texts

CONTENT_TYPES = [
    "application/json",
    "text/plain",
    "text/event-stream",
    "application/x-www-form-urlencoded",
    "image/png",
    "",
]
KEY = TOKENS["openai_key"]
bodies = st.one_of(
    st.binary(max_size=80),
    texts.map(str.encode),
    json_values.map(lambda value: json.dumps(value).encode()),
    json_values.map(
        lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    ),
    json_values.map(
        lambda value: b"event: x\ndata: " + json.dumps({"delta": value}).encode() + b"\n\ndata: [DONE]\n\n"
    ),
    st.tuples(json_values, st.integers(1, 60)).map(lambda pair: json.dumps([pair[0]]).encode()[: -pair[1]]),
    st.dictionaries(st.sampled_from(["q", "token", "password", "mail"]), texts).map(
        lambda pairs: urllib.parse.urlencode(pairs).encode("ascii")
    ),
)


def clean(value: Any) -> Any:
    return sanitizer().json(value)


# what is taken out


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_token_is_taken_out_of_every_place(token: str) -> None:
    one = sanitizer()
    outer = {"a": [f"use {token}"], token: 1, "nested": json.dumps({"deep": json.dumps({"deeper": token})})}
    stored = [
        one.text(f"use {token} now"),
        json.dumps(one.json(outer)),
        one.url(f"https://x.io/{token}?q={urllib.parse.quote(token, safe='')}"),
        str(one.headers((("x-note", token), ("authorization", f"Bearer {token}")))),
        one.body(json.dumps(outer).encode()).decode(),
        one.body(json.dumps(outer, ensure_ascii=True).replace("@", "\\u0040").encode()).decode(),
        one.body(f'data: {{"x": "{token}"}}\n\n'.encode(), "text/event-stream").decode(),
        one.body(f"a={urllib.parse.quote(token)}".encode(), "application/x-www-form-urlencoded").decode(),
        one.body(f"[INFO] user={token} logged in".encode()).decode(),
        one.body(f'{{"cut": "and {token}'.encode()).decode(),
    ]

    secret = token.rpartition("-")[2] if token != TOKENS["email"] else "bob.smith"
    assert not [text for text in stored if secret in text]
    assert len([item for item in one.issued if item.kind != "claim"]) == 1, (
        "one value has one stand-in, wherever it stands"
    )


@pytest.mark.parametrize("value", NAMED)
@pytest.mark.parametrize("name", ["password", "api_key", "client_secret", "Authorization", "cookie", "p\\u0061ssword"])
def test_secret_named_field_is_taken_out_at_any_depth(name: str, value: str) -> None:
    raw = json.dumps(value)
    for text in (
        f'{{"{name}": {raw}}}',
        f'{{"a":[{{"b":{{"{name}" : [{raw}, "x"]}}}}]}}',
        json.dumps({"arguments": f'{{"{name}": {raw}}}'}),
        json.dumps({"a": json.dumps({"arguments": f'{{"{name}": {raw}}}'})}),
        json.dumps({"content": f'Here:\n```\n{{"{name}": {raw}}}\n```'}),
    ):
        stored = sanitizer().body(text.encode())
        assert len(stored) == len(text.encode())
        assert value not in json.dumps(json.loads(stored), ensure_ascii=False).replace("\\", "")
        assert stored.count(b"{") == text.encode().count(b"{")


@pytest.mark.parametrize("number", [1234, 123456789])
def test_number_in_a_secret_named_field_is_taken_out_and_stays_one(number: int) -> None:
    stored = clean({"password": number, "max_tokens": number})

    assert stored["password"] != number
    assert type(stored["password"]) is int
    assert stored["max_tokens"] == number


@pytest.mark.parametrize(
    ("name", "value", "kept", "secret"),
    [
        ("Authorization", f"Bearer {LETTERS}", "Bearer ", LETTERS),
        ("authorization", "Basic dXNlcjpwYXNz", "Basic ", "dXNlcjpwYXNz"),
        ("X-API-Key", "short1", "", "short1"),
        ("x-goog-api-key", LETTERS, "", LETTERS),
        ("Cookie", "session=abcd1234; theme=dark1", "session=", "abcd1234"),
        ("Set-Cookie", "id=abcd1234; Path=/; Expires=Wed, 21 Oct 2030 07:28:00 GMT", "id=", "abcd1234"),
        ("X-Config", '{"password": "hunter2"}', '{"password": "', "hunter2"),
        ("Location", "https://x.io/cb?access_token=abcd1234efgh", "https://x.io/cb?access_token=", "abcd1234efgh"),
        ("Location", "/cb?code=locsecret123456", "/cb?code=", "locsecret123456"),
    ],
)
def test_header_value_is_taken_out(name: str, value: str, kept: str, secret: str) -> None:
    ((_, stored),) = sanitizer().headers(((name, value),))

    assert secret not in stored
    assert stored.startswith(kept)
    assert len(stored) == len(value)


def test_cookie_attributes_stay() -> None:
    ((_, stored),) = sanitizer().headers((("set-cookie", "id=abcd1234; Path=/; Max-Age=3600; SameSite=Lax; HttpOnly"),))

    assert stored[11:] == "; Path=/; Max-Age=3600; SameSite=Lax; HttpOnly"


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://me:hunter2@x.io/a", "hunter2"),
        ("https://me:p%2Fss%40w@x.io/a", "p%2Fss%40w"),
        ("https://x.io/a?api_key=short1&q=x", "short1"),
        (f"https://x.io/v1/models?key={LETTERS}", LETTERS),
        ("https://x.io/u/bob%40acme.io", "bob%40acme"),
        ("https://x.io/?q=bob%40acme.io", "bob%40acme"),
        ("https://x.io/#access_token=short1", "short1"),
        ("https://x.io/a?token=qtokSECRET99", "qtokSECRET99"),
        ("https://x.io/a?key=qkeySECRET99", "qkeySECRET99"),
        ("https://x.io/a?auth=qauthSECRET99", "qauthSECRET99"),
        ("https://x.io/a?code=qcodeSECRET99", "qcodeSECRET99"),
        ("https://x.io/bot123456789:AA" + "x9Y8" * 8 + "z/sendMessage", "AA" + "x9Y8" * 8),
    ],
)
def test_url_part_is_taken_out(url: str, secret: str) -> None:
    stored = sanitizer().url(url)

    assert secret not in stored
    assert len(stored) == len(url)
    assert urllib.parse.urlsplit(stored).hostname == "x.io"


@pytest.mark.parametrize(
    "value",
    [
        {"token": "jtokSECRET99"},
        {"auth": "jtokSECRET99"},
        {"credentials": {"user": "me", "pass": "hunter2"}},
        {"auth": [{"user": "me", "pass": "hunter2"}]},
        {"password": {"v": "hunter2"}},
        {"password": {"v": 12345678}},
        {"credentials": {"db": {"host": "x", "note": "jtokSECRET99"}}, "a": 1},
    ],
    ids=json.dumps,
)
def test_value_under_a_weak_name_or_inside_of_a_strong_one_is_taken_out(value: Any) -> None:
    one = sanitizer()

    stored = one.json(value)

    raw = next(iter(one._table._by_raw))
    assert raw not in json.dumps(stored)
    assert one.mask(stored)[1]
    assert json.loads(one.body(json.dumps(value).encode())) == stored


def test_variable_that_is_set_later_is_taken_out_from_then_on() -> None:
    one = sanitizer()
    body = b'{"a": "it is lateZZZ998877"}'
    before = one.body(body)

    one.learn({"LATE_API_SECRET": "lateZZZ998877", "CITY": "Trondheim7"})

    assert before == body
    assert b"lateZZZ998877" not in one.body(body)
    assert [item.variable for item in one.issued] == ["LATE_API_SECRET"]


def test_value_of_a_variable_is_taken_out_wherever_it_stands() -> None:
    one = sanitizer(environ={"DB_PASSWORD": 'pl@in "w/ord', "DEBUG_TOKEN": "true", "CITY": "Trondheim7"})
    value = {"a": 'x pl@in "w/ord y', "b": "true", "c": "Trondheim7"}

    stored = one.json(value)

    assert 'pl@in "w/ord' not in stored["a"]
    assert (stored["b"], stored["c"]) == ("true", "Trondheim7")
    assert [(item.kind, item.variable) for item in one.issued] == [("env", "DB_PASSWORD")]
    assert b"w\\/ord" not in one.body(rb'{"a": "pl@in \"w\/ord"}')


def test_value_that_its_name_gave_away_is_taken_out_everywhere_else() -> None:
    stored = clean({"note": "it is hunter2hunter2!", "password": "hunter2hunter2", "args": '{"n": "hunter2hunter2"}'})

    assert "hunter2hunter2" not in json.dumps(stored)


def test_nested_value_that_stands_before_its_name_is_taken_out() -> None:
    inner = json.dumps({"note": "it is hunter2hunter2!", "password": "hunter2hunter2"})

    assert "hunter2hunter2" not in json.dumps(clean({"arguments": inner, "again": inner}))


def test_short_value_is_taken_out_only_under_its_name() -> None:
    assert clean({"password": "Oslo1", "city": "Oslo1"})["city"] == "Oslo1"


def test_address_after_an_escape_inside_prose_is_found_whole() -> None:
    text = 'Result:\n{"note": "call\\nbob@acme.io", "other": "\\tbob@acme.io"}'
    one = sanitizer()

    stored = one.text(text)

    assert [item.kind for item in one.issued] == ["email"]
    assert json.loads(stored.partition("\n")[2])["note"].startswith("call\n")


def test_users_rules_only_add() -> None:
    rule = Rule("badge", re.compile(r"badge-\d{4}"), ("badge-",))
    one = sanitizer(extra_rules=(rule,))

    stored = one.text(f"badge-1234 and {KEY}")

    assert "badge-1234" not in stored
    assert KEY not in stored
    assert [item.kind for item in one.issued] == ["badge", "openai_key"]


# what stays


NEAR_MISSES: dict[str, Any] = {
    "counts": {"max_tokens": 4096, "token_count": "12345678", "usage": {"total_tokens": 120}},
    "cursor": {"next_page_token": "CAoQAA1234567890abcdefghij"},
    "log probabilities": {"logprobs": {"content": [{"token": " international", "bytes": [32]}, {"token": "Hello123"}]}},
    "thinking block": {"type": "thinking", "signature": "EqQBCkYIAhgCIkDmXyz1234567890abcdefghijklmnop=="},
    "placeholders": {"password": "REDACTED", "api_key": "<your key>", "secret": "***", "token": "${TOKEN}"},
    "entries": [{"key": "value"}, {"key": "photos/2024/IMG20240101.jpg"}, {"key": "USER#1234", "code": "DE"}],
    "keys": {"key": "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0", "code": "print(a1 + b2) or open_the_Door7(x)"},
    "switches": {"auth": True, "pass": "first", "auth_type": "oauth2", "eos_token": "<|endoftext|>"},
    "postman": {"auth": {"type": "bearer", "bearer": [{"key": "token", "type": "string"}]}},
    "parts of a secret": {"credentials": {"user": "me", "expires_at": "2024-05-01T10:00:00Z", "type": "oauth2"}},
    "schema": {"properties": {"password": {"type": "string", "description": "the password"}}, "required": ["password"]},
    "ids": {"id": "chatcmpl-6bOUD3zalP0LrJyJecr7nayn9Z1uC", "tool_call_id": "call_8fJ2kLm9QwErTyUiOpAsDfGh"},
    "uuid and hash": {"run": "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0", "sha": "0f1e2d3c4b5a69788796a5b4c3d2e1f0" * 2},
    "model": {"model": "gpt-4o-mini-2024-07-18", "system_fingerprint": "fp_44709d6fcb"},
    "documentation": {"to": "bob@example.com", "cc": "ann@mail.example.org"},
    "cache": {"prompt_cache_key": "conversation-1234567890abcdef", "cache_control": {"type": "ephemeral"}},
    "picture": {
        "url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    },
    "booleans": {"password": True, "secret": None, "api_key": ""},
    "prose": "The password is required. token: a word or a part of one. key=value, ratio 3:4",
}


@pytest.mark.parametrize("value", NEAR_MISSES.values(), ids=NEAR_MISSES.keys())
def test_near_miss_is_left_alone(value: Any) -> None:
    one = sanitizer(environ={"DEBUG_TOKEN": "true", "TOKEN_LIMIT": "4096-8192"})

    assert one.json(value) == value
    assert one.body(json.dumps(value).encode()) == json.dumps(value).encode()
    assert one.issued == ()


@given(data=st.binary(min_size=300, max_size=600))
def test_noise_is_left_alone(data: bytes) -> None:
    picture = (
        b"\x89PNG\r\n" + bytes(byte | 0x80 if index % 3 else byte for index, byte in enumerate(data)) + b"bob@acme.io"
    )

    assert sanitizer().body(picture, "image/png") == picture


@given(value=plain_values.filter(lambda value: "%" not in json.dumps(value)))
@settings(max_examples=80)
def test_everything_else_is_the_same_to_the_byte(value: Any) -> None:
    """With every stand-in put back, the body is what it was (percent escapes have tests of their own)."""
    one = sanitizer()
    data = json.dumps(value).encode()

    stored = one.json(json.loads(data))

    assert json.dumps(_put_back(stored, one)) == data.decode()


def _put_back(value: Any, one: Sanitizer) -> Any:
    text = json.dumps(value)
    raws = {item.stand_in: raw for raw, item in one._table._by_raw.items()}
    for stand_in, raw in sorted(raws.items(), key=lambda pair: -len(pair[0])):
        forms = "".join(f"({_forms(char)})" for char in stand_in)
        text = re.sub(forms, lambda match, pair=(stand_in, raw): _restored(match, *pair), text)  # type: ignore[misc]
    return json.loads(text)


def _units(char: str) -> list[str]:
    data = char.encode("utf-16-be", "surrogatepass")
    return [data[index : index + 2].hex() for index in range(0, len(data), 2)]


def _forms(char: str) -> str:
    """A character as it may be written in JSON in JSON: itself, or an escape, each behind any number of backslashes."""
    escape = "".join(rf"\\+u(?i:{unit})" for unit in _units(char))
    letter = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f"}.get(char)
    return rf"\\*{re.escape(char)}|{escape}" + (rf"|\\+{letter}" if letter else "")


def _restored(match: re.Match[str], stand_in: str, raw: str) -> str:
    pieces = []
    for piece, before, after in zip(match.groups(), stand_in, raw, strict=True):
        slashes = piece[: len(piece) - len(piece.lstrip("\\"))]
        if before == after:
            pieces.append(piece)
        elif piece == slashes + before:
            pieces.append(slashes + after)
        else:
            pieces += [f"{slashes}u{unit}" for unit in _units(after)]
    return "".join(pieces)


# always


@given(data=bodies, content_type=st.sampled_from(CONTENT_TYPES))
@settings(max_examples=150)
def test_body_is_as_long_as_it_was(data: bytes, content_type: str) -> None:
    assert len(sanitizer().body(data, content_type)) == len(data)


@given(data=bodies, content_type=st.sampled_from(CONTENT_TYPES))
@settings(max_examples=150)
def test_sanitizing_twice_is_sanitizing_once(data: bytes, content_type: str) -> None:
    first = sanitizer()
    once = first.body(data, content_type)

    assert Sanitizer(known=first.issued).body(once, content_type) == once


@given(value=json_values)
@settings(max_examples=120)
def test_sanitizing_json_twice_is_sanitizing_it_once(value: Any) -> None:
    first = sanitizer()
    once = first.json(value)

    assert Sanitizer(known=first.issued).json(once) == once


@given(value=json_values)
@settings(max_examples=150)
def test_body_and_value_are_sanitized_alike(value: Any) -> None:
    one = sanitizer()

    assert json.loads(one.body(json.dumps([value]).encode())) == one.json([value])


@given(data=bodies, cuts=st.lists(st.integers(0, 80), max_size=5), content_type=st.sampled_from(CONTENT_TYPES))
@settings(max_examples=80)
def test_cuts_change_nothing(data: bytes, cuts: list[int], content_type: str) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in itertools.pairwise(edges)]

    stored = sanitizer().chunks(chunks, content_type)

    assert b"".join(stored) == sanitizer().body(data, content_type)
    assert [len(piece) for piece in stored] == [len(chunk) for chunk in chunks]


@given(url=texts.map(lambda text: "https://me:pw1@x.io/" + text) | st.text(max_size=40), name=st.text(max_size=9))
@settings(max_examples=150)
def test_urls_and_headers_keep_their_length_and_are_stable(url: str, name: str) -> None:
    first = sanitizer()
    stored, ((_, header),) = first.url(url), first.headers(((name, url),))
    second = Sanitizer(known=first.issued)

    assert (len(stored), len(header)) == (len(url), len(url))
    assert (second.url(stored), second.headers(((name, header),))) == (stored, ((name, header),))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": object()}, id="no JSON"),
        pytest.param({"a": b"bytes"}, id="bytes"),
        pytest.param({"a": 10**5000}, id="number that can't be printed"),
        pytest.param({(1, 2): "a"}, id="key that is no text"),
    ],
)
def test_what_can_not_be_sanitized_is_a_sanitize_error(value: Any) -> None:
    with pytest.raises(SanitizeError):
        clean(value)


@pytest.mark.parametrize("depth", [100, 5_000, 100_000])
def test_deep_nesting_is_sanitized_or_an_error(depth: int) -> None:
    value: Any = f"mail {TOKENS['email']}"
    for _ in range(depth):
        value = [value]
    try:
        stored = json.dumps(clean(value))
    except SanitizeError:
        stored = ""
    body = sanitizer().body(b"[" * depth + TOKENS["email"].encode())

    assert "bob.smith" not in stored
    assert b"bob.smith" not in body


@pytest.mark.parametrize("depth", range(1, 11))
def test_json_in_json_is_searched_at_any_depth(depth: int) -> None:
    text = f"mail {TOKENS['email']} now"
    for _ in range(depth):
        text = json.dumps({"a": text})

    assert "bob.smith" not in sanitizer().text(text)


@pytest.mark.parametrize("data", [b"\xff bob@acme.io \xc3", b"\xed\xa0\x80 bob@acme.io", b"\x00bob@acme.io\x00"])
def test_address_among_bytes_that_are_no_text_is_found(data: bytes) -> None:
    filler = b"plain text " * 9
    stored = sanitizer().body(filler + data)

    assert b"bob@acme" not in stored
    assert stored.startswith(filler)


# nothing leaks


def test_no_value_in_any_repr() -> None:
    one = sanitizer(environ={"OPENAI_API_KEY": KEY})
    one.json({"password": "hunter2hunter2", "a": KEY})
    parts = [one, one._table, one._search, one._masker, one._search.spans(f"x {KEY}"), one.issued]

    assert not [part for part in map(repr, parts) if KEY in part or "hunter2" in part]


def test_no_value_in_an_error_or_what_led_to_it(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(KEY)

    one = sanitizer()
    monkeypatch.setattr(one._table, "replace", fail)
    with caplog.at_level(logging.DEBUG), pytest.raises(SanitizeError) as caught:
        one.json({"a": KEY})

    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert KEY not in caplog.text


def test_value_that_is_no_json_is_not_shown() -> None:
    with pytest.raises(SanitizeError) as caught:
        clean({"a": KEY, "b": object()})

    assert KEY not in str(caught.value)


# the cost


def conversation(turns: int) -> bytes:
    words = "The user asks for the weather in Oslo, and the token count is 12: see https://x.io/docs?page=2 for more. "
    messages = [{"role": "user", "content": f"{turn} {words * 10} mail bob{turn}@acme.io"} for turn in range(turns)]
    return json.dumps({"model": "m", "messages": messages}).encode()


def spent(one: Sanitizer, data: bytes) -> float:
    """CPU seconds, the best of three: other tests run beside this one."""
    times = []
    for _ in range(3):
        start = time.process_time()
        one.body(data)
        times.append(time.process_time() - start)
    return min(times)


def test_repeated_messages_cost_a_fraction() -> None:
    data = conversation(180)
    warm = sanitizer()
    warm.body(data)
    cold = min(_first(data) for _ in range(3))

    assert len(data) > 190_000
    assert spent(warm, data) < cold / 3


def _first(data: bytes) -> float:
    one = sanitizer()
    start = time.process_time()
    one.body(data)
    return time.process_time() - start


def test_cost_grows_linearly_with_the_body() -> None:
    short, long = conversation(60), conversation(240)

    assert min(_first(long) for _ in range(3)) < 8 * min(_first(short) for _ in range(3))


HOSTILE = {
    "at": b"@",
    "addresses without an end": b"a@",
    "quotes": b'"a":',
    "escaped quotes": b'\\"',
    "keys": b"key=",
    "schemes": b"a://",
    "prefixes": b"sk-",
    "private keys": b"-----BEGIN " + b"PRIVATE KEY-----",
    "tokens": b"eyJaaaaaaaa.",
    "half a dict": b"'api_key': \"",
    "brackets": b"[",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_body_costs_no_more_than_its_size(piece: bytes) -> None:
    one, small, large = sanitizer(), piece * (2_000 // len(piece)), piece * (16_000 // len(piece))

    assert spent(one, large) < 25 * spent(one, small) + 0.02


def test_ruleset_is_not_empty() -> None:
    assert len(RULES) > 20
