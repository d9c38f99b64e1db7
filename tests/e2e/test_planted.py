"""Secrets planted at random at every boundary of real runs: nothing of them on disk or in a log, and each run replays.

With `REPLAYKIT_SOAK=1` these are 20 000, and the figures are printed.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.helpers import IS_SOAK
from tests.e2e.planted import run
from tests.e2e.planted_plans import make_plan

RUNS_A_TEST = 60 if IS_SOAK else 6
TESTS = 28 if IS_SOAK else 3
FIRST = 100_000

KNOWN: frozenset[str] = frozenset()
"""What is not right yet, as it stands in a line of what went wrong."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(TESTS))
def test_planted_secrets_are_nowhere_and_each_run_replays(part: int, tmp_path: Path) -> None:
    began = time.perf_counter()
    planted, wrong = 0, []
    for seed in range(FIRST + part * RUNS_A_TEST, FIRST + (part + 1) * RUNS_A_TEST):
        outcome = run(seed, tmp_path)
        planted += outcome.planted
        wrong += [line for line in outcome.wrong if not any(known in line for known in KNOWN)]
    print(f"planted {planted}, wrong {len(wrong)}, {time.perf_counter() - began:.0f} s")  # noqa: T201

    assert planted >= RUNS_A_TEST * 12
    assert wrong == []


def test_plans_reach_every_place_with_every_kind_of_secret() -> None:
    """What the generator never makes proves nothing."""
    steps = [step for seed in range(400) for step in make_plan(seed).steps]
    kinds = {step.secret.kind for step in steps}
    places = {step.how.partition(":")[0] for step in steps}

    assert {
        "token",
        "env",
        "named",
        "jwt",
        "private key",
        "connection",
        "email",
        "card",
        "iban",
        "phone",
        "ip",
    } <= kinds
    assert {"named again", "env again", "token again"} <= kinds
    assert {f"received body {encoding}" for encoding in ("", "gzip", "deflate", "br", "zstd")} <= places
    assert {"sent body ", "sent body gzip", "prompt", "cut off", "handed out and sent back"} <= places
    assert {"sent header", "sent secret header", "sent cookie", "sent userinfo", "received header set-cookie"} <= places
    assert {"url path", "url query", "url named query", "url fragment", "url text in query"} <= places
    assert {"tool arguments", "tool result", "raising tool result", "human result", "span arguments"} <= places
