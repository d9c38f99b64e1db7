"""What a red test shows: the cause first, a dozen lines, and never a secret."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.conftest import AGENT, KEY, TEST, Project

LOUD = ("-vv", "--showlocals", "--tb=long", "-rA")


@pytest.mark.parametrize("options", [(), LOUD, ("-n", "2", *LOUD)], ids=["plain", "loud", "loud under xdist"])
def test_changed_prompt_is_red_with_cause_and_words_in_five_lines(recorded: Project, options: tuple[str, ...]) -> None:
    recorded.write(agent=AGENT.replace("careful", "cautious"))

    ended = recorded.pytest(*options, OPENAI_API_KEY=KEY)

    assert ended.code == 1
    assert len(ended.failure) <= 12
    first = "\n".join(ended.failure[:5])
    assert "replaykit.Divergence: 1 of 1 calls changed: the system prompt (root cause: prompt)" in first
    assert "- You are a careful weather assistant." in first
    assert "+ You are a cautious weather assistant." in first
    assert "pytest test_agent.py::test_agent --replay-record=all" in "\n".join(ended.failure)
    assert KEY not in ended.text
    assert "site-packages" not in ended.text
    assert "replaykit/session" not in ended.text


def test_text_is_the_same_where_the_agent_swallows_the_divergence(recorded: Project) -> None:
    recorded.write(agent=AGENT.replace("careful", "cautious"))
    raised = recorded.pytest().failure
    swallow = "    try:\n        ask('What is the weather in Oslo?')\n    except BaseException:\n        return\n"
    swallowing = TEST.replace("    assert", swallow + "    assert")
    recorded.write(test_agent=swallowing)

    assert recorded.pytest().failure == raised


def test_other_failures_lose_their_secrets_and_nothing_else(recorded: Project) -> None:
    leaky = TEST.replace(
        "    assert", "    key = __import__('os').environ['OPENAI_API_KEY']\n    print(key)\n    assert"
    )
    recorded.write(test_agent=leaky.replace('"Sunny"', '"Rain"'))

    ended = recorded.pytest("-vv", "--showlocals", OPENAI_API_KEY=KEY)

    assert ended.code == 1
    assert KEY not in ended.text
    assert "AssertionError" in ended.text
    assert "key        = 'sk-proj-" in ended.text


def test_recording_that_fails_shows_no_key(project: Project) -> None:
    project.write(agent=AGENT.replace('"choices"', '"choses"'))

    ended = project.pytest("--replay-record=once", "-vv", "--showlocals", live=True)

    assert ended.code == 1
    assert "KeyError" in ended.text
    assert KEY not in ended.text
