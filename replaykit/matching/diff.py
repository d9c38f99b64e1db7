"""Field-level differences between two JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ABSENT = object()


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field that differs; a side that lacks it holds `ABSENT`."""

    path: str
    recorded: Any
    now: Any


def diff_json(recorded: Any, now: Any, path: str = "") -> Iterator[FieldDiff]:
    """Every leaf that differs, in reading order. `1` and `1.0` differ, as they do on the wire."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*recorded, *now)):
            inner = f"{path}.{key}" if path else str(key)
            yield from diff_json(recorded.get(key, ABSENT), now.get(key, ABSENT), inner)
    elif isinstance(recorded, list | tuple) and isinstance(now, list | tuple):
        for index in range(max(len(recorded), len(now))):
            left = recorded[index] if index < len(recorded) else ABSENT
            right = now[index] if index < len(now) else ABSENT
            yield from diff_json(left, right, f"{path}[{index}]")
    elif not _is_same(recorded, now):
        yield FieldDiff(path, recorded, now)


def _is_same(recorded: Any, now: Any) -> bool:
    """As they are written: `0.0` is not `-0.0`, and `nan` is what it was."""
    if type(recorded) is not type(now):
        return False
    return repr(recorded) == repr(now) if isinstance(recorded, float) else bool(recorded == now)


def changed_lines(recorded: str, now: str, width: int = 100) -> tuple[str, str]:
    """The first line that differs in each text, cut to `width` around the first difference."""
    left, right = recorded.splitlines() or [""], now.splitlines() or [""]
    for old, new in zip(left, right, strict=False):
        if old != new:
            return cut_around_difference(old, new, width)
    count = min(len(left), len(right))
    old = left[count] if len(left) > count else ""
    new = right[count] if len(right) > count else ""
    return cut_around_difference(old, new, width)


def cut_around_difference(old: str, new: str, width: int) -> tuple[str, str]:
    """Both lines, so cut that the first difference is in sight."""
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, same - width // 3) if max(len(old), len(new)) > width else 0

    def cut(line: str) -> str:
        piece = line[start : start + width]
        return ("…" if start else "") + piece + ("…" if start + width < len(line) else "")

    return cut(old), cut(new)
