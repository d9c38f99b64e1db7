"""Hooks that wait for their library."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from replaykit.determinism.imports import when_imported


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Name of a module that nobody has imported yet."""
    name = f"library_of_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def test_a_module_that_is_there_is_given_at_once() -> None:
    seen: list[str] = []

    undo = when_imported("json", lambda module: seen.append(module.__name__))

    undo()
    assert seen == ["json"]


def test_a_module_is_given_when_its_import_ends(library: str) -> None:
    """The callback sees the finished module, and the module keeps its own loader."""
    seen: list[int] = []
    undo = when_imported(library, lambda module: seen.append(module.value))

    module = importlib.import_module(library)

    undo()
    assert seen == [1]
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert module.__spec__ is not None and module.__spec__.loader is module.__loader__


def test_two_wait_for_the_same_module(library: str) -> None:
    seen: list[str] = []
    undo = [when_imported(library, lambda module, name=name: seen.append(name)) for name in "ab"]

    importlib.import_module(library)

    for take_back in undo:
        take_back()
    assert seen == ["a", "b"]


def test_a_wish_that_was_taken_back_is_not_fulfilled(library: str) -> None:
    """And once nobody waits any more, the import system is as it was."""
    before = list(sys.meta_path)
    seen: list[object] = []

    when_imported(library, seen.append)()
    importlib.import_module(library)

    assert seen == []
    assert [finder for finder in sys.meta_path if finder not in before] == []


def test_a_module_that_does_not_exist_fails_as_always() -> None:
    undo = when_imported("no_such_library_at_all", lambda module: None)

    with pytest.raises(ModuleNotFoundError, match="no_such_library_at_all"):
        importlib.import_module("no_such_library_at_all")

    undo()
