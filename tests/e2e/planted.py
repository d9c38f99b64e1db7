"""Runs in which secrets are planted at every boundary: recorded over sockets, looked through, replayed offline."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import os
import re
import socket
import threading
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import httpx2

import replaykit
from replaykit.session.writer import drain
from tests.sanitizer.bodies import chunked, compress, compressed, make_body, make_document
from tests.sanitizer.leaks import all_texts, leaked, without_own_numbers
from tests.sanitizer.planting import Secret, again, cut, field_of, make_secret, make_text, nested, printable

PLANTS_A_RUN = 12
_HEADERS = ("x-note", "x-customer", "x-request-context", "x-forwarded-by")
_SECRET_HEADERS = ("x-api-key", "api-key", "x-auth-token", "authorization")
_QUERY_NAMES = ("api_key", "key", "access_token", "sig", "password")


# the server


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sends to one request."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    chunks: tuple[bytes, ...] = (b"ok",)


class Server:
    """Sends prepared answers, whatever is asked: `/7/...` gets the seventh."""

    def __init__(self, answers: dict[int, Answer]) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self.count = 0
        self._threads = [threading.Thread(target=self._accept, name="planted-server", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """From here on connecting is refused."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the client has closed it
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), name="planted-connection", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while (number := _read_request(stream)) is not None:
                    self.count += 1
                    _send(connection, self._answers[number])
        except OSError:
            pass  # the client went away

    def __repr__(self) -> str:
        return f"<Server {self.url}>"


def _read_request(stream: Any) -> int | None:
    line = stream.readline()
    if not line:
        return None
    length = 0
    while (header := stream.readline()) not in (b"\r\n", b""):
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)
    return int(re.match(rb"\S+ /(\d+)", line)[1])  # type: ignore[index]


def _send(connection: socket.socket, answer: Answer) -> None:
    lines = [f"HTTP/1.1 {answer.status} OK", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    for chunk in answer.chunks:
        connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    connection.sendall(b"0\r\n\r\n")


# what an agent does at each place


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


@replaykit.tool(effect="read")
def look_up(number: int, query: Any, results: dict[int, Any] | None = None) -> Any:
    return RESULTS[number]


@replaykit.tool(effect="read")
async def look_up_async(number: int, query: Any) -> Any:
    return RESULTS[number]


@replaykit.tool(effect="read")
def fail(number: int) -> Any:
    try:
        raise KeyError(str(RESULTS[number]))
    except KeyError as error:
        raise ValueError(f"no answer to {RESULTS[number]}") from error


@replaykit.tool(effect="write")
def post(number: int, query: Any, url: str) -> Any:
    return httpx.post(f"{url}/{number}/inner", json={"query": query}, verify=False, trust_env=False).text


@replaykit.retriever
def search(query: Any, number: int) -> list[dict[str, Any]]:
    return [{"page_content": RESULTS[number] or "nothing", "score": 0.5}]


@replaykit.human
def ask_person(question: str, number: int) -> str:
    return str(RESULTS[number])


RESULTS: dict[int, Any] = {}
"""What the functions find: only there while a run is recorded."""


class Agent:
    """Does what a plan says, sync or async; `seen` is what the clients received."""

    def __init__(self, plan: Plan, url: str) -> None:
        self._plan, self._url = plan, url
        self.seen: dict[int, bytes] = {}
        self.got: list[Any] = []

    def __call__(self) -> None:
        if self._plan.is_async:
            asyncio.run(self._main())
            return
        with self._plan.client.Client(verify=False, trust_env=False, base_url=self._url) as client:
            for step in self._plan.steps:
                for asked in self._asked(step):
                    request = self._request(client, step, asked)
                    with client.stream(**request) as response:
                        self.seen[step.number] = b"".join(response.iter_bytes())
                if step.function is not None:
                    self._call(step)

    async def _main(self) -> None:
        async with self._plan.client.AsyncClient(verify=False, trust_env=False, base_url=self._url) as client:
            for step in self._plan.steps:
                for asked in self._asked(step):
                    async with client.stream(**self._request(client, step, asked)) as response:
                        self.seen[step.number] = b"".join([chunk async for chunk in response.aiter_bytes()])
                if step.function == "async tool":
                    self.got.append(await look_up_async(step.number, step.arguments(step.now())))
                elif step.function is not None:
                    self._call(step)

    def _asked(self, step: Step) -> Iterator[Asked]:
        if step.request is not None:
            yield step.request(step.now())
        if step.function == "hand on":
            yield Asked()
            value = next(iter(json.loads(self.seen[step.number]).values()))
            yield self._sent_back(value)
            end = max(len(value) * 2 // 3, step.secret.value.find(step.secret.parts[0]) + 12)
            yield self._sent_back(value[:end], is_cut=True)

    def _sent_back(self, value: str, *, is_cut: bool = False) -> Asked:
        text = f"it is {value}" if is_cut else f"it is {value} now"
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
        if is_cut:
            return Asked("POST", "/back", (), body)
        headers = (("x-note", value),) if printable(value) else ()
        return Asked("POST", "/back?" + urllib.parse.urlencode({"q": value}), headers, body)

    def _request(self, client: Any, step: Step, asked: Asked) -> dict[str, Any]:
        return {
            "method": asked.method,
            "url": f"/{step.number}{asked.rest}",
            "headers": list(asked.headers),
            "content": asked.content,
        }

    def _call(self, step: Step) -> None:
        arguments = step.arguments(step.now())
        match step.function:
            case "tool" | "async tool":
                self.got.append(look_up(step.number, arguments))
            case "raising tool":
                try:
                    fail(step.number)
                except ValueError as error:
                    self.got.append(str(error))
            case "http tool":
                self.got.append(post(step.number, arguments, self._url))
            case "retriever":
                self.got.append(search(arguments, step.number))
            case "human":
                self.got.append(ask_person("What is it?", step.number))
            case "span":
                with replaykit.span("step", kind="planner", note=arguments):
                    pass


@replaykit.agent("planted")
def enter(agent: Agent, text: str) -> None:
    agent()


def act(plan: Plan, agent: Agent, run: Any) -> None:
    """The block that is recorded and replayed."""
    value = os.environ[plan.end.variable] if plan.end.variable is not None else plan.end.value
    if plan.ending == "entry":
        enter(agent, f"the input: {value}")
    else:
        agent()
    match plan.ending:
        case "output":
            run.finish(output={"answer": f"it is {value}", "got": agent.got})
        case "stop reason":
            run.finish(output=agent.got, stop_reason=f"met {value} there")
        case "exception":
            raise RuntimeError(f"can't go on with {value}")
        case "cause":
            try:
                raise KeyError(f"no {value} in it")
            except KeyError as error:
                raise RuntimeError("can't go on") from error


@dataclass(slots=True)
class Outcome:
    """Of one run: what went wrong, in a line each."""

    planted: int
    wrong: list[str]


@contextmanager
def listening() -> Iterator[Callable[[], str]]:
    """Gives all that was logged, warned of and printed as an error meanwhile."""
    records: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(logging.Formatter().format(record))

    handler, stderr = Handler(), io.StringIO()
    logging.getLogger("replaykit").addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as warned, redirect_stderr(stderr):
            warnings.simplefilter("always")
            yield lambda: "\n".join([*records, *(str(item.message) for item in warned), stderr.getvalue()])
    finally:
        logging.getLogger("replaykit").removeHandler(handler)


def run(seed: int, store: Path, count: int = PLANTS_A_RUN) -> Outcome:
    """Records one plan, looks through everything that was written, and replays it with the server gone."""
    plan = make_plan(seed, count)
    os.environ.update(plan.variables)
    if plan.has_key:
        os.environ["REPLAYKIT_KEY"] = "the-key-of-the-project-7Q"
    try:
        with listening() as heard:
            wrong = _recorded_and_replayed(plan, store, heard)
    finally:
        for name in (*plan.variables, "REPLAYKIT_KEY"):
            os.environ.pop(name, None)
        RESULTS.clear()
    return Outcome(len(plan.steps) + 1, [f"seed {seed}: {line}" for line in wrong])


def _recorded_and_replayed(plan: Plan, store: Path, heard: Callable[[], str]) -> list[str]:
    RESULTS.update({step.number: step.result for step in plan.steps})
    server = Server({step.number: step.answer for step in plan.steps})
    agent = Agent(plan, server.url)
    workflow = f"plan for {plan.end.value}" if plan.ending == "workflow" else "planted"
    tags = {"who": plan.end.value} if plan.ending == "tags" else {}
    blobs: list[bytes] = []
    recorder = None
    try:
        with replaykit.record(workflow, store=store, tags=tags) as recorder:
            try:
                act(plan, agent, recorder)
            finally:
                drain()
                blobs += _files(store)
            if plan.ending == "verdict":
                recorder.verdict(passed=False, reason=f"met {plan.end.value}")
    except RuntimeError as error:
        if not str(error).startswith("can't go on"):
            raise
    assert recorder is not None
    if plan.ending == "late verdict":
        recorder.verdict(passed=False, reason=f"met {plan.end.value}")
    path = recorder.packet_path
    server.close()
    wrong = [
        f"{step.how}: the client saw something else"
        for step in plan.steps
        if step.expected is not None and step.function is None and agent.seen[step.number] != step.expected
    ]
    if path is None:
        return [*wrong, "no packet"]
    blobs += _files(store)
    lines = {line for blob in blobs for line in blob.splitlines()}
    names = "\n".join(str(file.relative_to(store)) for file in store.rglob("*"))
    report = _replayed(plan, path, server.url, wrong)
    texts = all_texts([*lines, report.encode(), heard().encode(), names.encode()])
    for secret, how in plan.secrets():
        found = leaked(secret, texts, lambda: all_texts([without_own_numbers(lines)]))
        if found:
            wrong.append(f"{secret.kind} in {how} leaked {found[:3]} of {secret.value!r}")
    for file in store.rglob("*"):
        file.unlink()
    return wrong


def _files(store: Path) -> list[bytes]:
    return [file.read_bytes() for file in store.rglob("*") if file.is_file()]


def _replayed(plan: Plan, path: Path, url: str, wrong: list[str]) -> str:
    """What the replay reported; why it was not exact is added to `wrong`."""
    if not plan.keeps_variables:
        for name in plan.variables:
            os.environ.pop(name, None)
    RESULTS.clear()
    rerun: Any = None
    said = ""
    try:
        with replaykit.replay(path) as rerun:
            act(plan, Agent(plan, url), rerun)
    except RuntimeError as error:
        if not str(error).startswith("can't go on"):
            raise
    except replaykit.Divergence as divergence:
        said = f"{divergence}"
        where = _step_of(plan, divergence)
        wrong.append(f"does not replay: {divergence.position} {divergence.root_cause} [{where}]")
    if rerun is None:
        return said
    if not rerun.report.ok and not said:
        wrong.append(f"not the same run: {rerun.report.summary()}")
    return f"{said}\n{rerun.report.summary()}\n{rerun.report.to_json()}"


def _step_of(plan: Plan, divergence: replaykit.Divergence) -> str:
    """Where that probably was, in words."""
    numbers = {int(found) for found in re.findall(r"/(\d+)[/?#\s\"]", str(divergence))}
    return "; ".join(f"{step.secret.kind} in {step.how}" for step in plan.steps if step.number in numbers)
