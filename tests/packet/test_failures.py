"""Exceptions to JSON and back: the same type, text, arguments and attributes, and none of the user's code runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from pydantic_core import PydanticCustomError

from replaykit.packet import values
from replaykit.packet.failures import Failure, UnbuildableError, rebuild
from replaykit.packet.model import FailureRecord
from replaykit.packet.unrecorded import Gate, UnrecordedError


class StockError(Exception):
    """Its `__init__` takes other things than its `args`, and says when it runs."""

    runs = 0

    def __init__(self, item: str, *, left: int) -> None:
        StockError.runs += 1
        super().__init__(f"{left} {item} left")
        self.item, self.left = item, left


class SlottedError(ValueError):
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code

    def __str__(self) -> str:
        return f"code {self.code}"


class DiskError(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(28, "no space", path)


class Order(pydantic.BaseModel):
    number: int
    size: int = pydantic.Field(1, gt=0)

    @pydantic.field_validator("number")
    @classmethod
    def check(cls, number: int) -> int:
        if number == 7:
            raise ValueError("seven is taken")
        if number == 8:
            raise PydanticCustomError("eight", "never {number}", {"number": 8})
        return number


class Unreadable:
    pass


def _chained() -> None:
    try:
        raise KeyError("inner")
    except KeyError as error:
        error.add_note("a note")
        raise RuntimeError("outer") from error


def _in_context() -> None:
    try:
        raise KeyError("first")
    except KeyError:
        raise RuntimeError("second")  # noqa: B904  # on purpose


def _raise(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


CAUSES: dict[str, Callable[[], Any]] = {
    "plain": _raise(ValueError("a", 1)),
    "key": lambda: {}["x"],
    "file": lambda: Path("/nonexistent/file").read_text(),
    "two files": _raise(OSError(1, "no", "a", None, "b")),
    "own os error": lambda: _raise(DiskError("/tmp/x"))(),
    "unicode": lambda: b"a\xff".decode(),
    "json": lambda: json.loads("{bad"),
    "import": lambda: __import__("no_such_module_at_all"),
    "attribute": lambda: object().foo,  # type: ignore[attr-defined]  # on purpose
    "syntax": lambda: compile("a b", "f.py", "exec"),
    "command": lambda: subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True),
    "exit": _raise(SystemExit(3)),
    "interrupt": _raise(KeyboardInterrupt()),
    "stop": _raise(StopIteration(5)),
    "own init": lambda: _raise(StockError("pear", left=3))(),
    "slots": _raise(SlottedError(5)),
    "group": _raise(ExceptionGroup("g", [ValueError("a"), ExceptionGroup("h", [KeyError("b")])])),
    "chain": _chained,
    "context": _in_context,
    "exception in an argument": _raise(RuntimeError("why", ValueError("x"))),
    "validation": lambda: Order(number="a", size=0),  # type: ignore[arg-type]  # on purpose
    "validation by a validator": lambda: Order(number=7),
    "validation by an own error": lambda: Order(number=8),
    "validation of JSON": lambda: Order.model_validate_json('{"number": []}'),
}


def _caught(act: Callable[[], Any]) -> BaseException:
    try:
        act()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def _stored(error: BaseException) -> FailureRecord:
    """As a packet would give it back, without the sanitizer."""
    return FailureRecord.model_validate_json(json.dumps(Failure.of(error, is_served=True).to_json()))


def _seen(error: BaseException | None) -> Any:
    """All that an agent can see of an exception."""
    if error is None:
        return None
    state = {name: repr(item) for name, item in vars(error).items()}
    own = [name for name in dir(error) if not name.startswith("_") and not callable(getattr(error, name, None))]
    facts = {name: repr(getattr(error, name, None)) for name in own if name != "obj"}
    inner = [_seen(item) for item in getattr(error, "exceptions", ())]
    links = (_seen(error.__cause__), _seen(error.__context__), error.__suppress_context__)
    return type(error), str(error), repr(error.args), state, facts, inner, links


@pytest.mark.parametrize("name", CAUSES)
def test_an_exception_comes_back_as_it_was(name: str) -> None:
    error = _caught(CAUSES[name])

    assert _seen(rebuild(_stored(error), Gate())) == _seen(error)


def test_no_init_of_the_users_own_runs() -> None:
    record = _stored(StockError("pear", left=3))
    before = StockError.runs

    rebuild(record, Gate())
    assert StockError.runs == before


def test_a_validation_error_can_be_read_like_the_first() -> None:
    error = _caught(CAUSES["validation"])
    again = rebuild(_stored(error), Gate())

    assert isinstance(error, pydantic.ValidationError) and isinstance(again, pydantic.ValidationError)
    assert again.errors() == error.errors()


def _link(error: BaseException) -> Iterator[BaseException]:
    error.__cause__ = error  # a chain that bites its tail
    yield error
    longer = error = ValueError("0")
    for number in range(300):
        error.__context__ = ValueError(str(number))
        error = error.__context__
    yield longer


def test_endless_and_long_chains_are_cut() -> None:
    for error in _link(ValueError("a")):
        assert str(rebuild(_stored(error), Gate())) == str(error)


def test_an_attribute_that_is_not_recorded_says_so_when_it_is_used() -> None:
    error = ValueError("a")
    error.session = Unreadable()  # type: ignore[attr-defined]  # as libraries do
    again: Any = rebuild(_stored(error), Gate())

    assert again.session is not None
    for use in (lambda: again.session.name, lambda: bool(again.session), lambda: f"{again.session}"):
        with pytest.raises(UnrecordedError, match="Unreadable"):
            use()


def test_what_can_not_be_made_again_says_why() -> None:
    with pytest.raises(UnbuildableError, match="Unreadable"):
        rebuild(_stored(ValueError(Unreadable())), Gate())
    with pytest.raises(UnbuildableError, match="not imported"):
        rebuild(FailureRecord(type="no.such:Class"), Gate())
    with pytest.raises(UnbuildableError, match="another text"):
        rebuild(FailureRecord(type="builtins:ValueError", message="b", arguments=("a",)), Gate())


@pytest.mark.parametrize("kind", ["builtins:int", "builtins:object", "subprocess:Popen"])
def test_only_exceptions_are_made(kind: str) -> None:
    with pytest.raises(UnbuildableError):
        rebuild(FailureRecord(type=kind, arguments=("1",), message="1"), Gate())


def test_a_class_made_on_the_way_is_not_taken_for_another_of_its_name() -> None:
    kind = type("StockError", (ValueError,), {"__module__": __name__})

    failure = Failure.of(kind("gone"), is_served=True)

    assert failure.kind.endswith("StockError")
    with pytest.raises(UnbuildableError, match="is not imported"):
        rebuild(FailureRecord.model_validate(failure.to_json()), Gate())


def test_a_text_with_an_address_in_it_may_have_another_one() -> None:
    record = FailureRecord(type="builtins:ValueError", message="<x at 0x7f01>", arguments=("<x at 0x7f02>",))

    assert str(rebuild(record, Gate())) == "<x at 0x7f02>"


def test_an_exception_that_can_not_be_read_is_known_by_its_class() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert Failure.of(Broken()).kind == values.class_name(Broken)


REFUSED = """
import sys
import replaykit

@replaykit.tool
def ask(url):
    import httpx
    return httpx.get(url, trust_env=False).text

try:
    with replaykit.{verb}({what}) as run:
        ask("http://127.0.0.1:9/")
except Exception as error:
    print(type(error).__module__, type(error).__name__, type(error.__cause__).__module__)
print(run.packet_path if {is_recorded} else run.report.summary())
"""


def test_the_cause_that_a_client_met_comes_back_though_nothing_connects_any_more(tmp_path: Path) -> None:
    def run(verb: str, what: str) -> list[str]:
        code = REFUSED.format(verb=verb, what=what, is_recorded=verb == "record")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
        return [*done.stdout.splitlines(), done.stderr][:2]

    raised, path = run("record", repr("refused"))
    again, summary = run("replay", repr(path))

    assert raised == again == "httpx ConnectError httpcore"
    assert summary == "1 of 1 exact, nothing left over, 0 live calls"


@pytest.mark.parametrize("name", ["json.tool:Error", "sqlite3.__main__:SqliteInteractiveConsole", "antigravity:Error"])
def test_no_module_that_a_packet_names_is_imported(name: str) -> None:
    with pytest.raises(UnbuildableError):
        rebuild(FailureRecord(type=name), Gate())
    assert name.partition(":")[0] not in sys.modules
