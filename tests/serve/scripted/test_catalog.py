from __future__ import annotations

import pytest

from replaykit.serve.scripted import Rule
from replaykit.serve.scripted.catalog import embed
from tests.serve.scripted.clients import openai_options
from tests.serve.scripted.conftest import Serve

openai = pytest.importorskip("openai")


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_embeddings_are_made_from_the_text(serve: Serve, encoding: str | None) -> None:
    server = serve()
    options = {} if encoding is None else {"encoding_format": encoding}

    with openai.OpenAI(**openai_options(server)) as client:
        answer = client.embeddings.create(model="e", input=["one", "two"], dimensions=5, **options)
    vectors = [item.embedding for item in answer.data]

    if encoding != "base64":
        assert vectors == [embed("one", 5), embed("two", 5)]
    assert vectors[0] != vectors[1]


def test_rule_gives_the_vector_for_inputs_it_matches(serve: Serve) -> None:
    server = serve(Rule("cat", path="/embeddings", embedding=[1.0, 0.5]))

    with openai.OpenAI(**openai_options(server)) as client:
        cat, dog = (client.embeddings.create(model="e", input=text).data[0].embedding for text in ("cat", "dog"))

    assert (cat, dog) == ([1.0, 0.5], embed("dog"))


def test_models_are_those_of_the_script(serve: Serve) -> None:
    server = serve(models=["gpt-x", "gpt-y"])

    with openai.OpenAI(**openai_options(server)) as client:
        names = [model.id for model in client.models.list()]
        one = client.models.retrieve("gpt-y")
        with pytest.raises(openai.NotFoundError, match="no model gpt-z; the script has gpt-x, gpt-y"):
            client.models.retrieve("gpt-z")

    assert (names, one.id) == (["gpt-x", "gpt-y"], "gpt-y")
