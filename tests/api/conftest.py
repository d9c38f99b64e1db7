"""The API's tests use the same small world as the session's."""

from __future__ import annotations

from tests.session.conftest import world

__all__ = ["world"]
