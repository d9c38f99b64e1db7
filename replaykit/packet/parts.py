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

SPLIT_KEYS = ("messages", "input", "contents", "tools", "system", "instructions", "systemInstruction")
"""Top-level keys of model requests whose values are split into parts."""

MAX_JOINED_BYTES = 256 * 1024 * 1024
"""A body that its parts make larger than this is refused: a short file must not fill the memory."""

_SMALLEST_PART = 64  # bytes of JSON; below it a reference is no shorter than the value


def _digest(data: bytes) -> str:
    # 128 bits: two messages of one name would be one message, and somebody may try to write such a pair.
    return hashlib.sha256(data).hexdigest()[:32]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


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
        # Lists of plain items (texts to embed, token numbers) do not grow from request to request.
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            return {"$list": self._list(value)}
        data = _json(value)
        return {"$part": self._part(value, data)} if len(data) >= _SMALLEST_PART else value

    def _part(self, value: Any, data: bytes) -> str:
        name = "p" + _digest(data)
        if name not in self._values:
            self._emit(PartLine(id=name, seq=0, value=value))
            self._values.add(name)
        return name

    def _list(self, values: list[Any]) -> str:
        """Name of the list; written as the longest list already known, and the items after it."""
        items = [self._part(value, _json(value)) for value in values]
        names = [name := ""]
        for item in items:
            name = "l" + _digest(f"{name} {item}".encode())
            names.append(name)
        known = next((count for count in range(len(items), 0, -1) if names[count] in self._lists), 0)
        if known < len(items):
            self._emit(PartLine(id=names[-1], seq=0, prefix=names[known] or None, items=tuple(items[known:])))
            self._lists.add(names[-1])
        return names[-1]


class PartReader:
    """Resolves references; every part is decoded once."""

    def __init__(self, find: Callable[[str], PartLine | None]) -> None:
        self._find = find
        self._sizes: dict[str, int] = {}

    def join(self, body: Body) -> Body:
        """The body with every reference replaced by what it refers to.

        Raises:
            PacketError: A part is missing, of the wrong kind, refers to itself, or the body would be too large.
        """
        if body.style is None or not isinstance(body.json_value, dict):
            return body
        value = {key: self._resolve(item, key) for key, item in body.json_value.items()}
        return body.model_copy(update={"json_value": value})

    def _resolve(self, item: Any, key: str) -> Any:
        if isinstance(item, dict) and len(item) == 1:
            if "$part" in item:
                return self._value(item["$part"], key)
            if "$list" in item:
                names = self._items(item["$list"], key)
                values = [self._value(name, key) for name in names]
                if sum(self._size(name, value) for name, value in zip(names, values, strict=True)) > MAX_JOINED_BYTES:
                    raise PacketError(f"its parts are over {MAX_JOINED_BYTES >> 20} MB together", field=f"json.{key}")
                return values
        return item

    def _size(self, name: str, value: Any) -> int:
        if name not in self._sizes:
            self._sizes[name] = len(_json(value))
        return self._sizes[name]

    def _line(self, name: object, key: str) -> PartLine:
        line = self._find(name) if isinstance(name, str) else None
        if line is None:
            raise PacketError(f"part {str(name)[:40]!r} is not in the packet", field=f"json.{key}")
        return line

    def _value(self, name: object, key: str) -> Any:
        line = self._line(name, key)
        if line.items is not None:
            raise PacketError(f"part {line.id[:40]!r} is a list, a value was expected", field=f"json.{key}")
        return line.value

    def _items(self, name: object, key: str) -> list[str]:
        """Names in a list. Walked anew each time: keeping every prefix would take memory by the square of the run."""
        chain: list[PartLine] = []
        seen: set[str] = set()
        current: object = name
        while current is not None:
            line = self._line(current, key)
            if line.items is None or line.id in seen:
                raise PacketError(f"part {line.id[:40]!r} is no list that ends", field=f"json.{key}")
            seen.add(line.id)
            chain.append(line)
            current = line.prefix
        return [item for line in reversed(chain) for item in line.items or ()]
