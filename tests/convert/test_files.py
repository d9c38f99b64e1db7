"""No two recordings become one packet, and nothing that is there is hurt."""

from __future__ import annotations

from pathlib import Path

import pytest

from replaykit.convert.files import Plan, plan_file, plan_folder, stem_of, write_packet
from replaykit.errors import UsageError
from replaykit.packet import Packet
from tests.convert.building import packed
from tests.convert.test_packing import call, recording


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.yaml", "a"),
        ("a.b.yml", "a.b"),
        ("a.json", "a"),
        ("a.yaml.gz", "a"),
        ("a", "a"),
        ("a.txt", "a.txt"),
        (".yaml", ".yaml"),
        ("test[x].yaml", "test[x]"),
    ],
)
def test_a_name_without_its_ending(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_one_file_goes_to_the_working_directory_or_where_it_is_told(tmp_path: Path) -> None:
    source = Path("tests/x.yaml")

    assert plan_file(source, None).target == Path("x.packet.jsonl")
    assert plan_file(source, Path("y.packet.jsonl")).target == Path("y.packet.jsonl")
    assert plan_file(source, tmp_path).target == tmp_path / "x.packet.jsonl"


def _tree(folder: Path, *names: str, text: str = "interactions: []") -> Path:
    for name in names:
        path = folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "in"


def _targets(plans: tuple[Plan, ...], root: Path) -> dict[str, str]:
    return {plan.source.name: str(plan.target.relative_to(root)) for plan in plans}


def test_a_folder_is_mirrored(tmp_path: Path) -> None:
    plans, _ = plan_folder(_tree(tmp_path, "a.yaml", "sub/b.yml", "sub/deep/c.yaml.gz"), tmp_path / "out")

    assert _targets(plans, tmp_path / "out") == {
        "a.yaml": "a.packet.jsonl",
        "b.yml": "sub/b.packet.jsonl",
        "c.yaml.gz": "sub/deep/c.packet.jsonl",
    }


@pytest.mark.parametrize(
    "names",
    [
        ("a.yaml", "a.json"),
        ("a.yaml", "a.json", "a.yaml.yaml"),
        ("a.yaml", "a.yaml.gz", "a"),
        ("A.yaml", "a.yaml"),
        ("a.yaml", "A.YAML.yaml", "a.json"),
    ],
    ids=str,
)
def test_two_recordings_never_become_one_packet(tmp_path: Path, names: tuple[str, ...]) -> None:
    plans, _ = plan_folder(_tree(tmp_path, *names), tmp_path / "out")

    assert len({str(plan.target).casefold() for plan in plans}) == len(names)


def test_what_is_no_recording_is_passed_over_and_counted(tmp_path: Path) -> None:
    folder = _tree(tmp_path, "a.yaml", "no_ending", ".git/x.yaml", ".hidden.yaml")
    _tree(tmp_path, "README.md", "LICENSE", "packet.packet.jsonl", text="words")
    plans, passed_over = plan_folder(folder, None)

    assert sorted(plan.source.name for plan in plans) == ["a.yaml", "no_ending"]
    assert passed_over == 3


@pytest.mark.parametrize("name", ["there.txt", "new.packet.jsonl"])
def test_a_folder_is_not_imported_into_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "there.txt").write_text("x")

    with pytest.raises(UsageError, match="into a folder: -o DIR"):
        plan_folder(_tree(tmp_path, "a.yaml"), tmp_path / name)


ONE, OTHER = (packed(recording(call(answer=answer))) for answer in (b"{}", b"[]"))


def test_a_packet_is_written_with_the_folders_it_needs(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "x.packet.jsonl"

    assert write_packet(ONE, target, is_forced=False) == "written"
    assert Packet.load(target).run.run_id == ONE.run_id


def test_the_same_import_again_leaves_the_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "x.packet.jsonl"
    write_packet(ONE, target, is_forced=False)
    before = target.stat()

    assert write_packet(packed(recording(call())), target, is_forced=False) == "unchanged"
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("present", "why"),
    [
        (OTHER.data, "there is another packet of that name"),
        (b"my notes", "there is a file of that name, which is no packet"),
        (b"", "there is a file of that name, which is no packet"),
        (ONE.data.replace(b'"status":200', b'"status":500'), "it was altered after it was imported"),
        (ONE.data[:-30], "it was altered after it was imported"),
    ],
    ids=["other", "notes", "empty", "altered", "torn"],
)
def test_anything_else_is_replaced_only_by_force(tmp_path: Path, present: bytes, why: str) -> None:
    target = tmp_path / "x.packet.jsonl"
    target.write_bytes(present)

    with pytest.raises(UsageError, match=f"{why}; --force replaces it"):
        write_packet(ONE, target, is_forced=False)
    assert target.read_bytes() == present
    assert write_packet(ONE, target, is_forced=True) == "replaced"
    assert target.read_bytes() == ONE.data


def test_a_folder_in_the_way_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.packet.jsonl").mkdir()

    with pytest.raises(UsageError, match="there is a file of that name"):
        write_packet(ONE, tmp_path / "x.packet.jsonl", is_forced=False)
    with pytest.raises(UsageError, match="can't be written"):
        write_packet(ONE, tmp_path / "x.packet.jsonl", is_forced=True)
