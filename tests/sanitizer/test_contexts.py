"""Values that only what stands before them gives away."""

from __future__ import annotations

import html
import time

import pytest

from replaykit.sanitizer.contexts import find_contexts
from replaykit.sanitizer.shapes import KEEP
from replaykit.sanitizer.values import is_credential, named_span
from tests.sanitizer.secrets import LETTERS, sanitizer


def found(text: str) -> list[str]:
    return sorted({text[item.start : item.end] for item in find_contexts(text) if item.kind != KEEP})


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgres://me:hunter2@db:5432/x", "hunter2"),
        ("redis://:hunter2@cache/0", "hunter2"),
        (f"https://{LETTERS}@sentry.io/1", LETTERS),
        ("see https://x.io/a?sig=ab12cd34&page=2", "ab12cd34"),
        (f"https://x.io/cb#access_token={LETTERS}", LETTERS),
        (f"https://s3.io/f?X-Amz-Signature={LETTERS}&X-Amz-Expires=600", LETTERS),
        ('Result: {"api_key": "abc def"}', "abc def"),
        ("{'password': 'it\\'s me'}", "it\\'s me"),
        ("OPENAI_API_KEY=ab12cd34ef", "ab12cd34ef"),
        ("export DB_PASSWORD='ab12cd34ef'", "ab12cd34ef"),
        ("api_key: ab12cd34ef.", "ab12cd34ef"),
        ("password := hunter2hunter2", "hunter2hunter2"),
        (f"Authorization: Bearer {LETTERS}", LETTERS),
        (f"token: {LETTERS}", LETTERS),
        (f"GITHUB_TOKEN={LETTERS}", LETTERS),
        ("fetch https://x.io/a?token=qqTOKEN8899 now", "qqTOKEN8899"),
        ("<a href='https://x.y/?key=htmlSEC99887766'>", "htmlSEC99887766"),
        ("see /callback?state=1&code=qcodeSEC99887 there", "qcodeSEC99887"),
        ("<a href='/a?b=1&amp;auth=qauthSEC99'>", "qauthSEC99"),
        ("mysql --password hunter2x -u me", "hunter2x"),
        ("run --api-key='plainwords' now", "plainwords"),
        ("curl -u me:hunter2 https://x.io", "hunter2"),
        ("curl --user me:'hunter2' https://x.io", "hunter2"),
        ("- password: CZKRwKmEfIuHDB", "CZKRwKmEfIuHDB"),
        ("secret: CZKRwKmEfIuHDB", "CZKRwKmEfIuHDB"),
        ("DB_PASSWORD: CZKRwKmEfIuHDB", "CZKRwKmEfIuHDB"),
        ("<a><password>hunter</password></a>", "hunter"),
        ('<wsse:Password Type="#Text"> hunter </wsse:Password>', "hunter"),
        ("<apiKey>plainwords</apiKey>", "plainwords"),
        (f"<token>{LETTERS}</token>", LETTERS),
        ("send Basic dXNlcjpwYXNzd29yZA== with it", "dXNlcjpwYXNzd29yZA=="),
    ],
)
def test_value_is_found(text: str, secret: str) -> None:
    assert secret in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://api.openai.com/v1/models?limit=20&order=desc",
        "https://x.io/?code=US&key=name&token=abc",
        "https://user@host/path",
        "https://user:<password>@host",
        "ftp://host:21/x",
        "time: 12:30, ratio 1:2",
        "max_tokens=4096, token_count: 12345678a",
        "next_page_token=CAoQAA1234567890abcdef",
        "password: required",
        "api_key = os.environ['KEY2']",
        "access_token = response2.json()",
        "token = tokens.first2",
        "password=${DB_PASSWORD}",
        "the key is: be kind 100% of the time",
        "{'type': 'password', 'required': ['token']}",
        "api_key: your-api-key-1",
        "monkey=banana12345",
        "https://x.io/?code=DE&key=photos/2024/IMG20240101.jpg&auth=basic",
        "https://x.io/?key=user-profile-2024&token=oauth2&session=2024-05-01T10:00:00",
        "/list?key=name_2&code=EU2024",
        "--password is required, --token TOKEN, --key ~/.ssh/key1.pem, --max-tokens 4096",
        "curl -u https://x.io/a",
        "Basic understanding of the matter",
        "key: conversation-12345678, code: ERR2024",
        "password: JavaScript, secret: TheTreasureIsBuriedHere, passwd: required",
        "<secret>The treasure is under the old tree</secret>",
        "<token>hello</token> <key>banana</key> <password></password> <password>{password}</password>",
        "<credentials><user>me</user></credentials>",
    ],
)
def test_near_miss_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("value", "strength", "span"),
    [
        ("hunter2", "strong", (0, 7)),
        ("Bearer hunter2", "strong", (7, 14)),
        ("basic  aGk6aGk=", "strong", (7, 15)),
        ("abc", "strong", None),
        ("REDACTED", "strong", None),
        ("Bearer <token>", "strong", None),
        (" international", "weak", None),
        ("hello world 123456789", "weak", None),
        ("/usr/share/words/1234", "weak", None),
        (LETTERS, "weak", (0, len(LETTERS))),
        (LETTERS, "faint", (0, len(LETTERS))),
        ("qtokSECRET99", "weak", (0, 12)),
        ("qtokSECRET99", "faint", None),
        ("0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0", "faint", None),
        ("Hello123", "weak", None),
        ("2024-05-01T10:00:00Z", "weak", None),
        ("reports/2024q1/IMG20240101.jpg", "weak", None),
        ("SomeLongClassNameForTests", "weak", None),
        ("aBcDeFgHiJkLmNoPqRsTuV", "weak", (0, 22)),
        ("anything", None, None),
    ],
)
def test_named_value(value: str, strength: str | None, span: tuple[int, int] | None) -> None:
    assert named_span(value, strength) == span  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    ["short1", "words-with-2024-numbers", "only-letters-and-signs", "with a space 1234567", "https://x.io/12345678"],
)
def test_word_is_no_credential(value: str) -> None:
    assert not is_credential(value)


@pytest.mark.parametrize("value", ["-" * 4000 + "x1Y", "ab" * 4000 + "1", "aB" * 4000, "A1-" * 4000 + "\u00e9"])
def test_long_value_is_judged_at_once(value: str) -> None:
    start = time.process_time()
    is_credential(value)

    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    "text", ["ann.doe&#64;shop.net", "ann.doe&commat;shop.net", "ann&#x2e;doe&#x40;shop&period;net"]
)
def test_address_with_entities_has_the_stand_in_of_the_address(text: str) -> None:
    one = sanitizer()
    plain = one.text("to ann.doe@shop.net")

    assert html.unescape(one.text(f"to {text}")) == plain


@pytest.mark.parametrize("text", ["a&#64;b", "me&amp;you@x", "x&#64;example.com", "a &amp; b.c"])
def test_other_entities_stay(text: str) -> None:
    assert found(text) == []
