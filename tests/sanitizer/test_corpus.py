"""How much of a corpus of real and invented secrets is found; skipped where the corpus is absent."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sanitizer.secrets import sanitizer

SHARED = Path(os.environ.get("REPLAYKIT_SHARED") or Path(__file__).parents[3] / "shared")
CORPUS = SHARED / "data" / "secrets.jsonl"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.is_file(), reason="the shared corpus of secrets is not there"),
]

# Kinds that the present rules cover; the rest is counted and shown.
COVERED = {
    "anthropic",
    "openai",
    "aws",
    "gcp",
    "github",
    "gitlab",
    "jwt",
    "private-key",
    "slack",
    "stripe",
    "email",
    "basic_auth",
    "google",
    "npm",
    "pypi",
    "sendgrid",
    "huggingface",
    "perplexity",
}
FLOOR = 0.80
TOUCHED_NEGATIVES = 0.01
TOUCHED_NEAR_MISSES = 0.07


def rows() -> Iterator[dict[str, Any]]:
    for line in CORPUS.read_text().splitlines():
        row = json.loads(line)
        row["text"] = base64.b64decode(row["text_b64"])
        row["value"] = base64.b64decode(row.get("value_b64") or "")
        yield row


def is_found(row: dict[str, Any]) -> bool:
    stored = sanitizer().body(row["text"])
    return stored != row["text"] and (not row["value"] or row["value"] not in stored)


def test_rates_over_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    found: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for row in rows():
        key = (row["class"], row["kind"])
        total[key] += 1
        found[key] += is_found(row) if row["is_secret"] else sanitizer().body(row["text"]) != row["text"]
    with capsys.disabled():
        print()  # noqa: T201
        for key, count in sorted(total.items()):
            if key[0] in ("secret", "pii") or found[key]:
                print(f"  {key[0]:<10} {key[1]:<46} {found[key]}/{count}")  # noqa: T201

    def rate(group: str, words: set[str] | None = None) -> float:
        keys = [key for key in total if key[0] == group and (words is None or _is_covered(key[1], words))]
        return sum(found[key] for key in keys) / max(1, sum(total[key] for key in keys))

    assert rate("negative") <= TOUCHED_NEGATIVES
    assert rate("near_miss") <= TOUCHED_NEAR_MISSES
    assert rate("secret", COVERED) >= FLOOR
    assert rate("secret") >= 0.7


def _is_covered(kind: str, words: set[str]) -> bool:
    return any(word in kind.lower() for word in words)


def test_stored_corpus_is_as_long_and_stable() -> None:
    for row in rows():
        first = sanitizer()
        stored = first.body(row["text"])
        assert len(stored) == len(row["text"])
        assert sanitizer(known=first.issued).body(stored) == stored
