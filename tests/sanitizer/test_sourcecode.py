"""Names in source code, behind names of secrets."""

from __future__ import annotations

import time

import pytest

from replaykit.sanitizer.sourcecode import is_code_name
from tests.sanitizer.secrets import sanitizer


def is_name(text: str, word: str) -> bool:
    start = text.index(word)
    return is_code_name(text, start, start + len(word))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("token = b64encode(user)", "b64encode"),
        ("token = b64encode(\n    user)", "b64encode"),
        ("from crypto import Ed25519PrivateKey\n\nprivate_key: Ed25519PrivateKey", "Ed25519PrivateKey"),
        ("private_key: Ed25519PrivateKey\n\nclass Ed25519PrivateKey: ...", "Ed25519PrivateKey"),
        ("def sign(private_key: Ed25519PrivateKey)", "Ed25519PrivateKey"),
        ("def make() -> Ed25519PrivateKey: ...", "Ed25519PrivateKey"),
        ("key: P256Key = P256Key.generate()", "P256Key"),
    ],
)
def test_name_is_known_by_how_it_is_used(text: str, word: str) -> None:
    assert is_name(text, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("password: Hunter2Hunter9", "Hunter2Hunter9"),
        ("PASSWORD=hunter2x\nimport os", "hunter2x"),
        ("password: hunter2x, and hunter2xx(1)", "hunter2x"),
        ("password: hunter2x.", "hunter2x"),
        ("my password is hunter2x (for the shop)", "hunter2x"),
        ("password: hunter2x-y(1)", "hunter2x-y"),
    ],
)
def test_password_is_no_name(text: str, word: str) -> None:
    assert not is_name(text, word)


@pytest.mark.parametrize(
    "text",
    [
        "from base64 import b64encode\ntoken = b64encode(userpass).decode()",
        "from crypto import Ed25519PrivateKey\n\n@dataclass\nclass A:\n    private_key: Ed25519PrivateKey\n",
        "def sign(private_key: Ed25519PrivateKey, data: bytes) -> bytes: ...",
        "const secret = sha256(value)",
    ],
)
def test_code_stays(text: str) -> None:
    assert sanitizer().text(text) == text


def test_many_of_them_cost_no_more_than_their_size() -> None:
    text = "token = ab12cd34 " * 4000
    start = time.process_time()
    for place in range(8, len(text), 17):
        is_code_name(text, place, place + 8)

    assert time.process_time() - start < 3
