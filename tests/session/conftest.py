"""What the tests of the session share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from replaykit.serve.scripted import Route, Rule, ScriptedServer, Tool
from tests.session.helpers import World

RULES = (
    Rule(when="weather", has_tool_result=False, tool_calls=[Tool("forecast", {"city": "Oslo"})]),
    Rule(
        when="compare",
        has_tool_result=False,
        tool_calls=[Tool("forecast", {"city": "Oslo"}), Tool("forecast", {"city": "Rome"})],
    ),
    Rule(reply="answer {n}"),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A model that asks for a forecast when it hears of weather, and answers anything else with a number."""
    with ScriptedServer(RULES, routes=[Route("GET", "/page", text="a page")]) as server:
        world = World(server, tmp_path / "packets")
        with world.client:
            yield world
