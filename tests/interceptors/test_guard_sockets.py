from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from replaykit.interceptors import guard_sockets
from replaykit.interceptors.guard import OpenSocket, connected_sockets
from tests.interceptors.test_guard_support import Listener


def _port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def test_connected_client_is_listed_and_its_accepted_end_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            found = connected_sockets()

        ours = [entry for entry in found.sockets if f":{_port(server)}" in entry.local + entry.peer]
        assert ours == [OpenSocket(f"127.0.0.1:{_port(client)}", f"127.0.0.1:{_port(server)}", "tcp")]
        assert found.is_complete


def test_address_of_version_4_inside_version_6_is_listed_as_version_4() -> None:
    with Listener() as listener, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", listener.port))

        peers = [entry.peer for entry in connected_sockets().sockets]
        assert f"127.0.0.1:{listener.port}" in peers


def test_connected_udp_socket_is_listed_and_an_unconnected_one_is_not() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as connected, socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        connected.connect(bound.getsockname())
        found = connected_sockets().sockets

        ours = [entry for entry in found if entry.kind == "udp" and f":{_port(bound)}" in entry.local + entry.peer]
        assert [entry.peer for entry in ours] == [f"127.0.0.1:{_port(bound)}"]


def test_connected_unix_socket_with_a_path_is_listed(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with Listener(socket.AF_UNIX, path), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)

        assert OpenSocket("", f"unix:{path}", "unix") in connected_sockets().sockets


def test_socket_of_a_library_that_is_not_python_is_listed() -> None:
    with Listener() as listener:
        fd = socket.create_connection(listener.address).detach()
        try:
            assert any(entry.peer.endswith(f":{listener.port}") for entry in connected_sockets().sockets)
        finally:
            os.close(fd)


def test_scan_leaves_no_descriptor_open_and_closes_none() -> None:
    with Listener() as listener, socket.create_connection(listener.address) as client:
        before = sorted(Path("/dev/fd").iterdir())
        connected_sockets()

        assert sorted(Path("/dev/fd").iterdir()) == before
        assert client.send(b"x") == 1


@pytest.mark.parametrize("has_flag", [True, False], ids=["SOCK_NONBLOCK", "no flag"])
def test_scan_leaves_a_blocking_socket_blocking_under_a_default_timeout(
    has_flag: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_flag:
        monkeypatch.delattr(socket, "SOCK_NONBLOCK", raising=False)
    with Listener() as listener, socket.create_connection(listener.address) as client:
        socket.setdefaulttimeout(5)
        try:
            connected_sockets()
        finally:
            socket.setdefaulttimeout(None)

        assert os.get_blocking(client.fileno())


def test_without_a_folder_of_descriptors_python_sockets_are_found_and_the_answer_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard_sockets, "_FOLDERS", ())
    with Listener() as listener, socket.create_connection(listener.address):
        found = connected_sockets()

        assert not found.is_complete
        assert any(entry.peer.endswith(f":{listener.port}") for entry in found.sockets)
