"""The layers of the design: a package imports only from lines below its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

LAYERS = (
    {"__main__"},
    {"cli", "pytest_plugin"},
    {"viewer", "fleet", "serve"},
    {"golden", "audit"},
    {"reverify"},
    {"launch"},
    {"api"},
    {"session", "interceptors", "integrations", "diagnosis", "convert"},
    {"matching"},
    {"wire", "sanitizer", "determinism"},
    {"packet"},
    {"errors"},
)
RANK = {name: len(LAYERS) - depth for depth, names in enumerate(LAYERS) for name in names}
ROOT = Path(__file__).parent.parent / "replaykit"


def _package(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "replaykit":
            names = [f"replaykit.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            if name.startswith("replaykit."):
                yield name.split(".")[1]


def _edges() -> Iterator[tuple[str, str]]:
    for path in ROOT.rglob("*.py"):
        if path.name != "__init__.py" or path.parent != ROOT:
            for used in _imported(path):
                if used != _package(path):
                    yield _package(path), used


def test_every_package_has_a_layer() -> None:
    """A new package takes its place in the picture before it takes any import."""
    packages = {_package(path) for path in ROOT.rglob("*.py")} - {"__init__"}

    assert packages <= RANK.keys()


def test_imports_point_down() -> None:
    """Nobody imports from their own line or from above, not even inside a function."""
    wrong = sorted({f"{part} -> {used}" for part, used in _edges() if RANK[used] >= RANK[part]})

    assert wrong == []
