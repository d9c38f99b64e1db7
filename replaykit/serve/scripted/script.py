"""Rules and routes as JSON, for servers that run in their own process."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from replaykit.errors import UsageError
from replaykit.serve.scripted.prompt import Json
from replaykit.serve.scripted.reply import Tool
from replaykit.serve.scripted.rules import Fault, Route, Rule

DEFAULT_MODELS = ("scripted-model",)
PATTERNS = ("when", "system", "user", "model", "path")
FAULTS = ("status", "rate_limited", "timeout", "reset", "close", "malformed_json", "stream_error")


@dataclass(frozen=True, slots=True)
class Script:
    """All that a server answers by.

    Attributes:
        models: Names in the model list.
    """

    rules: tuple[Rule, ...] = ()
    routes: tuple[Route, ...] = ()
    models: tuple[str, ...] = DEFAULT_MODELS


def load_rules(source: str | Path | Mapping[str, Any] | list[Any]) -> Script:
    """Read a script from a file, JSON text, or parsed JSON.

    The JSON is a list of rules, or `{"rules": [...], "routes": [...], "models": [...]}`. The fields are those of `Rule`
    and `Route`; a pattern is `{"pattern": "order [0-9]+"}`, a tool call `{"name": ..., "arguments": {...}}`, a fault
    `{"kind": "rate_limited", "retry_after_s": 0.01}`, where the kind is a class method of `Fault` and the rest its
    arguments.

    Raises:
        UsageError: The JSON is not such a script; the message names the rule and the field.
    """
    value = _parse(source)
    if isinstance(value, list):
        value = {"rules": value}
    if not isinstance(value, Mapping):
        raise UsageError(f"rules: a list or an object is needed, not {type(value).__name__}")
    _refuse_unknown("script", value, {"rules", "routes", "models"})
    return Script(
        rules=tuple(_rule(f"rules[{n}]", item) for n, item in enumerate(value.get("rules", ()))),
        routes=tuple(_route(f"routes[{n}]", item) for n, item in enumerate(value.get("routes", ()))),
        models=tuple(value.get("models", DEFAULT_MODELS)),
    )


def _parse(source: str | Path | Mapping[str, Any] | list[Any]) -> object:
    if not isinstance(source, str | Path):
        return source
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"rules: not JSON ({error}); a file is given as a Path") from error


def _rule(where: str, item: Json) -> Rule:
    item = _checked(where, item, {f.name for f in fields(Rule)})
    for name in PATTERNS:
        if name in item:
            item[name] = _pattern(f"{where}.{name}", item[name])
    item["tool_calls"] = tuple(_tool(f"{where}.tool_calls[{n}]", t) for n, t in enumerate(item.get("tool_calls", ())))
    if item.get("usage") is not None:
        item["usage"] = tuple(item["usage"])
    return Rule(**item)


def _route(where: str, item: Json) -> Route:
    item = _checked(where, item, {f.name for f in fields(Route)})
    if not {"method", "path"} <= item.keys():
        raise UsageError(f"{where}: method and path are needed")
    item["path"] = _pattern(f"{where}.path", item["path"])
    return Route(**item)


def _checked(where: str, item: object, known: set[str]) -> Json:
    if not isinstance(item, Mapping):
        raise UsageError(f"{where}: an object is needed, not {type(item).__name__}")
    _refuse_unknown(where, item, known)
    copy = dict(item)
    if copy.get("fault") is not None:
        copy["fault"] = _fault(f"{where}.fault", copy["fault"])
    return copy


def _pattern(where: str, value: object) -> str | re.Pattern[str] | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("pattern"), str):
        return re.compile(value["pattern"])
    raise UsageError(f'{where}: a string or {{"pattern": "..."}} is needed')


def _tool(where: str, item: object) -> Tool:
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
        raise UsageError(f'{where}: {{"name": "...", "arguments": {{...}}}} is needed')
    _refuse_unknown(where, item, {"name", "arguments"})
    return Tool(item["name"], item.get("arguments", ""))


def _fault(where: str, item: object) -> Fault:
    if not isinstance(item, Mapping) or item.get("kind") not in FAULTS:
        raise UsageError(f"{where}: kind is needed, one of {', '.join(FAULTS)}")
    arguments = {name: value for name, value in item.items() if name != "kind"}
    try:
        fault: Fault = getattr(Fault, item["kind"])(**arguments)
    except TypeError as error:
        raise UsageError(f"{where}: {error}") from error
    return fault


def _refuse_unknown(where: str, item: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(item.keys() - known)
    if unknown:
        raise UsageError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")
