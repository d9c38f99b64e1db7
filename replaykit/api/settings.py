"""What the environment may say of recording and replaying."""

from __future__ import annotations

import logging
import os

logger = logging.getLogger("replaykit")

DEFAULT_STORE = "packets"
"""The folder of packets where `REPLAYKIT_STORE` names none."""

KEEP_NAMES = ("all", "called", "failed")
"""What `REPLAYKIT_KEEP` takes: every run, those that called something, those that failed."""

MODES = ("off", "record", "replay")

_warned: set[str] = set()


def read_mode() -> str | None:
    """`off`, `record` or `replay`, in whatever case it is written; None where nothing, or nothing known, is said.

    An unknown word is logged once: a typing error must neither stop a service nor pass for a setting.
    """
    said = os.environ.get("REPLAYKIT_MODE", "")
    mode = said.strip().lower()
    if mode in MODES:
        return mode
    if mode and mode not in _warned:
        _warned.add(mode)
        logger.warning("REPLAYKIT_MODE=%s is no mode (%s): it is taken as not set", said, ", ".join(MODES))
    return None
