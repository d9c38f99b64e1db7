"""One function a step from each older file format to the next.

Format 1 is the first. A step for format N takes the fields of one line as format N wrote them and returns them as
format N + 1 would; `STEPS[N]` holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from replaykit.packet.model import FORMAT

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: dict[int, Step] = {}


def oldest_format() -> int:
    """The oldest format from which an unbroken row of steps leads to the present one."""
    number = FORMAT
    while number - 1 in STEPS:
        number -= 1
    return number


def migrate_line(fields: dict[str, Any], file_format: int) -> dict[str, Any]:
    """The fields of a line in the present format."""
    for number in range(file_format, FORMAT):
        fields = STEPS[number](fields)
    return fields
