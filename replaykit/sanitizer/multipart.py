"""The parts of a multipart body, where they stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s";,]+))', re.IGNORECASE)
_END_OF_HEADERS = re.compile(r"\r?\n\r?\n|\A\r?\n")
_DISPOSITION = re.compile(r"^content-disposition:.*", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"""[;\s]name=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))""", re.IGNORECASE)


class Part(NamedTuple):
    """One part of a body.

    Attributes:
        start: Where its headers begin.
        body: Where its content begins.
        end: Where its content ends.
        name: Of the form's field; empty if there is none.
        is_file: It has a file's name.
    """

    start: int
    body: int
    end: int
    name: str
    is_file: bool


def find_parts(text: str, content_type: str) -> Iterator[Part]:
    """Every part of a multipart body; none if the boundary is not known, or not there."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        return
    boundary = re.escape(found[1] or found[2])
    start: int | None = None
    for match in re.finditer(rf"(?:^|\r?\n)--{boundary}(?:--)?[ \t]*(?=\r?\n|\Z)", text):
        if start is not None:
            yield _part(text, start, match.start())
        start = match.end()
    if start is not None and text[start:].strip():
        yield _part(text, start, len(text))  # a body that was cut, or what stands after its end


def _part(text: str, start: int, end: int) -> Part:
    start = min(end, start + (2 if text.startswith("\r\n", start) else 1))
    gap = _END_OF_HEADERS.search(text[start:end])
    body = start + gap.end() if gap is not None else end
    line = _DISPOSITION.search(text[start:body])
    name = _NAME.search(line[0]) if line is not None else None
    is_file = line is not None and "filename" in line[0].lower()
    return Part(start, body, end, (name[1] or name[2] or "") if name is not None else "", is_file)
