"""Which boundary an HTTP call crosses, and which reader understands its bytes."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import resources
from typing import Any, TypeVar, cast, get_args
from urllib.parse import unquote, urlsplit

import replaykit.wire.anthropic_messages as anthropic_messages
import replaykit.wire.openai_chat as openai_chat
import replaykit.wire.openai_embeddings as openai_embeddings
import replaykit.wire.openai_responses as openai_responses
from replaykit.errors import UsageError, WireError
from replaykit.packet.exchange import Boundary, CallClass
from replaykit.wire.call import JSON, LLMRequest, LLMResponse
from replaykit.wire.reading import load_json

R = TypeVar("R")

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_RULE_KEYS = {"boundary", "name", "wire_format", "class", "methods", "hosts", "path", "headers", "query"}

_READ_REQUEST: dict[str, Callable[[JSON], LLMRequest]] = {
    openai_chat.WIRE_FORMAT: openai_chat.read_request,
    openai_responses.WIRE_FORMAT: openai_responses.read_request,
    openai_responses.COUNT_FORMAT: partial(openai_responses.read_request, wire_format=openai_responses.COUNT_FORMAT),
    openai_embeddings.WIRE_FORMAT: openai_embeddings.read_request,
    anthropic_messages.WIRE_FORMAT: anthropic_messages.read_request,
    anthropic_messages.COUNT_FORMAT: partial(
        anthropic_messages.read_request, wire_format=anthropic_messages.COUNT_FORMAT
    ),
}
_READ_RESPONSE: dict[str, Callable[[bytes, str], LLMResponse]] = {
    openai_chat.WIRE_FORMAT: openai_chat.read_response,
    openai_responses.WIRE_FORMAT: openai_responses.read_response,
    openai_responses.COUNT_FORMAT: partial(openai_responses.read_response, wire_format=openai_responses.COUNT_FORMAT),
    openai_embeddings.WIRE_FORMAT: openai_embeddings.read_response,
    anthropic_messages.WIRE_FORMAT: anthropic_messages.read_response,
    anthropic_messages.COUNT_FORMAT: partial(
        anthropic_messages.read_response, wire_format=anthropic_messages.COUNT_FORMAT
    ),
}


@dataclass(frozen=True, slots=True)
class Call:
    """What one HTTP call is.

    Attributes:
        name: The operation for models, else the method and the host.
        wire_format: The reader that understands it; None outside `llm`.
        model: The model that the path names, for providers that name it there.
    """

    boundary: Boundary
    name: str
    call_class: CallClass
    wire_format: str | None
    model: str | None = None


# Compared by identity: a table of rules is part of a cache key on the agent's thread.
@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule of `rules.toml` or of the user; what is None or empty fits everything."""

    boundary: Boundary = "http"
    name: str | None = None
    wire_format: str | None = None
    call_class: CallClass = "agent"
    methods: frozenset[str] = frozenset()
    hosts: tuple[re.Pattern[str], ...] = ()
    path: re.Pattern[str] | None = None
    headers: tuple[tuple[str, re.Pattern[str]], ...] = ()
    query: bool | None = None

    def fits_headers(self, headers: Iterable[tuple[str, str]]) -> bool:
        present = [(name.lower(), value) for name, value in headers]
        if self.boundary == "llm" and not present:
            return True
        return all(
            any(name == wanted and pattern.search(value) for name, value in present) for wanted, pattern in self.headers
        )


_PLAIN = Rule()


def classify(
    method: str, url: str, headers: Iterable[tuple[str, str]] = (), extra_rules: tuple[Rule, ...] = ()
) -> Call:
    """What a call is, from its first line and headers; it never raises and is cheap when called again.

    Args:
        headers: Where none are known, a model's path is enough; a telemetry rule that asks for a header does not fit.
        extra_rules: From `read_rules`; they win over the shipped ones. Pass the same tuple each time.
    """
    base, has_query, _ = url.partition("?")
    for rule, call in _fitting(method.upper(), base.partition("#")[0], bool(has_query), extra_rules):
        if not rule.headers:
            return call
        headers = tuple(headers)  # more than one rule may ask
        if rule.fits_headers(headers):
            return call
    raise AssertionError("the last rule fits everything")


def read_rules(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Rules of a document in the shape of `rules.toml`: `{"rule": [{...}, ...]}`.

    Raises:
        UsageError: A rule has an unknown key, a wrong value or a broken pattern, or it fits every call.
    """
    rules = document.get("rule", [])
    if not isinstance(rules, list):
        raise UsageError("rules: `rule` must be a list of tables, written [[rule]] in TOML")
    return tuple(_read_rule(rule, f"rule {number}") for number, rule in enumerate(rules, start=1))


def read_request(wire_format: str, body: bytes, model: str | None = None) -> LLMRequest:
    """The neutral form of a request.

    Args:
        model: `Call.model`. It fills in for a body that names none; where both speak and differ, it is an option.

    Raises:
        WireError: The bytes do not follow the format. A path can mislead: such a call is plain HTTP.
    """
    request = _reader(_READ_REQUEST, wire_format)(load_json(body, f"{wire_format} request"))
    if model is None or model == request.model:
        return request
    if request.model is None:
        return replace(request, model=model)
    return replace(request, options={**request.options, "path_model": model})


def read_response(wire_format: str, body: bytes, content_type: str = "") -> LLMResponse:
    """The neutral form of an answer; a body cut short is read as far as it goes.

    Raises:
        WireError: The bytes do not follow the format.
    """
    return _reader(_READ_RESPONSE, wire_format)(body, content_type)


def _reader(readers: Mapping[str, R], wire_format: str) -> R:
    if wire_format not in readers:
        raise WireError(f"no reader for wire format {wire_format!r}; there are {', '.join(sorted(readers))}")
    return readers[wire_format]


@lru_cache(maxsize=2048)
def _fitting(method: str, url: str, has_query: bool, extra_rules: tuple[Rule, ...]) -> tuple[tuple[Rule, Call], ...]:
    """The rules that fit but for their headers, up to the first that asks for none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:  # a port that is no number, an IPv6 address without its bracket
        return ((_PLAIN, Call("http", f"{method} {url[:80]}", "agent", None)),)
    is_default = port is None or port == _DEFAULT_PORTS.get(parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    plain = Call("http", f"{method} {shown if is_default else f'{shown}:{port}'}", "agent", None)
    fitting: list[tuple[Rule, Call]] = []
    for rule in (*extra_rules, *_shipped_rules()):
        if (rule.methods and method not in rule.methods) or rule.query not in (None, has_query):
            continue
        if rule.hosts and not any(pattern.match(host) or pattern.match(f"{host}:{port}") for pattern in rule.hosts):
            continue
        match = rule.path.search(parts.path or "/") if rule.path else None
        if rule.path and not match:
            continue
        fitting.append((rule, _call(rule, plain, match)))
        if not rule.headers:
            return tuple(fitting)
    return (*fitting, (_PLAIN, plain))


def _call(rule: Rule, plain: Call, match: re.Match[str] | None) -> Call:
    model = match.groupdict().get("model") if match else None
    return Call(
        boundary=rule.boundary,
        name=rule.name or plain.name,
        call_class=rule.call_class,
        wire_format=rule.wire_format,
        model=unquote(model) if model else None,
    )


@lru_cache(maxsize=1)
def _shipped_rules() -> tuple[Rule, ...]:
    return read_rules(tomllib.loads(resources.files(__package__).joinpath("rules.toml").read_text(encoding="utf-8")))


def _read_rule(rule: Any, where: str) -> Rule:
    if not isinstance(rule, Mapping):
        raise UsageError(f"rules: {where}: expected a table")
    if unknown := rule.keys() - _RULE_KEYS:
        raise UsageError(f"rules: {where}: unknown key {min(map(str, unknown))!r}; known are {sorted(_RULE_KEYS)}")
    if not rule.keys() & {"hosts", "path", "headers"}:
        raise UsageError(f"rules: {where}: it would fit every call; give hosts, path or headers")
    boundary = _one_of(rule.get("boundary", "http"), ("llm", "http", "retrieval", "tool"), f"{where}: boundary")
    wire_format = rule.get("wire_format")
    if wire_format is not None:
        _one_of(wire_format, tuple(_READ_REQUEST), f"{where}: wire_format")
    if boundary == "llm" and not rule.get("name"):
        raise UsageError(f"rules: {where}: a rule for boundary llm needs a name, such as chat")
    headers = rule.get("headers", {})
    if not isinstance(headers, Mapping):
        raise UsageError(f"rules: {where}: headers must be a table of name = pattern")
    return Rule(
        boundary=cast(Boundary, boundary),
        name=rule.get("name"),
        wire_format=wire_format,
        call_class=cast(CallClass, _one_of(rule.get("class", "agent"), get_args(CallClass), f"{where}: class")),
        methods=frozenset(method.upper() for method in _texts(rule.get("methods", []), f"{where}: methods")),
        hosts=tuple(
            re.compile(fnmatch.translate(host.lower())) for host in _texts(rule.get("hosts", []), f"{where}: hosts")
        ),
        path=_pattern(rule["path"], f"{where}: path") if "path" in rule else None,
        headers=tuple((str(name).lower(), _pattern(value, f"{where}: headers")) for name, value in headers.items()),
        query=rule.get("query"),
    )


def _one_of(value: Any, choices: tuple[str, ...], where: str) -> str:
    if value not in choices:
        raise UsageError(f"rules: {where}: {value!r} is none of {', '.join(choices)}")
    return str(value)


def _texts(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise UsageError(f"rules: {where}: expected a list of texts")
    return value


def _pattern(value: Any, where: str) -> re.Pattern[str]:
    try:
        return re.compile(value, re.IGNORECASE if where.endswith("headers") else 0)
    except (re.error, TypeError) as error:
        raise UsageError(f"rules: {where}: {value!r} is no regular expression: {error}") from None
