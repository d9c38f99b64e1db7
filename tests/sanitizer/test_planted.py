"""Secrets planted at random in bodies of every type: nothing of them is left, in any layer."""

from __future__ import annotations

from random import Random

import pytest

from replaykit.errors import SanitizeError
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.e2e.helpers import IS_SOAK
from tests.sanitizer.bodies import chunked, make_body
from tests.sanitizer.leaks import all_texts, leaked
from tests.sanitizer.planting import make_secret

PLANTS = 20_000 if IS_SOAK else 300
CHUNK = 50


@pytest.mark.parametrize("start", range(0, PLANTS, CHUNK))
def test_nothing_of_a_planted_secret_is_left_in_a_body(start: int) -> None:
    for seed in range(start, start + CHUNK):
        random = Random(seed)
        secret = make_secret(random)
        body = make_body(random, secret)
        sanitizer = Sanitizer(environ={secret.variable: secret.value} if secret.variable is not None else {})
        chunks = chunked(random, body.data)
        try:
            stored = sanitizer.chunks(chunks, body.content_type)
        except SanitizeError:
            assert "bare" in body.how, (seed, body.how)
            continue

        assert len(stored) == len(chunks)
        assert leaked(secret, all_texts([b"".join(stored)])) == [], (seed, secret.kind, body.how)
