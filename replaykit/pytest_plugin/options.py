"""What a test asked for: on the command line, in the configuration file, in its mark."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from replaykit.errors import UsageError

MARKER = (
    'replay(cassette=None, *, policy="exact", changed=(), stubs={}, allow=(), ...): replay the recorded run of this '
    "test, offline; without a cassette's name it is named after the test. Further arguments are those of "
    "replaykit.replay()."
)
FIXTURE = "replay"
FOLDER = "cassettes"

Mode = Literal["none", "once", "new", "all"]
_MODES = ("none", "once", "new", "all")
_ARGUMENTS = ("policy", "changed", "stubs", "allow", "attempts", "schedule", "guard", "strict_substitutions", "grace_s")


def add(parser: pytest.Parser) -> None:
    """Adds the options; none has a name that another recording plugin uses."""
    group = parser.getgroup("replaykit", "replay of recorded agent runs")
    group.addoption(
        "--replay-record",
        choices=_MODES,
        help="Record tests marked `replay` live: `once` those without a cassette, `new` also those whose replay "
        "leaves its recording, `all` every one; `none` (default) never goes live.",
    )
    group.addoption(
        "--replay-policy",
        choices=("exact", "refactor", "wiring"),
        help="Replay under this policy, whatever the marks say.",
    )
    parser.addini("replay_record", "Default of --replay-record.", default="none")


def is_marked(item: pytest.Function) -> bool:
    """True for a test with the mark, and for one that only asks for the fixture."""
    return item.get_closest_marker("replay") is not None or FIXTURE in item.fixturenames


@dataclass(frozen=True, slots=True)
class Options:
    """What holds for one test.

    Attributes:
        cassette: As given in the mark; None: named after the test.
        arguments: For `replaykit.replay`.
    """

    mode: Mode
    cassette: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, item: pytest.Function) -> Options:
        """The first of these that says something: the command line, the closest mark, the configuration file.

        Raises:
            UsageError: The mark can't be read.
        """
        mark = item.get_closest_marker("replay")
        given = dict(mark.kwargs) if mark is not None else {}
        names = [*(mark.args if mark is not None else ()), *([given.pop("cassette")] if "cassette" in given else [])]
        if len(names) > 1 or not all(isinstance(name, str | Path) for name in names):
            raise UsageError("@pytest.mark.replay takes one cassette: a name, or a path")
        unknown = [name for name in given if name not in _ARGUMENTS]
        if unknown:
            raise UsageError(f"@pytest.mark.replay has no argument {unknown[0]!r}; it has: {', '.join(_ARGUMENTS)}")
        policy = item.config.getoption("--replay-policy")
        if policy is not None:
            given["policy"] = policy
        return cls(mode(item.config), str(names[0]) if names else None, given)


def mode(config: pytest.Config) -> Mode:
    """When tests are recorded: as the command line says, else the configuration file."""
    asked = config.getoption("--replay-record") or config.getini("replay_record")
    if asked not in _MODES:
        raise UsageError(f"replay_record = {asked} (in {config.inipath}): it is one of {', '.join(_MODES)}")
    return cast(Mode, asked)
