"""The mark: record once, replay ever after, offline and keyless."""

from __future__ import annotations

from pathlib import Path

import pytest

from replaykit.serve.scripted import Fault, Rule, ScriptedServer
from tests.pytest_plugin.conftest import AGENT, KEY, TEST, Project


def test_first_run_without_a_recording_names_the_next_command(project: Project) -> None:
    ended = project.pytest()

    assert ended.code == 1
    assert "no recording of this test: cassettes/test_agent.packet.jsonl" in ended.text
    assert "pytest --replay-record=once test_agent.py::test_agent" in ended.text
    assert "During handling" not in ended.text


def test_recording_says_what_it_holds(project: Project) -> None:
    ended = project.pytest("--replay-record=once", live=True)

    line = "recorded  test_agent  1 interaction (1 llm), 1 secret replaced -> cassettes/test_agent.packet.jsonl"
    assert line in ended.text
    assert KEY.encode() not in project.cassettes()["test_agent.packet.jsonl"]
    assert not (project.folder / "packets").exists()


def test_replay_needs_no_key_and_no_server(recorded: Project) -> None:
    before = recorded.cassettes()

    ended = recorded.pytest()

    assert ended.code == 0
    assert "replayed  1 run  1 of 1 calls exact, 0 live calls" in ended.text
    assert len(recorded.server.requests) == 1
    assert recorded.cassettes() == before


def test_once_leaves_a_cassette_alone(recorded: Project) -> None:
    before = recorded.cassettes()

    ended = recorded.pytest("--replay-record=once", live=True)

    assert ended.code == 0
    assert recorded.cassettes() == before
    assert len(recorded.server.requests) == 1


def test_all_records_anew(recorded: Project) -> None:
    before = recorded.cassettes()
    recorded.write(agent=AGENT.replace("careful", "cautious"))

    ended = recorded.pytest("--replay-record=all", live=True)

    assert ended.code == 0
    assert recorded.cassettes() != before
    assert recorded.pytest().code == 0


def test_new_records_only_what_left_its_recording(recorded: Project) -> None:
    recorded.write(test_other=TEST.replace("test_agent", "test_other").replace("Oslo", "Rome"))
    recorded.pytest("--replay-record=new", live=True)
    before = recorded.cassettes()
    recorded.write(test_other=TEST.replace("test_agent", "test_other").replace("Oslo", "Paris"))

    ended = recorded.pytest("--replay-record=new", live=True)

    assert ended.code == 0
    assert "recorded  test_other" in ended.text
    assert {name for name, data in recorded.cassettes().items() if before[name] != data} == {"test_other.packet.jsonl"}
    assert len(recorded.server.requests) == 3


def test_failing_test_leaves_a_packet_and_no_cassette(project: Project) -> None:
    project.write(test_agent=TEST.replace('"Sunny"', '"Rain"'))

    ended = project.pytest("--replay-record=once", live=True)

    assert ended.code == 1
    assert "no cassette  test_agent failed -> packets/test_agent-" in ended.text
    assert len(list((project.folder / "packets").glob("*.packet.jsonl"))) == 1
    assert project.cassettes() == {}


@pytest.mark.parametrize("body", ["pytest.skip('not today')", "ask('Oslo?')\n    pytest.skip('not today')"])
def test_test_that_skips_is_recorded_and_skips_again(project: Project, body: str) -> None:
    project.write(test_agent=TEST.replace("    assert", f"    {body}\n    assert"))

    recorded = project.pytest("--replay-record=once", live=True)
    ended = project.pytest()

    assert "recorded  test_agent" in recorded.text
    assert ended.code == 0, ended.text
    assert "1 skipped" in ended.text


def test_secret_among_the_parameters_is_in_no_name_and_no_command(project: Project) -> None:
    other = "sk-proj-0therKeyUq2ZbT9xLm3RsV8cJh5NpA4eYk"
    mark = f'@pytest.mark.parametrize("city", ["Oslo", "{other}"])\ndef test_agent(city):'
    project.write(test_agent=TEST.replace("def test_agent():", mark).replace('"What is the weather in Oslo?"', "city"))

    missing = project.pytest("-q")
    recorded = project.pytest("-q", "--replay-record=once", live=True)

    assert "pytest --replay-record=once test_agent.py::test_agent\n" in missing.text
    assert len(project.cassettes()) == 2
    assert not any(other in name for name in project.cassettes())
    assert other not in recorded.text
    assert project.pytest().code == 0


def test_recording_is_never_made_of_a_test_that_has_one_under_another_owner(recorded: Project) -> None:
    recorded.write(test_twin=TEST.replace("Oslo", "Rome"))

    ended = recorded.pytest("test_twin.py")

    assert ended.code == 1
    assert "cassettes/test_agent.packet.jsonl is the recording of test_agent.py::test_agent" in ended.text
    assert '@pytest.mark.replay("test_twin.test_agent")' in ended.text


def test_moved_test_keeps_its_cassette(recorded: Project) -> None:
    (recorded.folder / "test_agent.py").rename(recorded.folder / "test_moved.py")

    assert recorded.pytest().code == 0


def test_parameters_have_cassettes_of_their_own(project: Project) -> None:
    mark = '@pytest.mark.parametrize("city", ["Oslo", "São Paulo/1", "São Paulo-1"])\ndef test_agent(city):'
    project.write(test_agent=TEST.replace("def test_agent():", mark).replace('"What is the weather in Oslo?"', "city"))

    project.pytest("--replay-record=once", live=True)

    assert len(project.cassettes()) == 3
    assert project.pytest().code == 0


@pytest.mark.parametrize("name", ["weather", "weather.packet.jsonl", "cassettes/weather.packet.jsonl"])
def test_cassette_can_be_named(project: Project, name: str) -> None:
    project.write(test_agent=TEST.replace("mark.replay", f'mark.replay("{name}")'))

    project.pytest("--replay-record=once", live=True)

    assert list(project.cassettes()) == ["weather.packet.jsonl"]
    assert project.pytest().code == 0


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("replay(7)", "takes one cassette: a name, or a path"),
        ('replay("a", "b")', "takes one cassette: a name, or a path"),
        ("replay(polcy='exact')", "has no argument 'polcy'; it has: policy, changed"),
        ("replay(policy='strict')", "strict"),
        ("replay(allow=['http://x'])", "http://x"),
    ],
)
def test_mistake_in_a_mark_is_said_in_a_line(recorded: Project, mark: str, message: str) -> None:
    recorded.write(test_agent=TEST.replace("mark.replay", f"mark.{mark}"))

    ended = recorded.pytest()

    assert ended.code == 1
    assert message in ended.text
    assert "Traceback" not in ended.text
    assert "replaykit/pytest_plugin" not in ended.text


def test_damaged_cassette_is_said_in_a_line(recorded: Project) -> None:
    (recorded.folder / "cassettes" / "test_agent.packet.jsonl").write_text("{}\n")

    ended = recorded.pytest()

    assert ended.code == 1
    assert "test_agent.packet.jsonl" in ended.text
    assert "Traceback" not in ended.text


def test_policy_can_be_given_for_one_run(recorded: Project) -> None:
    recorded.write(agent=AGENT.replace("careful", "cautious"))

    ended = recorded.pytest("--replay-policy", "wiring")

    assert ended.code == 0
    assert "1 under a weaker policy, which proves less" in ended.text


def test_mark_off_a_class_and_a_unittest_case_work_too(project: Project) -> None:
    project.write(
        test_agent="""
import unittest
import pytest
from agent import ask

@pytest.mark.replay
class TestAgent:
    def test_weather(self):
        assert "Sunny" in ask("Oslo?")

@pytest.mark.replay
class Case(unittest.TestCase):
    def test_weather(self):
        self.assertIn("Sunny", ask("Rome?"))
"""
    )

    project.pytest("--replay-record=once", live=True)

    assert list(project.cassettes()) == ["Case.test_weather.packet.jsonl", "TestAgent.test_weather.packet.jsonl"]
    assert project.pytest().code == 0


def test_fixture_of_a_replayed_test_may_not_leave_the_machine(recorded: Project) -> None:
    fixture = """
import socket

@pytest.fixture(autouse=True)
def warm():
    socket.create_connection(("192.0.2.1", 443), timeout=1)
"""
    recorded.write(test_agent=TEST + fixture)

    ended = recorded.pytest()

    assert ended.code == 1
    assert "refused: connect 192.0.2.1:443, by a fixture of a replayed test" in ended.text


def test_refusal_names_the_entry_of_the_mark_that_lets_it_out(project: Project) -> None:
    port = project.server.url.rpartition(":")[2]
    goes = f"    import socket\n    socket.create_connection(('127.0.0.1', {port})).close()\n"
    project.write(test_agent=TEST + goes)

    recorded, replayed = project.pytest("--replay-record=once", live=True), project.pytest()
    project.write(test_agent=TEST.replace("mark.replay", f'mark.replay(allow=["127.0.0.1:{port}"])') + goes)

    assert f"1 call left the process unrecorded, and a replay refuses it: connect 127.0.0.1:{port}" in recorded.text
    assert f'let it out:  @pytest.mark.replay(allow=["127.0.0.1:{port}"])' in replayed.text
    assert "--replay-record=all" not in replayed.text
    assert project.pytest().code == 0


def test_fixture_gives_the_report(recorded: Project) -> None:
    check = """
    assert replay.report.summary() == "1 of 1 exact, nothing left over, 0 live calls"
    assert not replay.is_recording
    assert replay.packet.run.tags["test"] == "test_agent.py::test_agent"
"""
    recorded.write(test_agent=TEST.replace("test_agent()", "test_agent(replay)") + check)

    ended = recorded.pytest()

    assert ended.code == 0, ended.text


def test_test_that_reads_the_report_can_be_recorded(project: Project) -> None:
    check = """
    assert not replay.report.executed_for_real
    assert replay.report.policy == ("recording" if replay.is_recording else "exact")
    assert not replay.report.ok
"""
    project.write(test_agent=TEST.replace("test_agent()", "test_agent(replay)") + check)

    assert project.pytest("--replay-record=once", live=True).code == 0
    assert project.pytest().code == 0


def test_divergence_in_a_test_without_the_mark_is_as_short(recorded: Project) -> None:
    block = "    import replaykit\n    with replaykit.replay('cassettes/test_agent.packet.jsonl'):\n        assert"
    block = TEST.replace("@pytest.mark.replay\n", "").replace("    assert", block)
    recorded.write(test_agent=block, agent=AGENT.replace("careful", "cautious"))

    ended = recorded.pytest("--showlocals")

    assert ended.code == 1
    assert ended.failure[0].startswith("E   replaykit.Divergence: 1 of 1 calls changed: the system prompt")
    assert "httpx" not in ended.text


def test_fixture_alone_marks_a_test(recorded: Project) -> None:
    recorded.write(test_agent=TEST.replace("@pytest.mark.replay\n", "").replace("test_agent()", "test_agent(replay)"))

    assert "replayed  1 run" in recorded.pytest().text


def test_output_that_a_test_declares_is_compared(project: Project) -> None:
    body = TEST.replace("test_agent()", "test_agent(replay)") + '\n    replay.finish(output="as it was")\n'
    project.write(test_agent=body)
    project.pytest("--replay-record=once", live=True)
    project.write(test_agent=body.replace("as it was", "as it is"))

    ended = project.pytest()

    assert ended.code == 1
    assert any("- was" in line or "as it was" in line for line in ended.failure)


SDK_TEST = """
import os
import openai
import pytest

@pytest.mark.replay(attempts="final")
def test_agent():
    base = os.environ.get("BASE_URL", "http://model.invalid") + "/v1"
    with openai.OpenAI(base_url=base, max_retries=int(os.environ.get("RETRIES", "0"))) as client:
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert "Sunny" in answer.choices[0].message.content
"""


def test_final_attempts_stand_for_all_of_them(tmp_path: Path) -> None:
    pytest.importorskip("openai")
    with ScriptedServer([Rule(fault=Fault.rate_limited(0.05), times=2), Rule(reply="Sunny.")]) as server:
        project = Project(tmp_path, server)
        project.write(test_agent=SDK_TEST)
        ended = project.pytest("--replay-record=once", live=True, RETRIES="2")
        assert "3 interactions" in ended.text

    ended = project.pytest()
    assert ended.code == 0, ended.text
    assert "replayed  1 run  1 of 1 calls exact, 0 live calls" in ended.text
