"""OpenAI Chat Completions, and the many servers that speak it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

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
from replaykit.wire.call import JSON, LLMRequest, LLMResponse, ToolCall, Usage
from replaykit.wire.reading import (
    as_list,
    as_object,
    as_text,
    error_text,
    is_event_stream,
    load_answer,
    maybe_count,
    maybe_list,
    maybe_object,
    maybe_text,
    stream_events,
    text_of,
)

WIRE_FORMAT = "openai.chat"

_CONSUMED = ("model", "messages", "tools", "functions")
_SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "stop", "seed", "random_seed", "n",
    "frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs",
    "reasoning", "reasoning_effort", "thinking", "enable_thinking", "verbosity", "prediction", "web_search_options",
    "tool_choice", "function_call", "parallel_tool_calls",
)  # fmt: skip
_FORMAT = ("response_format", "modalities", "audio", "stream")

_STOP_REASONS = {"function_call": "tool_calls"}


def read_request(body: JSON) -> LLMRequest:
    """The neutral form of a request body.

    Equal by intent: content null, absent or an empty list; an empty and an absent list of tools.

    Raises:
        WireError: It is no chat request.
    """
    where = f"{WIRE_FORMAT} request"
    body = as_object(body, where)
    marks = CacheMarks()
    tools = read_tools(body.get("tools"), where, marks)
    if body.get("functions") not in (None, []):
        # The older spelling of tools: kept apart from them, as its answers differ too.
        tools = (*tools, {"functions": body["functions"]})
    history = [
        _read_message(as_object(message, f"{where}: messages[{index}]"), index, marks)
        for index, message in enumerate(as_list(body.get("messages"), f"{where}: messages"))
    ]
    head = system_head(history)
    rest = split_top_level(body, consumed=_CONSUMED, sampling=_SAMPLING, format=_FORMAT, marks=marks)
    return LLMRequest(
        wire_format=WIRE_FORMAT,
        operation="chat",
        model=model_of(body, where),
        system=tuple(history[:head]),
        messages=tuple(history[head:]),
        tools=tools,
        sampling=rest.sampling,
        format=rest.format,
        options=rest.options,
    )


def system_head(history: list[Block]) -> int:
    """How many messages at the start instruct the model. Later ones are part of the history."""
    for index, message in enumerate(history):
        if message["role"] not in ("system", "developer"):
            return index
    return len(history)


def read_response(body: bytes, content_type: str = "") -> LLMResponse:
    """The neutral form of an answer, JSON or a stream, whole or cut short.

    Raises:
        WireError: It is neither a completion nor an error.
    """
    what = f"{WIRE_FORMAT} response"
    is_stream = is_event_stream(body, content_type)
    answer = _Answer(is_stream=is_stream)
    if is_stream:
        for event, chunk in stream_events(body, what):
            if event.data.startswith("[DONE]"):
                answer.is_done = True
            answer.add(chunk, f"{what}: event at byte {event.start}", is_delta=True)
        return answer.response()
    whole = load_answer(body, what)
    answer.add(whole, what, is_delta=False)
    if whole.get("choices") is None and answer.error is None:
        raise WireError(f"{what}: neither choices nor an error; its keys are {sorted(whole)[:8]}")
    return answer.response()


def read_usage(usage: JSON) -> Usage:
    counts = maybe_object(usage)
    cached = maybe_count(maybe_object(counts.get("prompt_tokens_details")).get("cached_tokens"))
    return Usage(
        input_tokens=maybe_count(counts.get("prompt_tokens")),
        output_tokens=maybe_count(counts.get("completion_tokens")),
        # DeepSeek's own spelling.
        cached_input_tokens=cached if cached is not None else maybe_count(counts.get("prompt_cache_hit_tokens")),
        reasoning_tokens=maybe_count(maybe_object(counts.get("completion_tokens_details")).get("reasoning_tokens")),
    )


def _read_message(message: dict[str, JSON], index: int, marks: CacheMarks) -> Block:
    at = f"messages[{index}]"
    where = f"{WIRE_FORMAT} request: {at}"
    message = marks.take(message, at)
    role = as_text(message.get("role"), f"{where}.role")
    content = read_content(message.get("content"), f"{at}.content", marks, lambda part, _: text_block(part))
    extras = without(message, "role", "content")
    if role == "tool" and isinstance(extras.get("tool_call_id"), str):
        call_id = extras.pop("tool_call_id")
        content = [{"type": "tool_result", "id": call_id, "content": content}]
    elif extras.get("tool_calls") and isinstance(extras["tool_calls"], list):
        content = content + [_read_tool_call(call) for call in extras.pop("tool_calls")]
    return {"role": role, "content": content, **extras}


def _read_tool_call(call: JSON) -> Block:
    """`{"id", "type": "function", "function": {"name", "arguments"}}`, or `custom` with a free `input`."""
    kind = call.get("type") if isinstance(call, dict) else None
    is_custom = kind == "custom"
    key, arguments_key = ("custom", "input") if is_custom else ("function", "arguments")
    function = maybe_object(call.get(key)) if isinstance(call, dict) else {}
    if kind not in ("custom", "function", None) or not are_texts(
        maybe_object(call).get("id"), function.get("name"), function.get(arguments_key)
    ):
        # `of` keeps it apart from a content part that looks the same.
        return {**raw_block(call), "of": "tool_calls"}
    extras = without(call, "id", "type", key)
    if extras.keys() & {"name", "arguments", "kind"}:
        return {**raw_block(call), "of": "tool_calls"}
    if kind is None:
        extras["kind"] = None if "type" in call else "absent"
    if inner := without(function, "name", arguments_key):
        extras[key] = inner
    arguments = function_arguments(function[arguments_key], is_custom=is_custom)
    return tool_call_block(call["id"], function["name"], arguments, extras, is_custom=is_custom)


@dataclass(slots=True)
class _Call:
    """A tool call that arrives in pieces."""

    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    parsed: JSON = None
    is_custom: bool = False

    def add(self, call: dict[str, JSON]) -> None:
        self.id = self.id or maybe_text(call.get("id"))
        # Snowflake fills in both keys, so the type outranks them.
        self.is_custom = self.is_custom or call.get("type") == "custom" or ("custom" in call and "function" not in call)
        function = maybe_object(call.get("custom" if self.is_custom else "function"))
        name = maybe_text(function.get("name"))
        # Some servers say the whole name again in every piece.
        self.name += "" if name == self.name else name
        arguments = function.get("input" if self.is_custom else "arguments")
        if isinstance(arguments, str):
            self.pieces.append(arguments)
        elif arguments is not None:
            self.parsed = arguments

    def tool_call(self) -> ToolCall:
        if self.parsed is not None and not self.pieces:
            return ToolCall(self.id, self.name, self.parsed, json.dumps(self.parsed))
        text = "".join(self.pieces)
        return ToolCall(self.id, self.name, function_arguments(text, is_custom=self.is_custom), text)


@dataclass(slots=True)
class _Choice:
    text: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[tuple[int | None, _Call]] = field(default_factory=list)
    audio_id: str = ""
    finish_reason: str = ""

    def add(self, choice: dict[str, JSON], *, is_delta: bool) -> None:
        message = maybe_object(choice.get("delta")) or maybe_object(choice.get("message"))
        self.finish_reason = maybe_text(choice.get("finish_reason")) or self.finish_reason
        self.text.append(text_of(message.get("content")))
        self.refusal.append(maybe_text(message.get("refusal")))
        self.reasoning.append(maybe_text(message.get("reasoning_content")) or maybe_text(message.get("reasoning")))
        self.audio_id = maybe_text(maybe_object(message.get("audio")).get("id")) or self.audio_id
        for position, call in enumerate(maybe_list(message.get("tool_calls"))):
            if isinstance(call, dict):
                self._call(call, None if is_delta else position).add(call)
        function_call = maybe_object(message.get("function_call"))
        if any(function_call.values()):
            self._call({}, -1).add({"function": function_call})

    def _call(self, call: dict[str, JSON], position: int | None) -> _Call:
        """The call that this piece belongs to.

        Pieces are joined by index. Servers that leave the index out, or give every call index 0, show a new call by
        its new id.
        """
        index = maybe_count(call.get("index")) if position is None else position
        call_id = maybe_text(call.get("id"))
        for known_index, known in reversed(self.calls):
            if (index is None or known_index == index) and (not call_id or not known.id or known.id == call_id):
                return known
        new = _Call()
        self.calls.append((index, new))
        return new


@dataclass(slots=True)
class _Answer:
    """Chunks or one whole completion, put together."""

    is_stream: bool
    id: str = ""
    model: str = ""
    choices: dict[int, _Choice] = field(default_factory=dict)
    usage: JSON = None
    error: str | None = None
    is_done: bool = False

    def add(self, chunk: dict[str, JSON], where: str, *, is_delta: bool) -> None:
        self.id = self.id or maybe_text(chunk.get("id"))
        self.model = self.model or maybe_text(chunk.get("model"))
        # Groq puts the stream's usage aside; DeepSeek counts up in every chunk.
        self.usage = chunk.get("usage") or maybe_object(chunk.get("x_groq")).get("usage") or self.usage
        if chunk.get("choices") is None:
            self.error = self.error or (error_text(chunk) if chunk else None)
            return
        self.error = self.error or (error_text({"error": chunk["error"]}) if chunk.get("error") else None)
        for position, choice in enumerate(as_list(chunk["choices"], f"{where}: choices")):
            choice = as_object(choice, f"{where}: choices[{position}]")
            index = maybe_count(choice.get("index"))
            state = self.choices.setdefault(position if index is None else index, _Choice())
            state.add(choice, is_delta=is_delta)
            # OpenRouter reports what broke behind it inside the choice.
            self.error = self.error or (error_text({"error": choice["error"]}) if choice.get("error") else None)

    def response(self) -> LLMResponse:
        first = self.choices[min(self.choices)] if self.choices else _Choice()
        refusal = "".join(first.refusal)
        stop_reason = _STOP_REASONS.get(first.finish_reason, first.finish_reason) or None
        are_finished = bool(self.choices) and all(choice.finish_reason for choice in self.choices.values())
        return LLMResponse(
            id=self.id or None,
            model=self.model or None,
            text="".join(first.text) or refusal,
            reasoning="".join(first.reasoning),
            tool_calls=tuple(call.tool_call() for _, call in first.calls),
            stop_reason="refusal" if refusal else stop_reason,
            usage=read_usage(self.usage),
            issued=tuple(self._issued()),
            error=self.error,
            is_complete=not self.is_stream or (self.error is None and (self.is_done or are_finished)),
        )

    def _issued(self) -> list[tuple[str, str]]:
        issued = [(self.id, "response")]
        for order, index in enumerate(sorted(self.choices)):
            prefix = f"choices[{index}]." if order else ""
            choice = self.choices[index]
            issued.append((choice.audio_id, f"{prefix}audio"))
            issued += [(call.id, f"{prefix}tool_calls[{k}]") for k, (_, call) in enumerate(choice.calls)]
        return [(literal, name) for literal, name in issued if literal]
