"""Whatever is in the file: it is audited, or it is said what is wrong with it; in bounded time."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replaykit.audit.audit import MOST_FINDINGS, audit
from replaykit.audit.resanitizing import resanitize
from replaykit.errors import ReplayKitError
from replaykit.packet.codec import dump_line
from replaykit.packet.model import LogLine
from tests.audit.planting import clean_packet
from tests.packet.building import run_line, seal_bytes

PACKET = clean_packet()
BITS = [
    b"",
    b"{",
    b"}",
    b"[",
    b'"',
    b"\\u",
    b"null",
    b"[[1]]",
    b'{"a":1}',
    b'""',
    b"-1",
    b"1e400",
    b"\xff",
    b"\n",
    b"true",
]


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    data = PACKET
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        data = data[:start] + draw(st.sampled_from(BITS)) + data[end:]
    return data


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_damaged())
def test_a_damaged_packet_is_audited_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(data)
    for look in (audit, resanitize):
        try:
            look(path, environ={})
        except ReplayKitError:
            pass

    assert path.read_bytes() == data


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["http", "headers", "body", "value", "failure", "arguments", "entry"]), _JSON))
def test_fields_of_any_form_are_looked_at(tmp_path: Path, fields: dict[str, Any]) -> None:
    """The walk over a line's fields comes before anybody has checked them."""
    from replaykit.audit.pieces import pieces

    for kind in ("run", "entry", "call", "done", "outcome", "standin", "other"):
        for piece in pieces({"kind": kind, "id": "x", **fields}):
            assert all(isinstance(layer.text, str) for layer in piece.layers)


def _with_log(*messages: str) -> bytes:
    lines = [LogLine(id=f"g{at}", seq=at, time_ns=0, message=message) for at, message in enumerate(messages)]
    return seal_bytes(dump_line(run_line(ruleset="4")) + b"".join(map(dump_line, lines)))


def _nested(text: str, times: int) -> str:
    for _ in range(times):
        text = base64.b64encode(text.encode()).decode()
    return text


HOSTILE = {
    "a bomb": base64.b64encode(gzip.compress(b"a" * 1_000_000)).decode(),
    "a bomb in a bomb": base64.b64encode(gzip.compress(gzip.compress(b"a" * 1_000_000))).decode(),
    "deep layers": _nested("the end, or not", 20),
    "deep JSON": "[" * 100_000,
    "deep JSON in JSON": json.dumps('{"a":' * 20_000),
    "one long word": "a" * 1_000_000,
    "many signs": "@._-%=&" * 40_000,
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_done_with(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(_with_log(HOSTILE[name]))

    audited = audit(path, environ={})

    assert audited.lines == 3
    if name == "deep layers":
        assert "nested deeper" in " ".join(item.message for item in audited)
        assert not audited.is_clean  # nobody knows what is in it


def test_a_file_full_of_bombs_comes_to_an_end_and_is_not_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replaykit.audit.audit.MOST_CHARS", 1_000_000)
    path = tmp_path / "x.packet.jsonl"
    bombs = [base64.b64encode(gzip.compress(f"{at}{'a ' * 100_000}".encode())).decode() for at in range(12)]
    path.write_bytes(_with_log(*bombs))

    audited = audit(path, environ={}, has_replay=False)

    assert not audited.is_clean
    assert {item.message for item in audited if item.level == "error"} == {
        "not looked into: the file decodes to too much"
    }


def test_findings_without_end_are_listed_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(_with_log(" ".join(f"a{at}b@acme-shop{at}.org" for at in range(MOST_FINDINGS + 50))))

    findings = [item for item in audit(path, environ={}) if item.level == "error"]

    assert len(findings) == MOST_FINDINGS + 1
    assert findings[-1].message.endswith("the others are not listed")
