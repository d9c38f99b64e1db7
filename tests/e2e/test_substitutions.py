"""Raw values in the agent's own prompt, where the recording has stand-ins: bound, checked with a key, never shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import replaykit
from replaykit.serve.scripted import Rule
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import user

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")

ANN, BEN, EVE = "ann.doe@corp-mail.org", "ben.roe@corp-mail.org", "eve.poe@corp-mail.org"
CARD, OTHER_CARD = "5500 0055 5555 5559", "4111 1111 1111 1111"
PROJECT_KEY = "the-key-of-this-project-4Q"
MODEL = "gpt-4o-mini"


def ask_openai(*texts: str) -> list[str]:
    with openai.OpenAI(http_client=openai.DefaultHttpxClient(verify=False)) as client:
        made = [client.chat.completions.create(model=MODEL, messages=user(text)) for text in texts]
    return [completion.choices[0].message.content for completion in made]


def ask_anthropic(*texts: str) -> list[str]:
    with anthropic.Anthropic(http_client=anthropic.DefaultHttpxClient(verify=False)) as client:
        made = [client.messages.create(model=MODEL, max_tokens=50, messages=user(text)) for text in texts]
    return [message.content[0].text for message in made]


ASKS = pytest.mark.parametrize("ask", [ask_openai, ask_anthropic], ids=["openai", "anthropic"])


@ASKS
@pytest.mark.parametrize("key", [None, PROJECT_KEY], ids=["no key", "key"])
def test_raw_values_of_the_agents_prompt_replay(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch, ask: Any, key: str | None
) -> None:
    """With the key they are proved to be the same, without it they are taken on trust and counted."""
    if key is not None:
        monkeypatch.setenv("REPLAYKIT_KEY", key)
    play = stage()
    texts = (f"write to {ANN} and {BEN}", f"{ANN} pays with {CARD}")
    play.both(lambda: ask(*texts))

    assert play.report.assumed == ({} if key is not None else {"email": 2, "card": 1})
    stored = play.path.read_text() + play.report.to_json() + play.report.summary()
    assert not any(value in stored for value in (ANN, BEN, CARD, PROJECT_KEY))


@ASKS
@pytest.mark.parametrize(
    ("then", "now"),
    [((ANN, ANN), (ANN, BEN)), ((ANN, BEN), (ANN, ANN)), ((ANN, BEN, ANN), (EVE, BEN, BEN))],
    ids=["second live value", "second stand-in", "third"],
)
def test_second_binding_is_drift(stage: MakeStage, ask: Any, then: tuple[str, ...], now: tuple[str, ...]) -> None:
    play = stage()
    play.record(lambda: ask(*(f"write to {address}" for address in then)))
    with pytest.raises(replaykit.Divergence) as raised:
        play.replay(lambda: ask(*(f"write to {address}" for address in now)))

    assert raised.value.level == 2
    assert raised.value.position == f"llm:chat[{len(then) - 1}]"
    assert not any(address in str(raised.value) for address in (*then, *now))


@pytest.mark.parametrize("text", [f"{BEN} and {ANN}", f"{ANN} pays with {OTHER_CARD}"], ids=["swapped", "another"])
def test_other_values_are_drift_where_the_key_proves_them(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("REPLAYKIT_KEY", PROJECT_KEY)
    play = stage()
    play.record(lambda: ask_openai(f"{ANN} and {BEN}" if "and" in text else f"{ANN} pays with {CARD}"))

    with pytest.raises(replaykit.Divergence) as raised:
        play.replay(lambda: ask_openai(text))
    assert raised.value.level == 2


def test_strict_substitutions_refuse_what_nothing_proves(stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    play = stage()
    play.record(lambda: ask_openai(f"write to {ANN}"))
    with pytest.raises(replaykit.Divergence) as raised:
        play.replay(lambda: ask_openai(f"write to {ANN}"), strict_substitutions=True)
    assert raised.value.level == 2

    monkeypatch.setenv("REPLAYKIT_KEY", PROJECT_KEY)
    play.record(lambda: ask_openai(f"write to {ANN}"))
    play.replay(lambda: ask_openai(f"write to {ANN}"), strict_substitutions=True)
    assert (play.report.ok, play.report.assumed) == (True, {})


AGENT = f"""
import openai
client = openai.OpenAI(http_client=openai.DefaultHttpxClient(verify=False))
message = {{"role": "user", "content": "write to {ANN}"}}
print(client.chat.completions.create(model="m", messages=[message]).choices[0].message.content)
"""


def test_strict_substitutions_of_the_command(stage: MakeStage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play = stage(Rule(reply="done"))
    (tmp_path / "agent.py").write_text(AGENT)
    environ = {**os.environ, "OPENAI_API_KEY": "sk-proj-" + "a1B2c3D4" * 6}

    def command(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "replaykit", *words]
        return subprocess.run(
            argv, cwd=tmp_path, env={**environ, **more}, capture_output=True, text=True, timeout=100, check=False
        )

    for more, codes in (({}, (0, 1)), ({"REPLAYKIT_KEY": PROJECT_KEY}, (0, 0))):
        assert command("record", "--", sys.executable, "agent.py", **more).returncode == 0
        plain, strict = command("replay", "last", **more), command("replay", "last", "--strict-substitutions", **more)

        assert (plain.returncode, strict.returncode) == codes, plain.stderr + strict.stdout + strict.stderr
        assert ANN not in plain.stdout + plain.stderr + strict.stdout + strict.stderr
    assert play.server.count == 2


def test_value_that_the_answer_gave_is_no_assumption(stage: MakeStage) -> None:
    """The agent of the replay has the stand-in from the packet itself: there is nothing to take on trust."""
    play = stage(Rule(when="who", reply=f"It is {ANN}."), Rule(reply="done"))

    def act() -> list[str]:
        (said,) = ask_openai("who is it?")
        return ask_openai(f"I was told: {said}")

    play.both(act)

    assert play.report.assumed == {}
    assert json.dumps(ANN) not in play.path.read_text()
