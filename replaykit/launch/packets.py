"""Which packet is meant: a path, or `last`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from replaykit.api.settings import DEFAULT_STORE
from replaykit.errors import UsageError

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


def find_packets(names: Sequence[str], *, has_journals: bool = True) -> tuple[Path, ...]:
    """The files that are meant, each once.

    Args:
        names: Paths and `last`, as for `find_packet`; of a folder, all packets in it, at any depth.
        has_journals: In a folder, the journals too.

    Raises:
        UsageError: One of them is not there, or a folder has no packet in it.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        inside = _inside(path, has_journals) if name != "last" and path.is_dir() else [find_packet(name)]
        if not inside:
            raise UsageError(f"{path} is a folder, and no packet is in it")
        found.update(dict.fromkeys(inside))
    return tuple(found)


def _inside(folder: Path, has_journals: bool) -> list[Path]:
    patterns = (PACKETS, JOURNALS) if has_journals else (PACKETS,)
    return sorted(path for pattern in patterns for path in folder.rglob(pattern) if path.is_file())


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
