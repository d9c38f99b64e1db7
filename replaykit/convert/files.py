"""Which packet each recording becomes, and how it gets to its place without hurting what is there."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from replaykit.convert.packing import Packed
from replaykit.errors import PacketError, UsageError
from replaykit.packet import Packet
from replaykit.packet.journal import SUFFIX, create_file, replace_file

Written = Literal["written", "unchanged", "replaced"]

_SUFFIXES = (".yaml", ".yml", ".json", ".har", ".httprr")
_HEADS = (b"interactions:", b"version:", b"---")


@dataclass(frozen=True, slots=True)
class Plan:
    """One file to import."""

    source: Path
    target: Path

    @property
    def workflow(self) -> str:
        return stem_of(self.source.name)


def stem_of(name: str) -> str:
    """The name of a recording without what says how it is written."""
    stem = name.removesuffix(".gz")
    for suffix in _SUFFIXES:
        if stem.endswith(suffix) and len(stem) > len(suffix):
            return stem.removesuffix(suffix)
    return stem


def plan_file(source: Path, out: Path | None) -> Plan:
    """Where one recording goes: `out`, which may be a folder; else its own name in the working directory."""
    name = stem_of(source.name) + SUFFIX
    if out is None:
        return Plan(source, Path(name))
    return Plan(source, out / name if out.is_dir() or str(out).endswith(os.sep) else out)


def plan_folder(folder: Path, out: Path | None) -> tuple[tuple[Plan, ...], int]:
    """Every recording below a folder, and where it goes in a mirrored tree; and how many files were passed over.

    Raises:
        UsageError: `out` is a file.
    """
    target = out or Path()
    if target.name.endswith(SUFFIX) or (target.exists() and not target.is_dir()):
        raise UsageError(f"{target} is a file's name; a folder of cassettes is imported into a folder: -o DIR")
    files = sorted(_files_below(folder))
    recordings = [path for path in files if _may_be_recording(path)]
    places = [path.relative_to(folder) for path in recordings]
    plans = zip(recordings, _target_names(places), strict=True)
    return tuple(Plan(path, target / name) for path, name in plans), len(files) - len(recordings)


def _files_below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root, name) for name in names if not name.startswith("."))


def _may_be_recording(path: Path) -> bool:
    """True by suffix; a file without one is looked into, for vcrpy takes any name."""
    if path.name.removesuffix(".gz").endswith(_SUFFIXES):
        return True
    if path.suffix:
        return False
    try:
        with path.open("rb") as file:
            return file.read(16).startswith(_HEADS)
    except OSError:
        return False


def _target_names(places: Sequence[Path]) -> list[Path]:
    """A packet for each recording, never one for two: beside `a.json`, `a.yaml` keeps its ending."""
    names = [place.with_name(stem_of(place.name)) for place in places]
    while True:
        counts = Counter(str(name).casefold() for name in names)  # some file systems do not tell A from a
        clashing = [number for number, name in enumerate(names) if counts[str(name).casefold()] > 1]
        longer = [number for number in clashing if names[number] != places[number]]
        if not longer:
            break
        for number in longer:
            names[number] = places[number]
    return [name.with_name(f"{name.name}{_number(names, index)}{SUFFIX}") for index, name in enumerate(names)]


def _number(names: Sequence[Path], index: int) -> str:
    """Tells names apart that differ only in case."""
    folded = str(names[index]).casefold()
    same = sum(str(name).casefold() == folded for name in names[:index])
    return f"-{same + 1}" if same else ""


def write_packet(packed: Packed, target: Path, *, is_forced: bool) -> Written:
    """Writes the packet, unless it is there already.

    Raises:
        UsageError: Another file has its place, or it can't be written. What is there is as it was.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(target):
            create_file(target, packed.data)
            return "written"
        other = _other_than(packed, target)
        if other is None:
            return "unchanged"
        if not is_forced:
            raise UsageError(f"{target}: {other}; --force replaces it, -o writes elsewhere")
        replace_file(target, packed.data)
    except OSError as error:
        raise UsageError(f"{target}: can't be written: {error.strerror}") from None
    return "replaced"


def _other_than(packed: Packed, target: Path) -> str | None:
    """What stands in the way; None if it is this very import, whatever stand-ins it chose."""
    try:
        present = Packet.load(target)
    except PacketError:
        return "there is a file of that name, which is no packet"
    if present.run.run_id != packed.run_id:
        return "there is another packet of that name"
    return "it was altered after it was imported" if present.recovered else None
