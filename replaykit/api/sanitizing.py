"""`replaykit.sanitize`: what would be stored."""

from __future__ import annotations

import os
from typing import Any

from replaykit.sanitizer import Sanitizer
from replaykit.session.live import project_key


def sanitize(value: Any) -> Any:
    """Text or JSON as it would stand in a packet, with a stand-in for every sensitive value in it.

    Stand-ins differ from call to call, unless `REPLAYKIT_KEY` holds the project's key.

    Raises:
        SanitizeError: It is no text and no JSON.
    """
    return Sanitizer(key=project_key(os.environ), environ=os.environ).json(value)
