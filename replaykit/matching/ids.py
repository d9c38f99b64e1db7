"""Ids by who issued them.

`call_8f3a` in a history means "the answer to the second tool call of the first model turn". Named that way it is equal
in two recordings, differs when two results are swapped, and keeps its name when the history before it is cut away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_BLOCKS_WITH_IDS = frozenset({"tool_call", "tool_result", "reference"})
_RANDOM_ID = re.compile(
    r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])", re.IGNORECASE
)


class IdTable:
    """Names for the ids of one run; it only grows, so an id keeps its name to the end of the run."""

    def __init__(self) -> None:
        self._issued: dict[str, str] = {}
        self._made: dict[str, dict[str, str]] = {}

    def issue(self, position: str, issued: Iterable[tuple[str, str]]) -> None:
        """Remembers the ids that the response at `position` gave out, as `(id, name within the response)`."""
        for literal, local in issued:
            if literal:
                self._issued.setdefault(literal, f"<{position}/{local}>")

    def name_all(self, value: Any, lineage: str) -> Any:
        """A copy of `value` in which every issued id has its issuer's name.

        Ids that no response issued were made by the client; they are numbered in order of first appearance in this
        lineage, but only where an id is expected: any other string is content.
        """
        if isinstance(value, str):
            return self._issued.get(value, value)
        if isinstance(value, list | tuple):
            return [self.name_all(item, lineage) for item in value]
        if isinstance(value, dict):
            named = {key: self.name_all(item, lineage) for key, item in value.items()}
            kind, literal = value.get("type"), value.get("id")
            if not isinstance(kind, str) or not isinstance(literal, str):  # a schema has a list of types
                return named
            if kind in _BLOCKS_WITH_IDS and literal not in self._issued:
                named["id"] = self._number(literal, lineage)
            return named
        return value

    def number_random(self, value: Any, lineage: str) -> Any:
        """A copy of `value` in which every random id (a UUID) has a number, wherever it stands.

        For what goes along with a request and is no part of the question: cache keys, trace ids, user ids.
        """
        if isinstance(value, str):
            return _RANDOM_ID.sub(lambda match: self._number(match[0], lineage), value)
        if isinstance(value, list):
            return [self.number_random(item, lineage) for item in value]
        if isinstance(value, dict):
            return {key: self.number_random(item, lineage) for key, item in value.items()}
        return value

    def _number(self, literal: str, lineage: str) -> str:
        made = self._made.setdefault(lineage, {})
        return made.setdefault(literal, f"<client/id[{len(made)}]>")
