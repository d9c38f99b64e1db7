"""OpenAI Responses: requests. Answers are read in `openai_responses_answer`."""

from __future__ import annotations

from replaykit.errors import WireError
from replaykit.wire.blocks import (
    Block,
    CacheMarks,
    are_texts,
    function_arguments,
    model_of,
    raw_block,
    read_content,
    read_tools,
    split_top_level,
    text_block,
    tool_call_block,
    without,
)
from replaykit.wire.call import JSON, LLMRequest, LLMResponse
from replaykit.wire.openai_chat import system_head
from replaykit.wire.openai_responses_answer import read_answer, read_count
from replaykit.wire.reading import as_list, as_object

WIRE_FORMAT = "openai.responses"
COUNT_FORMAT = "openai.input_tokens"

_CONSUMED = ("model", "input", "instructions", "prompt", "tools", "previous_response_id", "conversation")
_SAMPLING = (
    "temperature", "top_p", "top_k", "max_output_tokens", "max_tool_calls", "top_logprobs", "reasoning", "truncation",
    "tool_choice", "parallel_tool_calls", "context_management", "frequency_penalty", "presence_penalty", "seed",
)  # fmt: skip
_FORMAT = ("text", "response_format", "include", "stream")

# Roles that only this reader gives; an item that claims one is kept as an unknown item.
_OWN_ROLES = ("item", "tool", "previous")

# Item type -> (key of the arguments, are they free text).
_CALLS = {"function_call": ("arguments", False), "custom_tool_call": ("input", True)}
_RESULTS = ("function_call_output", "custom_tool_call_output")


def read_request(body: JSON, *, wire_format: str = WIRE_FORMAT) -> LLMRequest:
    """The neutral form of a request body.

    Equal by intent: a plain `input` and one user message; `conversation` as an id and as an object of only that id;
    an empty and an absent list.

    Raises:
        WireError: It is no Responses request.
    """
    where = f"{wire_format} request"
    body = as_object(body, where)
    if not body.keys() & {"model", "input", "prompt", "previous_response_id", "conversation"}:
        raise WireError(f"{where}: neither input nor model; its keys are {sorted(body)[:8]}")
    marks = CacheMarks()
    history = _read_input(body.get("input"), where, marks)
    head = system_head(history)
    rest = split_top_level(body, consumed=_CONSUMED, sampling=_SAMPLING, format=_FORMAT, marks=marks)
    return LLMRequest(
        wire_format=wire_format,
        operation="count_tokens" if wire_format == COUNT_FORMAT else "chat",
        model=model_of(body, where),
        system=(*_instructions(body, marks), *history[:head]),
        messages=(*_previous(body), *history[head:]),
        tools=read_tools(body.get("tools"), where, marks),
        sampling=rest.sampling,
        format=rest.format,
        options=rest.options,
    )


def read_response(body: bytes, content_type: str = "", *, wire_format: str = WIRE_FORMAT) -> LLMResponse:
    """The neutral form of an answer, JSON or a stream, whole or cut short.

    Raises:
        WireError: It is neither a response nor an error.
    """
    what = f"{wire_format} response"
    return read_count(body, what) if wire_format == COUNT_FORMAT else read_answer(body, content_type, what)


def _instructions(body: dict[str, JSON], marks: CacheMarks) -> list[Block]:
    """What instructs the model from outside the history; roles of their own keep it apart from system messages."""
    found: list[Block] = []
    if (instructions := body.get("instructions")) is not None:
        is_plain = isinstance(instructions, str)
        block = {"type": "text", "text": instructions} if is_plain else raw_block(instructions)
        found.append({"role": "instructions", "content": [block]})
    if (prompt := body.get("prompt")) is not None:
        prompt = marks.take(prompt, "prompt") if isinstance(prompt, dict) else prompt
        found.append({"role": "prompt", "content": [raw_block(prompt)]})
    return found


def _previous(body: dict[str, JSON]) -> list[Block]:
    """History that the provider keeps, as one message in front of the rest."""
    references: list[Block] = []
    for key, of in (("previous_response_id", "response"), ("conversation", "conversation")):
        value = body.get(key)
        if isinstance(value, dict) and value.keys() == {"id"} and are_texts(value["id"]):
            value = value["id"]
        if isinstance(value, str):
            references.append({"type": "reference", "of": of, "id": value})
        elif value is not None:
            references.append({**raw_block(value), "of": of})
    return [{"role": "previous", "content": references}] if references else []


def _read_input(value: JSON, where: str, marks: CacheMarks) -> list[Block]:
    if value is None:
        return []
    if isinstance(value, str):
        return [{"role": "user", "content": [{"type": "text", "text": value}]}]
    return [
        _read_item(as_object(item, f"{where}: input[{index}]"), f"input[{index}]", marks)
        for index, item in enumerate(as_list(value, f"{where}: input"))
    ]


def _read_item(item: dict[str, JSON], at: str, marks: CacheMarks) -> Block:
    item = marks.take(item, at)
    kind = item.get("type")
    if kind in (None, "message") and are_texts(item.get("role")) and item["role"] not in _OWN_ROLES:
        text_type = "output_text" if item["role"] == "assistant" else "input_text"
        content = _parts(item.get("content"), f"{at}.content", marks, text_type)
        return {"role": item["role"], "content": content, **without(item, "role", "content")}
    if isinstance(kind, str) and kind in _CALLS and (call := _call_block(item, *_CALLS[kind])) is not None:
        return {"role": "assistant", "content": [call]}
    if kind in _RESULTS and (result := _result_block(item, at, marks)) is not None:
        return {"role": "tool", "content": [result]}
    if kind == "reasoning":
        # `content` is the item's own key here too; the block is the item, word for word.
        return {"role": "assistant", "content": [item]}
    if kind == "item_reference" and isinstance(item.get("id"), str):
        reference = {"type": "reference", "of": "item", **without(item, "type")}
        return {"role": "item", "content": [reference if "of" not in item else raw_block(item)]}
    # Built-in tools: calls and their outputs are told apart by their type, which stays in the value.
    return {"role": "item", "content": [raw_block(item, own_id="id", quoted_id="call_id")]}


def _parts(content: JSON, at: str, marks: CacheMarks, text_type: str) -> list[Block]:
    return read_content(content, at, marks, lambda part, _: text_block(part, text_type))


def _call_block(item: Block, arguments_key: str, is_custom: bool) -> Block | None:
    arguments = item.get(arguments_key)
    extras = _with_item_id(without(item, "type", "call_id", "name", arguments_key))
    if extras is None or extras.keys() & {"arguments", "kind"}:
        return None
    if not isinstance(arguments, str) or not are_texts(item.get("call_id"), item.get("name")):
        return None
    parsed = function_arguments(arguments, is_custom=is_custom)
    return tool_call_block(item["call_id"], item["name"], parsed, extras, is_custom=is_custom)


def _result_block(item: Block, at: str, marks: CacheMarks) -> Block | None:
    extras = _with_item_id(without(item, "type", "call_id", "output"))
    if extras is None or extras.keys() & {"content", "kind"}:
        return None
    if not are_texts(item.get("call_id")) or not isinstance(item.get("output"), str | list):
        return None
    content = _parts(item["output"], f"{at}.output", marks, "input_text")
    kind = {"kind": "custom"} if item["type"] == "custom_tool_call_output" else {}
    return {"type": "tool_result", "id": item["call_id"], "content": content, **kind, **extras}


def _with_item_id(extras: Block) -> Block | None:
    """The item's own id under `item_id`, as `id` is the call's; None where both names are taken."""
    if "item_id" in extras:
        return None
    return {**without(extras, "id"), "item_id": extras["id"]} if "id" in extras else extras
