"""The shapes of providers' tokens: what each rule claims of itself holds, and words with such prefixes stay."""

from __future__ import annotations

import re

import pytest

from replaykit.sanitizer.providers import RULES
from replaykit.sanitizer.shapes import Rule, find_shapes, grouped
from tests.sanitizer.secrets import HEX, LETTERS


def found(text: str) -> list[str]:
    return [text[item.start : item.end] for item in find_shapes(text, grouped(RULES))]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind} {rule.literals[0]}")
def test_no_match_is_shorter_than_its_rule_says(rule: Rule) -> None:
    parser = pytest.importorskip("re._parser")

    assert parser.parse(rule.pattern.pattern).getwidth()[0] >= rule.shortest


@pytest.mark.parametrize(
    "token",
    [
        "MTA5" + "0123456789aBcDeFgHiJk" + ".YjESug." + LETTERS[:27],
        "abcQ".replace("Q", "8") + "Q~" + LETTERS[:32],
        HEX + "-us12",
        "1/1234567890123456:" + HEX,
        "AKC" + "p" + LETTERS * 2,
        "AP5x" + LETTERS[:20] + "1",
        "eyJhbGciOiJSU0EtT0FFUCJ9." + ".".join([LETTERS] * 4),
    ],
    ids=["discord", "azure", "mailchimp", "asana", "artifactory", "artifactory password", "encrypted token"],
)
def test_token_without_a_plain_prefix_is_found(token: str) -> None:
    assert token in found(f"use {token} now")


KEY = "PRIVATE " + "KEY"


@pytest.mark.parametrize(
    "text",
    [
        f"-----BEGIN {KEY}-----\n{{}}\n-----END {KEY}-----",
        f"-----BEGIN RSA {KEY}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,0F1E\n\n{{}}\n-----END RSA {KEY}-----",
        f"-----BEGIN PGP {KEY} BLOCK-----\n{{}}\n-----END PGP {KEY} BLOCK-----",
        f"---- BEGIN SSH2 ENCRYPTED {KEY} ----\n{{}}\n---- END SSH2 ENCRYPTED {KEY} ----",
        f"-----BEGIN OPENSSH {KEY}-----\\n{{}}\\n-----END OPENSSH {KEY}-----\\n",
        f"-----BEGIN EC {KEY}-----\n{{}}",
        f"-----BEGIN EC {KEY}-----\n{{}} (cut here)",
        "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nPrivate-Lines: 1\n{}\nPrivate-MAC: 00",
    ],
)
def test_key_of_any_frame_is_found(text: str) -> None:
    assert any(LETTERS * 2 in item for item in found(text.format(LETTERS * 2)))


@pytest.mark.parametrize(
    "text",
    [
        f"a file that begins with -----BEGIN {KEY}----- is one",
        f"between -----BEGIN {KEY}----- and -----END {KEY}-----",
        "APBeginTransactionWithHandler",
        "AP1234567890123 is the number of an invoice",
        "APARTMENTBUILDING12",
        "test_hf_api_org_inclusion_with_href_expected_value",
        "live_some_very_long_function_name_of_forty_x",
        "https://x.io/video_box.ico-" + HEX + ".png",
        "pa-ra-graph-with-many-words-and-signs-in-it-so-long",
    ],
)
def test_word_with_such_a_prefix_stays(text: str) -> None:
    assert found(text) == []


def test_every_rule_has_its_literal_in_its_matches() -> None:
    for rule in RULES:
        assert isinstance(rule.pattern, re.Pattern)
        assert all(rule.literals)
