"""Secrets of a command line: by the word before them."""

from __future__ import annotations

import pytest

from tests.sanitizer.secrets import LETTERS, sanitizer


@pytest.mark.parametrize(
    ("words", "secret"),
    [
        (["--password", "hunter"], "hunter"),
        (["--password=hunter"], "hunter"),
        (["--token", "plainword"], "plainword"),
        (["--hf-token", LETTERS], LETTERS),
        (["-Ddb.password=hunter"], "hunter"),
        (["TOKEN=plainword", "python"], "plainword"),
        (["env", "SMTP_PASS=hunter", "x"], "hunter"),
        (["curl", "-u", "me:hunter", "https://x.io"], "hunter"),
        (["curl", "--user=me:hunter2"], "hunter2"),
        (["curl", "-H", "X-Api-Key: hunter"], "hunter"),
        (["curl", "-H", f"Authorization: Bearer {LETTERS}"], LETTERS),
        (["curl", "-d", "a=b&password=hunter"], "hunter"),
        (["curl", "https://x.io/?token=qtokSECRET99"], "qtokSECRET99"),
        (["sh", "-c", "login --password hunter2x"], "hunter2x"),
        (["x", '{"password": "hunter"}'], "hunter"),
    ],
)
def test_secret_is_taken_out(words: list[str], secret: str) -> None:
    one = sanitizer()

    stored = one.command(words)

    assert secret not in " ".join(stored)
    assert [len(word) for word in stored] == [len(word) for word in words]
    assert sanitizer(known=one.issued).command(stored) == stored


@pytest.mark.parametrize(
    "words",
    [
        ["python", "-u", "agent.py", "--password", "--verbose"],
        ["docker", "run", "-u", "1000:1000", "image"],
        ["x", "--token", "/run/secrets/token", "--key", "name", "--max-tokens", "4096"],
        ["x", "--password-file", "secret.txt", "--auth", "none", "DEBUG_TOKEN=true"],
        ["x", "--sort=key", "--url", "https://x.io/?code=DE", "-p", "8080"],
        [],
    ],
)
def test_near_miss_is_left_alone(words: list[str]) -> None:
    assert sanitizer().command(words) == tuple(words)


def test_value_of_an_option_is_taken_out_everywhere_else() -> None:
    one = sanitizer()
    one.command(["--password", "hunter2-Zebra"])

    assert "hunter2-Zebra" not in one.text("it is hunter2-Zebra!")
