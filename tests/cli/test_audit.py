"""`replaykit audit`: what it prints, what it exits with."""

from __future__ import annotations

import json

from tests.audit.planting import clean_packet, plant
from tests.cli.conftest import KEY, Shop


def test_a_packet_just_recorded_is_clean(recorded: Shop) -> None:
    ended = recorded.run("audit", "last", "--json", OPENAI_API_KEY=KEY)

    shown = json.loads(ended.out)
    assert (ended.code, shown["ok"], shown["calls"], shown["findings"]) == (0, True, 2, [])
    assert recorded.run("audit", "packets").out.startswith("clean     packets/")


def test_the_demo_s_packets_are_clean(shop: Shop) -> None:
    assert shop.run("demo", "--folder", "d").code in (0, 1)

    ended = shop.run("audit", "d", "--json")

    assert ended.code == 0
    assert [json.loads(line)["findings"] for line in ended.out.splitlines() if "cassettes" not in line] == [[]]


def test_a_leak_is_exit_1_and_its_value_is_nowhere(shop: Shop) -> None:
    plant(shop.folder / "x.packet.jsonl", KEY, "text deltas")

    ended = shop.run("audit", "x.packet.jsonl", "--sarif", "out.sarif")

    assert ended.code == 1
    said = "c0  body.text  openai_key, 40 characters  response body > event 0..50 > json $.choices[0].delta"
    assert said in ended.out
    assert KEY not in ended.text + (shop.folder / "out.sarif").read_text()
    assert json.loads((shop.folder / "out.sarif").read_text())["runs"][0]["results"]


def test_the_environment_of_the_audit_counts(shop: Shop) -> None:
    plant(shop.folder / "x.packet.jsonl", "violet7-Hammock-Rain", "json in strings")

    assert "the value of APP_PASSWORD" in shop.run("audit", ".", APP_PASSWORD="violet7-Hammock-Rain").out
    assert shop.run("audit", ".").code == 0


def test_a_damaged_file_is_exit_2_and_the_others_are_looked_at(shop: Shop) -> None:
    shop.write("a.packet.jsonl", "{}\n")
    (shop.folder / "b.packet.jsonl").write_bytes(clean_packet())

    ended = shop.run("audit", "a.packet.jsonl", "b.packet.jsonl")

    assert ended.code == 2
    assert "a.packet.jsonl" in ended.err
    assert "clean     b.packet.jsonl" in ended.out
    assert "Traceback" not in ended.text


def test_a_folder_without_packets_is_exit_2(shop: Shop) -> None:
    (shop.folder / "empty").mkdir()

    ended = shop.run("audit", "empty")

    assert (ended.code, ended.err) == (2, "replaykit: empty is a folder, and no packet is in it\n")
