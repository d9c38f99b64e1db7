"""Libraries with a network of their own: where they go, and what becomes of one that is not as we know it."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from replaykit.errors import UsageError
from replaykit.interceptors import guard_native
from replaykit.interceptors.guard import is_allowed
from tests.interceptors.test_guard_support import guarded


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://Example.com/path?q", "example.com:443"),
        ("http://user:pass@127.0.0.1:8080", "127.0.0.1:8080"),
        ("127.0.0.1:50051", "127.0.0.1:50051"),
        ("[::1]:50051", "[::1]:50051"),
        ("db.internal", "db.internal"),
        ("/run/postgresql", "unix:/run/postgresql"),
        ("a,b", None),
        ("", None),
        (None, None),
    ],
)
def test_the_target_of_an_address(address: str | None, shown: str | None) -> None:
    assert guard_native._host_of(address) == shown


@pytest.fixture
def other_psycopg2(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A release that connects in another way."""
    module = ModuleType("psycopg2")
    monkeypatch.setattr(module, "__version__", "9.9", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg2", module)
    monkeypatch.setattr(guard_native, "_waiting", dict(guard_native._hooks))
    monkeypatch.setattr(guard_native, "_misfits", {})
    return module


def test_a_library_that_does_not_fit_is_left_alone_and_refused_by_a_replay(
    other_psycopg2: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    with guarded():
        assert not hasattr(other_psycopg2, "_connect")

    assert "psycopg2 9.9 is not as replaykit knows it" in caplog.text
    with pytest.raises(UsageError, match=r'psycopg2 9\.9 .*allow=\["lib:psycopg2"\]'):
        guard_native.check(lambda egress: False)
    guard_native.check(lambda egress: is_allowed(egress, ["lib:psycopg2"]))


def test_a_function_of_a_library_asks(other_psycopg2: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_psycopg2, "_connect", lambda dsn: f"connected to {dsn}", raising=False)

    with guarded("lib:psycopg2") as gate:
        assert other_psycopg2._connect("db") == "connected to db"
    assert [str(egress) for egress in gate.asked] == ["library psycopg2"]
    assert other_psycopg2._connect("db") == "connected to db"
