"""`replaykit.sanitize`: what would be stored."""

from __future__ import annotations

import json
import os
from typing import Any

from replaykit.errors import SanitizeError
from replaykit.session.rules import make_sanitizer


def sanitize(value: Any) -> Any:
    """Text, bytes or JSON as it would stand in a packet, with a stand-in for every sensitive value in it.

    Stand-ins differ from call to call, unless `REPLAYKIT_KEY` holds the project's key.

    Raises:
        SanitizeError: It is none of these; the message names what in it is not.
        UsageError: `REPLAYKIT_RULES` names a file that can't be read.
    """
    sanitizer = make_sanitizer(os.environ)
    if isinstance(value, bytes):
        return sanitizer.body(value)
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise SanitizeError(f"sanitize() takes text, bytes or JSON: {error}") from None
    return sanitizer.json(value)
