"""Hooks that do not fit what is installed, and what is said of those that do."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import replaykit
from replaykit.errors import UsageError
from replaykit.interceptors import langchain, libraries, openai_agents, pydantic_ai


class Changed:
    """What a library's class may look like one day: the names are there, and used for other things."""

    def run(self) -> None: ...

    arun = invoke = ainvoke = __call__ = get_transfer_message = run
    _raw_execute = validate_tool_call = _filter_injected_args = run


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of langchain-core that is not as the hook needs it; what is found out about it is forgotten again."""
    name = f"changed_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(libraries, "_refused", {})
    monkeypatch.setitem(sys.modules, "langchain_core", ModuleType("langchain_core"))
    yield importlib.import_module(name)
    sys.modules.pop(name, None)


def refuse(module: ModuleType) -> None:
    libraries.check_uses("langchain_core", Changed, "run", ("_run",))


@pytest.mark.parametrize(
    ("install", "module"),
    [
        (langchain._hook_tools, {"BaseTool": Changed}),
        (langchain._hook_retrievers, {"BaseRetriever": Changed}),
        (openai_agents._hook_tools, {"_invoke_function_tool_with_metadata": Changed.run, "__name__": "agents.tool"}),
        (openai_agents._hook_handoffs, {"Handoff": type("Handoff", (), {})}),
        (pydantic_ai._hook, {"ToolManager": Changed}),
    ],
    ids=["tools", "retrievers", "function tools", "handoffs", "tool manager"],
)
def test_a_library_of_another_shape_is_named_with_its_versions(install: Any, module: dict[str, Any]) -> None:
    found = ModuleType("changed")
    vars(found).update(module)

    with pytest.raises(UsageError, match=r"is not as replaykit knows it \(tested with [\w-]+ [\d.]+( to [\d.]+)?\)"):
        install(found)


def test_a_recorder_does_without_and_says_so_once(
    part: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "replaykit"):
        libraries.hook("langchain_core", part.__name__, refuse)
        for _ in range(2):
            with replaykit.record("x", store=tmp_path) as run:
                pass

    assert run.packet_path is not None
    assert [record.message.partition(" (")[0].partition(": ")[2] for record in caplog.records] == [
        "Changed.run is not as replaykit knows it"
    ]


def test_a_replay_does_not_begin(part: ModuleType, tmp_path: Path) -> None:
    with replaykit.record("x", store=tmp_path) as run:
        pass
    libraries.hook("langchain_core", part.__name__, refuse)

    with pytest.raises(UsageError, match=r"langchain-core .*: Changed\.run is not as"):
        replaykit.replay(run.packet_path).__enter__()
    assert libraries.state_of(libraries.find("langchain_core")) == "refused"


def test_an_import_during_a_replay_is_refused(part: ModuleType, tmp_path: Path) -> None:
    with replaykit.record("x", store=tmp_path) as run:
        pass
    del sys.modules[part.__name__]
    libraries.hook("langchain_core", part.__name__, refuse)

    with replaykit.replay(run.packet_path), pytest.raises(UsageError, match=r"Changed\.run"):
        importlib.import_module(part.__name__)


def test_an_import_outside_a_replay_is_not_disturbed(part: ModuleType) -> None:
    del sys.modules[part.__name__]
    libraries.hook("langchain_core", part.__name__, lambda module: module.gone)  # type: ignore[attr-defined]  # on purpose

    importlib.import_module(part.__name__)
    assert libraries.state_of(libraries.find("langchain_core")) == "refused"


def test_every_library_that_is_imported_is_hooked_by_a_run(tmp_path: Path) -> None:
    for name in ("langchain_core.tools", "langchain_core.retrievers", "agents", "pydantic_ai"):
        pytest.importorskip(name)
    with replaykit.record("x", store=tmp_path):
        pass

    assert {libraries.state_of(item) for item in libraries.LIBRARIES if item.module in sys.modules} == {"hooked"}
