"""What code scanning reads: SARIF 2.1.0, with every field that it requires."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from replaykit.audit.audit import audit
from replaykit.audit.sarif import to_sarif
from tests.audit.planting import clean_packet, plant
from tests.sanitizer.secrets import TOKENS


def _dirty(folder: Path) -> dict[str, Any]:
    path = folder / "a b.packet.jsonl"
    plant(path, TOKENS["github_token"], "text deltas")
    path.chmod(0o600)
    return to_sarif([audit(path, environ={})], folder)


def test_the_log_has_what_the_standard_requires(tmp_path: Path) -> None:
    """3.13, 3.14, 3.18-3.19, 3.27: version, runs, tool.driver.name, message.text, unique rule ids, indices in range."""
    log = _dirty(tmp_path)

    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert driver["name"] == "replaykit"
    assert len(ids) == len(set(ids))
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        for location in result["locations"]:
            place = location["physicalLocation"]
            assert place["region"]["startLine"] >= 1
            assert place["artifactLocation"]["uri"] == "a%20b.packet.jsonl"
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())


def test_a_finding_keeps_its_fingerprint_and_shows_no_value(tmp_path: Path) -> None:
    first, again = _dirty(tmp_path), _dirty(tmp_path)

    assert first == again
    assert TOKENS["github_token"] not in str(first)
    assert "replaykit/github_token" in [item["ruleId"] for item in first["runs"][0]["results"]]


def test_a_clean_packet_has_no_results(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    path.write_bytes(clean_packet())
    path.chmod(0o600)

    log = to_sarif([audit(path, environ={})], tmp_path / "elsewhere")

    assert log["runs"][0]["results"] == []
