"""Who reads: the program, a library, or machinery that has to get the real thing."""

from __future__ import annotations

import dataclasses
import email.utils
import functools
import logging
import sys
import threading
import uuid
from pathlib import Path
from types import CodeType
from typing import Any

import pydantic
import pytest

from replaykit.determinism.origins import find_reader
from tests.determinism.chance import Dice

SITE = Path(dataclasses.__file__).parent / "site-packages"


def _reader_in(file: str, module: str = "m") -> Any:
    """Who reads, as code of that file sees it."""
    code: CodeType = compile("found = find_reader(_getframe())", file, "exec")
    space = {"__name__": module, "find_reader": find_reader, "_getframe": sys._getframe}
    exec(code, space)
    return space["found"]


@pytest.mark.parametrize(
    ("file", "origin"),
    [
        pytest.param("/home/me/agent.py", "", id="a program"),
        pytest.param("<stdin>", "", id="a prompt"),
        pytest.param(str(SITE / "langchain" / "agents" / "run.py"), "langchain", id="a library"),
        pytest.param(str(SITE / "six.py"), "six", id="a library of one file"),
        pytest.param(str(SITE / "google" / "genai" / "client.py"), "google", id="a namespace"),
    ],
)
def test_the_first_frame_that_means_it_is_the_reader(file: str, origin: str) -> None:
    reader = _reader_in(file)

    assert (reader.api, reader.origin) == ("", origin)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(logging.__file__, id="logging"),
        pytest.param(pytest.__file__, id="pytest"),
        pytest.param(str(SITE / "cryptography" / "fernet.py"), id="keys"),
        pytest.param(str(SITE / "pytest_randomly" / "__init__.py"), id="a plugin of pytest"),
        pytest.param(str(Path(sys.modules["replaykit"].__file__ or "").parent / "session" / "sink.py"), id="ours"),
    ],
)
def test_machinery_gets_the_real_thing(file: str) -> None:
    assert _reader_in(file) is None


@dataclasses.dataclass
class Plain:
    id: uuid.UUID = dataclasses.field(default_factory=uuid.uuid4)


class Model(pydantic.BaseModel):
    id: uuid.UUID = pydantic.Field(default_factory=uuid.uuid4)


class Lazy:
    @functools.cached_property
    def id(self) -> uuid.UUID:
        return uuid.uuid4()


def _in_thread() -> None:
    thread = threading.Thread(target=uuid.uuid4, name="worker-a")
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(uuid.uuid4, id="itself"),
        pytest.param(Plain, id="a dataclass"),
        pytest.param(Model, id="a pydantic model"),
        pytest.param(lambda: Lazy().id, id="a cached property"),
        pytest.param(functools.partial(uuid.uuid4), id="a partial function"),
        pytest.param(_in_thread, id="the target of a thread"),
    ],
)
def test_a_function_that_is_called_for_the_program_reads_for_the_program(read: Any) -> None:
    dice = Dice()
    with dice.thrown():
        read()

    assert [(name, origin) for _, name, origin in dice.reads] == [("uuid.uuid4", "")]


def test_a_date_that_a_program_has_formatted_is_its_own() -> None:
    dice = Dice()
    with dice.thrown():
        email.utils.formatdate()

    assert dice.reads == [("", "time", "")]
