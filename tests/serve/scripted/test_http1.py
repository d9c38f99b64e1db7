from __future__ import annotations

import gzip
import json
import zlib

import pytest

from replaykit.serve.scripted import Route, Rule
from tests.serve.scripted.clients import chat, connect, fetch
from tests.serve.scripted.conftest import Serve

BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


def exchange(server_socket, request: bytes) -> bytes:
    """Send a request whose answer has a content-length, and read it whole."""
    server_socket.sendall(request)
    received = b""
    while b"\r\n\r\n" not in received:
        received += server_socket.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += server_socket.recv(65536)
    return body


def http_chunks(body: bytes) -> list[bytes]:
    chunks = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]
    return chunks


def test_head_names_request_and_content_as_the_api_does(serve: Serve) -> None:
    server = serve(Rule(reply="x", headers={"x-extra": "1", "Server": "mine"}))

    _, headers, _ = chat(server, "hi")

    assert headers["x-request-id"].startswith("req_")
    assert headers["openai-processing-ms"].isdigit()
    assert headers["content-type"] == "application/json"
    assert headers["date"] == "Tue, 14 Nov 2023 22:13:21 GMT"
    assert (headers["x-extra"], headers["server"]) == ("1", "mine")


def test_gzip_body_unpacks_to_the_answer(serve: Serve) -> None:
    server = serve(Rule("plain", "größer"), Rule(reply="größer", encoding="gzip"))
    plain = chat(server, "plain")[2]
    server.reset()

    _, headers, body = chat(server, "zipped")

    assert headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(body))["choices"] == json.loads(plain)["choices"]


def test_gzip_stream_can_be_read_chunk_by_chunk(serve: Serve) -> None:
    server = serve(Rule(reply="one two three", encoding="gzip", chunk_size=4))

    with connect(server) as connection:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        body = BODY[:-1] + b',"stream":true}'
        connection.sendall(head % len(body) + body)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    *events, tail, end = http_chunks(received.partition(b"\r\n\r\n")[2])

    decompressor = zlib.decompressobj(wbits=31)
    texts = [decompressor.decompress(event) for event in events]
    assert all(text.startswith(b"data: ") and text.endswith(b"\n\n") for text in texts)
    assert (decompressor.decompress(tail), end, decompressor.eof) == (b"", b"", True)


@pytest.mark.parametrize("wire_chunk_bytes", [1, 7, 100_000])
def test_stream_cut_anywhere_holds_the_same_bytes(serve: Serve, wire_chunk_bytes: int) -> None:
    server = serve(Rule(reply="größer", wire_chunk_bytes=wire_chunk_bytes))
    whole = serve(Rule(reply="größer"))

    assert chat(server, "x", stream=True)[2] == chat(whole, "x", stream=True)[2]


def test_connection_answers_one_request_after_another(serve: Serve) -> None:
    server = serve(Rule(reply="x"))

    with connect(server) as connection:
        request = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
        answers = [exchange(connection, request) for _ in range(3)]

    assert (len(set(answers)), server.connections, server.count) == (3, 1, 3)


def test_request_body_may_come_in_chunks(serve: Serve) -> None:
    server = serve(Rule(reply="x"))

    with connect(server) as connection:
        head = b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
        halves = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:9], BODY[9:]))
        exchange(connection, head + halves + b"0\r\n\r\n")

    assert server.requests[0].body == BODY


def test_client_that_expects_100_continue_gets_it(serve: Serve) -> None:
    server = serve(Rule(reply="x"))

    with connect(server) as connection:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(BODY))
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        exchange(connection, BODY)

    assert server.count == 1


def test_head_request_gets_no_body(serve: Serve) -> None:
    server = serve(routes=[Route("HEAD", "/file", text="12345")])

    status, headers, body = fetch(server, "HEAD", "/file")

    assert (status, headers["content-length"], body) == (200, "5", b"")


@pytest.mark.parametrize(
    "request_bytes",
    [b"hello\r\n\r\n", b"GET /\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"],
    ids=["one word", "no version", "no length"],
)
def test_what_is_no_http_gets_a_bad_request_and_is_closed(serve: Serve, request_bytes: bytes) -> None:
    server = serve()

    with connect(server) as connection:
        connection.sendall(request_bytes)
        received = b"".join(iter(lambda: connection.recv(4096), b""))

    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert server.count == 0
