"""Python values to and from JSON, without loss where the type is known and without ever running code on load.

Types that JSON lacks are written as `{"$type": name, "value": ...}`. Classes (dataclasses, pydantic models, enums,
named tuples) come back only if the program has imported them already: loading imports nothing, calls no `__init__`,
no validator and no property.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import functools
import math
import operator
import pathlib
import sys
import types
import uuid
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import BaseModel

TAG = "$type"

MAX_DEPTH = 60
"""Levels of objects in objects; a dataclass takes up to three levels of JSON, and a line has room for 200."""

MAX_NODES = 250_000
"""Values in one value. A few lists that hold each other twice would make more than any memory holds."""


class UnencodableError(TypeError):
    """The value has no JSON form that would give it back."""


# times


def _write_time(value: datetime.datetime | datetime.time) -> Any:
    zone = value.tzinfo
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return {"at": value.replace(tzinfo=None).isoformat(), "fold": value.fold, "zone": zone.key}
    if zone is not None and type(zone) is not datetime.timezone:
        raise UnencodableError(f"a time in a {type(zone).__name__} can't be given back")
    return {"at": value.isoformat(), "fold": value.fold} if value.fold else value.isoformat()


def _read_time(kind: Any, value: Any) -> Any:
    if isinstance(value, str):
        return kind.fromisoformat(value)
    made = kind.fromisoformat(value["at"]).replace(fold=int(value["fold"]))
    return made.replace(tzinfo=zoneinfo.ZoneInfo(value["zone"])) if "zone" in value else made


def _read_bytes(value: Any) -> bytes:
    return base64.b64decode(value, validate=True)


_SCALARS: dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    bytes: ("bytes", lambda value: base64.b64encode(value).decode(), _read_bytes),
    bytearray: (
        "bytearray",
        lambda value: base64.b64encode(value).decode(),
        lambda value: bytearray(_read_bytes(value)),
    ),
    datetime.datetime: ("datetime", _write_time, functools.partial(_read_time, datetime.datetime)),
    datetime.date: ("date", datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: ("time", _write_time, functools.partial(_read_time, datetime.time)),
    datetime.timedelta: (
        "timedelta",
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda value: datetime.timedelta(*value),
    ),
    decimal.Decimal: ("decimal", str, decimal.Decimal),
    uuid.UUID: ("uuid", str, uuid.UUID),
    complex: (
        "complex",
        lambda value: [repr(value.real), repr(value.imag)],
        lambda value: complex(float(value[0]), float(value[1])),
    ),
    type(pathlib.Path()): ("path", str, lambda value: pathlib.Path(str(value))),
    pathlib.PurePosixPath: ("pure_posix_path", str, lambda value: pathlib.PurePosixPath(str(value))),
    pathlib.PureWindowsPath: ("pure_windows_path", str, lambda value: pathlib.PureWindowsPath(str(value))),
}
_READERS: dict[str, Callable[[Any], Any]] = {name: read for name, _, read in _SCALARS.values()}
_READERS |= {"float": lambda value: float(str(value)), "int": lambda value: int(str(value), 16)}
_COLLECTIONS: dict[str, Callable[[list[Any]], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}


# encoding


def encode(value: Any, *, is_lossy: bool = False) -> Any:
    """JSON for `value`.

    Args:
        is_lossy: Write a value of an unknown type as the name of its type instead of raising. For values that are
            compared and shown but never served.

    Raises:
        UnencodableError: The value could not be given back.
    """
    try:
        return _Encoder(is_lossy).encode(value, 0)
    except UnencodableError:
        if not is_lossy:
            raise
    except Exception as error:  # whatever the value's own code raises when it is looked at: it must not reach the agent
        if not is_lossy:
            raise UnencodableError(f"a {type(value).__name__} can't be read: {type(error).__name__}") from None
    return encode_type(value)


class _Encoder:
    """Encodes one value."""

    def __init__(self, is_lossy: bool) -> None:
        self._is_lossy = is_lossy
        self._nodes = 0

    def encode(self, value: Any, depth: int) -> Any:
        kind = type(value)
        self._nodes += 1
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:  # longer ones can't be printed in decimal
            return value if value.bit_length() <= 10_000 else {TAG: "int", "value": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {TAG: "float", "value": str(value)}
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise UnencodableError(f"a {kind.__name__} nested too deep, or in itself, or too large")
        if kind is list:
            return self._all(value, depth)
        if kind is dict:
            return self._dict(value, depth)
        if kind in _SCALARS:
            name, write, _ = _SCALARS[kind]
            return {TAG: name, "value": write(value)}
        if kind is tuple:
            return {TAG: "tuple", "value": self._all(value, depth)}
        if kind in (set, frozenset):
            # Sets have no order: sorted by their own JSON, so that equal sets are written alike.
            return {TAG: kind.__name__, "value": sorted(self._all(value, depth), key=repr)}
        return self._object(value, kind, depth)

    def _all(self, items: Any, depth: int) -> list[Any]:
        return [self.encode(item, depth + 1) for item in items]

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        if all(type(key) is str for key in value) and TAG not in value:
            return {key: self.encode(item, depth + 1) for key, item in value.items()}
        return {TAG: "dict", "value": [self._all(pair, depth) for pair in value.items()]}

    def _object(self, value: Any, kind: type, depth: int) -> Any:
        if not self._is_lossy and find_class(class_name(kind)) is not kind:
            raise UnencodableError(f"class {class_name(kind)} could not be found again")
        if isinstance(value, enum.Enum):
            return self._enum(value, kind)
        if isinstance(value, BaseModel):
            return self._model(value, kind, depth)
        if dataclasses.is_dataclass(value) and _is_plain_class(kind):
            names = dict.fromkeys(
                (*(field.name for field in dataclasses.fields(value)), *getattr(value, "__dict__", ()))
            )
            fields = {name: getattr(value, name) for name in names if hasattr(value, name)}
            return {TAG: "dataclass", "class": class_name(kind), "value": self.encode(fields, depth)}
        if _is_named_tuple(kind) and not getattr(value, "__dict__", None):
            return {TAG: "namedtuple", "class": class_name(kind), "value": self._all(value, depth)}
        return self._relative(value, kind, depth)

    def _enum(self, value: enum.Enum, kind: Any) -> Any:
        if kind.__members__.get(value.name) is value:
            return {TAG: "enum", "class": class_name(kind), "value": value.name}
        if isinstance(value, enum.Flag):
            members = list(value)
            if functools.reduce(operator.or_, members, kind(0)) is value:
                return {TAG: "flag", "class": class_name(kind), "value": [member.name for member in members]}
        return self._relative(value, kind, 0)

    def _model(self, value: BaseModel, kind: Any, depth: int) -> Any:
        """A model's state as pickle would have it: what was set, extra fields and private attributes belong to it."""
        fields = {name: item for name, item in value.__dict__.items() if name in kind.model_fields}
        made = {TAG: "model", "class": class_name(kind), "value": self.encode(fields, depth)}
        if value.model_fields_set != set(fields):
            made["set"] = sorted(value.model_fields_set)
        if value.__pydantic_extra__ is not None:
            made["extra"] = self.encode(value.__pydantic_extra__, depth)
        if value.__pydantic_private__ is not None:
            made["private"] = self.encode(value.__pydantic_private__, depth)
        return made

    def _relative(self, value: Any, kind: type, depth: int) -> Any:
        """A value of a subclass of a plain type; or one that is not known at all."""
        if not self._is_lossy:
            raise UnencodableError(f"a {class_name(kind)} can't be written as JSON and given back")
        for base in (str, int, float):
            if isinstance(value, base):
                return self.encode(base(value), depth)
        if isinstance(value, Mapping):
            return self.encode(dict(value), depth)
        return encode_type(value)


_PYTHON_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a `class` statement


def encode_type(value: Any) -> Any:
    """What stands for a value of which only the type is known."""
    return {TAG: "object", "class": class_name(type(value))}


def opaque_classes(value: Any) -> tuple[str, ...]:
    """Classes in encoded JSON of which only the name is there, each once."""
    if isinstance(value, list):
        return tuple(dict.fromkeys(name for item in value for name in opaque_classes(item)))
    if not isinstance(value, dict):
        return ()
    if value.get(TAG) == "object":
        return (str(value.get("class")),)
    return opaque_classes(list(value.values()))


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and isinstance(getattr(kind, "_fields", None), tuple)


def _is_plain_class(kind: type) -> bool:
    """True if `object.__new__` makes an instance: the class is no dict, exception or number as well."""
    return all(base is object or base.__flags__ & _PYTHON_CLASS for base in kind.__mro__)


# classes


def class_name(kind: type) -> str:
    """`module:qualname`, by which `find_class` finds it again."""
    return f"{kind.__module__}:{kind.__qualname__}"


def find_class(name: str) -> type | None:
    """The class of that name if its module is imported already; nothing is imported for it, and nothing runs.

    Names are looked up in the very dictionaries: a module's `__getattr__` may import half a library.
    """
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    if not isinstance(found, types.ModuleType):
        return None
    for part in qualname.split("."):
        holder = type.__getattribute__(found, "__dict__") if isinstance(found, type) else getattr(found, "__dict__", {})
        found = holder.get(part)
        if not isinstance(found, type):
            return None
    return cast(type, found)


# decoding


def decode(value: Any) -> Any:
    """The value that `encode` was given.

    Raises:
        UnencodableError: A class in it is not imported, or the value is only a description.
    """
    try:
        return _decode(value)
    except UnencodableError:
        raise
    except Exception as error:  # also what a class's own __hash__ or metaclass makes of a damaged value
        raise UnencodableError(f"can't be read back: {type(error).__name__}") from None


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        return {key: _decode(item) for key, item in value.items()}
    tag, inner = str(value[TAG]), value.get("value")
    if tag in _READERS:
        return _READERS[tag](inner)
    if tag == "object":
        raise UnencodableError(f"the recording has only the type of a {value.get('class')}, not its value")
    if tag in _COLLECTIONS:
        return _COLLECTIONS[tag](_decode_list(inner))
    if tag == "dict":
        return dict(_decode_list(pair) for pair in inner or ())
    return _decode_object(tag, str(value.get("class")), value)


def _decode_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnencodableError("a list was expected")
    return [_decode(item) for item in value]


def _decode_fields(value: Any) -> dict[str, Any]:
    fields = _decode(value)
    if not isinstance(fields, dict):
        raise UnencodableError("fields were expected")
    return fields


def _decode_object(tag: str, name: str, value: dict[str, Any]) -> Any:
    kind: Any = find_class(name)
    if kind is None:
        raise UnencodableError(f"class {name} is not imported")
    inner = value.get("value")
    if tag == "enum" and issubclass(kind, enum.Enum):
        return kind.__members__[str(inner)]
    if tag == "flag" and issubclass(kind, enum.Flag):
        members = [kind.__members__[str(item)] for item in inner or ()]
        return functools.reduce(operator.or_, members) if members else kind(0)
    if tag == "namedtuple" and _is_named_tuple(kind):
        items = _decode_list(inner)
        if len(items) != len(kind._fields):
            raise UnencodableError(f"{name} has {len(kind._fields)} fields, the recording has {len(items)}")
        return tuple.__new__(kind, items)
    if tag == "model" and issubclass(kind, BaseModel):
        return _decode_model(kind, value)
    if tag == "dataclass" and hasattr(kind, "__dataclass_fields__") and _is_plain_class(kind):
        return _decode_dataclass(kind, _decode_fields(inner))
    raise UnencodableError(f"{name} is no {tag}")


def _decode_model(kind: type[BaseModel], value: dict[str, Any]) -> BaseModel:
    fields = _decode_fields(value.get("value"))
    made = object.__new__(kind)
    state = {
        "__dict__": fields,
        "__pydantic_fields_set__": set(value.get("set", fields)),
        "__pydantic_extra__": _decode_fields(value["extra"]) if "extra" in value else None,
        "__pydantic_private__": _decode_fields(value["private"]) if "private" in value else None,
    }
    BaseModel.__setstate__(made, state)
    return made


def _decode_dataclass(kind: type, fields: dict[str, Any]) -> Any:
    """Built without `__init__`: it may do work that belongs to the recorded run. Setters are not called either."""
    made: Any = object.__new__(kind)
    slots = {name for base in kind.__mro__ for name, item in vars(base).items() if _is_slot(item)}
    for name, item in fields.items():
        if name in slots:
            object.__setattr__(made, name, item)
        else:
            made.__dict__[name] = item
    return made


def _is_slot(item: object) -> bool:
    return isinstance(item, types.MemberDescriptorType)
