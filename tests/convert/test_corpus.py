"""Every file of the shared corpus imports, or is named; every model call in it parses as it does without replaykit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("vcr", reason="its own replay is what ours is compared with")

from replaykit.convert.recording import OtherFormat
from replaykit.convert.vcr import read_cassette
from tests.convert.building import packed
from tests.convert.driving import compare
from tests.wire.corpus import SHARED

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared recordings; set REPLAYKIT_SHARED (looked in {SHARED})"),
]


def _files() -> list[Path]:
    others = ("INDEX.md", "index.jsonl")
    return [
        path
        for path in sorted(SHARED.rglob("*"))
        if path.is_file() and path.name not in others and path.parent.name != "LICENSES"
    ]


def test_every_file_imports_or_is_named() -> None:
    layouts: Counter[str | None] = Counter()
    calls: Counter[str] = Counter()
    notes = []
    for path in _files():
        try:
            recording = read_cassette(path)
        except OtherFormat as other:
            layouts[other.name] += 1
            continue
        made = packed(recording)
        layouts[recording.layout] += 1
        calls.update({**made.calls, "telemetry": made.telemetry, "read": len(recording.calls)})
        notes += [note for note in made.notes if "telemetry" not in note]

    assert layouts == {
        "vcrpy, version 1": 81,
        "vcrpy, no version": 1,
        "vcrpy before 1.0": 1,
        "LangChain's lists of requests and responses": 1,
        "a HAR": 8,
        "a cassette of VCR for Ruby or R": 2,
        "a go-vcr cassette": 1,
        "a gRPC recording": 1,
        "a recording of WebSocket frames": 1,
        "a recording of ddapm-test-agent": 1,
        "an httpmock recording (Rust), with a path and no host": 1,
        "an httprr trace (Go)": 1,
    }
    assert calls == {"read": 274, "llm": 111, "http": 153, "telemetry": 10}
    assert notes == []


@pytest.mark.timeout(240)
def test_every_model_call_parses_to_the_same_object_as_without_replaykit() -> None:
    served: Counter[str] = Counter()
    different = []
    for path in _files():
        try:
            compared = compare(path)
        except OtherFormat:
            continue
        different += [f"{path.name}: {text}" for text in compared.different]
        different += [] if compared.report.ok else [f"{path.name}: {compared.report.summary()}"]
        served.update(
            {"under vcrpy": compared.under_vcrpy, "directly": compared.directly, "sanitized": compared.sanitized}
        )

    assert different == []
    assert served == {"under vcrpy": 78, "directly": 33, "sanitized": 0}
