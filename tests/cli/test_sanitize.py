"""`replaykit sanitize`: what it prints, what it exits with."""

from __future__ import annotations

import json

from replaykit.packet import Packet
from tests.audit.planting import plant
from tests.cli.conftest import KEY, Shop


def test_a_check_says_what_would_change_and_writes_nothing(shop: Shop) -> None:
    path = shop.folder / "x.packet.jsonl"
    plant(path, KEY, "text deltas")
    before = path.read_bytes()

    ended = shop.run("sanitize", "--check", "x.packet.jsonl")

    assert ended.code == 1
    assert ended.out.startswith("would be sanitized  x.packet.jsonl   (")
    assert KEY not in ended.text
    assert path.read_bytes() == before


def test_a_dirty_packet_is_cleaned_once(shop: Shop) -> None:
    path = shop.folder / "x.packet.jsonl"
    plant(path, KEY, "json in strings")

    assert shop.run("audit", ".").code == 1
    assert shop.run("sanitize", ".").out.startswith(
        "sanitized  x.packet.jsonl   (1 line changed, replaced 1 openai_key"
    )
    assert shop.run("audit", ".").code == 0
    again = shop.run("sanitize", ".", "--json")
    assert (again.code, json.loads(again.out)["changes"]) == (0, False)


def test_a_fresh_recording_is_left_alone_and_an_older_one_replays(recorded: Shop) -> None:
    (path,) = recorded.packets
    before = path.read_bytes()
    assert recorded.run("sanitize", "last", OPENAI_API_KEY=KEY).out.startswith("unchanged  packets/")
    assert path.read_bytes() == before

    address = next(line.stand_in for line in Packet.load(path).stand_ins if line.name == "email")
    text = path.read_text().replace(address, "kari.normann@vaer-oslo.org")
    lines = [line for line in text.splitlines() if '"kind":"standin"' not in line or "email" not in line]
    path.write_text("\n".join(lines) + "\n")

    assert recorded.run("sanitize", "last").code == 0
    assert "kari.normann@vaer-oslo.org" not in path.read_text()
    replayed = recorded.run("replay", "last", "--policy", "refactor", "--", "python", "agent.py")
    assert replayed.code == 0, replayed.text


def test_damage_is_exit_2_and_nothing_is_written(shop: Shop) -> None:
    shop.write("x.packet.jsonl", '{"kind":"run"}\n')

    ended = shop.run("sanitize", "x.packet.jsonl")

    assert (ended.code, (shop.folder / "x.packet.jsonl").read_text()) == (2, '{"kind":"run"}\n')
    assert ended.err.startswith("replaykit: x.packet.jsonl")
