"""The names that people build on."""

from __future__ import annotations

import importlib.util

import pytest

import replaykit


@pytest.mark.parametrize("name", replaykit.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """What `__all__` promises can be had from the package itself, although most of it is imported late."""
    assert getattr(replaykit, name) is not None
    assert name in dir(replaykit)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """Late imports do not swallow a typing mistake."""
    with pytest.raises(AttributeError, match="recrod"):
        _ = replaykit.recrod  # type: ignore[attr-defined]


def test_a_divergence_passes_every_except_exception() -> None:
    """The retry layers of SDKs catch `Exception`; a divergence must get through all of them."""
    assert not issubclass(replaykit.Divergence, Exception)
    assert issubclass(replaykit.ToolMiss, replaykit.Divergence)
    assert issubclass(replaykit.EgressRefused, replaykit.Divergence)


@pytest.mark.parametrize("name", ["UsageError", "PacketError", "WireError", "SanitizeError"])
def test_the_other_errors_are_ordinary_exceptions(name: str) -> None:
    assert issubclass(getattr(replaykit, name), replaykit.ReplayKitError)
    assert issubclass(replaykit.ReplayKitError, Exception)


@pytest.mark.parametrize("name", replaykit.__all__)
def test_no_module_has_a_public_name(name: str) -> None:
    """Importing a submodule puts it in the package, under its own name, over whatever else was there."""
    assert importlib.util.find_spec(f"replaykit.{name}") is None
