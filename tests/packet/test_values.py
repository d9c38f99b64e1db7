"""Python values to JSON and back: equal, of the same type, and nothing is run or imported on the way back."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import subprocess
import sys
import types
import uuid
import zoneinfo
from collections import OrderedDict
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, model_validator

from replaykit.packet.codec import dump_line, parse_line
from replaykit.packet.model import DoneLine
from replaykit.packet.values import UnencodableError, class_name, decode, encode, find_class, opaque_classes


class Colour(enum.Enum):
    RED = "r"
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 1


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: Any = None


@dataclasses.dataclass
class City:
    name: str
    tags: list[Any] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.shout = self.name.upper()


@dataclasses.dataclass(frozen=True)
class Frozen:
    value: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    value: Any
    other: int = dataclasses.field(default=1, kw_only=True)


class Document(BaseModel):
    model_config = ConfigDict(extra="allow")

    text: str
    meta: dict[str, Any] = Field(default_factory=dict)
    nested: Any = None
    _score: float = PrivateAttr(default=0.5)

    class Source(BaseModel):
        url: str


class Names(RootModel[list[str]]):
    pass


class Loud(BaseModel):
    """Everything that a class can run while it is built says so."""

    value: int

    @model_validator(mode="before")
    @classmethod
    def check(cls, data: Any) -> Any:
        return shout(data)

    def model_post_init(self, context: Any) -> None:
        shout(context)


@dataclasses.dataclass
class LoudData:
    value: int

    def __post_init__(self) -> None:
        shout(self)

    def __setattr__(self, name: str, value: Any) -> None:
        shout(name)
        object.__setattr__(self, name, value)


IS_QUIET = [False]


def shout(data: Any) -> Any:
    if IS_QUIET[0]:
        raise AssertionError("code of the class was run")
    return data


def scored(text: str, score: float) -> Document:
    document = Document(text=text, extra_field=[1, (2,)])  # type: ignore[call-arg]
    document._score = score
    return document


def trip(value: Any) -> Any:
    """Through JSON in a line of a file."""
    line = parse_line(
        dump_line(DoneLine(id="c", seq=1, time_ns=1, state="complete", value=encode(value))), path=None, number=1
    )
    assert isinstance(line, DoneLine)
    return decode(line.value)


OSLO = zoneinfo.ZoneInfo("Europe/Oslo")
VALUES: dict[str, Any] = {
    "none": None,
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"ab"),
    "nested tuples": ((1, [2]), {"a": (3,)}),
    "set of tuples": {(1, 2), (3, "x")},
    "frozenset": frozenset({frozenset({1})}),
    "keys of any kind": {1: "a", (1, 2): "b", None: "c", Colour.RED: "d"},
    "a dict that looks encoded": {"$type": "bytes", "value": "YQ=="},
    "a dict with such a key inside": [{"$type": None}],
    "infinity": float("-inf"),
    "negative zero": -0.0,
    "huge integer": -(10**6000),
    "complex": complex(-0.0, float("inf")),
    "decimal": decimal.Decimal("1.10"),
    "uuid": uuid.UUID(int=5),
    "datetime": datetime.datetime(2030, 1, 2, 3, 4, 5, 6),
    "datetime in utc": datetime.datetime(2030, 1, 2, tzinfo=datetime.UTC),
    "datetime in a zone, second time round": datetime.datetime(2030, 10, 27, 2, 30, tzinfo=OSLO, fold=1),
    "folded": datetime.datetime(2030, 10, 27, 2, 30, fold=1),
    "time": datetime.time(1, 2, 3, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
    "date": datetime.date(2030, 1, 2),
    "timedelta": datetime.timedelta(days=-1, microseconds=3),
    "path": pathlib.Path("/a/b"),
    "windows path": pathlib.PureWindowsPath("c:/a"),
    "posix path": pathlib.PurePosixPath("a/b"),
    "enum": [Colour.RED, Level.LOW],
    "flags": [Right.READ, Right.READ | Right.WRITE, Right(0)],
    "named tuple": Point(1, Point(2)),
    "dataclass": City("Oslo", [Frozen(Slotted({1, 2}, other=3))]),
    "model": Document(text="a"),
    "model that was told its defaults": Document(text="a", meta={}),
    "model with private attribute": scored("a", 0.75),
    "model of models": Document(text="a", nested=[Document.Source(url="u"), Names(["x"])]),
    "text with lone surrogate": "a\ud800",
    "null byte": "\x00",
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_value_comes_back_equal_and_of_its_type(value: Any) -> None:
    back = trip(value)

    assert back == value
    assert type(back) is type(value)


def test_negative_zero_comes_back() -> None:
    assert [repr(trip(value)) for value in (-0.0, complex(-0.0, -0.0))] == ["-0.0", "(-0-0j)"]


def test_private_attributes_and_what_was_set_come_back() -> None:
    document = scored("a", 0.75)
    back = trip(document)

    assert (back._score, back.model_fields_set, back.extra_field) == (0.75, document.model_fields_set, [1, (2,)])
    assert trip(City("Oslo")).shout == "OSLO"


def test_zone_and_fold_come_back() -> None:
    value = VALUES["datetime in a zone, second time round"]
    back = trip(value)

    assert (back.tzinfo, back.fold, back.utcoffset()) == (OSLO, 1, value.utcoffset())


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
scalars = st.one_of(
    plain,
    st.decimals(allow_nan=False),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
    st.complex_numbers(allow_nan=False),
    st.sampled_from([Colour.GREEN, Level.LOW, Right.READ | Right.WRITE]),
)
keys = st.recursive(scalars.filter(lambda value: value == value), lambda inner: st.tuples(inner, inner), max_leaves=3)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(keys, inner, max_size=3),
        st.sets(keys, max_size=3),
        st.builds(Point, st.integers(), inner),
        st.builds(City, st.text(), st.lists(inner, max_size=2)),
        st.builds(Slotted, inner, other=st.integers()),
        st.builds(Document, text=st.text(), meta=st.dictionaries(st.text(), inner, max_size=2), nested=inner),
    ),
    max_leaves=8,
)


@given(value=anything)
@settings(max_examples=200)
def test_any_value_comes_back_equal(value: Any) -> None:
    assert trip(value) == value


def test_equal_sets_are_written_alike() -> None:
    assert json.dumps(encode({"b", "a", "c"})) == json.dumps(encode({"c", "b", "a"}))


# what can't be given back


class Local:
    pass


def local_class() -> object:
    @dataclasses.dataclass
    class Inner:
        value: int = 1

    return Inner()


class Counting(dict[str, int]):
    pass


@dataclasses.dataclass
class Failing(Exception):
    value: int = 1


class Touchy(BaseModel):
    _lock: Any = PrivateAttr(default_factory=object)


class NoMapping(OrderedDict[str, int]):
    def __iter__(self) -> Any:
        raise RuntimeError("no")


cycle: list[Any] = []
cycle += [cycle, cycle]
broad: Any = []
for _ in range(50):
    broad = [broad, broad]
UNENCODABLE: dict[str, Any] = {
    "object": object(),
    "class": City,
    "module": sys,
    "function": len,
    "generator": (x for x in ()),
    "class that nobody can find": local_class(),
    "subclass of dict": Counting(a=1),
    "subclass of str": type("Word", (str,), {})("a"),
    "exception": Failing(),
    "model with a private object": Touchy(),
    "cycle": cycle,
    "list that doubles fifty times": broad,
    "zone of another library": datetime.datetime(2030, 1, 1, tzinfo=type("Zone", (datetime.tzinfo,), {})()),
    "value that fails when it is looked at": NoMapping(a=1),
    "inside": [{"a": Local()}],
}


@pytest.mark.parametrize("value", UNENCODABLE.values(), ids=UNENCODABLE.keys())
def test_value_that_could_not_be_given_back_is_refused(value: Any) -> None:
    with pytest.raises(UnencodableError):
        encode(value)


@pytest.mark.parametrize("value", UNENCODABLE.values(), ids=UNENCODABLE.keys())
def test_lossy_encoding_always_gives_json(value: Any) -> None:
    assert json.dumps(encode(value, is_lossy=True))


def test_lossy_encoding_keeps_what_it_can() -> None:
    assert encode({"a": Counting(b=1), "c": Local()}, is_lossy=True) == {
        "a": {"b": 1},
        "c": {"$type": "object", "class": class_name(Local)},
    }


# decoding runs nothing


@pytest.fixture
def quiet() -> Any:
    IS_QUIET[0] = True
    yield
    IS_QUIET[0] = False


@pytest.mark.parametrize("value", [Loud(value=1), LoudData(1)], ids=["model", "dataclass"])
def test_decoding_runs_no_code_of_the_class(value: Any, quiet: None) -> None:
    assert trip(value).value == 1


def test_looking_for_a_class_runs_no_module_getattr(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("lazy_module")
    module.__dict__["__getattr__"] = lambda name: pytest.fail("the module was asked")
    monkeypatch.setitem(sys.modules, "lazy_module", module)

    assert find_class("lazy_module:Heavy") is None


def test_looking_for_a_class_imports_nothing() -> None:
    code = (
        "import sys; from replaykit.packet.values import *\n"
        "try: decode({'$type': 'dataclass', 'class': 'antigravity:Thing', 'value': {}})\n"
        "except UnencodableError: pass\n"
        "sys.exit('antigravity' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def tagged(kind: str, value: Any = None, name: str = "", **more: Any) -> dict[str, Any]:
    return {"$type": kind, "class": name, "value": value, **more}


HERE = __name__
DAMAGED: dict[str, Any] = {
    "unknown tag": tagged("pickle", "x"),
    "tag is a list": {"$type": ["bytes"], "value": ""},
    "tag is null": {"$type": None},
    "no base64": tagged("bytes", "*"),
    "bytes of a number": tagged("bytes", 5),
    "no date": tagged("date", "yesterday"),
    "datetime in no zone": tagged("datetime", {"at": "2030-01-01", "fold": 0, "zone": "../../etc/passwd"}),
    "datetime without a time": tagged("datetime", {}),
    "endless timedelta": tagged("timedelta", [10**12, 0, 0]),
    "no decimal": tagged("decimal", "x"),
    "no integer": tagged("int", "x"),
    "tuple of a number": tagged("tuple", 5),
    "tuple of a text": tagged("tuple", "ab"),
    "set of lists": tagged("set", [[1]]),
    "dict of triples": tagged("dict", [[1, 2, 3]]),
    "dict with list keys": tagged("dict", [[[1], 2]]),
    "no class": tagged("dataclass", {}, "nowhere"),
    "class is a function": tagged("dataclass", {}, "os:system"),
    "class is a module": tagged("dataclass", {}, "os:path"),
    "class of another kind": tagged("dataclass", {}, "subprocess:Popen"),
    "model that is none": tagged("model", {}, "subprocess:Popen"),
    "named tuple that is none": tagged("namedtuple", [], "subprocess:Popen"),
    "enum that is none": tagged("enum", "x", "subprocess:Popen"),
    "missing member": tagged("enum", "BLUE", f"{HERE}:Colour"),
    "member by a dunder": tagged("enum", "__class__", f"{HERE}:Colour"),
    "missing flag": tagged("flag", ["FLY"], f"{HERE}:Right"),
    "too few fields": tagged("namedtuple", [1], f"{HERE}:Point"),
    "fields are a list": tagged("dataclass", [1], f"{HERE}:City"),
    "unknown slot": tagged("dataclass", {"nothing": 1}, f"{HERE}:Slotted"),
    "dataclass that is an exception": tagged("dataclass", {}, f"{HERE}:Failing"),
    "model fields are a list": tagged("model", [1], f"{HERE}:Document"),
    "only a description": tagged("object", None, f"{HERE}:City"),
}


@pytest.mark.parametrize("value", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_value_is_refused(value: Any) -> None:
    with pytest.raises(UnencodableError):
        decode(value)


def test_dataclass_fields_can_not_reach_the_class() -> None:
    made = decode(tagged("dataclass", {"name": "a", "tags": [], "__class__": "x"}, f"{HERE}:City"))

    assert type(made) is City


def test_what_is_only_a_description_is_found_wherever_it_is() -> None:
    value = {"a": [object(), (object(), 1)], "$type": "object", "class": "not:one"}

    assert opaque_classes(encode(value, is_lossy=True)) == ("builtins:object",)
    assert opaque_classes(encode({"$type": "object"})) == ()
