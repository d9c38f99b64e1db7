"""What there is to see in a packet, worked out for `show`: values, no layout."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from replaykit.errors import PacketError, WireError
from replaykit.packet import Interaction, Packet
from replaykit.session.derived import read_answer, tool_events
from replaykit.session.summary import unrecorded
from replaykit.wire import LLMRequest, read_request


@dataclass(frozen=True, slots=True)
class Row:
    """One interaction in a few words.

    Attributes:
        depth: How many recorded steps enclose it.
        place: The position below the innermost of these.
        duration_s: None if it never ended.
        tokens: Input and output; None where the provider gave none.
    """

    id: str
    position: str
    boundary: str
    name: str
    depth: int
    place: str
    at_s: float
    duration_s: float | None
    state: str
    asked: str
    answered: str
    model: str | None = None
    status: int | None = None
    tokens: tuple[int, int] | None = None


def interaction_rows(packet: Packet) -> tuple[Row, ...]:
    """All interactions, in the order in which they were made."""
    steps = {item.id: (item.position, item.call.parent) for item in packet.interactions}
    steps |= {span.line.id: (span.line.position, span.line.parent) for span in packet.spans}
    return tuple(_row(item, steps) for item in packet.interactions)


Steps = dict[str, tuple[str, str | None]]


def _place(item: Interaction, steps: Steps) -> tuple[int, str]:
    """How deep it is, and its position below the step around it."""
    around = [item.id]
    while (parent := steps[around[-1]][1]) in steps and parent not in around:
        around.append(str(parent))
    prefix = f"{steps[around[1]][0]}/" if len(around) > 1 else ""
    return len(around) - 1, item.position.removeprefix(prefix)


def _row(item: Interaction, steps: Steps) -> Row:
    depth, place = _place(item, steps)
    done = item.done
    asked, answered, model, tokens = _llm(item) if item.call.wire_format is not None else _other(item)
    if done is None:
        answered = "no answer: the recording stops here"
    elif done.failure is not None:
        answered = f"{done.failure.type.rpartition(':')[2]}: {done.failure.message}"
    return Row(
        id=item.id,
        position=item.position,
        boundary=item.boundary,
        name=item.name,
        depth=depth,
        place=place,
        at_s=item.call.time_ns / 1e9,
        duration_s=(done.time_ns - item.call.time_ns) / 1e9 if done is not None and item.is_placed else None,
        state=done.state if done is not None else "open",
        asked=asked,
        answered=answered,
        model=model,
        status=done.status if done is not None else None,
        tokens=tokens,
    )


Words = tuple[str, str, str | None, tuple[int, int] | None]


def _llm(item: Interaction) -> Words:
    assert item.call.wire_format is not None
    try:
        request = read_request(item.call.wire_format, item.request_body)
    except (WireError, PacketError):
        asked, model = "(the request can't be read)", None
    else:
        asked, model = _last_words(request), request.model
    answer = read_answer(item)
    if answer is None:
        return asked, "(no answer that can be read)", model, None
    calls = ", ".join(f"{call.name}({_arguments(call.arguments)})" for call in answer.tool_calls)
    said = answer.error or " ".join(part for part in (answer.text, f"-> {calls}" if calls else "") if part)
    usage = answer.usage
    has_usage = usage.input_tokens is not None or usage.output_tokens is not None
    return asked, said, model, (usage.input_tokens or 0, usage.output_tokens or 0) if has_usage else None


def _last_words(request: LLMRequest) -> str:
    """What the model had to answer: the end of the history."""
    blocks = request.messages[-1]["content"] if request.messages else []
    words = []
    for block in blocks:
        if block["type"] == "tool_result":
            inner = "".join(part.get("text", "") for part in block["content"] if isinstance(part, dict))
            words.append(f"result: {inner}")
        else:
            words.append(str(block.get("text", f"[{block['type']}]")))
    return " ".join(words)


def _other(item: Interaction) -> Words:
    done = item.done
    if item.call.http is None:
        value = _json(done.value) if done is not None and done.has_value else ""
        return _arguments(item.arguments), value, None, None
    url = urlsplit(item.call.http.url)
    asked = url.path + (f"?{url.query}" if url.query else "")
    if done is None or done.status is None:
        return asked, "", None, None
    try:
        body = item.response_body.decode("utf-8", "replace")
    except PacketError as error:
        body = error.reason
    return asked, f"{done.status} {body[:200]}", None, None


def _arguments(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_json(item)}" for name, item in value.items())
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def replayable(packet: Packet) -> tuple[bool, str]:
    """Whether all of the run can be replayed, and why not."""
    outcome = packet.outcome
    if outcome is None:
        return False, "only up to its last answer: the run was interrupted"
    if packet.is_altered:
        return False, "not exactly: the packet was altered after it was recorded"
    manifest = outcome.manifest
    lost = {
        "bodies withheld": manifest.withheld,
        "calls of no known run": manifest.possibly_missing,
        "events dropped": manifest.dropped_events,
        "calls without an answer when the run ended": manifest.unanswered,
    }
    reasons = [f"{count} {what}" for what, count in lost.items() if count]
    missed = unrecorded(packet)
    if missed is not None:
        reasons.append(missed)
    requests = sum(1 for span in packet.spans if span.line.span_kind == "request")
    if requests and packet.entry.kind == "command":
        return False, ", ".join([*reasons, f"nobody sends the {requests} requests that came in from outside"])
    return outcome.replayable == "full", ", ".join(reasons)


def stand_in_kinds(packet: Packet) -> dict[str, int]:
    """How many values of which kind were replaced; those of environment variables under the variable's name."""
    return dict(Counter(line.variable or line.name for line in packet.stand_ins))


def effect_counts(packet: Packet) -> tuple[dict[str, int], dict[str, int]]:
    """How often the program's own code read each source of time and chance, and how often each library did."""
    own: Counter[str] = Counter()
    libraries: Counter[str] = Counter()
    for line in packet.effects:
        if line.origin:
            libraries[line.origin] += len(line.values)
        else:
            own[line.source] += len(line.values)
    return dict(own), dict(libraries)


def to_json(packet: Packet) -> dict[str, Any]:
    """All of it as JSON."""
    is_replayable, why = replayable(packet)
    return {
        "packet": str(packet.path),
        "run": packet.run.model_dump(mode="json"),
        "entry": packet.entry.model_dump(mode="json"),
        "status": packet.outcome.status if packet.outcome is not None else "interrupted",
        "outcome": packet.outcome.model_dump(mode="json") if packet.outcome is not None else None,
        "interactions": [asdict(row) for row in interaction_rows(packet)],
        "spans": [
            {
                **span.line.model_dump(
                    mode="json", include={"id", "position", "name", "span_kind", "time_ns", "parent"}
                ),
                "attributes": {**span.line.attributes, **(span.done.attributes if span.done else {})},
                "state": span.done.state if span.done else "open",
            }
            for span in packet.spans
        ],
        "tool_events": [asdict(event) for event in tool_events(packet)],
        "stand_ins": stand_in_kinds(packet),
        "effects": dict(zip(("own", "libraries"), effect_counts(packet), strict=True)),
        "recovered": list(packet.recovered),
        "replayable": is_replayable,
        "why_not": why or None,
    }
