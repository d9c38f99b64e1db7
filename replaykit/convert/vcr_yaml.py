"""The text of a cassette as plain data. Nothing in the file is ever run, whatever its tags ask for.

vcrpy's own serializer is not used for this step: up to 8.x it loads with PyYAML's unsafe loader, which runs what a tag
names; from 9.0 on it refuses most of the tags that older releases wrote.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from replaykit.errors import PacketError

try:
    from yaml import CSafeLoader as BaseLoader
except ImportError:  # PyYAML without libyaml: the same, slower
    from yaml import SafeLoader as BaseLoader

MAX_TEXT_BYTES = 256 * 1024 * 1024
"""More than this out of one compressed file is a bomb, not a cassette."""

MAX_VALUES = 20_000_000
"""Aliases can make a short file stand for more values than any memory holds."""

_PYTHON = "tag:yaml.org,2002:python/"
_PLAIN_TAGS = frozenset({"str", "unicode", "tuple", "list", "dict", "int", "long", "float", "bool", "none"})
# Written by vcrpy for values that are nothing but a text, a list or a dictionary; reading them so loses nothing.
_KNOWN_OBJECTS = ("istr", "frozenset", "vcr.request.Request", "builtins.iter", "__builtin__.iter", "_io.BytesIO")


class _Loader(BaseLoader):  # type: ignore[misc]  # PyYAML has no types
    """Safe, and forgiving: a tag says how to read a value, or it is read as the plain data below it, and noted."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.notes: dict[str, None] = {}

    def note(self, text: str, node: Any) -> None:
        self.notes.setdefault(f"line {node.start_mark.line + 1}: {text}")

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        found: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        if len(found) != len(node.value):
            self._note_doubles(node)
        return found

    def _note_doubles(self, node: Any) -> None:
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    self.note(f"the key {key.value[:60]!r} stands twice; the last one was read", key)
                seen.add(key.value)

    def python_value(self, suffix: str, node: Any) -> Any:
        """A `!!python/...` value."""
        kind, _, name = suffix.partition(":")
        if kind == "bytes":
            return base64.b64decode(self.construct_scalar(node))
        value = self._plain(node)
        if kind in _PLAIN_TAGS:
            return _as_plain(kind, value)
        if not name.endswith(_KNOWN_OBJECTS):
            self.note(f"!!python/{suffix} was read as plain data", node)
        return _arguments(kind, name, value)

    def other_value(self, suffix: str, node: Any) -> Any:
        """A value under any other tag; `!binary` is Ruby's spelling of YAML's own."""
        if suffix == "binary":
            return base64.b64decode(self.construct_scalar(node))
        self.note(f"!{suffix} was read as plain data", node)
        return self._plain(node)

    def _plain(self, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        return self.construct_mapping(node, deep=True)


_Loader.add_multi_constructor(_PYTHON, _Loader.python_value)
_Loader.add_multi_constructor("!", _Loader.other_value)
# A date in a body is a text: what it would be turned into could not be turned back.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def _as_plain(kind: str, value: Any) -> Any:
    """The value of a tag that names one of Python's plain types."""
    if isinstance(value, str):
        match kind:
            case "int" | "long":
                return int(value.rstrip("L"))
            case "float":
                return float(value)
            case "bool":
                return value == "True"
            case "none":
                return None
    return value


def _arguments(kind: str, name: str, value: Any) -> Any:
    """What an object was made of: the arguments of its call, or its state."""
    if not kind.startswith("object/"):
        return value
    if isinstance(value, dict):
        value = value.get("args") or value.get("state") or value
    if isinstance(value, list | tuple):
        if name.endswith(("frozenset", "iter", "BytesIO")):
            return value[0] if value else []
        if len(value) == 1:
            return value[0]
    return value


def load(path: Path) -> tuple[list[Any], str, tuple[str, ...]]:
    """The documents in a file, its text, and what had to be read in another way than it asks for.

    Raises:
        PacketError: The file is missing, damaged, or no text; it names the line.
    """
    text = _read_text(path)
    if text.startswith("httprr trace"):
        return [], text, ()  # of the formats that turn up beside cassettes the one that is neither YAML nor JSON
    if text.lstrip()[:1] in ("{", "["):
        try:
            return [json.loads(text)], text, ()
        except (ValueError, RecursionError):
            pass  # YAML in its short form begins so too; if it is JSON that is damaged, YAML says where
    try:
        return _load_yaml(text, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PacketError(_reason(error), path=path, line=mark.line + 1 if mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PacketError(f"not YAML: {error.reason}", path=path, line=line) from None
    except RecursionError:
        raise PacketError("not YAML that can be read: nested too deep", path=path) from None
    except ValueError:  # `!!int x`, `!!python/bytes ?`; its text may be what nobody should see
        raise PacketError("not YAML that can be read: a value contradicts its own tag", path=path) from None


def _load_yaml(text: str, path: Path) -> tuple[list[Any], str, tuple[str, ...]]:
    loader, documents = _Loader(text), []
    try:
        while loader.check_data():
            documents.append(loader.get_data())
    finally:
        loader.dispose()
    _check_size(documents, path)
    return documents, text, tuple(loader.notes)


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PacketError(f"can't be read: {error.strerror}", path=path) from None
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as file:
                data = file.read(MAX_TEXT_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise PacketError(f"compressed, and can't be decompressed: {error}", path=path) from None
    if len(data) > MAX_TEXT_BYTES:
        raise PacketError(f"more than {MAX_TEXT_BYTES >> 20} MB", path=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PacketError(f"not UTF-8 at byte {error.start}", path=path, line=line) from None


def _reason(error: yaml.MarkedYAMLError) -> str:
    """The parser's words without its excerpt of the file, which may show what nobody should see."""
    parts = [part for part in (error.context, error.problem) if part]
    return f"not YAML: {', '.join(parts)}"


def _check_size(value: Any, path: Path) -> None:
    """Refuses a value that holds itself, and one that its aliases make larger than it may be.

    Raises:
        PacketError: It is one of these.
    """
    sizes: dict[int, int] = {}
    open_: set[int] = set()
    stack: list[tuple[Any, bool]] = [(value, False)]
    while stack:
        item, is_done = stack.pop()
        name = id(item)
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list | tuple) else ()
        if is_done:
            open_.discard(name)
            sizes[name] = 1 + sum(sizes.get(id(part), 1) for part in inner)
            if sizes[name] > MAX_VALUES:
                raise PacketError("its aliases stand for more values than can be read", path=path)
        elif name in open_:
            raise PacketError("a value holds itself", path=path)
        elif name not in sizes and inner:
            open_.add(name)
            stack.append((item, True))
            stack += [(part, False) for part in inner if isinstance(part, dict | list | tuple)]
