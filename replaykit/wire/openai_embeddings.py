"""OpenAI embeddings, and the servers that speak them. Inputs are the messages of this call."""

from __future__ import annotations

from dataclasses import replace

from replaykit.errors import WireError
from replaykit.wire.blocks import CacheMarks, model_of, raw_block, split_top_level
from replaykit.wire.call import JSON, LLMRequest, LLMResponse
from replaykit.wire.openai_chat import read_usage
from replaykit.wire.reading import as_object, error_text, load_answer, maybe_count, maybe_object, maybe_text

WIRE_FORMAT = "openai.embeddings"

_FORMAT = ("encoding_format", "dimensions", "output_dtype", "output_dimension")


def read_request(body: JSON) -> LLMRequest:
    """The neutral form of a request body; one message `{"role": "input"}` for each thing to embed.

    Equal by intent: one text and a list of that one text; one list of token ids and a list of that list.

    Raises:
        WireError: It holds nothing to embed.
    """
    where = f"{WIRE_FORMAT} request"
    body = as_object(body, where)
    value = body.get("input")
    if not isinstance(value, str | list):
        raise WireError(f"{where}: input: expected text or a list")
    is_one = isinstance(value, str) or (value and all(isinstance(token, int) for token in value))
    rest = split_top_level(body, consumed=("model", "input"), sampling=(), format=_FORMAT, marks=CacheMarks())
    return LLMRequest(
        wire_format=WIRE_FORMAT,
        operation="embed",
        model=model_of(body, where),
        messages=tuple(_read_input(one) for one in ([value] if is_one else value)),
        format=rest.format,
        options=rest.options,
    )


def read_response(body: bytes, content_type: str = "") -> LLMResponse:
    """Model, usage and error of an answer; the vectors stay in the body.

    Raises:
        WireError: It is neither a list of embeddings nor an error.
    """
    what = f"{WIRE_FORMAT} response"
    answer = load_answer(body, what)
    if isinstance(answer.get("data"), list):
        usage = read_usage(answer.get("usage"))
        if usage.input_tokens is None:  # Voyage gives only the total, which is the input here
            usage = replace(usage, input_tokens=maybe_count(maybe_object(answer.get("usage")).get("total_tokens")))
        return LLMResponse(model=maybe_text(answer.get("model")) or None, usage=usage)
    if (error := error_text(answer)) is None:
        raise WireError(f"{what}: neither data nor an error; its keys are {sorted(answer)[:8]}")
    return LLMResponse(error=error)


def _read_input(value: JSON) -> JSON:
    block = {"type": "text", "text": value} if isinstance(value, str) else raw_block(value)
    return {"role": "input", "content": [block]}
