"""Exceptions to and from JSON, so that a replay raises what the recorded function raised.

Made again as pickle would make it, but nothing is unpickled and no `__init__`, `__reduce__` or property of the user's
own runs: the class' builtin base makes the object from what its own `__reduce__` says, and attributes are put back.
What the builtin bases can't make has an adapter.
"""

from __future__ import annotations

import builtins
import importlib
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

from replaykit.packet import failure_adapters as adapters
from replaykit.packet import values
from replaykit.packet.model import FailureRecord
from replaykit.packet.unrecorded import Gate, Unrecorded, UnrecordedError

TAG = values.TAG

MAX_DEPTH = 8
"""Exceptions in exceptions; a longer chain is cut."""

MAX_EXCEPTIONS = 64
"""Exceptions that are kept with one."""

# Attributes of builtin exceptions that neither their `args` nor their `__reduce__` has in every version of Python.
_ATTRIBUTES: tuple[tuple[type[BaseException], tuple[str, ...]], ...] = (
    (ImportError, ("name", "path")),
    (AttributeError, ("name",)),
    (NameError, ("name",)),
)
_CLIENTS = frozenset(
    {
        *("aiohttp", "anthropic", "anyio", "h11", "h2", "httpcore", "httpcore2", "httpx", "httpx2", "json", "openai"),
        *("requests", "socket", "sqlite3", "ssl", "urllib", "urllib3"),
    }
)
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


class UnbuildableError(Exception):
    """The recorded exception can't be made again; the message says why."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that crossed a boundary.

    Attributes:
        kind: For HTTP a client-neutral name (`connect_timeout`, `read`, ...); for functions, and for what only the
            user's own transport raises, `module:qualname`.
        detail: What a `FailureRecord` holds beside type and message, as JSON; empty where the kind is no class.
    """

    kind: str
    message: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, error: BaseException, *, is_served: bool = False) -> Self:
        """An exception by its class and text, and all that can be kept of it.

        Args:
            is_served: A replay will raise it again: the HTTP messages that it carries are kept too.
        """
        try:
            made = _Describer(is_served).describe(error)
        except Exception:  # an exception whose text or attributes can't be read is still known by its class
            return cls(_name_of(type(error)), "")
        return cls(made.pop("type"), made.pop("message"), made)

    def to_json(self) -> dict[str, Any]:
        """What a `FailureRecord` is made of."""
        return {"type": self.kind, "message": self.message, **self.detail}


def without_addresses(text: str) -> str:
    """The text of an exception without the memory addresses in it, which differ in every process."""
    return _ADDRESS.sub("at 0x…", text)


# to JSON


class _Describer:
    """Describes one exception, and those that hang on it."""

    def __init__(self, is_served: bool) -> None:
        self._is_served = is_served
        self._around: list[BaseException] = []
        self._left = MAX_EXCEPTIONS

    def describe(self, error: BaseException) -> dict[str, Any]:
        self._left -= 1
        self._around.append(error)
        try:
            return self._described(error)
        finally:
            self._around.pop()

    def _takes(self, error: BaseException | None) -> bool:
        is_inside = any(error is outer for outer in self._around)
        return error is not None and self._left > 0 and len(self._around) < MAX_DEPTH and not is_inside

    def _described(self, error: BaseException) -> dict[str, Any]:
        made: dict[str, Any] = {"type": _name_of(type(error)), "message": str(error)}
        if isinstance(error, BaseExceptionGroup):
            made["group"] = [self.describe(item) for item in error.exceptions if self._takes(item)]
            arguments: tuple[Any, ...] = (error.args[0], type(error.args[1])())  # what is in its list stands in `group`
        else:
            arguments = error.args
            built_from = self._built_from(error)
            if built_from is not None:
                made["built_from"] = built_from
        made["arguments"] = [self._item(item) for item in arguments]
        made["state"] = {name: self._item(item) for name, item in _attributes(error).items()}
        cause, context = error.__cause__, error.__context__
        if cause is not None and self._takes(cause):
            made["cause"] = self.describe(cause)
        if context is not None and context is not cause and self._takes(context):
            made["context"] = self.describe(context)
        if error.__suppress_context__:
            made["suppress_context"] = True
        return made

    def _built_from(self, error: BaseException) -> Any:
        adapted = adapters.describe_exception(error, self._item)
        if adapted is not None:
            return adapted
        reduced = cast(tuple[Any, ...], _builtin_base(type(error)).__reduce__(error))
        return None if reduced[1] == error.args else [self._item(item) for item in reduced[1]]

    def _item(self, value: Any) -> Any:
        if isinstance(value, BaseException):
            return (
                {TAG: "exception", "value": self.describe(value)} if self._takes(value) else values.encode_type(value)
            )
        message = adapters.describe_message(value) if self._is_served else None
        if message is not None:
            return message
        try:
            return values.encode(value)
        except values.UnencodableError:
            return values.encode_type(value)


def _name_of(kind: type) -> str:
    """The class by its name; one made on the way, whose name another class has, under a name that finds none."""
    name = values.class_name(kind)
    found = values.find_class(name)
    return name if found is kind or found is None else name.replace(":", ":<another>.", 1)


def _attributes(error: BaseException) -> dict[str, Any]:
    found = {str(name): item for name, item in vars(error).items()}
    for kind in type(error).__mro__:
        if not _is_builtin(kind):
            slots = (name for name, item in vars(kind).items() if isinstance(item, types.MemberDescriptorType))
            found |= {name: getattr(error, name) for name in slots if hasattr(error, name)}
    for base, names in _ATTRIBUTES:
        if isinstance(error, base):
            found |= {name: item for name in names if type(item := getattr(error, name)) is str}
    return found


def _is_builtin(kind: type) -> bool:
    return vars(builtins).get(kind.__name__) is kind


def _builtin_base(kind: type[BaseException]) -> type[BaseException]:
    return cast(type[BaseException], next(base for base in kind.__mro__ if _is_builtin(base)))


# and back


def rebuild(record: FailureRecord, gate: Gate) -> BaseException:
    """The recorded exception: same type, text and arguments.

    Args:
        gate: What is told when something is looked at that the recording has only the type of.

    Raises:
        UnbuildableError: It can't be made again, or has come out as another one.
    """
    try:
        error = _build(record, gate)
        text = str(error)
    except UnbuildableError:
        raise
    except UnrecordedError as reason:
        raise UnbuildableError(f"its text is made of {reason}, which has no JSON form") from None
    except Exception as reason:  # a class of another release, or one that only its own code can make
        raise UnbuildableError(f"{type(reason).__name__} while making it") from None
    if without_addresses(text) != without_addresses(record.message):
        raise UnbuildableError("made again, it has another text")
    return error


def _build(record: FailureRecord, gate: Gate) -> BaseException:
    error = _make(record, gate)
    for name, item in record.state.items():
        _set(error, name, _revive(item, gate))
    error.__cause__ = rebuild(record.cause, gate) if record.cause is not None else None
    error.__context__ = error.__cause__
    if record.context is not None:
        try:
            error.__context__ = rebuild(record.context, gate)
        except UnbuildableError:
            pass  # what was being handled by chance; tracebacks show it, code does not read it
    error.__suppress_context__ = record.suppress_context
    return error


def _make(record: FailureRecord, gate: Gate) -> BaseException:
    """The object itself: as its adapter makes it, else as its builtin base does."""
    if adapters.has_adapter(record.type):
        try:
            adapted = adapters.build_exception(record, lambda item: _revive(item, gate))
        except ImportError:
            raise UnbuildableError(f"{record.type} can't be imported") from None
        adapted.args = tuple(_revive(item, gate) for item in record.arguments)
        return adapted
    kind = values.find_class(record.type) or _client_class(record.type)
    if kind is None or not issubclass(kind, BaseException):
        raise UnbuildableError(f"class {record.type} is not imported")
    base = _builtin_base(kind)
    arguments = [_revive(item, gate) for item in record.arguments]
    if record.group:
        arguments[1] = type(arguments[1])(rebuild(item, gate) for item in record.group)
    made_from = arguments
    if record.built_from is not None:
        made_from = [_revive(item, gate) for item in record.built_from]
    error: BaseException = base.__new__(kind, *made_from)
    base.__init__(error, *made_from)
    if error.args != tuple(arguments):
        error.args = tuple(arguments)
    return error


def _client_class(name: str) -> type | None:
    """A class of a client or of its parts: some are imported when it first connects, which no replay does.

    Only a package of the list is imported, and no module of it that a packet names: its `__main__` would run.
    """
    package = name.partition(":")[0].partition(".")[0]
    if package not in _CLIENTS:
        return None
    try:
        importlib.import_module(package)
    except ImportError:
        return None
    return values.find_class(name)


def _set(error: BaseException, name: str, value: Any) -> None:
    """Puts an attribute back where it was, past any setter of the user's own."""
    for kind in type(error).__mro__:
        slot = vars(kind).get(name)
        if isinstance(slot, types.MemberDescriptorType):
            slot.__set__(error, value)
            return
    error.__dict__[name] = value


def _revive(item: Any, gate: Gate) -> Any:
    """A value of an exception; what can't be given back says so when it is used."""
    try:
        if isinstance(item, dict) and item.get(TAG) == "exception":
            return rebuild(FailureRecord.model_validate(item["value"]), gate)
        if isinstance(item, dict) and item.get(TAG) in adapters.MESSAGES:
            return adapters.build_message(item)
        return values.decode(item)
    except (values.UnencodableError, UnbuildableError, ImportError):
        return Unrecorded(gate, _type_of(item))


def _type_of(item: Any) -> str:
    inner = item["value"] if isinstance(item, dict) and item.get(TAG) == "exception" else item
    name = inner.get("class") or inner.get("type") if isinstance(inner, dict) else None
    return f"a {name}" if name else "a value"


_CANCELLATIONS = ("asyncio.exceptions:CancelledError", "trio:Cancelled", "builtins:GeneratorExit")


def is_cancellation(error: BaseException) -> bool:
    """True if somebody else ended the call; not for `sys.exit` or ctrl-C in its body, which it raised itself."""
    return any(values.class_name(kind) in _CANCELLATIONS for kind in type(error).__mro__)
