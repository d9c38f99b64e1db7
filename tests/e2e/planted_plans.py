"""What a run does: secrets planted at the boundaries of an agent, drawn at random from a seed."""

from __future__ import annotations

import base64
import json
import os
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import httpx2

from tests.e2e.planted_server import Answer
from tests.sanitizer.bodies import chunked, compress, compressed, make_body, make_document
from tests.sanitizer.planting import Secret, again, cut, field_of, make_secret, make_text, nested, printable

PLANTS_A_RUN = 12
_HEADERS = ("x-note", "x-customer", "x-request-context", "x-forwarded-by")
_SECRET_HEADERS = ("x-api-key", "api-key", "x-auth-token", "authorization")
_QUERY_NAMES = ("api_key", "key", "access_token", "sig", "password")


@dataclass(slots=True)
class Step:
    """One planted secret.

    Attributes:
        secret: Where a part of it was planted before, what was planted.
        how: The place, in words.
        request: What is asked over HTTP: method, path behind the number, headers, content.
        answer: What the server sends to it.
        expected: What the client has to see while it is recorded.
        function: The boundary that is crossed otherwise, with arguments and result.
    """

    number: int
    secret: Secret
    how: str
    request: Callable[[str], Asked] | None = None
    answer: Answer = field(default_factory=Answer)
    expected: bytes | None = None
    function: str | None = None
    arguments: Callable[[str], Any] = lambda value: None
    result: Any = None

    @property
    def is_agents(self) -> bool:
        """The agent has the secret itself; else it is told, and in a replay it is told a stand-in."""
        if "fragment" in self.how or "received" in self.how:  # clients keep a fragment to themselves
            return False
        return self.request is not None or "arguments" in self.how

    def now(self) -> str:
        """The secret as the agent has it: a variable is read again in the replay, where it may be a placeholder."""
        if self.secret.variable is None:
            return self.secret.value
        return os.environ[self.secret.variable]


@dataclass(frozen=True, slots=True)
class Asked:
    method: str = "GET"
    rest: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None


def _with(secret: Secret, value: str) -> Secret:
    """The same secret where a replay has a placeholder for it."""
    return Secret(secret.kind, value, secret.parts, secret.name, None, secret.variable)


def _sent_body(random: Random, number: int, secret: Secret) -> Step:
    seed = random.randrange(2**32)
    encoding = random.choice(("", "", "", "gzip", "deflate"))
    body = make_document(Random(seed), secret)

    def ask(value: str) -> Asked:
        made = make_document(Random(seed), _with(secret, value))
        headers = [("content-type", made.content_type)] if made.content_type else []
        headers += [("content-encoding", encoding)] if encoding else []
        return Asked("POST", "/send", tuple(headers), compress(encoding, made.data))

    return Step(number, secret, f"sent body {encoding}: {body.how}", ask)


def _received_body(random: Random, number: int, secret: Secret) -> Step:
    body = make_body(random, secret)
    encoding, data = compressed(random, body.data)
    headers = [("content-type", body.content_type)] if body.content_type else []
    headers += [("content-encoding", encoding)] if encoding else []
    answer = Answer(random.choice((200, 200, 200, 400)), tuple(headers), tuple(chunked(random, data)))
    how = f"received body {encoding}: {body.how}"
    return Step(number, secret, how, lambda value: Asked(), answer, expected=body.data)


def _in_url(random: Random, number: int, secret: Secret) -> Step:
    place = random.choice(("path", "query", "named query", "fragment", "text in query"))
    if secret.name is not None and place != "named query":
        place = "named query"
    name = secret.name if secret.name is not None else random.choice(_QUERY_NAMES)
    seed = random.randrange(2**32)

    def ask(value: str) -> Asked:
        quoted = urllib.parse.quote(value, safe="")
        if place == "path":
            return Asked(rest=f"/v1/items/{quoted}/detail")
        if place == "query":
            return Asked(rest=f"/v1/items?page=2&q={quoted}")
        if place == "fragment":
            return Asked(rest=f"/v1/items?page=2#who={quoted}")
        if place == "text in query":
            text = make_text(Random(seed), _with(secret, value)).text
            return Asked(rest="/v1/items?" + urllib.parse.urlencode({"page": "2", "q": text}))
        return Asked(rest=f"/v1/items?page=2&{name}={quoted}")

    return Step(number, secret, f"url {place}", ask)


def _in_header(random: Random, number: int, secret: Secret) -> Step:
    if not printable(secret.value):
        return _in_url(random, number, secret)
    place = random.choice(("header", "secret header", "cookie", "userinfo"))
    if secret.name is not None and place == "header":
        place = "secret header"
    plain, named = random.choice(_HEADERS), random.choice(_SECRET_HEADERS)

    def ask(value: str) -> Asked:
        if place == "header":
            return Asked(headers=((plain, f"for {value}"),))
        if place == "cookie":
            return Asked(headers=(("cookie", f"theme=dark; session={urllib.parse.quote(value, safe='')}"),))
        if place == "userinfo":
            raw = base64.b64encode(f"app:{value}".encode()).decode()
            return Asked(headers=(("authorization", f"Basic {raw}"),))
        return Asked(headers=((named, f"Bearer {value}" if named == "authorization" else value),))

    return Step(number, secret, f"sent {place}", ask)


def _in_answer_header(random: Random, number: int, secret: Secret) -> Step:
    if not printable(secret.value):
        return _received_body(random, number, secret)
    quoted = urllib.parse.quote(secret.value, safe="")
    pairs = [("set-cookie", f"sid={quoted}; Path=/; HttpOnly"), ("x-auth-token", secret.value)]
    pairs.append(("location", f"https://acme.io/login?{secret.name or 'access_token'}={quoted}"))
    if secret.name is None:
        pairs.append(("x-note", f"for {secret.value}"))
    pair = random.choice(pairs)
    answer = Answer(302 if pair[0] == "location" else 200, (pair,))
    return Step(number, secret, f"received header {pair[0]}", lambda value: Asked(), answer)


def _handed_out(random: Random, number: int, secret: Secret) -> Step:
    """A server gives it, and the agent goes on with what it got, and with the beginning of it."""
    data = f'{{"{secret.name or "note"}": {json.dumps(secret.value)}}}'.encode()
    answer = Answer(200, (("content-type", "application/json"),), tuple(chunked(random, data)))
    return Step(number, secret, "handed out and sent back", None, answer, function="hand on", expected=data)


def _value_in(random: Random, secret: Secret, value: str) -> Any:
    """JSON, or text, that has it."""
    if random.random() < 0.5:
        return nested(random, field_of(random, _with(secret, value)))
    return make_text(random, _with(secret, value)).text


def _in_function(random: Random, number: int, secret: Secret) -> Step:
    function = random.choice(("tool", "async tool", "raising tool", "http tool", "retriever", "human", "span"))
    seed, side = random.randrange(2**32), random.choice(("arguments", "result"))
    if function == "human":
        side = "result"
    if function in ("span", "http tool"):
        side = "arguments"
    if function == "raising tool":
        side = "result"
    step = Step(number, secret, f"{function} {side}", function=function)
    if side == "arguments":
        step.arguments = lambda value: _value_in(Random(seed), secret, value)
    elif function == "human":
        step.result = make_text(Random(seed), secret).text
    else:
        step.result = _value_in(Random(seed), secret, secret.value)
    return step


def _in_model_prompt(random: Random, number: int, secret: Secret) -> Step:
    seed = random.randrange(2**32)

    def ask(value: str) -> Asked:
        text = make_text(Random(seed), _with(secret, value)).text
        messages = [{"role": "system", "content": "You are an agent."}, {"role": "user", "content": text}]
        content = json.dumps({"model": "m", "messages": messages}).encode()
        return Asked("POST", "/v1/chat/completions", (("content-type", "application/json"),), content)

    message = {"index": 0, "message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}
    data = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [message]}).encode()
    answer = Answer(200, (("content-type", "application/json"),), (data,))
    return Step(number, secret, f"prompt: {make_text(Random(seed), secret).how}", ask, answer)


def _cut_off(random: Random, number: int, secret: Secret, *, is_whole: bool) -> Step | None:
    """The agent shortens a text through the midst of a secret that it had before."""
    text = cut(random, secret, is_whole=is_whole)
    if secret.variable is not None or text is None:
        return None
    content = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    step = _in_model_prompt(random, number, secret)
    step.how = f"cut off: {text}"
    step.request = lambda value: Asked("POST", "/v1/chat/completions", (("content-type", "application/json"),), content)
    return step


_PLACES = (
    *(_sent_body, _sent_body, _received_body, _received_body, _received_body, _in_url, _in_header, _in_answer_header),
    *(_handed_out, _in_function, _in_function, _in_model_prompt),
)


_WHOLE = ("sent secret", "sent cookie", "sent userinfo", "received header", "url")
"""Places where all that stands there is one secret."""


# a run


@dataclass(slots=True)
class Plan:
    """All that one run does.

    Attributes:
        variables: The secrets that are in the environment.
        keeps_variables: They are set in the replay, too.
        ending: What the run says at its end, and how.
    """

    seed: int
    steps: list[Step]
    variables: dict[str, str]
    is_async: bool
    client: Any
    keeps_variables: bool
    ending: str
    end: Secret
    has_key: bool

    def secrets(self) -> list[tuple[Secret, str]]:
        return [*((step.secret, step.how) for step in self.steps), (self.end, f"run {self.ending}")]


_ENDINGS = ("output", "tags", "verdict", "late verdict", "stop reason", "exception", "cause", "workflow", "entry")


def make_plan(seed: int, count: int = PLANTS_A_RUN) -> Plan:
    random = Random(seed)
    steps: list[Step] = []
    while len(steps) < count - 1:
        secret = make_secret(random)
        first = random.choice(_PLACES)(random, len(steps), secret)
        steps.append(first)
        if random.random() < 0.3:
            repeated = again(secret, is_whole=first.how.startswith(_WHOLE))
            step = random.choice(_PLACES)(random, len(steps), repeated)
            # In a replay nobody has told the agent what only a name gave away.
            if first.is_agents or not step.is_agents or (secret.name is None and secret.core is None):
                steps.append(step)
        if first.is_agents and random.random() < 0.15:
            cut_off = _cut_off(random, len(steps), secret, is_whole=first.how.startswith(_WHOLE))
            steps += [cut_off] if cut_off is not None else []
    end = make_secret(random)
    while end.name is not None or not end.is_line:
        end = make_secret(random)
    secrets = [*(step.secret for step in steps), end]
    variables = {secret.variable: secret.value for secret in secrets if secret.variable is not None}
    has_zstd = any("received body zstd" in step.how for step in steps)
    return Plan(
        seed,
        steps,
        variables,
        is_async=random.random() < 0.4,
        client=httpx if has_zstd else random.choice((httpx, httpx2)),  # the other asks for no zstd
        keeps_variables=random.random() < 0.5,
        ending=random.choice(_ENDINGS),
        end=end,
        has_key=random.random() < 0.3,
    )
