"""The journal of a run that goes on, and the packet it becomes.

A journal is a packet without its last line: it is appended to, flushed event by event, and gets the packet's name when
the outcome is known. If the process dies, the journal stays and reads as an interrupted run.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from replaykit.errors import PacketError
from replaykit.packet.codec import check_digest, dump_line, parse_line, seal
from replaykit.packet.model import FORMAT, Entry, EntryLine, Manifest, OutcomeLine, RunLine

SUFFIX = ".packet.jsonl"
JOURNAL_SUFFIX = ".journal.jsonl"


class Journal:
    """An append-only file of lines that becomes a packet when it is sealed. It never replaces a file that is there.

    Raises:
        OSError: From every method; the recorder decides what that means.
    """

    def __init__(self, target: Path) -> None:
        """Opens `<target>.journal.jsonl` beside `target`; `target` itself appears when the journal is sealed."""
        self.target = target
        self.path = target.with_name(target.name.removesuffix(SUFFIX) + JOURNAL_SUFFIX)
        target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "there is a packet of that name", str(target))
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._hash = hashlib.sha256()
        self._size = 0

    def append(self, data: bytes) -> None:
        """One or more whole lines. A reader may see the last of them half written, never one before it."""
        try:
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._drop_half_line()
            raise
        self._hash.update(data)
        self._size += len(data)

    def seal(self, outcome: OutcomeLine) -> Path:
        """Writes the last line and gives the packet its name. Returns the packet's path.

        Raises:
            OSError: It can't be written, or there is a file of that name by now; then the journal stays.
        """
        try:
            self.append(dump_line(seal(outcome, self._hash)))
        finally:
            self._file.close()
        _rename_to_new(self.path, self.target)
        return self.target

    def close(self) -> None:
        """Stops writing; what was written stays, and reads as an interrupted run."""
        self._file.close()

    def abandon(self) -> None:
        """Closes and deletes the journal: nobody wants this run."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _drop_half_line(self) -> None:
        """What a full disk took of a line goes, so that a later line does not stand behind half of this one."""
        try:
            os.ftruncate(self._file.fileno(), self._size)
        except OSError:
            pass  # the reader will find the torn line


def _rename_to_new(source: Path, target: Path) -> None:
    """Renames, but never over a file: `rename` itself would."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "there is a packet of that name", str(target)) from None
        source.rename(target)
        return
    source.unlink()


def amend_outcome(path: Path, **changes: object) -> None:
    """Rewrites the last line of a sealed packet with `changes`, atomically.

    Raises:
        PacketError: The file can't be read, does not end in an outcome, is no longer what was written, or a change
            does not fit its field. Nothing was written.
        OSError: The new file can't be written. The old one is still there.
    """
    head, outcome = _read_sealed(path)
    try:
        changed = OutcomeLine.model_validate({**outcome.model_dump(), **changes})
    except ValidationError as error:
        first_error = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first_error["loc"])
        raise PacketError(first_error["msg"], path=path, line=head.count(b"\n") + 1, field=field) from None
    replace_file(path, head + dump_line(seal(changed, hashlib.sha256(head))))


def sealed_again(path: Path, entry: Entry | None, manifest: Manifest) -> bytes:
    """The bytes of a sealed packet, sealed again with these; the file itself stays as it is.

    Args:
        entry: None: that of the packet.

    Raises:
        PacketError: As `amend_outcome`.
    """
    head, outcome = _read_sealed(path)
    if entry is not None:
        first, *rest = head.splitlines(keepends=True)
        kept = [line for line in rest if not line.startswith(b'{"kind":"entry"')]
        head = b"".join([first, dump_line(EntryLine(id=outcome.id, seq=0, entry=entry)), *kept])
    return head + dump_line(seal(outcome.model_copy(update={"manifest": manifest}), hashlib.sha256(head)))


def _read_sealed(path: Path) -> tuple[bytes, OutcomeLine]:
    """All lines before the last one, and the last one, of a packet that is as it was written."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise PacketError(f"can't be read: {getattr(error, 'strerror', error)}", path=path) from None
    head, _, last = data.removesuffix(b"\n").rpartition(b"\n")
    head += b"\n"
    number = head.count(b"\n") + 1
    first = parse_line(head.partition(b"\n")[0], path=path, number=1)
    if not isinstance(first, RunLine) or first.format != FORMAT:
        raise PacketError(f"not a packet of format {FORMAT}", path=path, line=1, field="format")
    outcome = parse_line(last, path=path, number=number)
    if not isinstance(outcome, OutcomeLine):
        raise PacketError("the last line is no outcome", path=path, line=number, field="kind")
    if not data.endswith(b"\n") or check_digest(last, hashlib.sha256(head)) is None:
        raise PacketError("the packet was altered after it was written", path=path, line=number, field="digest")
    return head, outcome


def create_file(path: Path, data: bytes) -> None:
    """Writes a new file in one step; a reader sees no file or all of it.

    Raises:
        FileExistsError: There is one of that name.
        OSError: It can't be written.
    """
    draft = _write_draft(path, data)
    try:
        _rename_to_new(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def replace_file(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replaces the content of `path` in one step; a reader sees the old file or the new one, whole.

    Args:
        mode: Of the new file; default: that of the old one.
    """
    path = path.resolve()  # a link stays a link
    draft = _write_draft(path, data)
    try:
        if mode is not None:
            draft.chmod(mode)
        elif path.exists():
            draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _write_draft(path: Path, data: bytes) -> Path:
    """A file beside `path` that holds `data`, on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}."[:200], suffix=".new", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft
