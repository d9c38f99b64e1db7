"""Values behind names in code, settings and commands."""

from __future__ import annotations

import time

import pytest

from replaykit.sanitizer.assignments import find_assignments, find_elements
from tests.sanitizer.secrets import sanitizer


def found(text: str) -> set[str]:
    return {text[item.start : item.end] for item in (*find_assignments(text), *find_elements(text))}


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('password = "p@ss,w()rd1"', "p@ss,w()rd1"),
        ("password == 'hunter2'", "hunter2"),
        ('config["api_key"] = "ab12cd34"', "ab12cd34"),
        ('$config->setPassword("hunter2x");', "hunter2x"),
        ("my password is hunter2x", "hunter2x"),
        ('ssl_password "hunter2x";', "hunter2x"),
        ("DB_PASS=ab12cd", "ab12cd"),
        ("dbpassword: hunter2x", "hunter2x"),
        ("cloudant_pw = 'abcd1234abcd'", "abcd1234abcd"),
        ('acme_key := "abcd1234abcd1234abcd1234"', "abcd1234abcd1234abcd1234"),
        ("machine x.io login me password hunter2x", "hunter2x"),
        ("CREATE USER me IDENTIFIED BY 'hunter'", "hunter"),
        ("Server=db;User Id=me;Password=p,(w);Encrypt=true", "p,(w)"),
        ("AccountName=acme;AccountKey=ab12+/cd==;Suffix=x", "ab12+/cd=="),
        ('<add key="Password" value="hunter two" />', "hunter two"),
        ("- name: DB_PASSWORD\n  value: hunter2x\n", "hunter2x"),
        ("kind: Secret\ndata:\n  ca.pem: LS0tLS1CRUdJ\n  user: bWFyaWE=\ntype: x", "LS0tLS1CRUdJ"),
        ("<password><![CDATA[p <a> & b]]></password>", "p <a> & b"),
        ("<param><name>password</name><value>hunter2x</value></param>", "hunter2x"),
        ("<key>ApiKey</key>\n  <string>hunter2x</string>", "hunter2x"),
        ("db:\n  password: |\n    hunter two\n  host: x\n", "hunter two"),
        ("password: >-\n  hunter2x", "hunter2x"),
        ("secret: |2-\n  # a comment of it\n  aB3dE6gH9jK2\n", "aB3dE6gH9jK2"),
        ("{'password': b'hunter2x'}", "hunter2x"),
        ("login(password=b'hunter2x')", "hunter2x"),
        ("name,password\nbob,hunter2x\n", "hunter2x"),
    ],
)
def test_value_is_found(text: str, secret: str) -> None:
    assert secret in found(text)


def test_a_number_that_a_link_names_is_read_before_it_is_judged() -> None:
    assert found("token=PL17%200176%204554%206281%204961%202548%202289") == set()
    assert found("password=my%20Pass7word%21") == {"my%20Pass7word%21"}


def test_percent_that_says_no_character_is_the_passwords_own() -> None:
    secret = "c8sE%daVyW7T5CX0hS0G"
    stored = sanitizer().json([f'password = "{secret}"', f"use {secret}"])

    assert [item.form for item in find_assignments(f'password = "{secret}"')] == ["plain"]
    assert secret not in str(stored)


@pytest.mark.parametrize(
    "text",
    [
        "String password = getPassword();",
        "password = self.password; secret = None",
        "if (password == null) return;",
        "the password is required and the token is new",
        "primary_key = abcd1234abcd1234abcd1234",
        "first_pass = abcd1234abcd1234abcd1234",
        "cache_key: 0f1e2d3c4b5a69788796a5b4",
        "acme_key = 0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0",
        '<input type="hidden" name="authenticity_token" value="aB3dE6gH9jK2" />',
        "- name: PASSWORD_FILE\n  value: /run/secrets/db\n",
        "kind: ConfigMap\ndata:\n  a: LS0tLS1CRUdJ\n",
        'password = "<your password>"',
        "<name>password</name><type>hunter2x</type>",
        "<description><![CDATA[the password is here]]></description>",
        "description: |\n  the token hunter2x\n",
        "password: |\nhunter2x\n",
        "{'password_hint': b'hunter2x'}",
    ],
)
def test_near_miss_stays(text: str) -> None:
    assert found(text) == set()


@pytest.mark.parametrize(
    "piece",
    [
        "password=",
        'password: "',
        "login a password ",
        'value="a',
        "name=a value",
        "kind: Secret\ndata:\n  a: b\n",
        "Server=a;Password=",
        "password: |\n  a\n",
        "<a><name>password</name>",
        "<password><![CDATA[a",
    ],
)
def test_long_repeats_cost_no_more_than_their_size(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    start = time.process_time()
    list(find_assignments(text))

    assert time.process_time() - start < 3
