"""An older packet, made as clean as a new one: it still loads, replays and vouches for itself."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from replaykit.audit.audit import audit
from replaykit.audit.resanitizing import resanitize, write
from replaykit.errors import PacketError
from replaykit.packet import Packet
from replaykit.packet.body import encode_body
from replaykit.packet.codec import dump_line
from replaykit.packet.model import HttpCall
from replaykit.packet.parts import PartWriter
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.audit.planting import PLACES, STAND_IN, clean_packet, plant
from tests.audit.test_audit import ENVIRON, SECRETS
from tests.e2e.helpers import IS_SOAK
from tests.packet.building import http_call, http_done, run_line, seal_bytes

ADDRESS = "ola.nordmann@vaer-oslo.org"


def _again(path: Path) -> None:
    write(resanitize(path, ENVIRON))


def _texts(path: Path) -> list[str]:
    return [item.kind for item in audit(path, environ=ENVIRON) if item.level == "error"]


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_secret_is_gone_from_everywhere(place: str, tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    kinds = ("openai_key", "email", "env")
    for kind in kinds if IS_SOAK else (kinds[list(PLACES).index(place) % 3],):
        plant(path, SECRETS[kind], place)
        _again(path)

        assert _texts(path) == []
        assert resanitize(path, ENVIRON).data is None
        assert Packet.load(path).recovered == ("altered: the lines do not match the digest in the last one",)


def _old_packet(path: Path, prompt: str = f"Write to {ADDRESS}, please, and tell them that it rains today.") -> bytes:
    """A sound packet of the first rules, which knew no addresses: three calls with a growing history."""
    lines = []
    writer = PartWriter(lines.append)
    messages = [{"role": "user", "content": prompt}]
    for number in range(3):
        body = json.dumps({"model": "m", "messages": messages}, separators=(",", ":")).encode()
        http = HttpCall(
            method="POST", url="https://api.openai.com/v1/chat/completions", body=writer.split(encode_body(body))
        )
        lines += [http_call(number, http.body, http=http, raw="0" * 32, wire_format="openai.chat"), http_done(number)]
        messages = [*messages, {"role": "assistant", "content": f"Done, step {number}, {'and so on ' * 8}"}]
    data = seal_bytes(
        dump_line(run_line(ruleset="1")) + b"".join(map(dump_line, lines)), output=ADDRESS, has_output=True
    )
    path.write_bytes(data)
    return data


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.packet.jsonl"
    _old_packet(path)
    return path


def test_an_old_packet_is_clean_sound_and_replays(old: Path) -> None:
    assert "email" in _texts(old)

    result = resanitize(old, ENVIRON)
    write(result)

    packet = Packet.load(old)
    assert (packet.recovered, packet.ruleset) == ((), Sanitizer.ruleset)
    assert (result.replaced, result.withheld, result.ruleset) == ({"email": 1}, 0, "1")
    assert ADDRESS not in old.read_text()
    audited = audit(old, environ=ENVIRON)
    assert (audited.findings, audited.calls) == ((), 3)
    assert packet.outcome is not None
    assert packet.outcome.output == packet.stand_ins[0].stand_in


def test_a_second_run_changes_nothing(old: Path) -> None:
    _again(old)
    before = (old.read_bytes(), old.stat().st_mtime_ns)

    result = resanitize(old, ENVIRON)
    write(result)

    assert result.data is None
    assert (old.read_bytes(), old.stat().st_mtime_ns) == before


def test_parts_have_the_addresses_of_what_they_say(old: Path) -> None:
    """As a recording with these rules would have written them; a growing history still costs nothing twice."""
    _again(old)
    made = []
    writer = PartWriter(made.append)
    for item in Packet.load(old).interactions:
        writer.split(encode_body(item.request_body))

    lines = [json.loads(line) for line in old.read_text().splitlines()]
    assert [line["id"] for line in lines if line["kind"] == "part"] == [part.id for part in made]
    assert len(made) == 6


def test_hashes_of_changed_requests_are_dropped_and_keys_made_again(old: Path) -> None:
    before = [item.call for item in Packet.load(old).interactions]
    _again(old)
    after = [item.call for item in Packet.load(old).interactions]

    assert {call.raw for call in before} == {"0" * 32}
    assert {call.raw for call in after} == {None}
    assert all(call.key not in ("withheld", old.key) for call, old in zip(after, before, strict=True))


def test_a_request_without_secrets_keeps_its_bytes_and_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    _old_packet(path, "What is the weather in Oslo today, and what will it be tomorrow?")
    parts = [line for line in path.read_text().splitlines() if '"kind":"part"' in line]
    _again(path)

    assert [line for line in path.read_text().splitlines() if '"kind":"part"' in line] == parts
    assert {item.call.raw for item in Packet.load(path).interactions} == {"0" * 32}


def test_issued_stand_ins_stay_and_new_ones_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    plant(path, ADDRESS, "message in a request")
    _again(path)

    stand_ins = Packet.load(path).stand_ins
    assert {line.id: line.name for line in stand_ins} == {"s1": "env", "s2": "email"}
    assert STAND_IN in [line.stand_in for line in stand_ins]
    assert path.read_text().count(STAND_IN) == clean_packet().decode().count(STAND_IN)


def test_what_can_t_be_replaced_in_place_is_withheld_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.packet.jsonl"
    plant(path, SECRETS["openai_key"], "gzip in base64")

    result = resanitize(path, ENVIRON)
    write(result)

    packet = Packet.load(path)
    assert result.withheld == 1
    assert [item.id for item in packet.interactions if item.is_withheld] == ["t1"]
    assert packet.outcome is not None
    assert (packet.outcome.manifest.withheld, packet.outcome.replayable) == (1, "no")


def test_the_new_file_is_private_and_of_the_old_one_s_age(old: Path) -> None:
    old.chmod(0o644)
    os.utime(old, ns=(10**18, 10**18))
    _again(old)

    assert old.stat().st_mode & 0o777 == 0o600
    assert old.stat().st_mtime_ns == 10**18
    assert [path.name for path in old.parent.iterdir()] == [old.name]


def test_a_link_stays_a_link(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.packet.jsonl"
    link.symlink_to(old)
    _again(link)

    assert link.is_symlink()
    assert ADDRESS not in old.read_text()


def test_a_file_that_can_t_be_written_leaves_the_old_one(old: Path) -> None:
    before = old.read_bytes()
    result = resanitize(old, ENVIRON)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="large"):
            write(result)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert old.read_bytes() == before
    assert [path.name for path in old.parent.iterdir()] == [old.name]


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a comment": lambda data: b"# mine\n" + data,
    "a line that is no JSON": lambda data: data.replace(b'{"kind":"done"', b'not json\n{"kind":"done"', 1),
    "a last line cut short": lambda data: data[:-20],
    "a field nobody knows": lambda data: data.replace(b'"kind":"done",', b'"kind":"done","mine":1,', 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_could_not_be_written_back_is_refused_and_nothing_is_lost(name: str, old: Path) -> None:
    old.write_bytes(CHANGES[name](old.read_bytes()))
    before = old.read_bytes()

    with pytest.raises(PacketError):
        resanitize(old, ENVIRON)

    assert old.read_bytes() == before


def test_line_ends_of_the_file_stay(old: Path) -> None:
    old.write_bytes(old.read_bytes().replace(b"\n", b"\r\n"))
    _again(old)

    data = old.read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") > 5
    assert [note for note in Packet.load(old).recovered if "altered" in note] == []


def test_an_interrupted_run_stays_one(old: Path) -> None:
    old.write_bytes(b"".join(old.read_bytes().splitlines(keepends=True)[:-1]))
    _again(old)

    assert Packet.load(old).recovered == ("interrupted: the run has no outcome line",)
    assert ADDRESS not in old.read_text()


def test_a_journal_is_left_to_its_run(old: Path) -> None:
    journal = old.rename(old.with_name("old.journal.jsonl"))

    with pytest.raises(PacketError, match="journal"):
        resanitize(journal, ENVIRON)
