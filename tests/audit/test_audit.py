"""An audit sees every kind of secret in every kind of place, and nothing where there is nothing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import replaykit
from replaykit.audit.audit import audit
from replaykit.audit.findings import Finding
from replaykit.errors import PacketError
from replaykit.packet.body import encode_body
from replaykit.packet.codec import dump_line
from replaykit.packet.model import Body
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.audit.planting import PLACES, STAND_IN, clean_packet, plant
from tests.cli.conftest import Shop
from tests.e2e.helpers import IS_SOAK
from tests.packet.building import http_call, http_done, run_line, seal_bytes
from tests.sanitizer.secrets import TOKENS

ROOT = Path(__file__).parent.parent.parent
ENVIRON = {"SHOP_DB_PASSWORD": "violet7-Hammock-Rain"}

BASE64 = "MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEAq7Fz0pV4"

SECRETS = {
    **{kind: TOKENS[kind] for kind in ("openai_key", "anthropic_key", "github_token", "aws_key_id", "jwt")},
    "private_key": f"-----BEGIN {'PRIVATE'} KEY-----\n{BASE64}\n-----END {'PRIVATE'} KEY-----",
    "secret": "postgresql://shop:" + "Xk29vQmzL4w7" + "@db.acme-shop.io:5432/orders",
    "email": "ola.nordmann@vaer-oslo.org",
    "card": "4539 1488 0343 6467",
    "iban": "DE89 3704 0044 0532 0130 00",
    "env": ENVIRON["SHOP_DB_PASSWORD"],
}


def _errors(path: Path) -> list[Finding]:
    return [finding for finding in audit(path, environ=ENVIRON) if finding.level == "error"]


@pytest.mark.parametrize("place", PLACES)
def test_every_kind_of_secret_is_seen_in_a_place(place: str, tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    at, kinds = list(PLACES).index(place), list(SECRETS)
    for kind in kinds if IS_SOAK else (kinds[at % len(kinds)], kinds[(at + 5) % len(kinds)], "openai_key"):
        secret = SECRETS[kind]
        plant(path, secret, place)

        found = [item for item in _errors(path) if item.kind != "not_replayable"]
        assert found, kind
        assert {item.kind for item in found} & {kind, "secret", "cookie"}, (kind, found)
        assert {item.line for item in found} == {found[0].line}
        assert all(secret not in repr(item) for item in found)


def test_the_clean_packet_is_clean(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(clean_packet())
    path.chmod(0o600)

    audited = audit(path, environ=ENVIRON)

    assert (audited.findings, audited.calls) == ((), 2)


@pytest.mark.parametrize("folder", ["cassettes", "examples"])
def test_no_false_alarm_on_the_cassettes_of_this_repository(folder: str) -> None:
    paths = sorted((ROOT / folder).rglob("*.packet.jsonl"))
    assert paths or folder == "examples"
    for path in paths:
        audited = audit(path)

        assert [item for item in audited if item.level != "note"] == []
        assert audited.calls


def test_no_false_alarm_on_a_packet_just_recorded(recorded: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", recorded.environ.get("OPENAI_API_KEY", "sk-proj-Other"))
    (path,) = recorded.packets

    assert audit(path).findings == ()


def test_a_finding_says_where_and_how_long_and_never_what(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    plant(path, SECRETS["openai_key"], "gzip in base64")

    (found,) = _errors(path)
    assert (found.kind, found.id, found.field, found.length) == (
        "openai_key",
        "t1",
        "value",
        len(SECRETS["openai_key"]),
    )
    assert found.layer == "json $.blob > base64 at 0 > gzip"
    assert json.loads(path.read_text().splitlines()[(found.line or 0) - 1])["id"] == "t1"


def test_a_secret_that_is_a_name_is_not_shown_in_the_path_to_it(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    text = clean_packet().decode()
    address = SECRETS["email"]
    path.write_text(text.replace('{"celsius":-4.5}', json.dumps({address: {"note": SECRETS["openai_key"]}})))

    found = _errors(path)

    assert {item.kind for item in found} == {"email", "openai_key"}
    assert address not in repr(found)


def test_a_secret_of_this_machine_listed_as_a_stand_in_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_text(clean_packet().decode().replace(STAND_IN, ENVIRON["SHOP_DB_PASSWORD"]))

    (found,) = _errors(path)
    assert (found.kind, found.field, "SHOP_DB_PASSWORD" in found.message) == ("env", "stand_in", True)


def test_what_only_the_sanitizer_knows_of_is_seen(tmp_path: Path) -> None:
    """A short password in the header of a message that hangs on an exception has no shape, and no name of its own."""
    path = tmp_path / "x.packet.jsonl"
    headers = [["proxy-authorization", "quiet-marble"]]
    message = {"$type": "http_request", "method": "GET", "url": "https://a.io/", "headers": headers, "body": None}
    text = clean_packet().decode()
    path.write_text(
        text.replace('"message":"no way"', f'"message":"no way","state":{json.dumps({"request": message})}')
    )

    assert [(item.kind, item.id) for item in _errors(path)] == [("not_sanitized", "sp1")]


def test_a_request_that_does_not_find_its_own_answer_is_said(tmp_path: Path) -> None:
    """Two calls at one place: the second can't be told from the first."""
    path = tmp_path / "x.packet.jsonl"
    text = clean_packet().decode()
    line = next(line for line in text.splitlines() if '"id":"t1"' in line and '"kind":"call"' in line)
    twin = json.loads(line) | {"id": "t2", "seq": 40}
    path.write_text(
        text.replace('{"kind":"effect"', f"{json.dumps(twin)}\n{json.dumps(_done_of('t2'))}\n" + '{"kind":"effect"')
    )

    assert [(item.kind, item.id) for item in _errors(path)] == [("not_replayable", "t2")]


def _done_of(name: str) -> dict[str, object]:
    return {"kind": "done", "id": name, "seq": 41, "time_ns": 1, "state": "complete", "value": 1, "has_value": True}


def test_a_file_that_others_may_read_is_a_warning_outside_of_a_suite(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(clean_packet())
    path.chmod(0o644)
    cassette = tmp_path / "cassettes" / "x.packet.jsonl"
    cassette.parent.mkdir()
    cassette.write_bytes(clean_packet())
    cassette.chmod(0o644)

    (found,) = audit(path, environ={})
    assert (found.kind, found.level) == ("file_mode", "warning")
    assert audit(cassette, environ={}).findings == ()


def test_older_rules_altered_lines_and_withheld_bodies_are_said(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    text = clean_packet().decode().replace(f'"ruleset":"{Sanitizer.ruleset}"', '"ruleset":"1"')
    path.write_text(text.replace('"value":{"celsius":-4.5},"has_value":true', '"body":{"withheld":"too large"}'))
    path.chmod(0o600)

    audited = audit(path, environ={})

    assert [(item.kind, item.level) for item in audited] == [
        ("altered", "warning"),
        ("old_ruleset", "note"),
        ("withheld", "warning"),
    ]
    assert audited.is_clean


@pytest.mark.parametrize(
    "data", [b"", b"{}\n", b"\xff\xfe\n", b'{"kind":"run"}\n'], ids=["empty", "no run", "bytes", "bare"]
)
def test_a_damaged_file_is_an_error_and_not_clean(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(data)

    with pytest.raises(PacketError):
        audit(path)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda data: data.replace(b'"It rains', f'"{TOKENS["github_token"]} It rains'.encode()), id="a text"
        ),
        pytest.param(lambda data: data + f"# {TOKENS['github_token']}\n".encode(), id="a line"),
        pytest.param(
            lambda data: data.replace(b'"kind":"log"', f'"note":"{TOKENS["github_token"]}","kind":"log"'.encode()),
            id="a field",
        ),
    ],
)
def test_a_secret_in_what_is_no_packet_any_more_is_named(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(change(clean_packet().replace(b"one task was", b"It rains")))

    found = {finding.kind for finding in audit(path, environ={}).findings if finding.level == "error"}

    assert "github_token" in found


def test_a_long_packet_is_done_in_time(tmp_path: Path) -> None:
    """Time grows with the file, not with its square."""
    lines = []
    count = 4000 if IS_SOAK else 1500
    for number in range(count):
        lines += [http_call(number, _small(number)), http_done(number)]
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(seal_bytes(dump_line(run_line()) + b"".join(map(dump_line, lines))))

    assert audit(path, environ={}).calls == count


def _small(number: int) -> Body:
    return encode_body(json.dumps({"model": "m", "messages": [{"role": "user", "content": f"n {number}"}]}).encode())


def test_a_pipe_may_hold_a_packet(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(clean_packet(),))
    writer.start()

    assert audit(pipe, environ={}).calls == 2
    writer.join(10)


def test_an_audit_only_reads(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(clean_packet())
    before = (path.read_bytes(), path.stat().st_mtime_ns, sorted(tmp_path.iterdir()))

    audit(path)

    assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(tmp_path.iterdir())) == before
    assert replaykit.Packet.load(path).recovered == ()
