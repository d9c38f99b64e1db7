"""Whether anything of a secret is left in what was stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.sanitizer.decoding import decoded
from tests.sanitizer.planting import NUMBER, Secret

SHORTEST = 8
"""Characters of a secret in one piece that are a leak."""

# Times, sizes and hashes of the packet itself: digits of a number may stand in them by chance.
_OWN = frozenset(
    {
        *("key", "raw", "run_id", "trace_id", "id", "parent", "seq", "time_ns", "first_byte_ns", "cuts", "offset_ns"),
        *("sha256", "events", "made", "started_at", "git_sha", "sum", "digest", "loops"),
    }
)


def pieces(part: str) -> set[str]:
    """Every piece of a secret of so many characters; all of one that has fewer.

    Of a number so many digits, whatever signs are among them: six of them may be the same by chance.
    """
    counts = [char.isdigit() for char in part] if NUMBER.issuperset(part) else [True] * len(part)
    ends = [place + 1 for place, counted in enumerate(counts) if counted]
    if len(ends) <= SHORTEST:
        return {part}
    return {part[end - 1 : last] for end, last in zip(ends, ends[SHORTEST - 1 :], strict=False)}


def leaked(secret: Secret, texts: str, without_numbers: Callable[[], str] = str) -> list[str]:
    """The pieces of a secret that stand in any of the texts.

    Args:
        without_numbers: Gives the same without the numbers of the packet itself, for pieces that are all digits.
    """
    found = []
    for part in secret.parts:
        if any(sample in texts for sample in _samples(part)):
            found += [piece for piece in sorted(pieces(part)) if piece in texts]
    numbers = [piece for piece in found if piece.isdigit()]
    if numbers and without_numbers is not str:
        plain = without_numbers()
        found = [piece for piece in found if piece not in numbers or piece in plain]
    return found


def _samples(part: str) -> list[str]:
    """Some of which are in every piece that could be left: quicker to look for than all pieces."""
    step = SHORTEST // 2
    return [part[start : start + step + 1] for start in range(0, max(1, len(part) - step), step)]


def all_texts(blobs: Iterable[bytes]) -> str:
    """What the blobs say, raw and decoded, in one text."""
    found: set[str] = set()
    for blob in blobs:
        found |= decoded(blob)
        found.add(blob.decode("utf-8", "replace"))
    return "\0".join(found)


def without_own_numbers(lines: Iterable[bytes]) -> bytes:
    """The lines of a packet without its own times, sizes and hashes."""
    made = []
    for line in lines:
        try:
            made.append(json.dumps(_stripped(json.loads(line)), ensure_ascii=False).encode())
        except ValueError:
            made.append(re.sub(rb"\d{8,}", b"", line))
    return b"\n".join(made)


def _stripped(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: {inner: _stripped(item) for inner, item in child.items()} if isinstance(child, dict) else child
        for name, child in value.items()
        if name not in _OWN
    }
