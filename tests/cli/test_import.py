"""`replaykit import vcr`: paths on standard output, all else on standard error, exit codes as everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("vcr", reason="the extra `vcr`")

from replaykit.packet import Packet
from tests.cli.conftest import Ended, clean_environ
from tests.convert.building import CASSETTES, cassette, interaction, text_file

ONE = CASSETTES / "dd-trace-py/v1__deepseek_completion.yaml"
PACKET = "v1__deepseek_completion.packet.jsonl"


def run(folder: Path, *words: object, code: int = 0, python: str = "") -> Ended:
    """Runs `replaykit WORDS` in a folder; it must end with `code`."""
    argv = [sys.executable, *(["-c", python] if python else ["-m", "replaykit"]), *map(str, words)]
    done = subprocess.run(
        argv,
        cwd=folder,
        env=clean_environ(),
        capture_output=True,
        text=True,
        timeout=50,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def test_the_path_is_all_that_standard_output_has(tmp_path: Path) -> None:
    ended = run(tmp_path, "import", "vcr", ONE)

    assert ended.out == f"{PACKET}\n"
    assert ended.err == "imported  vcrpy, version 1: 1 interaction (1 llm), 3 sensitive values replaced\n"
    assert Packet.load(tmp_path / PACKET).recovered == ()


def test_an_imported_packet_is_shown_as_one(tmp_path: Path) -> None:
    run(tmp_path, "import", "vcr", ONE)
    text = run(tmp_path, "show", PACKET).out

    assert "v1__deepseek_completion   unknown" in text
    assert "none: it was imported" in text
    assert "a vcrpy cassette has no positions, no times" in text


AGENT = """
import httpx
answer = httpx.post("https://api.openai.com/v1/chat/completions", content=b'{"model":"m", "messages":[]}')
print(answer.json()["id"])
"""


def test_a_command_replays_against_it_without_a_network(tmp_path: Path) -> None:
    run(tmp_path, "import", "vcr", cassette(tmp_path, interaction()))
    (tmp_path / "agent.py").write_text(AGENT)
    ended = run(tmp_path, "replay", "x.packet.jsonl", "--", "python", "agent.py")

    assert ended.out.startswith("1\n")
    assert "ok  1 of 1 exact, nothing left over, 0 live calls" in ended.text
    assert "same run" not in ended.text
    assert "positions were not recorded" in ended.text


def test_the_output_may_be_a_file_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()

    assert run(tmp_path, "import", "vcr", ONE, "-o", "new/x.packet.jsonl").out == "new/x.packet.jsonl\n"
    assert run(tmp_path, "import", "vcr", ONE, "-o", "there").out == f"there/{PACKET}\n"


def test_the_same_import_again_is_no_error_and_changes_nothing(tmp_path: Path) -> None:
    first = run(tmp_path, "import", "vcr", ONE)
    before = (tmp_path / PACKET).read_bytes()
    again = run(tmp_path, "import", "vcr", ONE)

    assert again.out == first.out
    assert again.err.startswith("already imported")
    assert (tmp_path / PACKET).read_bytes() == before


def test_another_packet_in_its_place_is_replaced_only_by_force(tmp_path: Path) -> None:
    run(tmp_path, "import", "vcr", cassette(tmp_path, interaction()))
    changed = cassette(tmp_path, interaction(response_status={"code": 500}))

    refused = run(tmp_path, "import", "vcr", changed, code=2)
    assert refused.err == (
        "replaykit: x.packet.jsonl: there is another packet of that name; --force replaces it, -o writes elsewhere\n"
    )
    assert run(tmp_path, "import", "vcr", changed, "--force").out == "x.packet.jsonl\n"
    done = Packet.load(tmp_path / "x.packet.jsonl").interactions[0].done
    assert done is not None
    assert done.status == 500


def test_a_folder_is_imported_as_a_tree_with_a_summary_and_no_bar_in_a_pipe(tmp_path: Path) -> None:
    ended = run(tmp_path, "import", "vcr", CASSETTES, "-o", "out")

    assert len(ended.out.splitlines()) == 18
    assert all((tmp_path / line).is_file() for line in ended.out.splitlines())
    assert "out/vcrpy/migration__old_cassette.packet.jsonl" in ended.out
    assert ended.err.splitlines()[-1].startswith("imported  18 of 18 files: 35 interactions (24 llm, 11 http)")
    assert "3 telemetry calls were left out" in ended.err
    assert "\x1b" not in ended.text
    assert "importing" not in ended.text


def _folder(tmp_path: Path, *, has_damage: bool) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    cassette(folder, interaction(), name="good.yaml")
    text_file(folder, json.dumps({"log": {"entries": []}}), "browser.har")
    text_file(folder, "services: {web: {}}", "compose.yaml")
    text_file(folder, "words", "notes.txt")
    if has_damage:
        text_file(folder, "interactions:\n- request: {\n", "bad.yaml")
    return folder


def test_what_is_no_cassette_is_named_and_no_error(tmp_path: Path) -> None:
    ended = run(tmp_path, "import", "vcr", _folder(tmp_path, has_damage=False))

    assert ended.out == "good.packet.jsonl\n"
    assert "browser.har: this is a HAR, not a vcrpy cassette" in ended.err
    assert "compose.yaml: this is no vcrpy cassette" in ended.err
    assert "2 of another format, 1 other file not looked at" in ended.err


def test_a_damaged_file_is_named_with_its_line_and_the_others_are_imported(tmp_path: Path) -> None:
    ended = run(tmp_path, "import", "vcr", _folder(tmp_path, has_damage=True), code=2)

    assert ended.out == "good.packet.jsonl\n"
    assert "in/bad.yaml:3: not YAML" in ended.err
    assert "1 not imported" in ended.err


def test_json_tells_of_every_file(tmp_path: Path) -> None:
    ended = run(tmp_path, "import", "vcr", _folder(tmp_path, has_damage=True), "--json", code=2)
    told = json.loads(ended.out)

    assert told["passed_over"] == 1
    assert {Path(item["source"]).name: item["state"] for item in told["files"]} == {
        "good.yaml": "written",
        "browser.har": "skipped",
        "compose.yaml": "skipped",
        "bad.yaml": "failed",
    }
    assert ended.err == ""


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none.yaml", None, "no cassette none.yaml: there is no such file"),
        ("a.har", '{"log": {"entries": []}}', "a.har: this is a HAR, not a vcrpy cassette"),
        ("a.yaml", "interactions:\n- {", "a.yaml:3: not YAML"),
        ("a.yaml", "", "a.yaml: this is no vcrpy cassette"),
        ("empty", "a folder", "no cassette in empty/: a cassette ends in .yaml, .yml or .json"),
    ],
)
def test_what_can_not_be_imported_is_exit_code_2_and_one_line(
    tmp_path: Path, name: str, text: str | None, words: str
) -> None:
    if text == "a folder":
        (tmp_path / name).mkdir()
    elif text is not None:
        (tmp_path / name).write_text(text)
    ended = run(tmp_path, "import", "vcr", name, code=2)

    assert (ended.out, ended.err.count("\n")) == ("", 1)
    assert ended.err.startswith(f"replaykit: {words}")


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    python = "import sys; sys.modules['vcr'] = None\nfrom replaykit.cli.main import main; main()"
    ended = run(tmp_path, "import", "vcr", ONE, python=python, code=2)

    assert ended.err == 'replaykit: reading vcrpy cassettes needs vcrpy: pip install "agent-replaykit[vcr]"\n'


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_bar_shows_on_a_terminal(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    try:
        argv = [sys.executable, "-m", "replaykit", "import", "vcr", str(CASSETTES), "-o", "out"]
        environ = clean_environ() | {"TERM": "xterm", "COLUMNS": "120"}
        with subprocess.Popen(argv, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=theirs) as process:
            os.close(theirs)
            shown = b""
            while b"imported  18 of 18" not in shown:
                try:
                    shown += os.read(ours, 4096)
                except OSError:  # the other end was closed
                    break
            out, _ = process.communicate(timeout=50)
    finally:
        os.close(ours)

    assert b"importing" in shown
    assert len(out.splitlines()) == 18
