"""Names that announce a secret, and their neighbours that do not."""

from __future__ import annotations

import pytest

from replaykit.sanitizer.names import (
    field_strength,
    header_strength,
    inner_strength,
    is_secret_value,
    is_secret_variable,
    may_hold_secret,
    option_strength,
    query_strength,
    secret_variables,
)
from replaykit.sanitizer.sanitizer import Sanitizer

STRONG_FIELDS = [
    "password",
    "db_password",
    "Password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "client_secret",
    "clientSecret",
    "api_key",
    "apiKey",
    "API-KEY",
    "apikey",
    "x-api-key",
    "openai_api_key",
    "api_key_2",
    "secret_access_key",
    "private_key",
    "access_token",
    "accessToken",
    "refresh_token",
    "id_token",
    "session_token",
    "bearer_token",
    "Authorization",
    "proxy-authorization",
    "cookie",
    "Set-Cookie",
    "secret_value",
    "password_base64",
    "smtp_pass",
    "apiKeys",
    "passwords",
    "hapikey",
    "application_key",
]
PLAIN_FIELDS = [
    "max_tokens",
    "max_completion_tokens",
    "token_count",
    "total_tokens",
    "tokens",
    "token_type",
    "token_limit",
    "next_page_token",
    "nextPageToken",
    "continuation_token",
    "page_token",
    "sync_token",
    "prompt_cache_key",
    "primary_key",
    "public_key",
    "sort_key",
    "keys",
    "keyboard",
    "monkey",
    "signature",
    "thought_signature",
    "author",
    "authors",
    "authority",
    "author_id",
    "password_required",
    "password_policy",
    "secretary",
    "secret_name",
    "has_secrets",
    "passenger",
    "compass",
    "id",
    "tool_call_id",
    "request_id",
    "model",
    "content",
    "",
    "___",
    "k" * 500,
    "error_code",
    "status_code",
    "session_count",
    "user_session",
    "secret_names",
    "bearer_count",
    "x",
]


@pytest.mark.parametrize("name", STRONG_FIELDS)
def test_field_is_a_secret(name: str) -> None:
    assert field_strength(name) == "strong"


@pytest.mark.parametrize("name", PLAIN_FIELDS)
def test_field_is_no_secret(name: str) -> None:
    assert field_strength(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "auth",
        "pass",
        "vault_token",
        "resetToken",
        "appid",
        "app_id",
        "GITHUB_TOKEN",
        "X-Auth",
        "bearer",
        "csrf",
        "mfa_code",
        "authorizationCode",
        "otp",
        "pw",
        "secrets",
    ],
)
def test_field_is_a_secret_if_its_value_looks_like_one(name: str) -> None:
    assert field_strength(name) == "weak"


@pytest.mark.parametrize("name", ["key", "code", "sessionId", "session_id", "X-Session"])
def test_field_is_a_secret_if_only_a_generator_writes_such_a_value(name: str) -> None:
    assert field_strength(name) == "faint"


@pytest.mark.parametrize(
    ("name", "owner", "strength"),
    [
        ("pass", "credentials", "strong"),
        ("v", "password", "strong"),
        ("value", "api_key", "strong"),
        ("pass", "auth", "strong"),
        ("user", "credentials", "weak"),
        ("type", "password", "weak"),
        ("key", "auth", "weak"),
        ("value", "auth", "weak"),
        ("a", "tokens", "weak"),
        ("openai", "secrets", "weak"),
        ("password", None, "strong"),
        ("value", None, None),
        (None, None, None),
    ],
)
def test_field_of_an_object_that_is_made_of_secrets(name: str | None, owner: str | None, strength: str | None) -> None:
    assert inner_strength(name, owner) == strength


@pytest.mark.parametrize(
    ("name", "strength"),
    [("password", "strong"), ("token", "strong"), ("hf-token", "weak"), ("key", "weak"), ("max-tokens", None)],
)
def test_option(name: str, strength: str | None) -> None:
    assert option_strength(name) == strength


@pytest.mark.parametrize(
    ("name", "value", "answer"),
    [
        ("OPENAI_API_KEY", "sk-test", True),
        ("SMTP_PASS", "hunter2", True),
        ("DEBUG_TOKEN", "true", False),
        ("API_KEY", "", False),
        ("USE_AUTH", "1", False),
        ("TOKEN", "https://auth.acme.com", False),
        ("CITY", "Oslo", False),
    ],
)
def test_variable_that_a_replay_has_to_have(name: str, value: str, answer: bool) -> None:
    assert may_hold_secret(name, value) is answer


@pytest.mark.parametrize(
    "name",
    ["Authorization", "X-API-Key", "cookie", "x-goog-api-key", "X-Vault-Token", "X-Hub-Signature-256", "api-key"],
)
def test_header_is_a_secret(name: str) -> None:
    assert header_strength(name) == "strong"


@pytest.mark.parametrize(
    "name",
    ["content-type", "x-request-id", "x-ratelimit-remaining-tokens", "access-control-allow-credentials", "etag", "via"],
)
def test_header_is_no_secret(name: str) -> None:
    assert header_strength(name) is None


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        ("sig", "strong"),
        ("X-Amz-Signature", "strong"),
        ("api_key", "strong"),
        ("access_token", "strong"),
        ("key", "weak"),
        ("token", "weak"),
        ("code", "weak"),
        ("auth", "weak"),
        ("pass", "strong"),
        ("q", None),
        ("page_token", None),
        ("keyword", None),
    ],
)
def test_query_key(name: str, strength: str | None) -> None:
    assert query_strength(name) == strength


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "GITHUB_TOKEN",
        "GH_PAT",
        "PGPASSWORD",
        "MYSQL_PWD",
        "DATABASE_URL",
        "SENTRY_DSN",
        "SECRET_KEY_BASE",
        "API_KEY_2",
        "openai_api_key",
        "OPENWEATHERMAP_APPID",
        "AZURE_STORAGE_CONNECTION_STRING",
    ],
)
def test_variable_is_a_secret(name: str) -> None:
    assert is_secret_variable(name)


@pytest.mark.parametrize(
    "name",
    [
        "PWD",
        "OLDPWD",
        "HOME",
        "PATH",
        "KEYBOARD",
        "TOKENIZERS_PARALLELISM",
        "MAX_TOKENS",
        "TOKEN_LIMIT",
        "SSH_AUTH_SOCK",
        "PRIMARY_KEY_FIELD",
        "API_KEY_HEADER",
        "SECRET_NAME",
        "AUTHOR",
        "MONKEY",
    ],
)
def test_variable_is_no_secret(name: str) -> None:
    assert not is_secret_variable(name)


@pytest.mark.parametrize(
    "value",
    ["true", "1", "none", "12345678", "aaaaaaaa", "https://auth.acme.com/v1", "/home/me/key.json", "localhost:5432"],
)
def test_plain_value_of_a_secret_variable_is_left_alone(value: str) -> None:
    assert secret_variables({"DEBUG_TOKEN": value}) == {}


@pytest.mark.parametrize(
    "value", ["hunter2hunter2", "postgres://me:pw@db/x", "/aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA+bC2dE5f", "correct-horse"]
)
def test_value_can_be_a_secret(value: str) -> None:
    assert is_secret_value(value)


@pytest.mark.parametrize("value", ["include", "same-origin", "omit", "application default"])
def test_way_in_which_credentials_are_sent_is_none(value: str) -> None:
    options = {"credentials": value, "method": "GET"}

    assert Sanitizer().json(options) == options
    assert Sanitizer().text(f"fetch(url, {{credentials: '{value}'}})") == f"fetch(url, {{credentials: '{value}'}})"


@pytest.mark.parametrize("value", ["Hunter2x", "bob:hunter", "bob:hunter2", "letmein!", "LetMeIn"])
def test_credentials_are_taken_out(value: str) -> None:
    assert value not in str(Sanitizer().json({"credentials": value, "credential": {"value": value}}))


@pytest.mark.parametrize(
    "name",
    [
        *("X-My-Auth", "X-Signature", "Stripe-Signature", "X-Slack-Signature", "X-Hub-Signature-512", "X-Acme-Sig"),
        *(
            "X-Shopify-Hmac-Sha256",
            "X-Signature-Ed25519",
            "X-Goog-Iap-Jwt-Assertion",
            "X-User-JWT",
            "Acme-Authentication",
        ),
    ],
)
def test_header_is_known_by_its_last_word(name: str) -> None:
    stored = Sanitizer().headers(((name, "H4f1b9c2d8e"),))

    assert stored != ((name, "H4f1b9c2d8e"),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("X-Auth-Type", "oauth2x"), ("Signature-Input", "sig1=x9y8z7w6"), ("X-Signature-Version", "v4x5y6z7")),
        *(("X-My-Auth", "required"), ("X-Author", "knuth1938"), ("X-Sha256", "ab12cd34"), ("X-Design", "b1c2d3e4")),
        ("Access-Control-Allow-Auth", "a1b2c3d4"),
    ],
)
def test_other_header_stays(name: str, value: str) -> None:
    assert Sanitizer().headers(((name, value),)) == ((name, value),)
