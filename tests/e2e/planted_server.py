"""A server that sends prepared bytes over real sockets, and is gone when it is closed."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from typing import Any


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
