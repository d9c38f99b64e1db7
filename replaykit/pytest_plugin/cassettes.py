"""Which file holds the recorded run of a test."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from replaykit.errors import UsageError
from replaykit.pytest_plugin.options import FOLDER
from replaykit.session.rules import make_sanitizer

if TYPE_CHECKING:
    from replaykit.packet import Packet

SUFFIX = ".packet.jsonl"
TAG = "test"
"""Tag of a packet that a test has recorded: the test's node id."""


def find_cassette(item: pytest.Function, given: str | None) -> Path:
    """The path, whether there is a file or not: in `cassettes/` beside the test, or where the mark says.

    A given name without a folder is looked for in `cassettes/` too. A path is relative to the test's own folder or to
    the root of the project: where there is such a file, else where there is such a folder.
    """
    here = item.path.parent
    if given is None:
        owner = f"{item.cls.__name__}." if item.cls is not None else ""
        return here / FOLDER / (_slug(owner + item.name) + SUFFIX)
    name = given if given.endswith(".jsonl") else given + SUFFIX
    if os.sep not in name:
        return here / FOLDER / name
    beside, at_root = here / name, item.config.rootpath / name
    choices = (beside, at_root) if beside.exists() or not at_root.parent.is_dir() else (at_root, beside)
    return next((path for path in choices if path.exists()), choices[0])


def _slug(name: str) -> str:
    """The name as a file name; what had to give way for that is told apart by a short hash."""
    plain = re.sub(r"\[(.*)\]$", r"-\1", name)
    if not is_plain(name):
        plain = f"{function_of(name)} "
    slug = re.sub(r"[^\w.-]+", "-", plain)[:120].strip("-")
    return slug if slug == plain else f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def is_plain(name: str) -> bool:
    """False for an id that has a secret in it: a parameter that is one."""
    return make_sanitizer(os.environ).text(name) == name


def check_owner(packet: Packet, path: Path, item: pytest.Function) -> None:
    """Two tests whose cassettes would have the same name must not answer for each other.

    Raises:
        UsageError: The recording is another test's, and that test is still there.
    """
    owner = packet.run.tags.get(TAG, item.nodeid)
    if function_of(owner) == function_of(item.nodeid):
        return
    file, _, name = function_of(owner).partition("::")
    source = item.config.rootpath / file
    if source.is_file() and re.search(rf"\bdef {re.escape(name.rpartition('::')[2])}\b", source.read_text("utf-8")):
        raise UsageError(
            f"{shown(path)} is the recording of {owner}; give this test a name of its own:\n"
            f'  @pytest.mark.replay("{_slug(f"{item.path.stem}.{item.name}")}")'
        )


def function_of(nodeid: str) -> str:
    """A test's id, or its name, without its parameters."""
    return nodeid.partition("[")[0]


def shown(path: Path) -> str:
    """The path as a person would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
