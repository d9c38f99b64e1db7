"""Methods of sockets ask while a gate is in force, once, and only for code of a run."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from replaykit.determinism import lineage
from replaykit.determinism.crossing import inside_transport
from replaykit.errors import EgressRefused
from tests.interceptors.test_guard_support import guarded

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A client, and what a closed listener accepted."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=5)
        accepted, _ = listening.accept()
    with client, accepted:
        yield client, accepted


@pytest.fixture
def in_a_run() -> Iterator[None]:
    root = lineage.begin(object())
    yield
    lineage.end(root)


def write_to_file(sock: socket.socket) -> None:
    with sock.makefile("wb", buffering=0) as file:
        file.write(b"x")


SENDS = {
    "send": lambda sock: sock.send(b"x"),
    "sendall": lambda sock: sock.sendall(b"x"),
    "sendmsg": lambda sock: sock.sendmsg([b"x"]),
    "makefile": write_to_file,
    "recv": lambda sock: sock.recv(1),
    "recv_into": lambda sock: sock.recv_into(bytearray(1)),
}


@pytest.mark.parametrize("way", SENDS)
@pytest.mark.usefixtures("in_a_run")
def test_every_way_over_an_open_socket_asks(pair: Pair, way: str) -> None:
    client, accepted = pair
    accepted.sendall(b"x")

    with guarded() as gate, pytest.raises(EgressRefused):
        SENDS[way](client)
    assert [egress.kind for egress in gate.asked] == ["send"]


def test_code_of_no_run_is_not_asked(pair: Pair) -> None:
    with guarded() as gate:
        pair[0].sendall(b"x")
    assert gate.asked == []


@pytest.mark.usefixtures("in_a_run")
def test_it_is_asked_once_for_each_set_of_gates(pair: Pair) -> None:
    client, _ = pair
    peer = f"127.0.0.1:{client.getpeername()[1]}"
    for _ in range(2):
        with guarded(peer) as gate:
            client.sendall(b"x")
            client.sendall(b"x")
        assert [egress.target for egress in gate.asked] == [peer]


@pytest.mark.usefixtures("in_a_run")
def test_a_socket_of_a_hooked_transport_is_its_own_business(pair: Pair) -> None:
    client, _ = pair
    with guarded() as gate:
        with inside_transport():
            client.sendall(b"x")
        client.sendall(b"x")
    assert gate.asked == []


@pytest.mark.usefixtures("in_a_run")
def test_an_accepted_socket_whose_listener_is_gone_is_no_egress() -> None:
    with guarded("127.0.0.1") as gate:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname(), timeout=5)
            accepted, _ = listening.accept()
        with client, accepted:
            accepted.sendall(b"x")
    assert [egress.kind for egress in gate.asked] == ["connect"]


@pytest.mark.usefixtures("in_a_run")
def test_a_socket_without_a_peer_fails_as_ever() -> None:
    with guarded() as gate, socket.socket() as sock, pytest.raises(OSError):
        sock.send(b"x")
    assert gate.asked == []


def test_the_methods_are_put_back(pair: Pair) -> None:
    before = (socket.socket.send, socket.socket.accept, ssl.SSLSocket.send)
    with guarded():
        assert socket.socket.send is not before[0]
    assert (socket.socket.send, socket.socket.accept, ssl.SSLSocket.send) == before
    assert "send" not in vars(socket.socket)
