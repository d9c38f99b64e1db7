"""Each shape is found wherever it stands, and its look-alikes are not."""

from __future__ import annotations

import re

import pytest

from replaykit.sanitizer.providers import RULES
from replaykit.sanitizer.shapes import Rule, find_shapes, grouped, is_placeholder, shape_of, whole_shapes
from tests.sanitizer.secrets import HEX, LETTERS, TOKENS


def found(text: str) -> list[str]:
    return [text[item.start : item.end] for item in find_shapes(text, grouped(RULES))]


@pytest.mark.parametrize(("kind", "token"), TOKENS.items(), ids=TOKENS.keys())
@pytest.mark.parametrize(
    "around", ["{}", "use {} now", "({})", "<{}>", "key={}", "a,{},b", "{}.\n", "'{}'", "`{}`"], ids=repr
)
def test_token_is_found(kind: str, token: str, around: str) -> None:
    assert token in found(around.format(token))
    assert shape_of(token, whole_shapes(RULES)).kind == kind  # type: ignore[union-attr]


NEAR_MISSES = {
    "short": "sk-short",
    "inside a word": "task-" + LETTERS,
    "inside base64": "QUJD" + TOKENS["aws_key_id"] + "QUJD",
    "masked by its server": "sk-" + "proj-" + "*" * 20 + "abcd",
    "sha256": HEX * 2,
    "uuid": "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0",
    "tool call": "call_8fJ2kLm9QwErTyUiOpAsDfGh",
    "completion": "chatcmpl-6bOUD3zalP0LrJyJecr7nayn9Z1uC",
    "message": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "request": "req_9f3a300272ba6a6bdbcf6cbb63dbc1f8",
    "model": "claude-sonnet-4-5-20250929",
    "dated model": "gpt-4o-mini-2024-07-18",
    "base64": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "documentation": "bob@example.com",
    "documentation, deeper": "bob@mail.example.co.uk",
    "reserved for tests": "bob@acme.test",
    "localhost": "root@localhost",
    "git": "git@github.com:acme/app.git",
    "decorator": "@app.route",
    "package": "left-pad@1.3.0",
    "scoped package": "@types/node",
    "picture": "icon@2x.png",
    "words with heads": "store_value core_data more_ sk_test pre_release key-value pul-request",
    "a table": "|1234567890123|total|",
    "a time": "12345678:AA",
    "a path": "/services/Tools/Building/maintenance and /webhooks/12/list",
    "Objective-C": "hf_requiredCharacteristicTypesForDisplayMetadata",
}


@pytest.mark.parametrize("text", NEAR_MISSES.values(), ids=NEAR_MISSES.keys())
def test_near_miss_is_left_alone(text: str) -> None:
    assert found(f"see {text} there") == []


@pytest.mark.parametrize(
    "address", ["a@b.co", "bob@foo.example-corp.com", "ümit@föö.de", "x_y%z@sub.acme.museum", "my-team@acme.io"]
)
def test_address_is_found(address: str) -> None:
    assert found(f"mail {address}, please") == [address]


@pytest.mark.parametrize(
    "value",
    [
        "REDACTED",
        "[FILTERED]",
        "****",
        "xxxxxxxx",
        "<your key>",
        "${API_KEY}",
        "your-api-key",
        "YOUR_API_KEY_XXXX",
        "sk-...",
        "xoxb-***",
        "null",
    ],
)
def test_placeholder_is_one(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("https://hooks.slack.com/services/T00000000/B00000000/{}", LETTERS[:24]),
        ("/services/T0AB1CD2E/B0AB1CD2E/{}", LETTERS[:24]),
        ("https://discord.com/api/webhooks/123456789012345678/{}", (LETTERS * 3)[:68]),
        ("https://outlook.office.com/webhook/x@y/IncomingWebhook/{}/z", HEX),
        ("wss://mainnet.infura.io/ws/v3/{}", HEX),
        ("https://eth-mainnet.g.alchemy.com/v2/{}", LETTERS[:32]),
    ],
)
def test_address_that_is_a_secret_is_found(address: str, secret: str) -> None:
    assert secret in found(address.format(secret))


def test_private_key_is_found_with_its_frame_left() -> None:
    frame = "-----BEGIN RSA " + "PRIVATE KEY-----\n{}\n-----END RSA " + "PRIVATE KEY-----"

    assert found(frame.format("MIIEow" * 9)) == ["\n" + "MIIEow" * 9 + "\n"]


def test_private_key_that_was_cut_is_found() -> None:
    assert found("-----BEGIN " + "PRIVATE KEY-----\n" + "MIIEow" * 3) == ["\n" + "MIIEow" * 3]


def test_users_rule_finds_its_group() -> None:
    rule = Rule("badge", re.compile(r"badge (?P<secret>\d{6})"), ("badge ",))

    assert [(item.start, item.end, item.kind) for item in find_shapes("my badge 123456", grouped((rule,)))] == [
        (9, 15, "badge")
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind} {rule.literals[0]}")
def test_rule_with_a_reach_finds_what_a_search_of_the_whole_text_finds(rule: Rule) -> None:
    text = " ".join([*TOKENS.values(), *NEAR_MISSES.values(), *TOKENS.values()])
    everywhere = [match.span() for match in rule.pattern.finditer(text)]

    assert [(item.start, item.end) for item in find_shapes(text, grouped((Rule(**_as_dict(rule)),)))] == everywhere or (
        "secret" in rule.pattern.groupindex
    )


def _as_dict(rule: Rule) -> dict[str, object]:
    return {name: getattr(rule, name) for name in Rule.__slots__}
