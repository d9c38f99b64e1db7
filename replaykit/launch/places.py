"""Folders and paths as people name them."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT_MARKS = (".git", "pyproject.toml")


def project_root(place: Path) -> Path:
    """The nearest folder at or above `place` that is the top of a project; `place` itself where there is none."""
    above = (place, *place.parents)
    return next((folder for folder in above if any((folder / mark).exists() for mark in _ROOT_MARKS)), place)


def place_in_project() -> str:
    """The present folder as a path from the top of its project."""
    here = Path.cwd()
    return str(here.relative_to(project_root(here)))


def relative(path: str | Path) -> str:
    """The path as a person would type it here."""
    try:
        return str(Path(os.path.abspath(path)).relative_to(Path.cwd()))  # noqa: PTH100 - a link stays a link
    except ValueError:
        return str(path)
