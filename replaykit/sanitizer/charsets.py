"""Bodies whose characters are wider than a byte, by what their header says."""

from __future__ import annotations

import codecs
import re

_WIDE = re.compile(r"charset=[\"']?(utf-(?:16|32)(?:-?[lb]e)?)\b", re.IGNORECASE)
_MARKS = {
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}


def codec_of(data: bytes, content_type: str) -> tuple[bytes, str]:
    """The mark of the byte order that data begins with, and how the rest is encoded."""
    match = _WIDE.search(content_type)
    if match is None:
        return b"", "utf-8"
    codec = match[1].lower()
    for mark, name in _MARKS[codec[:6]]:
        if data.startswith(mark):
            return mark, name
    return b"", codec if codec[-2:] in ("le", "be") else f"{codec}-le"
