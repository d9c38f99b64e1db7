"""Tool calls that only the model traffic shows: arguments from an answer, results from the next request.

They are for showing and diagnosing. They are never served: nobody saw the tool itself.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from replaykit.errors import PacketError, WireError
from replaykit.packet import Interaction, Packet
from replaykit.wire import LLMResponse, ToolCall, read_request, read_response, tool_results


@dataclass(frozen=True, slots=True)
class ToolEvent:
    """One tool call as the model saw it.

    Attributes:
        asked_by: Position of the model call whose answer asked for it.
        has_result: False where no later request brought a result.
        is_declared: The recording also has a tool interaction of that name, so the body was served or recorded there.
    """

    name: str
    arguments: Any
    asked_by: str
    has_result: bool
    result: Any
    is_declared: bool


def read_answer(interaction: Interaction) -> LLMResponse | None:
    """The model's answer; None where there is none or its bytes can't be read."""
    wire_format = interaction.call.wire_format
    if wire_format is None or interaction.done is None:
        return None
    try:
        return read_response(wire_format, interaction.response_body, interaction.content_type)
    except (WireError, PacketError):
        return None


def tool_events(packet: Packet) -> tuple[ToolEvent, ...]:
    """Every tool call that the model traffic of a packet shows, in the order of the asking."""
    declared = {item.name for item in packet.interactions if item.boundary in ("tool", "retrieval", "human")}
    asked: dict[str, tuple[ToolCall, str]] = {}
    results: dict[str, Any] = {}
    for interaction in packet.interactions:
        if interaction.call.wire_format is None:
            continue
        results.update(_results_in(interaction))
        answer = read_answer(interaction)
        for call in answer.tool_calls if answer is not None else ():
            asked.setdefault(call.id, (call, interaction.position))
    return tuple(
        ToolEvent(
            name=call.name,
            arguments=call.arguments,
            asked_by=position,
            has_result=name in results,
            result=results.get(name),
            is_declared=call.name in declared,
        )
        for name, (call, position) in asked.items()
    )


def _results_in(interaction: Interaction) -> dict[str, Any]:
    wire_format = interaction.call.wire_format
    assert wire_format is not None
    try:
        request = read_request(wire_format, interaction.request_body)
    except (WireError, PacketError):
        return {}
    return {result.id: result.content for result in tool_results(request)}


def executed_tools(packet: Packet, asked_by: Container[str | None] | None = None) -> tuple[str, ...]:
    """Names of tools whose bodies run for real in a replay: they were called, and nothing stands for them.

    Args:
        asked_by: Only those that model calls at these positions asked for.
    """
    events = (event for event in tool_events(packet) if event.has_result and not event.is_declared)
    return tuple(dict.fromkeys(event.name for event in events if asked_by is None or event.asked_by in asked_by))
