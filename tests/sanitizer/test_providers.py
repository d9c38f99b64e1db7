"""The shapes of providers' tokens: what each rule claims of itself holds, and words with such prefixes stay."""

from __future__ import annotations

import re

import pytest

from replaykit.sanitizer.providers import RULES
from replaykit.sanitizer.shapes import Rule, find_shapes, grouped, shape_of, whole_shapes
from tests.sanitizer.secrets import HEX, LETTERS, TOKENS, sanitizer


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


KEPT = {
    "sk-" + "or-v1-": HEX * 2,
    "sk-" + "lf-": "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0",
    "pk-" + "lf-": "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0",
    "sk-" + "proj-": LETTERS,
    "sk-" + "kimi-": LETTERS,
    "sk-" + "ant-oat01-": LETTERS,
    "tv" + "ly-dev-": LETTERS,
    "ATA" + "TT3xFfGF0": LETTERS,
    "ATC" + "TT3xFfGN0": LETTERS,
    "py" + "pi-AgEIcHlwaS5vcmc": LETTERS * 2,
    "py" + "pi-AgENdGVzdC5weXBpLm9yZw": LETTERS * 2,
    "ya" + "29.a0": LETTERS,
    "git" + "hub_pat_11": LETTERS,
    "glr" + "t-t3_": LETTERS,
    "xo" + "xe.xoxb-1-": LETTERS,
    "hv" + "s.CAES": LETTERS,
    "nv" + "api-stg-": LETTERS * 2,
    "LT" + "AI5t": LETTERS[:18],
}
MARKED = {
    "mailchimp_key": (HEX + "-us12", "-us12"),
    "maxmind_key": (LETTERS[:6] + "_" + LETTERS[:29] + "_mmk", "_mmk"),
    "terraform_token": (LETTERS[:14] + ".atlasv1." + (LETTERS * 3)[:66], ".atlasv1."),
    "azure_secret": (LETTERS[:3] + "8Q~" + LETTERS + "ab", "Q~"),
    "azure_token": ((LETTERS * 3)[:76] + "AZDO" + LETTERS[:4], "AZDO"),
    "openai_key": ("sk-" + "proj-" + LETTERS + "T3Blbk" + "FJ" + LETTERS, "T3BlbkFJ"),
    "databricks_token": ("da" + "pi" + HEX + "-2", "-2"),
}


@pytest.mark.parametrize(("prefix", "rest"), KEPT.items())
@pytest.mark.parametrize("place", ["{}", "use {} now", "Bearer {}"])
def test_stand_in_begins_with_what_says_whose_it_is(prefix: str, rest: str, place: str) -> None:
    stored = sanitizer().text(place.format(prefix + rest))

    assert prefix in stored
    assert rest not in stored


@pytest.mark.parametrize(("token", "mark"), MARKED.values(), ids=MARKED)
def test_stand_in_keeps_the_mark_further_in(token: str, mark: str) -> None:
    stored = sanitizer().text(token)

    assert mark[-3:] == stored[token.index(mark) : token.index(mark) + len(mark)][-3:]
    assert found(stored) == [stored]
    assert token[:6] != stored[:6] or token.startswith(("sk-", "da"))
    assert stored != token


@pytest.mark.parametrize(("token", "mark"), MARKED.values(), ids=MARKED)
def test_value_of_a_variable_keeps_its_mark(token: str, mark: str) -> None:
    one = sanitizer(environ={"SERVICE_API_KEY": token})

    assert mark[-3:] in one.text(f"use {token}")


def test_stand_in_of_every_token_has_its_shape() -> None:
    for kind, token in TOKENS.items():
        stored = sanitizer().text(token)

        assert shape_of(stored, whole_shapes(RULES)).kind == kind  # type: ignore[union-attr]
