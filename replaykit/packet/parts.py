"""Content-addressed parts: what a growing history repeats is written once.

A request body of a model call holds the whole history again. Its messages, tool schemas and system prompt are written
as parts, and its lists as "that earlier list, and these items", so a packet grows with what is new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from replaykit.errors import PacketError
from replaykit.packet.model import Body, PartLine

SPLIT_KEYS = ("messages", "input", "tools", "system", "instructions")
"""Top-level keys of model requests whose values are split into parts."""

_SMALLEST_PART = 48  # bytes of JSON; below it a reference is no shorter than the value


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


class PartWriter:
    """Splits bodies, handing each part that is new to `emit` before the body that refers to it."""

    def __init__(self, emit: Callable[[PartLine], None]) -> None:
        self._emit = emit
        self._values: set[str] = set()
        self._lists: set[str] = set()

    def split(self, body: Body) -> Body:
        """The same body with its repeating pieces replaced by references."""
        if body.style is None or not isinstance(body.json_value, dict):
            return body
        value = {key: self._reference(item) if key in SPLIT_KEYS else item for key, item in body.json_value.items()}
        return body.model_copy(update={"json_value": value})

    def _reference(self, value: Any) -> Any:
        if isinstance(value, list):
            return {"$list": self._list(value)} if value else value
        text = json.dumps(value, ensure_ascii=False).encode()
        return {"$part": self._part(value, text)} if len(text) >= _SMALLEST_PART else value

    def _part(self, value: Any, text: bytes) -> str:
        name = "p" + _digest(text)
        if name not in self._values:
            self._values.add(name)
            self._emit(PartLine(id=name, seq=0, value=value))
        return name

    def _list(self, values: list[Any]) -> str:
        """Name of the list; written as the longest list already known, and the items after it."""
        items = [self._part(value, json.dumps(value, ensure_ascii=False).encode()) for value in values]
        names = [name := ""]
        for item in items:
            name = "l" + _digest(f"{name} {item}".encode())
            names.append(name)
        known = next((count for count in range(len(items), 0, -1) if names[count] in self._lists), 0)
        if known < len(items):
            self._lists.add(names[-1])
            self._emit(PartLine(id=names[-1], seq=0, prefix=names[known] or None, items=tuple(items[known:])))
        return names[-1]


class PartReader:
    """Resolves references; every part is decoded once."""

    def __init__(self, find: Callable[[str], PartLine | None]) -> None:
        self._find = find
        self._lists: dict[str, tuple[str, ...]] = {}

    def join(self, body: Body) -> Body:
        """The body with every reference replaced by what it refers to.

        Raises:
            PacketError: A part is missing, of the wrong kind, or refers to itself.
        """
        if body.style is None or not isinstance(body.json_value, dict):
            return body
        value = {key: self._resolve(item) for key, item in body.json_value.items()}
        return body.model_copy(update={"json_value": value})

    def _resolve(self, item: Any) -> Any:
        if isinstance(item, dict) and len(item) == 1:
            if "$part" in item:
                return self._value(item["$part"])
            if "$list" in item:
                return [self._value(name) for name in self._items(item["$list"])]
        return item

    def _line(self, name: object) -> PartLine:
        line = self._find(name) if isinstance(name, str) else None
        if line is None:
            raise PacketError(f"part {name!r} is not in the packet", field="body.json")
        return line

    def _value(self, name: object) -> Any:
        line = self._line(name)
        if line.items is not None:
            raise PacketError(f"part {name!r} is a list, a value was expected", field="body.json")
        return line.value

    def _items(self, name: object) -> tuple[str, ...]:
        chain: list[PartLine] = []
        seen: set[str] = set()
        start: tuple[str, ...] = ()
        current: object = name
        while current is not None:
            if isinstance(current, str) and current in self._lists:
                start = self._lists[current]
                break
            line = self._line(current)
            if line.items is None or line.id in seen:
                raise PacketError(f"part {current!r} is no list that ends", field="body.json")
            seen.add(line.id)
            chain.append(line)
            current = line.prefix
        for line in reversed(chain):
            start = (*start, *(line.items or ()))
            self._lists[line.id] = start
        return start
