"""Passwords behind options of one letter."""

from __future__ import annotations

import shlex
import time

import pytest

from replaykit.sanitizer.shortoptions import find_short_options, short_option_starts

LINES = [
    ("docker login -u bob -p Hunter2x ghcr.io", "Hunter2x"),
    ("docker login -p hunter_x ghcr.io", "hunter_x"),
    ("helm registry login -u bob -p Hunter2x ghcr.io", "Hunter2x"),
    ("az login -u bob -p 'Hunter2x'", "Hunter2x"),
    ("sshpass -p Hunter2x ssh me@host", "Hunter2x"),
    ("sshpass -pHunter2x ssh me@host", "Hunter2x"),
    ("mysql -u root -pHunter2x db", "Hunter2x"),
    ("/usr/bin/mysqldump -h db -pHunter2x db", "Hunter2x"),
    ("sudo mysql -pHunter2x", "Hunter2x"),
    ("redis-cli -h cache -a Hunter2x ping", "Hunter2x"),
    ("sqlcmd -S db -U sa -P Hunter2x", "Hunter2x"),
    ("ldapsearch -x -D cn=me -w Hunter2x", "Hunter2x"),
]
NEAR_MISSES = [
    "mysql -u root -p db",
    "mysql -P 3306 -p",
    "ssh -p 2222 me@host",
    "docker run -p 8080:80 nginx",
    "docker login -u bob -p $TOKEN ghcr.io",
    "docker login -u bob --password-stdin",
    "mkdir -p Hunter2x",
    "cp -p Hunter2x Hunter3x",
    "sshpass -f file4me ssh me@host",
]


def in_text(text: str) -> list[str]:
    return [text[item.start : item.end] for item in find_short_options(text)]


def in_words(words: list[str]) -> list[str]:
    starts = short_option_starts(words)
    return [word[start:] for word, start in zip(words, starts, strict=True) if start is not None]


@pytest.mark.parametrize(("line", "secret"), LINES)
def test_password_is_found_in_a_text_and_in_words(line: str, secret: str) -> None:
    assert in_text(f"$ {line}\n") == [secret]
    assert in_words(shlex.split(line)) == [secret]


@pytest.mark.parametrize("line", NEAR_MISSES)
def test_near_miss_stays(line: str) -> None:
    assert in_text(f"$ {line}\n") == []
    assert in_words(line.split()) == []


def test_another_command_of_the_line_has_its_own_options() -> None:
    assert in_text("docker login ghcr.io; mkdir -p Hunter2x") == []


@pytest.mark.parametrize("piece", ["login -p", "mysql a ", "sshpass -", "x login ", " -p"])
def test_long_repeats_cost_no_more_than_their_size(piece: str) -> None:
    start = time.process_time()
    list(find_short_options(piece * (60_000 // len(piece))))

    assert time.process_time() - start < 3
