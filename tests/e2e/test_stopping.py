"""A replay that leaves its recording stops there: at once, once, and whatever the agent swallows."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import replaykit
from replaykit.errors import Divergence
from replaykit.serve.scripted import Rule
from tests.conftest import LoopFactory
from tests.e2e.conftest import MakeStage
from tests.e2e.helpers import Stage, run_on, user

openai = pytest.importorskip("openai")
anyio = pytest.importorskip("anyio")

MODEL = "gpt-4o-mini"
GRACE_S = 0.2


class Counted:
    """Counts the attempts that a client makes, by the hook that httpx calls for each."""

    def __init__(self) -> None:
        self.attempts = 0

    def sync(self, sdk: Any = openai) -> Any:
        def count(request: Any) -> None:
            self.attempts += 1

        return sdk.DefaultHttpxClient(event_hooks={"request": [count]})

    def asynchronous(self, sdk: Any = openai) -> Any:
        async def count(request: Any) -> None:
            self.attempts += 1

        return sdk.DefaultAsyncHttpxClient(event_hooks={"request": [count]})


def stops(play: Stage, act: Callable[[], Any], **options: Any) -> Divergence:
    """Replays until it diverges; what comes out is the bare divergence."""
    with pytest.raises(BaseException) as caught:
        play.replay(act, grace_s=GRACE_S, **options)
    error = caught.value
    assert type(error) is Divergence, repr(error)
    assert error.__cause__ is None
    assert not play.report.ok
    return error


def stops_within_one_attempt(play: Stage, act: Callable[[str, Counted], Any]) -> None:
    recording = Counted()
    play.record(lambda: act("careful", recording))
    counted = Counted()

    assert stops(play, lambda: act("cautious", counted)).root_cause == "prompt"
    assert counted.attempts == 1
    assert recording.attempts == 2


def ask(client: Any, text: str) -> str:
    return client.chat.completions.create(model=MODEL, messages=user(text)).choices[0].message.content


async def ask_async(client: Any, text: str) -> str:
    return (await client.chat.completions.create(model=MODEL, messages=user(text))).choices[0].message.content


def test_the_openai_sdk_makes_one_attempt(stage: MakeStage) -> None:
    def act(word: str, counted: Counted) -> list[str]:
        with counted.sync() as http, openai.OpenAI(http_client=http, max_retries=5) as client:
            return [ask(client, f"be {word}"), ask(client, "go on")]

    stops_within_one_attempt(stage(), act)


def test_the_async_openai_sdk_makes_one_attempt(stage: MakeStage, loop_factory: LoopFactory) -> None:
    def act(word: str, counted: Counted) -> list[str]:
        async def main() -> list[str]:
            async with counted.asynchronous() as http, openai.AsyncOpenAI(http_client=http, max_retries=5) as client:
                return [await ask_async(client, f"be {word}"), await ask_async(client, "go on")]

        return run_on(loop_factory, main)()

    stops_within_one_attempt(stage(), act)


def test_the_anthropic_sdk_makes_one_attempt(stage: MakeStage) -> None:
    anthropic = pytest.importorskip("anthropic")
    options = {"model": "claude-scripted", "max_tokens": 9}

    def act(word: str, counted: Counted) -> list[str]:
        with counted.sync(anthropic) as http, anthropic.Anthropic(http_client=http, max_retries=5) as client:
            texts = (f"be {word}", "go on")
            return [client.messages.create(messages=user(text), **options).content[0].text for text in texts]

    stops_within_one_attempt(stage(), act)


def test_langchain_neither_retries_nor_falls_back(stage: MakeStage) -> None:
    chat = pytest.importorskip("langchain_openai").ChatOpenAI

    def act(word: str, counted: Counted) -> list[str]:
        with counted.sync() as http:
            model = chat(model=MODEL, http_client=http)
            chain = model.with_retry(stop_after_attempt=5).with_fallbacks([chat(model="other", http_client=http)])
            return [chain.invoke(f"be {word}").content, chain.invoke("go on").content]

    stops_within_one_attempt(stage(), act)


def test_pydantic_ai_does_not_retry(stage: MakeStage, loop_factory: LoopFactory) -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai")
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    def act(word: str, counted: Counted) -> list[str]:
        async def main() -> list[str]:
            async with counted.asynchronous() as http, openai.AsyncOpenAI(http_client=http) as client:
                model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))
                agent = pydantic_ai.Agent(model, retries=5)
                return [(await agent.run(text)).output for text in (f"be {word}", "go on")]

        return run_on(loop_factory, main)()

    stops_within_one_attempt(stage(), act)


@pytest.fixture
def recorded(stage: MakeStage) -> Stage:
    """Two calls, `one` and then `two`, on the main line of the run."""
    play = stage()
    with openai.OpenAI(api_key="k") as client:
        play.record(lambda: [ask(client, "one"), ask(client, "two")])
    return play


def test_an_agent_that_swallows_everything_fails_at_the_close(recorded: Stage) -> None:
    messages: list[str] = []

    def act() -> list[str]:
        with openai.OpenAI() as client:
            for text in ("changed", "two"):
                try:
                    ask(client, text)
                except BaseException as error:
                    messages.append(str(error))
        return ["answer 1", "answer 2"]

    assert "changed" in str(stops(recorded, act))
    assert messages[0] == messages[1]
    assert recorded.report.divergences[0].position == "llm:chat[0]"


def test_a_bare_thread_does_not_hide_it(recorded: Stage) -> None:
    def act() -> list[str]:
        def work() -> None:
            try:
                with openai.OpenAI() as client:
                    ask(client, "changed")
            except BaseException:
                pass  # a thread that dies of it would also only print it

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return ["answer 1", "answer 2"]

    stops(recorded, act)


def test_an_executor_does_not_hide_it(recorded: Stage) -> None:
    def act() -> list[str]:
        with openai.OpenAI() as client, ThreadPoolExecutor(2) as pool:
            pool.submit(ask, client, "changed").exception()
        return ["answer 1", "answer 2"]

    stops(recorded, act)


async def in_a_gather(call: Callable[[], Awaitable[str]]) -> None:
    await asyncio.gather(call(), call(), return_exceptions=True)


async def in_a_task_group(call: Callable[[], Awaitable[str]]) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(call())  # type: ignore[arg-type]  # it is a coroutine function


async def in_an_anyio_group(call: Callable[[], Awaitable[str]]) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(call)


async def in_a_queue_worker(call: Callable[[], Awaitable[str]]) -> None:
    """The worker dies, and `join` would wait for ever."""
    jobs: asyncio.Queue[int] = asyncio.Queue()
    jobs.put_nowait(1)

    async def work() -> None:
        await jobs.get()
        try:
            await call()
        except BaseException:
            return
        jobs.task_done()

    worker = asyncio.create_task(work())
    await jobs.join()
    await worker


@pytest.mark.parametrize("how", [in_a_gather, in_a_task_group, in_an_anyio_group, in_a_queue_worker])
def test_no_group_hides_it_or_waits_for_ever(recorded: Stage, loop_factory: LoopFactory, how: Any) -> None:
    async def main() -> list[str]:
        async with openai.AsyncOpenAI() as client:

            async def call() -> str:
                return await ask_async(client, "changed")

            await how(call)
        return ["answer 1", "answer 2"]

    stops(recorded, run_on(loop_factory, main))


@pytest.mark.parametrize("how", [in_a_gather, in_a_task_group, in_an_anyio_group, in_a_queue_worker])
def test_a_replay_inside_a_task_raises_it_bare_too(recorded: Stage, loop_factory: LoopFactory, how: Any) -> None:
    """`async with replay` in the agent's own loop: the watchdog's cancellation ends at the close."""

    async def main() -> str:
        async with openai.AsyncOpenAI(api_key="k") as client:

            async def call() -> str:
                return await ask_async(client, "changed")

            try:
                async with replaykit.replay(recorded.path, grace_s=GRACE_S):
                    await how(call)
            except Divergence as error:
                await asyncio.sleep(0)  # and the task is not left cancelled
                return type(error).__name__
        return "no divergence"

    assert run_on(loop_factory, main)() == "Divergence"


def test_a_main_thread_that_waits_for_a_dead_worker_is_freed(recorded: Stage) -> None:
    def act() -> None:
        jobs: queue.Queue[int] = queue.Queue()
        jobs.put(1)

        def work() -> None:
            jobs.get()
            try:
                with openai.OpenAI() as client:
                    ask(client, "changed")
            except BaseException:
                return
            jobs.task_done()

        threading.Thread(target=work, name="worker", daemon=True).start()
        jobs.join()

    stops(recorded, act)
    assert any("MainThread waits at" in note for note in recorded.report.notes)


def test_code_after_the_last_call_that_changes_the_output_fails(recorded: Stage) -> None:
    with openai.OpenAI(api_key="k") as client, pytest.raises(Divergence, match="output"):
        recorded.replay(lambda: [ask(client, "one"), ask(client, "two").upper()])


def test_an_entry_point_that_returns_something_else_fails(stage: MakeStage) -> None:
    play = stage(Rule(reply="fine"))
    endings = {"then": "!", "now": "?"}

    def act(when: str) -> str:
        @replaykit.agent("helper")
        def helper(question: str) -> str:
            with openai.OpenAI() as client:
                return ask(client, question) + endings[when]

        return helper("well?")

    play.record(lambda: act("then"), declares_output=False)
    with pytest.raises(Divergence, match=r"fine\?"):
        play.replay(lambda: act("now"), declares_output=False)


def test_another_exception_at_the_end_fails(stage: MakeStage) -> None:
    play = stage()

    def act(kind: type[Exception]) -> None:
        with openai.OpenAI() as client:
            ask(client, "one")
        raise kind("bad luck")

    with pytest.raises(ValueError, match="bad luck"):
        play.record(lambda: act(ValueError))
    with pytest.raises(ValueError, match="bad luck"):
        play.replay(lambda: act(ValueError))
    assert play.report.ok
    with pytest.raises(KeyError):
        play.replay(lambda: act(KeyError))
    assert not play.report.ok
