from __future__ import annotations

import json
from pathlib import Path

import pytest

from replaykit.errors import UsageError
from replaykit.serve.scripted import Fault, Route, Rule, Script, Tool, load_rules

SCRIPT = {
    "rules": [
        {"when": "refund", "reply": "Sure.", "times": 1, "usage": [3, 4]},
        {"user": "mail", "tool_calls": [{"name": "send", "arguments": {"to": "x"}}, {"name": "wait"}]},
        {"fault": {"kind": "rate_limited", "retry_after_s": 0.01}, "times": 2},
    ],
    "routes": [{"method": "GET", "path": "/weather", "json": {"c": 21}, "fault": {"kind": "timeout"}}],
    "models": ["gpt-x"],
}
LOADED = Script(
    rules=(
        Rule("refund", "Sure.", times=1, usage=(3, 4), tool_calls=()),
        Rule(user="mail", tool_calls=(Tool("send", {"to": "x"}), Tool("wait"))),
        Rule(fault=Fault.rate_limited(0.01), times=2),
    ),
    routes=(Route("GET", "/weather", json={"c": 21}, fault=Fault.timeout()),),
    models=("gpt-x",),
)


def test_file_text_and_parsed_json_give_the_same_script(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(SCRIPT), encoding="utf-8")

    assert load_rules(file) == load_rules(json.dumps(SCRIPT)) == load_rules(SCRIPT) == LOADED


def test_bare_list_is_a_list_of_rules() -> None:
    assert load_rules(SCRIPT["rules"]).rules == LOADED.rules


def test_pattern_is_compiled() -> None:
    (rule,) = load_rules([{"when": {"pattern": "order [0-9]+"}, "reply": "x"}]).rules

    assert rule.when.search("order 1042")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("{", "rules: not JSON"),
        ("1", "a list or an object is needed, not int"),
        ([1], r"rules\[0\]: an object is needed, not int"),
        ([{"reply": "x", "wehn": "y"}], r"rules\[0\]: unknown wehn; known are .*when"),
        ([{"reply": "x", "when": 1}], r"rules\[0\].when: a string or"),
        ([{"tool_calls": ["x"]}], r"rules\[0\].tool_calls\[0\]"),
        ([{"fault": {"kind": "explode"}}], r"rules\[0\].fault: kind is needed, one of status"),
        ([{"fault": {"kind": "reset", "code": 1}}], r"rules\[0\].fault: .*unexpected keyword"),
        ({"routes": [{"path": "/x"}]}, r"routes\[0\]: method and path are needed"),
        ({"rule": []}, "script: unknown rule"),
        ([{"when": "x"}], "give it a reply"),
    ],
)
def test_error_names_the_place_in_the_script(script: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_rules(script)
