"""Which words of a text are names in source code: a function that is called, a type that is imported."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z_]\w*")
_DECLARES = re.compile(
    r"(?:^|[\s(,;])(?:async|class|def|enum|from|func|function|import|interface|isinstance|struct|type)\b[^\n]*\Z"
    r"|->\s{0,3}\Z"
)
_CALL = re.compile(r"\((?:[^\n]*\)|[ \t]*(?:\n|\Z))|\.[A-Za-z_]")
_MOST_PLACES = 20
_LONGEST_LINE = 200


def is_code_name(text: str, start: int, end: int) -> bool:
    """True if the word at a place is a name: somewhere in the text it is called, imported or declared."""
    name = _NAME.match(text, start)
    if name is None or name.end() < end:
        return False
    place = text.find(name[0])
    for _ in range(_MOST_PLACES):
        if place < 0:
            break
        after = place + len(name[0])
        if not _is_in_word(text, place, after):
            line = text[max(text.rfind("\n", 0, place) + 1, place - _LONGEST_LINE) : place]
            if _CALL.match(text, after) is not None or _DECLARES.search(line) is not None:
                return True
        place = text.find(name[0], after)
    return False


def _is_in_word(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    return before.isalnum() or before == "_" or after.isalnum() or after == "_"
