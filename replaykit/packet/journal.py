"""The journal of a run that goes on, and the packet it becomes.

A journal is a packet without its last line: it is appended to, flushed event by event, and renamed when the outcome
is known. If the process dies, the journal stays and reads as an interrupted run.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from replaykit.errors import PacketError
from replaykit.packet.codec import dump_line, outcome_digest, parse_line, seal
from replaykit.packet.model import Line, OutcomeLine

SUFFIX = ".packet.jsonl"
JOURNAL_SUFFIX = ".journal.jsonl"


class Journal:
    """An append-only file of lines that becomes a packet when it is sealed.

    Raises:
        OSError: From every method; the recorder decides what that means.
    """

    def __init__(self, target: Path) -> None:
        """Opens `<target>.journal.jsonl` beside `target`; `target` itself appears when the journal is sealed."""
        self.target = target
        self.path = target.with_name(target.name.removesuffix(SUFFIX) + JOURNAL_SUFFIX)
        _make_private_folder(target.parent)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._hash = hashlib.sha256()

    def append(self, data: bytes) -> None:
        """One or more whole lines, in one write: a reader never sees half of them unless the machine stops."""
        self._file.write(data)
        self._hash.update(data)

    def seal(self, outcome: OutcomeLine) -> Path:
        """Writes the last line and gives the packet its name. Returns the packet's path."""
        self.append(dump_line(seal(outcome, self._hash)))
        self._file.close()
        self.path.rename(self.target)
        return self.target

    def abandon(self) -> None:
        """Closes and deletes the journal: nobody wants this run."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def amend_outcome(path: Path, **changes: object) -> None:
    """Rewrites the last line of a sealed packet with `changes`, atomically.

    Raises:
        PacketError: The file does not end in an outcome, or is no longer what was written.
    """
    head, _, last = path.read_bytes().rstrip(b"\n").rpartition(b"\n")
    head += b"\n"
    number = head.count(b"\n") + 1
    outcome: Line = parse_line(last, path=path, number=number)
    if not isinstance(outcome, OutcomeLine):
        raise PacketError("the last line is no outcome", path=path, line=number)
    hashed = hashlib.sha256(head)
    if outcome_digest(outcome, hashed) != outcome.digest:
        raise PacketError("the packet was altered after it was written", path=path, line=number, field="digest")
    changed = seal(OutcomeLine.model_validate({**outcome.model_dump(), **changes}), hashed)
    replace_file(path, head + dump_line(changed))


def replace_file(path: Path, data: bytes) -> None:
    """Replaces the content of `path` in one step; a reader sees the old file or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _make_private_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
