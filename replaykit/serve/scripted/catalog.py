"""What a provider's API offers beside model calls: embeddings, token counts, the list of models.

Source: `openai.types` of openai 3.52 and `anthropic.types` of anthropic 2.11.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Sequence

from replaykit.serve.scripted.prompt import Json, Prompt, Turn, build_prompt, count_tokens
from replaykit.serve.scripted.reply import EPOCH_S

EMBEDDINGS = "openai.embeddings"
DEFAULT_DIMENSIONS = 8


def read_embeddings(body: Json) -> Prompt:
    """Read the inputs of an embeddings request, one turn each."""
    turns = [Turn("user", text) for text in _inputs(body)]
    return build_prompt(EMBEDDINGS, body, turns, ())


def embeddings(body: Json, vector: Sequence[float] | None) -> Json:
    """Build the answer: this vector for every input, or one made from the input's text."""
    dimensions = body.get("dimensions") or DEFAULT_DIMENSIONS
    texts = _inputs(body)
    data: list[Json] = []
    for index, text in enumerate(texts):
        values = list(vector) if vector is not None else embed(text, dimensions)
        is_base64 = body.get("encoding_format") == "base64"
        packed = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode() if is_base64 else values
        data.append({"object": "embedding", "index": index, "embedding": packed})
    tokens = sum(count_tokens(text) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body.get("model", ""), "usage": usage}


def embed(text: str, dimensions: int = DEFAULT_DIMENSIONS) -> list[float]:
    """Make the vector of a text: eighths from -1 to 1, exact in every float format, the same on every run."""
    digest = hashlib.shake_128(text.encode()).digest(dimensions)
    return [(byte % 17 - 8) / 8 for byte in digest]


def openai_models(names: Sequence[str]) -> Json:
    """Build OpenAI's list of models."""
    return {"object": "list", "data": [openai_model(name) for name in names]}


def openai_model(name: str) -> Json:
    """Build one entry of OpenAI's list."""
    return {"id": name, "object": "model", "created": EPOCH_S, "owned_by": "scripted"}


def anthropic_models(names: Sequence[str]) -> Json:
    """Build Anthropic's list of models."""
    data = [anthropic_model(name) for name in names]
    return {
        "data": data,
        "has_more": False,
        "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None,
    }


def anthropic_model(name: str) -> Json:
    """Build one entry of Anthropic's list."""
    created = "2023-11-14T22:13:20Z"
    return {"type": "model", "id": name, "display_name": name, "created_at": created, "lifecycle": "active"}


def _inputs(body: Json) -> list[str]:
    """Give the inputs as texts; one made of tokens is written as their numbers."""
    asked = body.get("input") or []
    if isinstance(asked, str) or (asked and isinstance(asked[0], int)):
        asked = [asked]
    return [text if isinstance(text, str) else " ".join(map(str, text)) for text in asked]
