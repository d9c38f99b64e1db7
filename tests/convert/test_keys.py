"""A replay of an import can start the SDKs of its hosts although no key is set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("vcr", reason="the reader ends in vcrpy's own deserializer")

import replaykit
from replaykit.convert.keys import key_variables
from tests.convert.building import cassette, interaction, packet_of


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("https://api.openai.com/v1/responses", ("OPENAI_API_KEY",)),
        ("https://API.OPENAI.COM:443/v1", ("OPENAI_API_KEY",)),
        ("https://fake-endpoint.openai.azure.com/openai", ("AZURE_OPENAI_API_KEY",)),
        ("https://generativelanguage.googleapis.com/v1beta", ("GEMINI_API_KEY", "GOOGLE_API_KEY")),
        ("https://api.openai.com.example.com/v1", ()),
        ("http://localhost:8000/v1", ()),
        ("no address", ()),
        ("http://[broken", ()),
    ],
)
def test_a_host_tells_the_variables_of_its_sdk(url: str, names: tuple[str, ...]) -> None:
    assert key_variables([url]) == names


def test_an_sdk_starts_without_a_key_inside_the_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openai = pytest.importorskip("openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    choice = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
    answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    packet = packet_of(cassette(tmp_path, interaction(response_body={"string": json.dumps(answer)})))

    with replaykit.replay(packet) as rerun:
        said = openai.OpenAI().chat.completions.create(model="m", messages=[])

    assert said.choices[0].message.content == "yes"
    assert rerun.report.ok
