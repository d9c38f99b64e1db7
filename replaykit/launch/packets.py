"""Which packet is meant: a path, or `last`."""

from __future__ import annotations

import os
from pathlib import Path

from replaykit.errors import UsageError

DEFAULT_STORE = "packets"
PACKETS = "*.packet.jsonl"
JOURNALS = "*.journal.jsonl"


def find_packet(name: str, *, with_journals: bool = False) -> Path:
    """The file.

    Args:
        name: A path, or `last` for the newest one in `REPLAYKIT_STORE`, else in `packets/`.
        with_journals: `last` may be a run that was interrupted, or still goes on.

    Raises:
        UsageError: There is none.
    """
    if name != "last":
        if not Path(name).is_file():
            raise UsageError(f"no packet {name}: there is no such file")
        return Path(name)
    store = Path(os.environ.get("REPLAYKIT_STORE") or DEFAULT_STORE)
    patterns = (PACKETS, JOURNALS) if with_journals else (PACKETS,)
    found = [path for pattern in patterns for path in store.glob(pattern)]
    if not found:
        raise UsageError(
            f"no packet in {store}/ yet: `replaykit record -- CMD` writes one; REPLAYKIT_STORE names another folder"
        )
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name))
