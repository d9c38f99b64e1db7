"""A wrong argument is a `UsageError` that says what it takes, before anything has begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import replaykit
from tests.session.helpers import World


def _nothing() -> None:
    return None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param({"workflow": _nothing}, "no decorator", id="decorator"),
        pytest.param({"nested": "foo"}, '"span" or "new"', id="nested"),
    ],
)
def test_record_refuses_it(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(replaykit.UsageError, match=named):
        replaykit.record(**arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param({"packet": None}, "packet_path` is None", id="no packet"),
        pytest.param({"packet": 3}, "named by its path", id="number"),
        pytest.param({"packet": b"{}"}, "Packet.loads reads bytes", id="bytes"),
        pytest.param({"policy": []}, "no policy", id="policy"),
        pytest.param({"changed": 3}, "a segment or a list", id="changed"),
        pytest.param({"changed": [3]}, "names no segment", id="changed item"),
        pytest.param({"stubs": ["a"]}, "by the name of a tool", id="stubs"),
        pytest.param({"stubs": {3: "a"}}, "by the name of a tool", id="stub's name"),
        pytest.param({"allow": None}, "list of entries", id="allow"),
        pytest.param({"attempts": "last"}, '"all" or "final"', id="attempts"),
        pytest.param({"grace_s": "a"}, "seconds", id="grace"),
        pytest.param({"grace_s": -1}, "seconds", id="negative grace"),
        pytest.param({"grace_s": float("nan")}, "seconds", id="no grace"),
        pytest.param({"grace_s": 1e300}, "seconds", id="endless grace"),
    ],
)
def test_replay_refuses_it(world: World, arguments: dict[str, Any], named: str) -> None:
    world.record(_nothing)

    with pytest.raises(replaykit.UsageError, match=named):
        replaykit.replay(**{"packet": world.path, **arguments})


@pytest.mark.parametrize(
    ("decorate", "named"),
    [
        pytest.param(lambda: replaykit.agent(3), "@agent takes a function", id="agent"),  # type: ignore[call-overload]
        pytest.param(lambda: replaykit.agent("x")(3), "@agent takes a function", id="named agent"),  # type: ignore[type-var]
        pytest.param(lambda: replaykit.tool(normalize=3)(_nothing), "normalize", id="normalize"),  # type: ignore[call-overload]
        pytest.param(lambda: replaykit.tool(name=3)(_nothing), "name", id="name"),  # type: ignore[call-overload]
        pytest.param(lambda: replaykit.retriever(3), "@retriever takes a function", id="retriever"),
        pytest.param(lambda: replaykit.human(name=3)(_nothing), r"@human\(name", id="human"),  # type: ignore[arg-type]
    ],
)
def test_a_decorator_refuses_it(decorate: Callable[[], Any], named: str) -> None:
    with pytest.raises(replaykit.UsageError, match=named):
        decorate()


@pytest.mark.parametrize(("data", "named"), [("abc", "not a str"), (None, "not None")], ids=["text", "nothing"])
def test_only_bytes_are_read_as_a_packet(data: Any, named: str) -> None:
    with pytest.raises(replaykit.UsageError, match=named):
        replaykit.Packet.loads(data)
