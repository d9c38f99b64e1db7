"""Python values to and from JSON, without loss where the type is known and without ever running code on load.

Types that JSON lacks are written as `{"$type": name, "value": ...}`. Classes (dataclasses, pydantic models, enums,
named tuples) come back only if the program has imported them already: loading imports nothing.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import math
import pathlib
import sys
import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

TAG = "$type"


class UnencodableError(TypeError):
    """The value has no JSON form that would give it back."""


_TO_TEXT: dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    bytes: ("bytes", lambda value: base64.b64encode(value).decode(), base64.b64decode),
    datetime.datetime: ("datetime", datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    datetime.date: ("date", datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: ("time", datetime.time.isoformat, datetime.time.fromisoformat),
    datetime.timedelta: (
        "timedelta",
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda value: datetime.timedelta(*value),
    ),
    decimal.Decimal: ("decimal", str, decimal.Decimal),
    uuid.UUID: ("uuid", str, uuid.UUID),
    complex: ("complex", lambda value: [value.real, value.imag], lambda value: complex(*value)),
}
_FROM_TEXT = {name: decode for name, _, decode in _TO_TEXT.values()}
_COLLECTIONS: dict[str, Callable[[list[Any]], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}


def encode(value: Any, *, is_lossy: bool = False) -> Any:
    """JSON for `value`.

    Args:
        is_lossy: Write a value of an unknown type as the name of its type instead of raising. For values that are
            compared and shown but never served.

    Raises:
        UnencodableError: The value could not be given back.
    """
    try:
        return _encode(value, is_lossy)
    except RecursionError:
        if is_lossy:
            return _by_type(value)
        raise UnencodableError(f"a {type(value).__name__} nested too deep, or in itself") from None


def _encode(value: Any, is_lossy: bool) -> Any:
    if value is None or isinstance(value, bool) or type(value) in (int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {TAG: "float", "value": str(value)}
    if type(value) is list:
        return [_encode(item, is_lossy) for item in value]
    if type(value) is dict:
        if all(type(key) is str for key in value) and TAG not in value:
            return {key: _encode(item, is_lossy) for key, item in value.items()}
        pairs = [[_encode(key, is_lossy), _encode(item, is_lossy)] for key, item in value.items()]
        return {TAG: "dict", "value": pairs}
    if type(value) in _TO_TEXT:
        name, write, _ = _TO_TEXT[type(value)]
        return {TAG: name, "value": write(value)}
    return _encode_object(value, is_lossy)


def _encode_object(value: Any, is_lossy: bool) -> Any:
    kind = type(value)
    if kind is tuple:
        return {TAG: "tuple", "value": [_encode(item, is_lossy) for item in value]}
    if kind in (set, frozenset):
        # Sets have no order: sorted by their own JSON, so that equal sets are written alike.
        items = sorted((_encode(item, is_lossy) for item in value), key=repr)
        return {TAG: kind.__name__, "value": items}
    if isinstance(value, enum.Enum):
        return {TAG: "enum", "class": class_name(kind), "value": value.name}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {TAG: "dataclass", "class": class_name(kind), "value": _encode(fields, is_lossy)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {TAG: "namedtuple", "class": class_name(kind), "value": [_encode(item, is_lossy) for item in value]}
    if _is_model(value):
        fields = {name: getattr(value, name) for name in kind.model_fields}
        fields.update(value.__pydantic_extra__ or {})
        return {TAG: "model", "class": class_name(kind), "value": _encode(fields, is_lossy)}
    if isinstance(value, pathlib.PurePath):
        return {TAG: "path", "value": str(value)}
    return _encode_relative(value, is_lossy)


def _encode_relative(value: Any, is_lossy: bool) -> Any:
    """A value of a subclass of a plain type; or one that is not known at all."""
    if is_lossy:
        if isinstance(value, str | int | float):
            plain = next(base for base in (str, int, float) if isinstance(value, base))
            return _encode(plain(value), is_lossy)
        if isinstance(value, Mapping):
            return _encode(dict(value), is_lossy)
        return _by_type(value)
    raise UnencodableError(f"a {class_name(type(value))} can't be written as JSON and given back")


def _by_type(value: Any) -> Any:
    return {TAG: "object", "class": class_name(type(value))}


def _is_model(value: Any) -> bool:
    return hasattr(type(value), "model_fields") and hasattr(value, "__pydantic_extra__")


def class_name(kind: type) -> str:
    """`module:qualname`, by which `find_class` finds it again."""
    return f"{kind.__module__}:{kind.__qualname__}"


def find_class(name: str) -> type | None:
    """The class of that name if its module is imported already; nothing is imported for it."""
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def decode(value: Any) -> Any:
    """The value that `encode` was given.

    Raises:
        UnencodableError: A class in it is not imported, or the value is only a description.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = value.get(TAG)
    if tag is None:
        return {key: decode(item) for key, item in value.items()}
    inner = value.get("value")
    try:
        if tag in _FROM_TEXT:
            return _FROM_TEXT[tag](inner)
        if tag in _COLLECTIONS:
            return _COLLECTIONS[tag]([decode(item) for item in inner or ()])
        if tag == "float":
            return float(str(inner))
        if tag == "dict":
            return {decode(key): decode(item) for key, item in inner or ()}
        if tag == "path":
            return pathlib.Path(str(inner))
        return _decode_object(str(tag), str(value.get("class")), inner)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise UnencodableError(f"a {tag} can't be read back: {error}") from None


def _decode_object(tag: str, name: str, inner: Any) -> Any:
    kind: Any = find_class(name)
    if kind is None:
        raise UnencodableError(f"class {name} is not imported")
    if tag == "enum" and issubclass(kind, enum.Enum):
        return kind[str(inner)]
    if tag == "namedtuple" and hasattr(kind, "_make"):
        return kind._make(decode(item) for item in inner)
    if tag == "model" and hasattr(kind, "model_construct"):
        return kind.model_construct(**decode(inner))
    if tag == "dataclass" and dataclasses.is_dataclass(kind):
        # Built without __init__: it may do work that belongs to the recorded run.
        made: Any = object.__new__(cast(type, kind))
        for field, item in decode(inner).items():
            object.__setattr__(made, field, item)
        return made
    raise UnencodableError(f"{name} is no {tag}")
