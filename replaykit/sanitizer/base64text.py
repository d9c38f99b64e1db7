"""Texts in base64 inside of other texts: documents that tools hand over, events of a model in those of a gateway."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from replaykit.sanitizer.compressed import is_archive, packing_of

SHORTEST_RUN = 12
"""Characters, with the padding; what is shorter says too little."""

# Whole, and no part of a token (JWT), which has base64 between dots: its claims and its signature belong together.
_RUN = re.compile(r"(?<![\w.+/-])(?:[A-Za-z0-9+/]{10,}|[A-Za-z0-9_-]{10,})={0,2}(?![\w.+/=-])")
_WHOLE = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_SHORTEST_UNPADDED = 16
_SHORTEST_SURE = 24  # what is shorter may say letters of any language by chance
_SAMPLE = 64  # characters that tell text from everything else; a multiple of four
_PRINTABLE = re.compile(r"[^\x00-\x08\x0e-\x1f\x7f]*")


def rewrite_runs(text: str, change: Callable[[str], str]) -> str:
    """The text with every run of base64 replaced by what `change` makes of it."""
    if len(text) < SHORTEST_RUN:
        return text
    parts: list[str] = []
    last = 0
    for match in _RUN.finditer(text):
        made = change(match[0])
        if made != match[0]:
            parts += (text[last : match.start()], made)
            last = match.end()
    return "".join((*parts, text[last:])) if parts else text


def bytes_of(run: str) -> bytes | None:
    """What a run says; None for numbers, names and pictures: it is neither text nor compressed."""
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    if len(plain) % 4 == 1 or len(run) < (SHORTEST_RUN if len(run) % 4 == 0 else _SHORTEST_UNPADDED):
        return None
    try:
        sample = _decoded(plain[:_SAMPLE])
        if len(plain) < _SHORTEST_SURE and not sample.isascii():
            return None
        return _decoded(plain) if is_archive(sample) or packing_of(sample) is not None or _is_text(sample) else None
    except (binascii.Error, ValueError):
        return None


def text_of(data: bytes) -> str | None:
    """Bytes as text, if all of them are."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if _PRINTABLE.fullmatch(text) is not None else None


def credentials_of(run: str) -> tuple[str, str] | None:
    """The user and the password that all of `run` says in base64, as the scheme Basic has them."""
    if len(run) < 8 or len(run) % 4 or not run.isascii() or _WHOLE.fullmatch(run) is None:
        return None
    try:
        said = text_of(_decoded(run.rstrip("=")))
    except (binascii.Error, ValueError):
        return None
    user, colon, password = (said or "").partition(":")
    if (
        not colon
        or not said
        or not (said.isascii() or len(run) >= _SHORTEST_SURE)
        or written(f"{user}:{password}", run) != run
        or "\n" in user + password
    ):
        return None
    return user, password


def written(text: str, run: str) -> str:
    """A text in base64, as `run` is written, which says one of that length."""
    encode = base64.urlsafe_b64encode if "-" in run or "_" in run else base64.b64encode
    return encode(text.encode()).decode().rstrip("=") + "=" * run.count("=")


def _decoded(plain: str) -> bytes:
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


def _is_text(sample: bytes) -> bool:
    """True if bytes begin a text; its last character may be cut."""
    text = sample.decode("utf-8", "ignore")
    return len(text.encode()) >= len(sample) - 3 and _PRINTABLE.fullmatch(text) is not None
