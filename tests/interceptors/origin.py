"""An HTTP server whose every byte is in the hands of the test; for what clients do with bodies, headers and errors."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

TEXT = b"The quick brown fox jumps over the lazy dog. " * 40
WAIT_S = 20.0


class Origin:
    """Serves the paths below `Handler` until `stop`; counts requests.

    Attributes:
        sign: The client's sign that it has the last chunk; `/signed` sends the next one only then.
    """

    def __init__(self) -> None:
        self.sign = threading.Semaphore(0)
        self.count = 0
        self.waiting = threading.Semaphore(0)
        self._connections: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"origin": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.01), name="origin", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def came(self, connection: socket.socket) -> None:
        self.count += 1
        self._connections.add(connection)

    def stop(self) -> None:
        """Stops listening and drops open connections."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(WAIT_S)
            for connection in self._connections:
                connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = WAIT_S
    origin: ClassVar[Origin]

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            pass  # the client went away, as some tests have it do

    def do_GET(self) -> None:
        self.origin.came(self.connection)
        self.sent_body = self._read_body()
        name = self.path.partition("?")[0].strip("/").partition("/")[0]
        PATHS[name](self)

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

    def _read_body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.head(status, ("content-length", str(len(body))), *((k.replace("_", "-"), v) for k, v in headers.items()))
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def begin_chunks(self, *headers: tuple[str, str]) -> None:
        self.head(200, ("transfer-encoding", "chunked"), ("content-type", "text/plain"), *headers)

    def wait_for_sign(self) -> None:
        assert self.origin.sign.acquire(timeout=WAIT_S)


def _echo(handler: Handler) -> None:
    seen = {
        "method": handler.command,
        "path": handler.path,
        "length": len(handler.sent_body),
        "text": handler.sent_body.decode("latin-1"),
    }
    handler.answer(200, json.dumps(seen).encode(), content_type="application/json")


def _number(handler: Handler) -> None:
    handler.answer(200, str(handler.origin.count).encode(), content_type="text/plain")


def _repeated(handler: Handler) -> None:
    handler.head(200, ("x-shard", "one"), ("x-shard", "two"), ("x-case", "Kept As Is"), ("content-length", "0"))


def _signed(handler: Handler) -> None:
    handler.begin_chunks()
    for data in (b"first", b"second", b"third"):
        handler.chunk(data)
        handler.wait_for_sign()
    handler.wfile.write(b"0\r\n\r\n")


def _reset(handler: Handler) -> None:
    handler.begin_chunks()
    handler.chunk(b"before the reset")
    handler.wait_for_sign()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.shutdown(socket.SHUT_RD)
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()
    handler.close_connection = True


def _cut(handler: Handler) -> None:
    """Promises more than it sends."""
    handler.head(200, ("content-length", "1000"))
    handler.wfile.write(b"half of it")
    handler.close_connection = True


def _never(handler: Handler) -> None:
    handler.origin.waiting.release()
    handler.connection.recv(1)  # until the client goes


def _stalls(handler: Handler) -> None:
    handler.begin_chunks()
    handler.chunk(b"before the stall")
    _never(handler)


def _encoded(handler: Handler) -> None:
    name = handler.path.rpartition("/")[2]
    body = ENCODERS[name](TEXT)
    handler.begin_chunks(("content-encoding", name))
    for start in range(0, len(body), 32):
        handler.chunk(body[start : start + 32])
    handler.wfile.write(b"0\r\n\r\n")


def _redirect(handler: Handler) -> None:
    status = int(handler.path.rpartition("/")[2])
    handler.answer(status, b"gone", location="/echo")


def _login(handler: Handler) -> None:
    handler.answer(200, b"welcome", set_cookie="session=abc123; Path=/")


def _basket(handler: Handler) -> None:
    is_known = "session=abc123" in handler.headers.get("cookie", "")
    handler.answer(200 if is_known else 403, b"three apples" if is_known else b"who are you")


def _digest(handler: Handler) -> None:
    if handler.headers.get("authorization", "").startswith("Digest "):
        handler.answer(200, b"let in")
    else:
        challenge = f'Digest realm="r", qop="auth", algorithm=MD5, nonce="{handler.origin.count:032x}"'
        handler.answer(401, b"prove it", www_authenticate=challenge)


def _empty(handler: Handler) -> None:
    handler.head(204)


def _phrased(handler: Handler) -> None:
    """A status with the phrase that the path says, or with none."""
    handler.wfile.write(f"HTTP/1.1 429 {handler.path.rpartition('/')[2].replace('-', ' ')}\r\n".encode())
    handler.wfile.write(b"content-length: 0\r\n\r\n")


def _sized(handler: Handler) -> None:
    handler.answer(200, TEXT, content_type="text/plain")


def _raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)


def _brotli(data: bytes) -> bytes:
    import brotli

    return bytes(brotli.compress(data))


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": _raw_deflate,
    "br": _brotli,
    "zstd": _zstd,
}

PATHS: dict[str, Callable[[Handler], None]] = {
    "echo": _echo,
    "number": _number,
    "repeated": _repeated,
    "signed": _signed,
    "reset": _reset,
    "cut": _cut,
    "never": _never,
    "stalls": _stalls,
    "encoded": _encoded,
    "redirect": _redirect,
    "login": _login,
    "basket": _basket,
    "digest": _digest,
    "empty": _empty,
    "phrased": _phrased,
    "sized": _sized,
}
