"""`replaykit.sanitize` shows what would be stored, or says why it can't."""

from __future__ import annotations

import pytest

import replaykit


def test_text_bytes_and_json_keep_their_type_and_length() -> None:
    assert len(replaykit.sanitize("mail ada@shop.net")) == 17
    assert b"ada@shop.net" not in replaykit.sanitize(b"mail ada@shop.net")
    assert replaykit.sanitize({"to": ["ada@shop.net"], "n": 1})["n"] == 1


@pytest.mark.parametrize("value", [{1, 2}, {"a": object()}, ValueError("x")], ids=["set", "object", "exception"])
def test_anything_else_is_named(value: object) -> None:
    with pytest.raises(replaykit.SanitizeError, match=r"text, bytes or JSON: .*not JSON serializable"):
        replaykit.sanitize(value)
