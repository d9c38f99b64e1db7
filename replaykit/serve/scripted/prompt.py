"""What a model call asks, read out of any provider's request body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the history.

    Attributes:
        role: `system`, `user`, `assistant` or `tool`; a provider's own names are mapped onto these.
        text: Its text blocks, joined by newlines; another block is shown as `[its type]`.
    """

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The neutral form that rules are matched against.

    Attributes:
        format: `openai.chat`, `openai.responses`, `anthropic.messages` or `openai.embeddings`.
        system: The system prompt, developer messages and instructions, joined by newlines.
        last: What the model has to answer: the last user message, or the tool results at the end, joined by newlines.
        has_tool_result: `last` holds a tool result.
        tools: Names of the tools the model may call.
    """

    format: str
    model: str
    system: str
    last: str
    has_tool_result: bool
    turns: tuple[Turn, ...] = ()
    tools: tuple[str, ...] = ()
    is_stream: bool = False
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def user(self) -> str:
        """The last user message, whatever came after it."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def token_count(self) -> int:
        """An estimate that is the same on every run: a token for every four characters."""
        return count_tokens(self.system + "".join(turn.text for turn in self.turns))


def count_tokens(text: str) -> int:
    """Estimate tokens as the providers' rule of thumb does, never zero."""
    return len(text) // 4 + 1


def text_of(content: object) -> str:
    """Flatten what providers allow as content: a string, one block, or a list of blocks."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        text = content.get("text", content.get("content"))
        return f"[{content.get('type', 'object')}]" if text is None else text_of(text)
    if isinstance(content, Sequence):
        return "\n".join(text_of(block) for block in content)
    return str(content)


def build_prompt(format_name: str, body: Json, turns: Sequence[Turn], tools: Sequence[str]) -> Prompt:
    """Split off the system prompt and find what the last turn asks.

    Trailing assistant turns are passed over: they are a prefill, which the model continues.
    """
    talk = [turn for turn in turns if turn.role != "system"]
    end = len(talk)
    while end and talk[end - 1].role == "assistant":
        end -= 1
    start = end
    while start and talk[start - 1].role == "tool":
        start -= 1
    has_tool_result = start < end
    asked = talk[start:end] if has_tool_result else talk[max(end - 1, 0) : end]
    return Prompt(
        format=format_name,
        model=str(body.get("model", "")),
        system="\n".join(turn.text for turn in turns if turn.role == "system" and turn.text),
        last="\n".join(turn.text for turn in asked),
        has_tool_result=has_tool_result,
        turns=tuple(talk),
        tools=tuple(tools),
        is_stream=body.get("stream") is True,
        body=body,
    )
