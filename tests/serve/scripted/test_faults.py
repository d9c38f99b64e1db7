from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from replaykit.serve.scripted import Fault, Route, Rule, ScriptedServer
from tests.serve.scripted.clients import anthropic_options, causes, chat, connect, fetch, openai_options, user
from tests.serve.scripted.conftest import Serve

FINE = Rule(reply="fine")
RETRIED = [Fault.rate_limited(0.01), Fault.status(500, headers={"retry-after-ms": "10"})]


def ask_openai(server: ScriptedServer, **options: Any) -> Any:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(**openai_options(server, **options)) as client:
        return client.chat.completions.create(model="m", messages=user("hi")).choices[0].message.content


def ask_anthropic(server: ScriptedServer, **options: Any) -> Any:
    anthropic = pytest.importorskip("anthropic")
    with anthropic.Anthropic(**anthropic_options(server, **options)) as client:
        return client.messages.create(model="m", max_tokens=9, messages=user("hi")).content[0].text


def stream_openai(server: ScriptedServer, seen: list[Any]) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(**openai_options(server)) as client:
        seen.extend(client.chat.completions.create(model="m", messages=user("hi"), stream=True))


def stream_anthropic(server: ScriptedServer, seen: list[Any]) -> None:
    anthropic = pytest.importorskip("anthropic")
    with (
        anthropic.Anthropic(**anthropic_options(server)) as client,
        client.messages.stream(model="m", max_tokens=9, messages=user("hi")) as stream,
    ):
        seen.extend(stream)


ASKS = pytest.mark.parametrize("ask", [ask_openai, ask_anthropic])
STREAMS = pytest.mark.parametrize("stream", [stream_openai, stream_anthropic])


@ASKS
@pytest.mark.parametrize("fault", RETRIED, ids=["rate limit", "server error"])
def test_sdk_retries_until_the_fault_is_used_up(serve: Serve, ask: Any, fault: Fault) -> None:
    server = serve(Rule(fault=fault, times=2), FINE)

    assert ask(server, max_retries=2) == "fine"
    assert [request.answered_by.fault for request in server.requests] == [fault, fault, None]


@ASKS
def test_sdk_waits_as_long_as_retry_after_says(serve: Serve, ask: Any) -> None:
    server = serve(Rule(fault=Fault.rate_limited(retry_after_s=0.3), times=1), FINE)

    ask(server, max_retries=1)

    first, second = server.requests
    assert second.started_s - first.started_s > 0.29


def test_async_sdk_retries_too(serve: Serve) -> None:
    openai = pytest.importorskip("openai")
    server = serve(Rule(fault=Fault.rate_limited(0.01), times=2), FINE)

    async def ask() -> str:
        async with openai.AsyncOpenAI(**openai_options(server, max_retries=2)) as client:
            answer = await client.chat.completions.create(model="m", messages=user("hi"))
            return answer.choices[0].message.content

    assert asyncio.run(ask()) == "fine"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *((400, "BadRequestError"), (401, "AuthenticationError"), (404, "NotFoundError")),
        *((429, "RateLimitError"), (500, "InternalServerError")),
    ],
)
@ASKS
def test_status_raises_the_error_class_of_the_sdk(serve: Serve, ask: Any, code: int, name: str) -> None:
    server = serve(Rule(fault=Fault.status(code, "as the script says")))

    with pytest.raises(Exception, match="as the script says") as error:
        ask(server)

    assert type(error.value).__name__ == name


def test_overload_of_anthropic_has_a_class_of_its_own(serve: Serve) -> None:
    anthropic = pytest.importorskip("anthropic")
    server = serve(Rule(fault=Fault.status(529)))

    with pytest.raises(anthropic.InternalServerError) as error:
        ask_anthropic(server)

    assert error.value.body["error"]["type"] == "overloaded_error"


@ASKS
def test_timeout_lasts_until_the_client_gives_up(serve: Serve, ask: Any) -> None:
    server = serve(Rule(fault=Fault.timeout()))

    with pytest.raises(Exception, match="timed out") as error:
        ask(server, timeout=0.2)

    assert "ReadTimeout" in causes(error.value)
    assert server.wait_until(lambda s: s.open_connections == 0)


@pytest.mark.parametrize("after_chunks", [0, 1])
@ASKS
def test_reset_of_a_whole_answer_is_a_connection_error(serve: Serve, ask: Any, after_chunks: int) -> None:
    server = serve(Rule(fault=Fault.reset(after_chunks)))

    with pytest.raises(Exception, match="Connection error") as error:
        ask(server)

    assert "ReadError" in causes(error.value)


@STREAMS
def test_reset_in_a_stream_comes_after_the_chunks_before_it(serve: Serve, stream: Any) -> None:
    server = serve(Rule(reply="a rather long answer", fault=Fault.reset(after_chunks=4)))
    seen: list[Any] = []

    with pytest.raises(Exception) as error:
        stream(server, seen)

    assert "ReadError" in causes(error.value)
    assert seen


def test_reset_lets_exactly_so_many_chunks_through(serve: Serve) -> None:
    server = serve(Rule(reply="a rather long answer", fault=Fault.reset(after_chunks=3)))
    seen: list[Any] = []

    with pytest.raises(Exception):  # noqa: B017 - which one is the test above
        stream_openai(server, seen)

    assert len(seen) == 3


@STREAMS
def test_closed_stream_is_an_incomplete_body(serve: Serve, stream: Any) -> None:
    server = serve(Rule(fault=Fault.close(after_bytes=300)))

    with pytest.raises(Exception, match=r"incomplete chunked read|Connection error") as error:
        stream(server, [])

    assert "RemoteProtocolError" in causes(error.value)


def test_close_sends_exactly_so_many_bytes_of_the_promised_body(serve: Serve) -> None:
    server = serve(routes=[Route("GET", "/t", json={"text": "x" * 100}, fault=Fault.close(after_bytes=10))])

    with connect(server) as connection:
        connection.sendall(b"GET /t HTTP/1.1\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(4096), b""))

    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-length: 111" in head
    assert body == b'{"text":"x'


@ASKS
def test_malformed_json_is_a_parse_error(serve: Serve, ask: Any) -> None:
    server = serve(Rule(fault=Fault.malformed_json()))

    with pytest.raises(json.JSONDecodeError):
        ask(server)


@STREAMS
def test_malformed_json_in_a_stream_comes_with_the_second_event(serve: Serve, stream: Any) -> None:
    server = serve(Rule(fault=Fault.malformed_json()))
    seen: list[Any] = []

    with pytest.raises(json.JSONDecodeError):
        stream(server, seen)

    assert len(seen) == 1


@STREAMS
def test_error_event_in_a_stream_is_raised_by_the_sdk(serve: Serve, stream: Any) -> None:
    server = serve(Rule(fault=Fault.stream_error(after_chunks=2, message="too busy")))
    seen: list[Any] = []

    with pytest.raises(Exception, match="too busy"):
        stream(server, seen)

    assert len(seen) == 2


def test_connection_is_reused_after_an_error_status(serve: Serve) -> None:
    server = serve(Rule(fault=Fault.rate_limited(0.01), times=2), FINE)

    ask_openai(server, max_retries=2)

    assert (server.count, server.connections) == (3, 1)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/embeddings"), ("POST", "/v1/messages/count_tokens")]
)
def test_rule_with_a_path_spoils_what_needs_no_rule(serve: Serve, method: str, path: str) -> None:
    server = serve(Rule(path=path, fault=Fault.status(503), times=1))
    body = {"model": "m", "input": "x", "messages": []} if method == "POST" else None

    assert [fetch(server, method, path, body)[0] for _ in range(2)] == [503, 200]


def test_fault_of_a_route_is_the_route_s_alone(serve: Serve) -> None:
    server = serve(FINE, routes=[Route("GET", "/weather", json={}, fault=Fault.status(502), times=1)])

    assert fetch(server, "GET", "/weather")[0] == 502
    assert fetch(server, "GET", "/weather")[0] == 404
    assert chat(server, "hi")[0] == 200


def test_reset_is_a_reset_and_no_end_of_stream(serve: Serve) -> None:
    server = serve(routes=[Route("GET", "/t", json=1, fault=Fault.reset())])

    with connect(server) as connection, pytest.raises(ConnectionResetError):
        connection.sendall(b"GET /t HTTP/1.1\r\n\r\n")
        connection.recv(1)


def test_reset_in_the_head_leaves_half_a_head(serve: Serve) -> None:
    server = serve(routes=[Route("GET", "/t", json=1, fault=Fault.reset_in_head())])

    with connect(server) as connection, pytest.raises(ConnectionResetError):
        connection.sendall(b"GET /t HTTP/1.1\r\n\r\n")
        received = connection.recv(4096)
        assert received.startswith(b"HTTP/1.1 200")
        assert b"\r\n\r\n" not in received
        connection.recv(1)
