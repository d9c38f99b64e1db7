"""Which packet is meant: a path, or `last`."""

from __future__ import annotations

import os
from pathlib import Path

from replaykit.errors import UsageError

DEFAULT_STORE = "packets"
PACKETS = "*.packet.jsonl"
JOURNALS = "*.journal.jsonl"


def find_packet(name: str) -> Path:
    """The file.

    Args:
        name: A path, or `last` for the newest one in `REPLAYKIT_STORE`, else in `packets/`; the journal of a run that
            was interrupted, or still goes on, counts.

    Raises:
        UsageError: There is none.
    """
    if name != "last":
        return _named(Path(name))
    store = Path(os.environ.get("REPLAYKIT_STORE") or DEFAULT_STORE)
    found = _newest(store)
    if found is None:
        raise UsageError(
            f"no packet in {store}/ yet: `replaykit record -- CMD` writes one; REPLAYKIT_STORE names another folder"
        )
    return found


def _named(path: Path) -> Path:
    if path.is_dir():
        newest = _newest(path)
        inside = f": name a packet in it, such as {newest}" if newest is not None else ", and no packet is in it"
        raise UsageError(f"{path} is a folder{inside}")
    if not path.exists():
        raise UsageError(f"no packet {path}: there is no such file")
    return path  # not a regular file only: a pipe can hold a packet


def _newest(store: Path) -> Path | None:
    ages = {path: age for pattern in (PACKETS, JOURNALS) for path in store.glob(pattern) if (age := _age(path))}
    return max(ages, key=lambda path: (ages[path], path.name), default=None)


def _age(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # a journal has become a packet since it was listed
        return None
