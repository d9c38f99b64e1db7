"""Private keys: one key is one value, with its first and last line or without them, and however it is written."""

from __future__ import annotations

import re

from replaykit.sanitizer.providers import PRIVATE_KEY

_BLOCK = re.compile(r"\s*-{4,5} ?BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY.*-{4,5}\s*", re.DOTALL)
_LINE_END = re.compile(r"\\{1,4}([nr])")


def key_inside(value: str) -> tuple[int, int] | None:
    """Where the secret stands in a value that is a private key with its first and last line, else None."""
    if "PRIVATE KEY" not in value or _BLOCK.fullmatch(value) is None:
        return None
    match = PRIVATE_KEY.pattern.search(value)
    return match.span("secret") if match is not None else None


def with_lines(key: str) -> str:
    """The inside of a private key with the ends of its lines as they are, where a text says them as `\\n`."""
    return key if "\n" in key else _LINE_END.sub(lambda match: "\n" if match[1] == "n" else "\r", key)
