from __future__ import annotations

import asyncio
import http.client
import os
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from replaykit.errors import EgressRefused, UsageError
from replaykit.interceptors import guard
from replaykit.interceptors.guard import Egress
from tests.interceptors.test_guard_support import Listener, RefusingGate, guarded, refusals, run_python

httpx2 = pytest.importorskip("httpx2")
requests = pytest.importorskip("requests")


async def _async_get(module: Any, port: int) -> None:
    async with module.AsyncClient(trust_env=False) as client:
        await client.get(f"http://127.0.0.1:{port}/")


async def _create_connection(port: int) -> None:
    await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", port)


async def _sock_connect(port: int) -> None:
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))


def _connect_ex(port: int) -> None:
    with socket.socket() as sock:
        sock.connect_ex(("127.0.0.1", port))


def _fast_open(port: int) -> None:
    with socket.socket() as sock:
        sock.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", port))


def _http_client(port: int) -> None:
    http.client.HTTPConnection("127.0.0.1", port).request("GET", "/")


CLIENTS: dict[str, Callable[[int], object]] = {
    "socket": lambda port: socket.create_connection(("127.0.0.1", port)),
    "socket by a name in connect": lambda port: socket.create_connection(("localhost", port)),
    "connect_ex": _connect_ex,
    "tcp fast open": _fast_open,
    "urllib": lambda port: urllib.request.urlopen(f"http://127.0.0.1:{port}/"),
    "http.client": _http_client,
    "requests": lambda port: requests.get(f"http://127.0.0.1:{port}/", timeout=5),
    "httpx": lambda port: httpx.get(f"http://127.0.0.1:{port}/", trust_env=False),
    "httpx2": lambda port: httpx2.get(f"http://127.0.0.1:{port}/", trust_env=False),
    "httpx async": lambda port: asyncio.run(_async_get(httpx, port)),
    "httpx2 async": lambda port: asyncio.run(_async_get(httpx2, port)),
    "asyncio create_connection": lambda port: asyncio.run(_create_connection(port)),
    "asyncio sock_connect": lambda port: asyncio.run(_sock_connect(port)),
    "anyio": lambda port: anyio.run(anyio.connect_tcp, "127.0.0.1", port),
    "thread of an executor": lambda port: asyncio.run(
        asyncio.to_thread(socket.create_connection, ("127.0.0.1", port))  # type: ignore[arg-type]
    ),
}


@pytest.mark.skipif(not hasattr(socket, "MSG_FASTOPEN"), reason="the table holds TCP Fast Open")
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_refusal_comes_out_of_every_client_and_nobody_connected(client: Callable[[int], object]) -> None:
    with Listener() as listener:
        with guarded(), pytest.raises(BaseException) as caught:
            client(listener.port)

        assert [text.split(" (")[0] for text in refusals(caught.value)] == [f"connect 127.0.0.1:{listener.port}"]
        assert listener.count() == 0


async def _exec() -> None:
    await asyncio.create_subprocess_exec("curl", "https://example.invalid")


async def _shell() -> None:
    await asyncio.create_subprocess_shell("curl https://example.invalid")


PROGRAMS: dict[str, tuple[Callable[[], object], str]] = {
    "subprocess": (lambda: subprocess.run(["curl", "-s", "x.invalid"], check=False), "subprocess curl -s ..."),
    "shell": (lambda: subprocess.run("curl x.invalid", shell=True, check=False), "subprocess sh -c curl ..."),
    "asyncio exec": (lambda: asyncio.run(_exec()), "subprocess curl ..."),
    "asyncio shell": (lambda: asyncio.run(_shell()), "subprocess sh -c curl ..."),
    "os.system": (lambda: os.system("curl x.invalid"), "subprocess sh -c curl ..."),
    "os.popen": (lambda: os.popen("curl x.invalid"), "subprocess sh -c curl ..."),
    "os.posix_spawn": (lambda: os.posix_spawn("/bin/false", ["false"], {}), "subprocess false"),
    "os.spawnv": (lambda: os.spawnv(os.P_WAIT, "/bin/false", ["false"]), "fork os.fork"),
    "os.execv": (lambda: os.execv("/bin/false", ["false"]), "subprocess false"),
    "os.fork": (os.fork, "fork os.fork"),
    "os.forkpty": (os.forkpty, "fork os.forkpty"),
    "multiprocessing fork": (get_context("fork").Process(target=print).start, "fork os.fork"),
    "multiprocessing spawn": (get_context("spawn").Process(target=print).start, "subprocess python"),
}


@pytest.mark.parametrize(("start", "expected"), PROGRAMS.values(), ids=PROGRAMS)
def test_starting_a_program_is_refused(start: Callable[[], object], expected: str) -> None:
    with guarded(), pytest.raises(EgressRefused) as caught:
        start()

    assert str(caught.value).startswith(expected)


LOOKUPS: dict[str, Callable[[], object]] = {
    "getaddrinfo": lambda: socket.getaddrinfo("db.invalid", None),
    "gethostbyname": lambda: socket.gethostbyname("db.invalid"),
    "gethostbyname_ex": lambda: socket.gethostbyname_ex("DB.invalid."),
    "gethostbyaddr": lambda: socket.gethostbyaddr("db.invalid"),
}


@pytest.mark.parametrize("look_up", LOOKUPS.values(), ids=LOOKUPS)
def test_looking_up_a_name_is_refused(look_up: Callable[[], object]) -> None:
    with guarded(), pytest.raises(EgressRefused, match=r"^dns db\.invalid$"):
        look_up()


def test_asyncio_look_up_in_the_executor_is_refused_with_its_port() -> None:
    async def look_up() -> None:
        await asyncio.get_running_loop().getaddrinfo("api.invalid", 443)

    with guarded(), pytest.raises(EgressRefused, match=r"^dns api\.invalid:443$"):
        asyncio.run(look_up())


def test_asking_for_the_name_of_a_foreign_address_is_refused() -> None:
    with guarded(), pytest.raises(EgressRefused, match=r"^dns 192\.0\.2\.1$"):
        socket.getnameinfo(("192.0.2.1", 443), 0)


def test_what_never_leaves_the_process_is_not_asked_about() -> None:
    with guarded() as gate:
        socket.getaddrinfo("127.0.0.1", 80)
        socket.getaddrinfo(None, 0)
        socket.getaddrinfo("localhost", 80)
        socket.getfqdn()
        asyncio.run(asyncio.sleep(0))
        left, right = socket.socketpair()
        with left, right, socket.create_server(("127.0.0.1", 0)):
            left.sendmsg([b"x"])

    assert gate.asked == []


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="a family of Linux")
def test_socket_to_the_kernel_is_not_asked_about() -> None:
    with guarded() as gate, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as sock:
        sock.connect((0, 0))

    assert gate.asked == []


def test_unix_socket_is_egress(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with Listener(socket.AF_UNIX, path) as listener, socket.socket(socket.AF_UNIX) as sock:
        with guarded(), pytest.raises(EgressRefused, match=r"^connect unix:.*docker\.sock$"):
            sock.connect(path)

        assert listener.count() == 0


@pytest.mark.parametrize("send", ["sendto", "sendmsg"])
def test_datagram_is_refused_and_not_received(send: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        arguments = (b"x", receiver.getsockname()) if send == "sendto" else ([b"x"], (), 0, receiver.getsockname())
        with guarded(), pytest.raises(EgressRefused, match=r"^datagram 127\.0\.0\.1:"):
            getattr(sender, send)(*arguments)

        with pytest.raises(BlockingIOError):
            receiver.recv(1)


def test_asyncio_datagram_does_not_leave_although_its_transport_swallows_the_refusal() -> None:
    async def send(address: tuple[str, int]) -> list[str]:
        loop = asyncio.get_running_loop()
        swallowed: list[str] = []
        loop.set_exception_handler(lambda _, context: swallowed.append(str(context.get("exception"))))
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        transport.sendto(b"x", address)
        transport.close()
        return swallowed

    with socket.socket(type=socket.SOCK_DGRAM) as receiver, guarded():
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        swallowed = asyncio.run(send(receiver.getsockname()))

        assert swallowed == [f"datagram 127.0.0.1:{receiver.getsockname()[1]}"]
        with pytest.raises(BlockingIOError):
            receiver.recv(1)


def test_allowed_address_connects() -> None:
    with Listener() as listener:
        with guarded(f"127.0.0.1:{listener.port}"):
            socket.create_connection(listener.address).close()

        assert listener.count() == 1


def test_allowed_name_covers_the_connect_to_the_address_it_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    def resolver(host: str, port: int, *_: int) -> list[Any]:
        return [(*answer[0][:4], ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)  # stands in for a name server
    with Listener() as listener:
        with guarded(f"db.internal:{listener.port}") as gate:
            socket.create_connection(("db.internal", listener.port)).close()
            with pytest.raises(EgressRefused):
                socket.create_connection(("db.internal", 1))

        assert listener.count() == 1
        assert gate.asked[0] == Egress("connect", f"127.0.0.1:{listener.port}", names=("db.internal",))


def test_everything_works_again_after_uninstall() -> None:
    before = (socket.getaddrinfo, socket.gethostbyname)
    with Listener() as listener:
        with guarded(), pytest.raises(EgressRefused):
            socket.create_connection(listener.address)
        socket.create_connection(listener.address).close()

        assert listener.count() == 1
    assert (socket.getaddrinfo, socket.gethostbyname) == before


def test_gate_installed_twice_holds_until_its_second_uninstall() -> None:
    gate = RefusingGate()
    guard.install(gate)
    with guarded():
        guard.install(gate)
    guard.uninstall(gate)
    with pytest.raises(EgressRefused):
        socket.create_connection(("127.0.0.1", 1))
    guard.uninstall(gate)

    with pytest.raises(UsageError, match="not installed"):
        guard.uninstall(gate)


def test_refusal_of_one_gate_outweighs_the_consent_of_another() -> None:
    with Listener() as listener:
        with guarded("127.0.0.1"), guarded(), pytest.raises(EgressRefused):
            socket.create_connection(listener.address)

        assert listener.count() == 0


def test_gate_is_asked_in_the_thread_that_acts() -> None:
    class ThreadGate(RefusingGate):
        def refuses(self, egress: Egress) -> BaseException | None:
            return super().refuses(egress) if threading.current_thread().name == "replayed" else None

    gate = ThreadGate()
    outcome: list[BaseException] = []

    def connect() -> None:
        try:
            socket.create_connection(listener.address)
        except BaseException as error:
            outcome.append(error)

    guard.install(gate)
    try:
        with Listener() as listener:
            socket.create_connection(listener.address).close()
            thread = threading.Thread(target=connect, name="replayed")
            thread.start()
            thread.join()

            assert listener.count() == 1
    finally:
        guard.uninstall(gate)
    assert [type(error) for error in outcome] == [EgressRefused]


def test_gate_may_connect_while_it_decides() -> None:
    class CallingGate(RefusingGate):
        def refuses(self, egress: Egress) -> BaseException | None:
            socket.create_connection(listener.address).close()
            return super().refuses(egress)

    gate = CallingGate()
    guard.install(gate)
    try:
        with Listener() as listener:
            with pytest.raises(EgressRefused):
                socket.create_connection(listener.address)

            assert listener.count() == 1
    finally:
        guard.uninstall(gate)
    assert len(gate.asked) == 1


def test_arguments_nobody_has_seen_are_asked_about_as_unknown() -> None:
    from replaykit.interceptors.guard_gate import gates

    with guarded(), pytest.raises(EgressRefused, match=r"^connect \?$"):
        gates.ask("connect", lambda: Egress(kind="connect", target=[][0]))


def test_swapped_executable_does_not_pass_as_a_harmless_look_up() -> None:
    with guarded(), pytest.raises(EgressRefused, match=r"^subprocess false"):
        subprocess.run(["uname", "-p"], executable="/bin/false", check=False)


def test_harmless_look_up_runs() -> None:
    with guarded() as gate:
        subprocess.run(["uname", "-p"], check=True, stdout=subprocess.DEVNULL)

    assert gate.asked == []


def test_forked_child_is_still_guarded() -> None:
    printed = run_python(
        """
import os, socket
from tests.interceptors.test_guard_support import Listener, guarded
with Listener() as listener, guarded("exec:fork"):
    child = os.fork()
    if child == 0:
        try:
            socket.create_connection(listener.address)
        except BaseException as error:
            print(type(error).__name__, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print(listener.count())
"""
    )

    assert printed.split() == ["EgressRefused", "0"]


def test_subinterpreter_is_refused() -> None:
    printed = run_python(
        """
from tests.interceptors.test_guard_support import guarded
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
with guarded():
    try:
        interpreters.create()
    except BaseException as error:
        print(error)
"""
    )

    assert printed == "interpreter subinterpreter"


def test_forkserver_is_refused() -> None:
    printed = run_python(
        """
from multiprocessing import get_context
from tests.interceptors.test_guard_support import guarded
with guarded():
    try:
        get_context("forkserver").Process(target=print).start()
    except BaseException as error:
        print(type(error).__name__)
"""
    )

    assert printed == "EgressRefused"


def test_install_fails_where_another_hook_vetoes_ours() -> None:
    printed = run_python(
        """
import sys
def veto(event, args):
    if event == "sys.addaudithook":
        raise RuntimeError
sys.addaudithook(veto)
from tests.interceptors.test_guard_support import guarded
try:
    with guarded():
        pass
except Exception as error:
    print(type(error).__name__)
"""
    )

    assert printed == "UsageError"


def test_interpreter_that_ends_with_a_gate_in_force_ends_in_silence() -> None:
    printed = run_python(
        """
import socket
from replaykit.interceptors import guard
from tests.interceptors.test_guard_support import RefusingGate
class Late:
    def __del__(self, socket=socket.socket):
        try:
            with socket() as sock:
                sock.connect(("127.0.0.1", 1))
        except BaseException as error:
            print(type(error).__name__)
late = Late()
late.cycle = late
guard.install(RefusingGate())
"""
    )

    assert printed in ("EgressRefused", "")


def test_command_line_of_an_egress_shows_no_value() -> None:
    with guarded() as gate:
        for argv in (
            ["curl", "-H", "Authorization: Bearer sk-secret", "https://x.invalid"],
            ["mysql", "--password", "hunter", "-phunter"],
            ["git", "clone", "https://user:secret@x.invalid"],
        ):
            with pytest.raises(EgressRefused):
                subprocess.run(argv, check=False)

    assert [egress.target for egress in gate.asked] == ["curl -H ...", "mysql --password ...", "git clone ..."]
