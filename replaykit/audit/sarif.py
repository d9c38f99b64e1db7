"""Findings as SARIF 2.1.0, which code scanning reads.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import replaykit
from replaykit.audit.findings import Audited, Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(results: Sequence[Audited], root: Path) -> dict[str, Any]:
    """One run of the tool; paths inside `root` are relative to it."""
    kinds = sorted({finding.kind for result in results for finding in result})
    driver = {
        "name": "replaykit",
        "version": replaykit.__version__,
        "rules": [_rule(kind) for kind in kinds],
    }
    found = [_result(result.path, finding, kinds, root) for result in results for finding in result]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": found}],
    }


_TEXTS = {
    "altered": "The packet was altered after it was written",
    "file_mode": "Others may read the packet",
    "not_replayable": "A recorded request does not find its own answer",
    "not_sanitized": "The present rules would replace something in the packet",
    "old_ruleset": "The packet was sanitized with older rules",
    "recovered": "The packet had to be repaired",
    "unread": "A part of the packet was not looked into",
    "withheld": "A body was withheld",
}


def _rule(kind: str) -> dict[str, Any]:
    text = _TEXTS.get(kind, f"A value of kind {kind} stands in a packet")
    return {"id": f"replaykit/{kind}", "shortDescription": {"text": text}}


def _result(path: Path, finding: Finding, kinds: list[str], root: Path) -> dict[str, Any]:
    place = _uri(path, root)
    words = " > ".join(filter(None, (finding.id, finding.field, finding.layer)))
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": place}, "region": {"startLine": finding.line or 1}}
    }
    if words:
        location["logicalLocations"] = [{"fullyQualifiedName": words}]
    known = hashlib.sha256(f"{place}\0{finding.kind}\0{words}".encode("utf-8", "replace")).hexdigest()
    return {
        "ruleId": f"replaykit/{finding.kind}",
        "ruleIndex": kinds.index(finding.kind),
        "level": finding.level,
        "message": {"text": f"{finding.message} ({words})" if words else finding.message},
        "locations": [location],
        "partialFingerprints": {"replaykit/v1": known},
    }


def _uri(path: Path, root: Path) -> str:
    absolute = path.resolve()
    try:
        return absolute.relative_to(root.resolve()).as_posix().replace("%", "%25").replace(" ", "%20")
    except ValueError:
        return absolute.as_uri()
