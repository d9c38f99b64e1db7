"""How much is found, of which kind: `python -m tests.sanitizer.table [FILE.jsonl] [--generated N] [--missed]`.

A file has one JSON object a line: `class` (`secret`, `pii`, `near_miss`, `negative`), `kind`, `text_b64`, `value_b64`.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from replaykit.sanitizer.sanitizer import Sanitizer
from tests.sanitizer.cases import Case, secret_cases
from tests.sanitizer.numbers import negative_cases
from tests.sanitizer.people import personal_cases

SHARED = Path(os.environ.get("REPLAYKIT_SHARED") or Path(__file__).parents[3] / "shared")
CORPUS = SHARED / "data" / "secrets.jsonl"
PART = Path(__file__).parent / "data" / "secrets.jsonl"
"""The part of it that is kept here, with its licences."""

WANTED = frozenset({"secret", "pii"})
Counts = Counter[tuple[str, str]]


def read(path: Path) -> Iterator[Case]:
    """The cases of a file."""
    for line in path.read_text().splitlines():
        row = json.loads(line)
        text, value = (
            base64.b64decode(row.get(name) or "").decode("utf-8", "replace") for name in ("text_b64", "value_b64")
        )
        yield Case(row["class"], row["kind"], text, value)


def cases(random: Random) -> Iterator[Case]:
    """One of every kind there is, made at random: the same ones for the same seed."""
    yield from secret_cases(random)
    yield from personal_cases(random)
    yield from negative_cases(random)


def generated(count: int, seed: int = 1) -> Iterator[Case]:
    """`count` cases of every kind."""
    random = Random(seed)
    for _ in range(count):
        yield from cases(random)


def stored(case: Case) -> str:
    """What is left of its text."""
    return Sanitizer(key=b"fixed").body(case.text.encode()).decode()


def is_found(case: Case) -> bool:
    """True if anything was replaced, and nothing is left of the value."""
    left = stored(case)
    return left != case.text and (not case.value or case.value not in left)


def counted(items: Iterable[Case]) -> tuple[Counts, Counts, list[Case]]:
    """Found and total by group and kind, and the cases that came out wrong."""
    found, total, wrong = Counts(), Counts(), []
    for case in items:
        key = (case.group, case.kind)
        total[key] += 1
        is_hit = is_found(case) if case.group in WANTED else stored(case) != case.text
        found[key] += is_hit
        if is_hit != (case.group in WANTED):
            wrong.append(case)
    return found, total, wrong


def rate(found: Counts, total: Counts, group: str) -> float:
    """Found of all, from 0 to 1."""
    return sum(found[key] for key in total if key[0] == group) / max(
        1, sum(total[key] for key in total if key[0] == group)
    )


def lines(found: Counts, total: Counts) -> Iterator[str]:
    """The table, one kind a line, and the rates."""
    for key in sorted(total):
        yield f"{key[0]:<10} {key[1]:<48} {found[key]:>5} of {total[key]}"
    for group in sorted({key[0] for key in total}):
        count = sum(total[key] for key in total if key[0] == group)
        word = "found" if group in WANTED else "touched"
        yield f"{group:<10} {word} {rate(found, total, group):.1%} of {count}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sanitizer.table", description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=CORPUS if CORPUS.is_file() else PART)
    parser.add_argument("--generated", type=int, metavar="N", help="N cases of every kind, made at random, and no file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--missed", action="store_true", help="show what came out wrong")
    chosen = parser.parse_args(arguments)
    items = generated(chosen.generated, chosen.seed) if chosen.generated else read(chosen.path)
    found, total, wrong = counted(items)
    print(*lines(found, total), sep="\n")  # noqa: T201
    if chosen.missed:
        for case in wrong:
            print(f"  {case.group} {case.kind}: {case.text[:300]!r} -> {stored(case)[:300]!r}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
