"""Provider blocks to neutral blocks, without losing anything. What does not fit exactly becomes a `raw` block."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from replaykit.errors import WireError
from replaykit.wire.call import JSON
from replaykit.wire.reading import as_list, as_text, parse_arguments

Block = dict[str, JSON]

_CACHE_CONTROL = "cache_control"


@dataclass(slots=True)
class CacheMarks:
    """Takes `cache_control` out of blocks and keeps where each one stood: it steers billing, not the answer."""

    found: list[JSON] = field(default_factory=list)

    def take(self, block: dict[str, JSON], where: str) -> dict[str, JSON]:
        if _CACHE_CONTROL not in block:
            return block
        self.found.append({"at": where, "value": block[_CACHE_CONTROL]})
        return without(block, _CACHE_CONTROL)


@dataclass(frozen=True, slots=True)
class TopLevel:
    """A request body split by what its top-level keys are for. Explicit nulls count as absent."""

    sampling: dict[str, JSON]
    format: dict[str, JSON]
    options: dict[str, JSON]


def split_top_level(
    body: dict[str, JSON], *, consumed: Iterable[str], sampling: Iterable[str], format: Iterable[str], marks: CacheMarks
) -> TopLevel:
    """What is neither read elsewhere nor known stays in `options`, so that nothing of a body is lost.

    Call it last: `marks` must have seen all blocks.
    """
    present = marks.take({key: value for key, value in body.items() if value is not None}, "request")
    # A client that asks for no stream may say so or say nothing.
    if present.get("stream") is False:
        del present["stream"]
    known = {*consumed, *sampling, *format}
    options = {key: value for key, value in present.items() if key not in known}
    if marks.found:
        options[_CACHE_CONTROL] = marks.found
    return TopLevel(
        sampling={key: present[key] for key in sampling if key in present},
        format={key: present[key] for key in format if key in present},
        options=options,
    )


def model_of(body: dict[str, JSON], where: str) -> str | None:
    model = body.get("model")
    return None if model is None else as_text(model, f"{where}: model")


def read_tools(tools: JSON, where: str, marks: CacheMarks) -> tuple[JSON, ...]:
    if tools is None:
        return ()
    return tuple(
        marks.take(tool, f"tools[{index}]") if isinstance(tool, dict) else tool
        for index, tool in enumerate(as_list(tools, f"{where}: tools"))
    )


def read_content(content: JSON, where: str, marks: CacheMarks, read_part: Callable[[Block, str], Block]) -> list[Block]:
    """The blocks of a content field: nothing, a text, or a list of provider blocks."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise WireError(f"{where}: expected text or a list of blocks")
    blocks = []
    for index, part in enumerate(content):
        at = f"{where}[{index}]"
        blocks.append(read_part(marks.take(part, at), at) if isinstance(part, dict) else raw_block(part))
    return blocks


def text_block(part: Block, provider_type: str = "text") -> Block:
    """A text block, or `raw` where the part is no text of that type."""
    if part.get("type") == provider_type and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"], **without(part, "type", "text")}
    return raw_block(part)


def raw_block(value: JSON, *, own_id: str | None = None, quoted_id: str | None = None) -> Block:
    """Any block, verbatim; its ids move beside it where a later layer looks for ids.

    Args:
        own_id: Key of the id the block has, moved to `item_id`.
        quoted_id: Key of the id of the call it belongs to, moved to `id`.
    """
    block: Block = {"type": "raw"}
    for key, neutral in ((quoted_id, "id"), (own_id, "item_id")):
        if key is not None and isinstance(value.get(key), str):
            block[neutral] = value[key]
            value = without(value, key)
    return {**block, "value": value}


def tool_call_block(call_id: str, name: str, arguments: JSON, extras: Block, *, is_custom: bool = False) -> Block:
    kind: Block = {"kind": "custom"} if is_custom else {}
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments, **kind, **extras}


def function_arguments(text: str, *, is_custom: bool) -> JSON:
    """Arguments of a custom tool are free text by declaration, also where they happen to be JSON."""
    return text if is_custom else parse_arguments(text)


def are_texts(*values: JSON) -> bool:
    return all(isinstance(value, str) for value in values)


def without(block: dict[str, JSON], *keys: str) -> dict[str, JSON]:
    return {key: value for key, value in block.items() if key not in keys}
