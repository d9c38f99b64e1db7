"""Rules that a project adds."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import replaykit
from replaykit.errors import UsageError
from replaykit.session.rules import PROJECT_KEY, RULES, make_sanitizer, project_key, user_rules

STAFF = """
[[rule]]
kind = "employee_id"
pattern = 'EMP-\\d{6}'

[[rule]]
kind = "ward"
pattern = 'ward (?P<secret>[A-Z]\\d)'
"""


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(STAFF)
    monkeypatch.setenv(RULES, str(path))
    return path


def test_what_they_match_is_replaced_beside_all_else(rules: Path) -> None:
    made = replaykit.sanitize({"a": ["ask EMP-123456 in ward B7", "bob@acme.com"]})["a"]

    assert made[0].startswith("ask EMP-") or made[0].startswith("ask ")
    assert "123456" not in made[0]
    assert "B7" not in made[0]
    assert len(made[0]) == len("ask EMP-123456 in ward B7")
    assert "bob" not in made[1]


@pytest.mark.parametrize("pattern", [r"EMP-\d{6}", "acme_[a-z0-9]{8,40}", "(?:[a-z]+-)+x9", r"\bid=(?P<secret>\w+)"])
def test_a_rule_that_comes_to_an_end_is_taken(rules: Path, pattern: str) -> None:
    rules.write_text(f"[[rule]]\nkind='a'\npattern='{pattern}'\n")

    assert len(user_rules({RULES: str(rules)})) == 1


def test_a_short_key_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    assert project_key({PROJECT_KEY: "k3y"}) == b"k3y"
    assert "REPLAYKIT_KEY has 3 characters" in caplog.text


def test_kinds_are_what_two_runs_are_compared_by(rules: Path) -> None:
    environ = {RULES: str(rules)}
    masks = []
    for name in ("EMP-123456", "EMP-654321"):
        sanitizer = make_sanitizer(environ)
        masks.append(sanitizer.mask(sanitizer.json([f"ask {name}"]))[0])

    assert masks == [["ask <employee_id>"]] * 2


def test_without_the_variable_there_are_none() -> None:
    assert user_rules({}) == ()


def test_a_changed_file_counts_from_the_next_run(rules: Path) -> None:
    assert len(user_rules({RULES: str(rules)})) == 2
    rules.write_text(STAFF.rpartition("[[rule]]")[0])

    assert len(user_rules({RULES: str(rules)})) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[rule", "can't be read as TOML"),
        ("", r"only \[\[rule\]\] tables"),
        ("rule = 3", r"only \[\[rule\]\] tables"),
        ("[[rule]]\nkind='a'\npattern='b'\n[other]\n", r"only \[\[rule\]\] tables"),
        ("[[rule]]\nkind='a'\n", "rule 1: it needs `kind` and `pattern`"),
        ("[[rule]]\nkind='a'\npattern=3\n", "rule 1: it needs"),
        ("[[rule]]\nkind='A b'\npattern='x'\n", "kind 'A b' must be"),
        ("[[rule]]\nkind='a'\npattern='('\n", "pattern '\\('"),
        ("[[rule]]\nkind='a'\npattern='x*'\n", "match everywhere"),
        ("[[rule]]\nkind='a'\npattern='(a+)+$'\n", "for ever"),
        ("[[rule]]\nkind='a'\npattern='acme-([a-z0-9]+)*!'\n", "for ever"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(rules: Path, text: str, says: str) -> None:
    rules.write_text(text)

    with pytest.raises(UsageError, match=says) as caught:
        user_rules({RULES: str(rules)})

    assert "rules.toml" in str(caught.value)


def test_a_file_that_is_not_there_stops_the_recording_and_not_the_agent(
    rules: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing may be stored that the project's own rules have not seen."""
    rules.unlink()

    with caplog.at_level(logging.WARNING, "replaykit"), replaykit.record("work", store=tmp_path / "packets") as run:
        run.output = "EMP-123456"

    assert run.packet_path is None
    assert "REPLAYKIT_RULES" in caplog.text
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_value_that_they_find_replays_with_another_one_like_it(rules: Path, tmp_path: Path) -> None:
    @replaykit.tool
    def look_up(who: str) -> str:
        return f"{who} is in"

    with replaykit.record("work", store=tmp_path) as run:
        run.output = look_up("EMP-123456")
    assert run.packet_path is not None
    assert "123456" not in Path(run.packet_path).read_text()

    with replaykit.replay(run.packet_path) as rerun:
        rerun.output = look_up("EMP-123456")

    assert rerun.report.ok
