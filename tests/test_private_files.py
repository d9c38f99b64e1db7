"""Packets are for their owner alone, and reading one does nothing but read it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import replaykit
from replaykit.audit.resanitizing import resanitize, write
from replaykit.golden.promote import promote
from replaykit.packet.model import Entry
from tests.audit.planting import clean_packet, plant
from tests.cli.conftest import clean_environ


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Whoever sets no mode makes files that everybody may write."""
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _record(store: Path) -> tuple[Path, int, int]:
    """A packet, its mode, and that of its folder."""
    with replaykit.record("demo", store=store) as run, replaykit.span("step"):
        pass
    assert run.packet_path is not None
    return run.packet_path, _mode(run.packet_path), _mode(store)


def test_a_packet_and_its_store_are_private(tmp_path: Path) -> None:
    assert _record(tmp_path / "packets")[1:] == (0o600, 0o700)


def test_a_store_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    store = tmp_path / "packets"
    store.mkdir(mode=0o750)

    assert _record(store)[1:] == (0o600, 0o750)


def test_a_cassette_is_private_and_the_users_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "cassettes"
    folder.mkdir(mode=0o755)

    @replaykit.tool
    def look_up() -> int:
        return 1

    with replaykit.record("demo", store=tmp_path / "packets") as run:
        look_up()
    assert run.packet_path is not None

    promoted = promote(run.packet_path, folder, entry=Entry(kind="callable", target="a:b"))

    assert (_mode(promoted.path), _mode(folder)) == (0o600, 0o755)
    assert [path.name for path in folder.iterdir()] == [promoted.path.name]


def test_a_packet_sanitized_again_is_private(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    plant(path, "ola.nordmann@vaer-oslo.org", "output")
    assert _mode(path) == 0o666

    write(resanitize(path, {}))

    assert _mode(path) == 0o600


WATCHED = """
import sys
from pathlib import Path
from replaykit.audit.audit import audit
from replaykit.packet import Packet
from tests.packet.building import read_all

good, bad = sys.argv[1:]
read_all(Packet.load(good))
audit(Path(good))
seen = []
sys.addaudithook(lambda event, args: seen.append((event, str(args[0]) if args else "")))
read_all(Packet.load(bad))
audit(Path(bad))
acts = ("exec", "compile", "import", "subprocess.", "os.system", "os.exec", "os.fork", "os.spawn", "os.posix_spawn",
        "socket.", "os.listdir", "os.scandir", "open", "pickle.", "marshal.", "ctypes.", "code.__new__")
print([item for item in seen if item[0].startswith(acts) and item != ("open", bad)])
"""


def test_loading_and_auditing_open_the_packet_and_nothing_else(tmp_path: Path) -> None:
    """Whatever the file names: commands, folders, modules, functions, classes of exceptions, types of values."""
    good, bad = tmp_path / "good.packet.jsonl", tmp_path / "bad.packet.jsonl"
    good.write_bytes(clean_packet())
    lines = [json.loads(line) for line in clean_packet().splitlines()]
    victim = str(tmp_path / "victim")
    for line in lines:
        if line["kind"] == "entry":
            line["entry"] |= {"argv": ["touch", victim], "cwd": "/etc", "target": "antigravity:open"}
        if line["kind"] == "done" and line["id"] == "t1":
            line["value"] = {"$type": "pathlib:Path", "value": "/etc/passwd"}
            line["value"] = [line["value"], {"$type": "dataclass", "class": "antigravity:geohash", "value": {}}]
        if line["kind"] == "done" and line["id"] == "sp1":
            line["failure"] = {"type": "antigravity:geohash", "message": "x", "arguments": ["/etc/passwd"]}
        if line["kind"] == "log":
            line["message"] = "file:///etc/passwd ../../etc/passwd $(touch victim) {0.__class__} !include x"
    bad.write_text("".join(json.dumps(line) + "\n" for line in lines))

    ended = subprocess.run(
        [sys.executable, "-c", WATCHED, str(good), str(bad)],
        env=clean_environ(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.stdout == "[]\n", ended.stdout + ended.stderr
    assert not Path(victim).exists()
