"""Runs in which secrets are planted at every boundary: recorded over sockets, looked through, replayed offline."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import sys
import tempfile
import time
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import replaykit
from replaykit.session.writer import drain
from tests.e2e.planted_plans import PLANTS_A_RUN, Asked, Plan, Step, make_plan
from tests.e2e.planted_server import Server
from tests.sanitizer.leaks import all_texts, leaked, without_own_numbers
from tests.sanitizer.planting import printable


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
    tempfile.tempdir = str(store)  # what is written there for a moment is looked through, too
    if plan.has_key:
        os.environ["REPLAYKIT_KEY"] = "the-key-of-the-project-7Q"
    try:
        with listening() as heard:
            wrong = _recorded_and_replayed(plan, store, heard)
    finally:
        for name in (*plan.variables, "REPLAYKIT_KEY"):
            os.environ.pop(name, None)
        RESULTS.clear()
        tempfile.tempdir = None
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


def main(arguments: list[str]) -> int:
    """`python -m tests.e2e.planted [RUNS] [FIRST SEED]`: what is wrong, a line each, and the figures."""
    count, first = map(int, (arguments + ["1700", "0"][len(arguments) :])[:2])
    began = time.perf_counter()
    planted, wrong = 0, []
    with tempfile.TemporaryDirectory() as store:
        for seed in range(first, first + count):
            outcome = run(seed, Path(store))
            planted += outcome.planted
            wrong += outcome.wrong
            print(*outcome.wrong, sep="\n", end="\n" if outcome.wrong else "", flush=True)  # noqa: T201
    leaks = sum(" leaked " in line for line in wrong)
    took_s = time.perf_counter() - began
    print(f"planted {planted} in {count} runs: {leaks} leaks, {len(wrong) - leaks} not exact, {took_s:.0f} s")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
